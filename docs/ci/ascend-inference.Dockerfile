# A host that infers: it has ais_bench, and neither torch nor onnx. The tests of this project do not build it.
# Build it in a clone of this repository: docker build -f docs/ci/ascend-inference.Dockerfile -t zoo-run-inference .
# Its CANN must be the release of the build host: an .om of another one is refused.
ARG CANN=8.1.rc1-310p-ubuntu22.04-py3.10
FROM quay.io/ascend/cann:${CANN}

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV BASH_ENV=/usr/local/Ascend/ascend-toolkit/set_env.sh
# The driver comes with the host, by --volume /usr/local/Ascend/driver:/usr/local/Ascend/driver:ro.
ENV LD_LIBRARY_PATH=/usr/local/Ascend/driver/lib64:/usr/local/Ascend/driver/lib64/common:/usr/local/Ascend/driver/lib64/driver:${LD_LIBRARY_PATH}

# aclruntime and ais_bench must come from one commit: name it in the place of master.
ARG AIS_BENCH=git+https://github.com/Ascend/tools.git@master
RUN python3 -m pip install --no-cache-dir \
    "${AIS_BENCH}#egg=aclruntime&subdirectory=ais-bench_workload/tool/ais_bench/backend" \
    "${AIS_BENCH}#egg=ais_bench&subdirectory=ais-bench_workload/tool/ais_bench"

WORKDIR /opt/zoo-run
COPY . .
RUN python3 -m pip install --no-cache-dir .

WORKDIR /work
