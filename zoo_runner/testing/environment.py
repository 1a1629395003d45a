"""The folder and the variables that put the stand-ins in the place of the real tools."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zoo_runner.testing.faults import parse_faults
from zoo_runner.testing.machine import (
    DEFAULT_CANN,
    DEFAULT_CHIP,
    DEFAULT_SMI,
    GENERATIONS,
    PACKAGE_VERSION,
    STAND_IN,
    Machine,
)

_SITE: Final = Path(__file__).parent / "site"
_TOOLS: Final = {"atc": "zoo_runner.testing.atc", "npu-smi": "zoo_runner.testing.npu_smi"}
ROLES: Final = ("both", "build", "inference")
"""Which tools a host has."""
_COMPONENT_VERSIONS: Final = {
    "6.0.1": "1.84.15.1.310",
    "7.0.RC1": "7.0.0.5.242",
    "7.0.0": "7.1.0.3.220",
    "8.0.RC2": "7.3.0.1.231",
    "8.0.0": "7.6.0.1.220",
    "8.2.RC2": "8.2.0.2.220",
}
"""The component version that stands beside a CANN release in its version files."""


WRONG_OUTPUTS = (
    "corrupt-output",
    "swap-outputs",
    "zero-outputs",
    "scaled-outputs",
    "stale-outputs",
    "copied-outputs",
)
"""Faults that a device does not report. They are part of the pretended release, so that what was computed
under them is not taken for what a sound machine computes."""


def stand_in_environment(  # noqa: PLR0913 - each argument is one independent fact of the host
    folder: Path,
    *,
    chip: str = DEFAULT_CHIP,
    devices: int = 1,
    cann: str = DEFAULT_CANN,
    faults: Iterable[str] = (),
    smi: str = DEFAULT_SMI,
    generation: int = GENERATIONS[0],
    role: str = ROLES[0],
) -> Mapping[str, str]:
    """Lay the stand-ins out in ``folder`` and return an environment that finds them first.

    The result is this process's environment with ``PATH``, ``PYTHONPATH``, ``ASCEND_TOOLKIT_HOME`` and
    ``ASCEND_HOME_PATH`` set and the variables that describe the host; pass it to ``subprocess``. The folder
    must outlive the processes. ``ZOO_STAND_IN_THREADS`` in it sets the CPU threads of one execution (1).

    Args:
        folder: An empty or missing folder.
        chip: Name of the chips, without ``Ascend``.
        devices: Number of devices.
        cann: CANN release to pretend.
        faults: What shall go wrong, each ``NAME[:ARGUMENT…]``.
        smi: Release of ``npu-smi`` to pretend.
        generation: That of ais_bench and aclruntime: 2023 or 2024.
        role: Which tools there are: all, or those of a host that only converts or only infers.

    Raises:
        UsageError: The chip, the release, the generation or a fault is unknown.
    """
    machine = Machine(
        folder=folder.resolve(),
        chip=chip,
        devices=devices,
        cann=cann,
        faults=parse_faults(faults),
        threads=int(os.environ.get("ZOO_STAND_IN_THREADS", "1")),
        smi=smi,
        generation=generation,
    )
    binaries, packages, toolkit = (machine.folder / name for name in ("bin", "packages", "ascend-toolkit"))
    absent = [
        *(["npu-smi"] if role == "build" or "no-npu-smi" in machine.faults else []),
        *(["atc"] if role == "inference" else []),
    ]
    _write_launchers(binaries, without=absent)
    if role != "build":
        _write_package_versions(packages)
    found = [] if role == "build" else [str(_SITE), str(packages)]
    _write_toolkit(toolkit, cann, [fault for fault in WRONG_OUTPUTS if fault in machine.faults])
    return {
        **os.environ,
        **machine.variables(),
        "PATH": _ahead(str(binaries), os.environ.get("PATH", os.defpath)),
        "PYTHONPATH": _ahead(os.pathsep.join(found), os.environ.get("PYTHONPATH", "")),
        "ASCEND_TOOLKIT_HOME": str(toolkit),
        "ASCEND_HOME_PATH": str(toolkit),
    }


@contextmanager
def stand_ins(
    *,
    chip: str = DEFAULT_CHIP,
    devices: int = 1,
    cann: str = DEFAULT_CANN,
    faults: Iterable[str] = (),
    smi: str = DEFAULT_SMI,
    generation: int = GENERATIONS[0],
    role: str = ROLES[0],
) -> Iterator[Mapping[str, str]]:
    """Provide :func:`stand_in_environment` in a temporary folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="zoo-stand-in-", ignore_cleanup_errors=True) as folder:
        yield stand_in_environment(
            Path(folder),
            chip=chip,
            devices=devices,
            cann=cann,
            faults=faults,
            smi=smi,
            generation=generation,
            role=role,
        )


def _ahead(first: str, rest: str) -> str:
    return os.pathsep.join(filter(None, (first, rest)))


def _write_launchers(folder: Path, without: Sequence[str]) -> None:
    """Write executables that become this interpreter, so that signals and exit codes are the tool's own."""
    folder.mkdir(parents=True)
    for tool, module in _TOOLS.items():
        if tool in without:
            continue
        launcher = folder / tool
        launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n', encoding="utf-8")
        launcher.chmod(0o755)


def _write_package_versions(folder: Path) -> None:
    """Let ``importlib.metadata`` find the versions, where the real packages have theirs."""
    for package in ("aclruntime", "ais_bench"):
        metadata = folder / f"{package}-{PACKAGE_VERSION}.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {PACKAGE_VERSION}\n", encoding="utf-8")


def _write_toolkit(folder: Path, cann: str, wrong: Sequence[str]) -> None:
    component, release = _COMPONENT_VERSIONS.get(cann, "0.0.0.0.000"), "-".join((cann, STAND_IN, *wrong))
    (folder / "compiler").mkdir(parents=True)
    keys = [
        f"{part}_{state}_version=[{component}:{release}]"
        for state in ("running", "upgrade", "installed")
        for part in ("runtime", "compiler", "opp", "toolkit", "aoe", "ncs")
    ]
    (folder / "version.cfg").write_text("\n".join(("# version: 1.0", *keys, "")), encoding="utf-8")
    (folder / "compiler" / "version.info").write_text(f"Version={component}\nversion_dir={release}\n", encoding="utf-8")
