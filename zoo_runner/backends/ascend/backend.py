"""The backend for Ascend NPUs: ais_bench in a process per device, arrays in and out, no files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from zoo_runner.backends.ascend import cann, generation, watching
from zoo_runner.backends.ascend.ais_bench_folder import AisBenchFolder
from zoo_runner.backends.ascend.chips import INFER, chip_and_version, chip_needs
from zoo_runner.backends.ascend.conversion import OmConversion
from zoo_runner.backends.ascend.devices import check_devices, device_timeout
from zoo_runner.errors import InferenceError
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import STAND_IN, Prerequisite

if TYPE_CHECKING:
    from zoo_runner.backends.devices.pool import DevicePool
    from zoo_runner.plugin.interfaces import Backend, SessionRequest

_SOURCE = "https://github.com/Ascend/tools.git"
_FOLDER = "ais-bench_workload/tool/ais_bench"
_PACKAGES = {
    "aclruntime": ("aclruntime", f"{_FOLDER}/backend"),
    "ais_bench": ("ais_bench.infer.interface", _FOLDER),
}
_UNKNOWN = "unknown"


@hookimpl
def zoo_backend() -> Backend:
    """Return the backend."""
    return AscendBackend()


class AscendBackend(OmConversion):
    """Runs .om models on the NPUs of this machine."""

    name = "ascend"

    def __init__(self, soc: str = "") -> None:
        """Make the backend of this machine.

        Args:
            soc: The user's name of the chip, such as ``Ascend310P3``, for a machine whose chip cannot be asked.
        """
        self._soc = soc

    def for_chip(self, name: str) -> Backend:
        """Return the backend for a user who names the chip: then npu-smi can be missing."""
        return type(self)(name)

    def prerequisites(self) -> tuple[Prerequisite, ...]:
        """Look for every tool and every chip; nothing is installed or changed."""
        toolkit = cann.detect()
        packages = [_package(name) for name in _PACKAGES]
        together = [_versions_fit(), *_imports()] if all(need.ok for need in packages) else []
        return (*_toolkit(toolkit), *chip_needs(self._soc), *packages, *together)

    def chip(self) -> str:
        """Name the chip as manifests do; ends in ``stand-in`` when any tool says it is one.

        Raises:
            PrerequisiteError: There is none, and nobody named it, or there are chips of different kinds.
        """
        name, version = chip_and_version(self._soc)
        return name + (STAND_IN if _stand_in(version) else "")

    def version(self) -> str:
        """Name ais_bench, aclruntime and CANN with their versions, and the generation where it is not the first.

        Results that were kept before the second generation was told apart were all said to be of the first.
        """
        found = generation.installed()
        years = {"ais_bench": found.ais_bench, "aclruntime": found.aclruntime}
        packages = ", ".join(f"{name} {_version(name)}{_of(year)}" for name, year in years.items())
        return f"{packages}, CANN {cann.detect().releases}"

    @property
    def release_known(self) -> bool:
        """Whether anything tells this CANN from another release."""
        return cann.detect().identified

    def reading(self) -> watching.Reading:
        """Look at the chips, where that can be done."""
        return watching.look()

    def disturbances(
        self, before: watching.Reading, after: watching.Reading, devices: Sequence[int]
    ) -> tuple[str, ...]:
        """List what made a timing between two looks untrustworthy: bad health, heat, other processes."""
        return watching.disturbances(before, after, devices)

    def unseen(self, before: watching.Reading, after: watching.Reading, devices: Sequence[int]) -> str:
        """Say why a timing between two looks was not watched; empty if it was."""
        return watching.unseen(before, after, devices)

    def states(self, reading: watching.Reading, devices: Sequence[int]) -> tuple[str, ...]:
        """Describe the chips that devices are, with health, heat and load."""
        return watching.states(reading, devices)

    def using(self, tool: str) -> Backend | None:
        """Return what works by a tool: this backend in this process, another one by ais_bench's command."""
        return {"in-process": self, "ais_bench-cli": AisBenchBackend(self._soc)}.get(tool)

    def open(self, request: SessionRequest) -> DevicePool:
        """Load an .om on all devices of the request.

        Raises:
            PrerequisiteError: A device or a tool is missing.
            InferenceError: The model cannot be loaded, or its inputs and outputs are not the requested ones.
        """
        from zoo_runner.backends.ascend.session import AscendSession  # noqa: PLC0415 - listing backends is cheap
        from zoo_runner.backends.devices.pool import DevicePool  # noqa: PLC0415 - likewise

        if not request.model.is_file():
            raise InferenceError(f"expected an .om at {request.model}, found none; convert the model first")
        check_devices(request.devices)
        seconds = device_timeout()
        return DevicePool(AscendSession, request, **({} if seconds is None else {"timeout_s": seconds}))


class AisBenchBackend(AisBenchFolder, AscendBackend):
    """Runs .om models by the command ``python -m ais_bench``."""


def _toolkit(toolkit: cann.Cann) -> Iterator[Prerequisite]:
    source = f"run `{cann.source_command()}` in this shell"
    yield Prerequisite(
        name="CANN environment",
        ok=toolkit.sourced,
        found=str(toolkit.home) if toolkit.home else "set_env.sh was not sourced: no ASCEND_TOOLKIT_HOME",
        remedy=source + "; if there is no such file, install the CANN toolkit",
    )
    yield Prerequisite(
        name="CANN version",
        ok=toolkit.identified,
        found=toolkit.releases,
        remedy=source + "; the release is read from version.cfg or a version.info below the toolkit's folder, or else "
        f"told by the content of {cann.LIBRARY}; without any of these nothing is kept from one run to the next",
        required=False,
    )
    yield Prerequisite(
        name="atc",
        ok=toolkit.atc is not None,
        found=str(toolkit.atc) if toolkit.atc else "not on PATH",
        remedy=source + "; the runtime-only package (nnrt) has no atc, the toolkit has; a host without "
        "it can infer with what another one made: --om PACK",
        ways=("convert",),
    )


def _package(name: str) -> Prerequisite:
    module, folder = _PACKAGES[name]
    remedy = (
        f"install it from Ascend's source tree: pip install 'git+{_SOURCE}#egg={name}&subdirectory={folder}' "
        "(never by name from PyPI, which has another tool under a similar one)"
    )
    top, found, text = find_spec(name), False, "not importable"
    try:
        found = top is not None and find_spec(module) is not None
    except ImportError as error:  # a package of that name without the module
        text = f"another tool of that name ({error})"
    if found:
        text = f"version {_version(name)}"
    elif top is not None and text == "not importable":
        text = f"another tool of that name (it has no {module})"
    return Prerequisite(name=name, ok=found, found=text, remedy=remedy, ways=INFER)


def _versions_fit() -> Prerequisite:
    """The two packages talk to each other through private interfaces and are released together."""
    versions = {name: _version(name) for name in _PACKAGES}
    releases = {re.split(r"[+-]", version)[0] for version in versions.values()}
    return Prerequisite(
        name="matching versions",
        ok=len(releases) == 1,
        found=", ".join(f"{name} {version}" for name, version in versions.items()),
        remedy="install aclruntime and ais_bench from the same commit of Ascend's source tree",
        ways=INFER,
    )


def _imports() -> Iterator[Prerequisite]:
    found = generation.installed()
    yield Prerequisite(
        name="imports",
        ok=not found.problem,
        found=found.problem or "aclruntime and ais_bench load",
        remedy=f"run `{cann.source_command()}` in this shell; if that does not help, build aclruntime again with this "
        "Python and this CANN",
        ways=INFER,
    )
    if found.ais_bench is not None:
        yield Prerequisite(
            name="generation",
            ok=not found.mixed,
            found=found.mixed or f"of {found.ais_bench.value}",
            remedy="remove one of the two, and install it again from the source tree of the other",
            ways=INFER,
        )
    if found.ais_bench is generation.Generation.SECOND:
        has = find_spec("pkg_resources") is not None
        yield Prerequisite(
            name="pkg_resources",
            ok=has,
            found="importable" if has else "not importable",
            remedy="pip install 'setuptools<81': the command of ais_bench of 2024 imports it",
            required=False,
            ways=INFER,
        )


def _of(year: generation.Generation | None) -> str:
    return "" if year in {None, generation.Generation.FIRST} else f" of {year.value}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return _UNKNOWN


def _stand_in(smi_version: str) -> bool:
    return any(map(cann.is_stand_in, (smi_version, cann.detect().releases, *map(_version, _PACKAGES))))
