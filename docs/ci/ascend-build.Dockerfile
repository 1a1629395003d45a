# A host that converts: it has atc and needs no card. The tests of this project do not build it.
# Build it in a clone of this repository: docker build -f docs/ci/ascend-build.Dockerfile -t zoo-run-build .
ARG CANN=8.1.rc1-310p-ubuntu22.04-py3.10
FROM quay.io/ascend/cann:${CANN}

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Every bash has the toolkit's environment then, also that of a CI job.
ENV BASH_ENV=/usr/local/Ascend/ascend-toolkit/set_env.sh

WORKDIR /opt/zoo-run
COPY . .
# The versions are bounded in pyproject.toml.
# hadolint ignore=DL3013
RUN python3 -m pip install --no-cache-dir '.[export]' --extra-index-url https://download.pytorch.org/whl/cpu

WORKDIR /work
