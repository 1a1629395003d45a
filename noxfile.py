"""What is checked in environments of their own: ``nox -l`` lists it, ``nox -s NAME`` runs one."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CONSTRAINTS = str(ROOT / "constraints.txt")
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
MANIFEST = "manifests/refinedet320-sample.yaml"

nox.options.sessions = ["lint", "tests"]
nox.options.reuse_venv = "yes"


def install_for_development(session: nox.Session) -> None:
    """Install this folder with the versions that CI uses."""
    session.install("-c", CONSTRAINTS, "-e", ".[dev]")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on each Python; what stands behind ``--`` goes to pytest."""
    install_for_development(session)
    session.run("python", "-m", "pytest", "-n", "auto", "--dist", "loadfile", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Run the hooks of ``.pre-commit-config.yaml`` on all files."""
    install_for_development(session)
    session.run("pre-commit", "run", "--all-files", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Show which lines the tests reach, subprocesses included."""
    install_for_development(session)
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-n", "auto", "--dist", "loadfile", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(python="3.11")
def fuzz(session: nox.Session) -> None:
    """Fuzz what reads outside data, guided by coverage; what stands behind ``--`` goes to pytest: ``-k jpeg``."""
    install_for_development(session)
    session.install("atheris>=3,<4")  # of no extra: it has wheels for Linux and some Pythons only
    session.run("python", "-m", "pytest", "tests/faults/test_fuzz.py", *session.posargs, env={"ZOO_FAULTS": "long"})


@nox.session
def constraints(session: nox.Session) -> None:
    """Write constraints.txt anew; ``-- --upgrade`` takes the newest versions."""
    session.install("-c", CONSTRAINTS, "uv")
    command = ["uv", "pip", "compile", "--universal", "--python-version", PYTHONS[0], "--all-extras", "--no-annotate"]
    command += ["--quiet", "--output-file", CONSTRAINTS, "pyproject.toml", *session.posargs]
    session.run(*command, env={"UV_CUSTOM_COMPILE_COMMAND": "nox -s constraints"})


@nox.session
def build(session: nox.Session) -> None:
    """Build the distributions into ``dist``, run the sample from the wheel, and list what that installed."""
    session.install("-c", CONSTRAINTS, "build", "cyclonedx-bom>=7,<8", "twine")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", "dist")
    (wheel,), (sdist,) = (list((ROOT / "dist").glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    session.run("twine", "check", "--strict", str(wheel), str(sdist))

    work = Path(session.create_tmp()).resolve() / "release"  # absolute: the session leaves this folder
    shutil.rmtree(work, ignore_errors=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(work, filter="data")
    (source,) = work.iterdir()
    fresh = work / "venv"
    session.run("python", "-m", "venv", str(fresh))
    session.run(str(fresh / "bin/pip"), "install", "-c", CONSTRAINTS, f"{wheel}[export]", external=True)
    session.cd(work)  # away from the clone, so that nothing of it is imported
    environment = {"ZOO_RUNNER_CACHE": str(work / "cache")}
    session.run(str(fresh / "bin/zoo-run"), str(source / MANIFEST), external=True, env=environment)
    write_bill(session, fresh, ROOT / "dist" / f"{sdist.name.removesuffix('.tar.gz')}.cdx.json")


def write_bill(session: nox.Session, environment: Path, bill: Path) -> None:
    """Write what an environment holds, in CycloneDX's form, and the list of licences beside it."""
    about = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--spec-version", "1.6"]
    session.run("cyclonedx-py", "environment", *about, "--output-file", str(bill), str(environment))
    session.run("python", str(ROOT / "tools/release/licences.py"), str(bill))
