"""The Ascend host that the stand-ins pretend to be, as their environment describes it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zoo_runner.errors import PrerequisiteError, UsageError, did_you_mean
from zoo_runner.testing.faults import NO_FAULTS, SEPARATOR, Faults, parse_faults

STAND_IN: Final = "stand-in"
"""Every version that a stand-in reports contains this word."""

PACKAGE_VERSION: Final = f"0.0.2+{STAND_IN}"
"""Version of the ``aclruntime`` and ``ais_bench`` stand-ins: 0.0.2 is the release they follow."""

DEFAULT_SMI: Final = "22.0.4"
GENERATIONS: Final = (2023, 2024)
"""The two generations of ais_bench and aclruntime, by the year in which they appeared. Both call themselves 0.0.2."""

DEFAULT_CHIP: Final = "310P3"
DEFAULT_CANN: Final = "8.0.0"
OTHER_CHIP: Final = "310"
"""What the device is under the fault ``wrong-chip``."""

_SOC_PREFIX: Final = "Ascend"
KNOWN_CHIPS: Final = frozenset(
    {"310", "310B1", "310B2", "310B3", "310B4", "310P1", "310P3", "310P5", "310P7", "610", "910A", "910B"}
    | {"910ProA", "910ProB", "910PremiumA", "910B1", "910B2", "910B2C", "910B3", "910B4", "910B4-1"}
    | {"910_9362", "910_9372", "910_9381", "910_9382", "910_9391", "910_9392"}
)

_FOLDER: Final = "ZOO_STAND_IN_FOLDER"
_CHIP: Final = "ZOO_STAND_IN_CHIP"
_DEVICES: Final = "ZOO_STAND_IN_DEVICES"
_CANN: Final = "ZOO_STAND_IN_CANN"
_FAULTS: Final = "ZOO_STAND_IN_FAULTS"
_THREADS: Final = "ZOO_STAND_IN_THREADS"
_SMI: Final = "ZOO_STAND_IN_SMI"
_GENERATION: Final = "ZOO_STAND_IN_GENERATION"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A host with NPUs.

    Attributes:
        folder: Where the stand-ins keep what must be known across processes.
        chip: Name of all chips, as ``npu-smi`` prints it, without ``Ascend``.
        devices: Number of devices, numbered from 0.
        cann: CANN release, such as ``8.0.0`` or ``6.0.RC1``.
        faults: What goes wrong.
        threads: CPU threads of one execution.
        smi: Release of ``npu-smi``, such as ``26.0.rc2``.
        generation: That of ais_bench and aclruntime, one of :data:`GENERATIONS`.
    """

    folder: Path
    chip: str = DEFAULT_CHIP
    devices: int = 1
    cann: str = DEFAULT_CANN
    faults: Faults = NO_FAULTS
    threads: int = 1
    smi: str = DEFAULT_SMI
    generation: int = GENERATIONS[0]

    def __post_init__(self) -> None:
        if self.chip not in KNOWN_CHIPS:
            msg = f"unknown chip '{self.chip}'{did_you_mean(self.chip, KNOWN_CHIPS)}"
            raise UsageError(msg)
        if self.devices < 1:
            msg = f"a host has at least 1 device, not {self.devices}"
            raise UsageError(msg)
        if not re.match(r"\d+\.", self.cann):
            msg = f"CANN release '{self.cann}': expected a version such as {DEFAULT_CANN} or 6.0.RC1"
            raise UsageError(msg)
        if not re.match(r"\d+\.", self.smi):
            msg = f"npu-smi release '{self.smi}': expected a version such as {DEFAULT_SMI} or 26.0.rc2"
            raise UsageError(msg)
        if self.generation not in GENERATIONS:
            msg = f"generation {self.generation} of ais_bench: expected {' or '.join(map(str, GENERATIONS))}"
            raise UsageError(msg)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Machine:
        """Read what :meth:`variables` wrote.

        Raises:
            PrerequisiteError: The variables are not set.
        """
        try:
            return cls(
                folder=Path(environ[_FOLDER]),
                chip=environ[_CHIP],
                devices=int(environ[_DEVICES]),
                cann=environ[_CANN],
                faults=parse_faults(filter(None, environ[_FAULTS].split(SEPARATOR))),
                threads=int(environ.get(_THREADS, "1")),
                smi=environ.get(_SMI, DEFAULT_SMI),
                generation=int(environ.get(_GENERATION, GENERATIONS[0])),
            )
        except KeyError as error:
            msg = (
                f"the variable {error.args[0]} is not set: start the stand-ins with "
                "`python -m zoo_runner.testing -- COMMAND` or zoo_runner.testing.stand_in_environment()"
            )
            raise PrerequisiteError(msg) from None

    def variables(self) -> dict[str, str]:
        """Return the environment variables that describe the host."""
        return {
            _FOLDER: str(self.folder),
            _CHIP: self.chip,
            _DEVICES: str(self.devices),
            _CANN: self.cann,
            _FAULTS: str(self.faults),
            _THREADS: str(self.threads),
            _SMI: self.smi,
            _GENERATION: str(self.generation),
        }

    @property
    def soc_version(self) -> str:
        """The ``soc_version`` of the devices as the runtime sees them."""
        return soc_name(OTHER_CHIP if "wrong-chip" in self.faults else self.chip)

    @property
    def cann_numbers(self) -> tuple[int, int]:
        """First two numbers of the CANN release; without a second one it is 0."""
        major, second = re.findall(r"\d+", self.cann.partition("-")[0] + ".0")[:2]
        return int(major), int(second)

    @property
    def smi_major(self) -> int:
        """First number of the release of ``npu-smi``."""
        return int(self.smi.split(".")[0])

    @property
    def binding(self) -> int:
        """Generation of aclruntime, which under the fault ``mixed-generations`` is not that of ais_bench."""
        other = GENERATIONS[self.generation == GENERATIONS[0]]
        return other if "mixed-generations" in self.faults else self.generation

    @property
    def cann_major(self) -> int:
        """First number of the CANN release."""
        return int(self.cann.split(".")[0])


def soc_name(chip: str) -> str:
    """Return ATC's name of a chip."""
    return _SOC_PREFIX + chip
