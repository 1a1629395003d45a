"""What a replay file says, as records; what a later release of the same major version added is left out when read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from zoo_runner.files.bounds import Bound

FORMAT: Final = "zoo-run replay"
FORMAT_VERSION: Final = 1
"""Raised when files could not be read any more as they were."""
MOST_SAMPLES: Final = 24
LARGEST: Final = Bound("ZOO_RUNNER_REPLAY_LIMIT", 20 * 10**6)
"""Bytes of the file."""
UNPACKED: Final = 50
"""How many times the bytes of the file what is in it may have."""
MOST_ENTRIES: Final = 20_000
MAIN: Final = "replay.json"
MANIFEST: Final = "manifest.yaml"
REPORT: Final = "report.json"
Hex = Annotated[str, Field(pattern=r"^(-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|-?inf|nan)$")]
"""A float, as ``float.hex`` writes it."""
Number = Annotated[int, Field(ge=0, lt=10**6)]
Arrays = Mapping[str, Number]
"""Numbers of arrays by name."""
Same = Literal["same", "differs", "unknown"]
KeptFile = Annotated[str, Field(min_length=1, max_length=1000)]
_STEP: Final = re.compile(r"[^/\0]+")


class Part(BaseModel, frozen=True):
    """A part of the file's main record."""


class ArrayRecord(Part, frozen=True):
    """An array: its bytes are in ``arrays/<number>.bin``, those of one significance together."""

    dtype: Annotated[str, Field(pattern=r"^[<>|=]?[biufcUS][0-9]{1,6}$")]
    shape: Annotated[tuple[Annotated[int, Field(ge=0, le=2**40)], ...], Field(max_length=32)]


class FigureRecord(Part, frozen=True):
    """One figure of some samples."""

    name: str
    protocol: str
    unit: str
    value: Hex
    per_class: Mapping[str, Hex] = {}


class SampleRecord(Part, frozen=True):
    """One sample.

    ``inputs`` and ``outputs`` have one mapping for each part of it, and none where they are not kept. ``remade`` is the
    prediction of ``outputs``, and ``again`` says whether it is the one that was scored. ``device`` and ``row`` are
    where the scored prediction's outputs came from, ``again_device`` and ``again_row`` those of ``outputs``.
    """

    index: int
    id: str
    chosen: Literal["worst", "random"]
    kind: str
    fields: Any
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    files: Annotated[tuple[KeptFile, ...], Field(max_length=MOST_ENTRIES)] = ()
    inputs: tuple[Arrays, ...] = ()
    outputs: tuple[Arrays, ...] = ()
    prediction: Arrays
    remade: Arrays | None = None
    again: Same = "unknown"
    device: int | None = None
    row: int | None = None
    again_device: int | None = None
    again_row: int | None = None
    score: Hex | None = None
    errors: Mapping[str, int] = {}
    baseline: Arrays | None = None
    notes: tuple[str, ...] = ()


class ReplayRecord(Part, frozen=True):
    """All that the file says beside its manifest and its report.

    ``runner`` is the release that wrote it. ``own_aipp`` and ``metadata`` are what the run knew of its model beside the
    manifest. ``identities`` are hashes of what shapes inputs and predictions. ``figures`` are those of the samples
    here, ``refusal`` the metric's words where it cannot score them alone.
    """

    format: Literal["zoo-run replay"]
    format_version: int
    runner: str
    name: str
    plugin: str
    distribution: str = ""
    noun: str
    batch: int
    images: bool
    run_samples: int
    fitted: bool = True
    own_aipp: bool = False
    metadata: Mapping[str, str] = {}
    identities: Mapping[str, str] = {}
    arrays: Annotated[tuple[ArrayRecord, ...], Field(max_length=MOST_ENTRIES)]
    samples: Annotated[tuple[SampleRecord, ...], Field(min_length=1, max_length=MOST_SAMPLES)]
    figures: tuple[FigureRecord, ...] = ()
    refusal: str = ""
    notes: tuple[str, ...] = ()


def array_entry(number: int) -> str:
    """Return the name of an array's bytes in the file."""
    return f"arrays/{number:06d}.bin"


def file_entry(sample: int, name: str) -> str:
    """Return the name of a sample's file in the file; ``sample`` is its place, from 0."""
    return f"files/{sample:02d}/{name}"


def stays_inside(name: str) -> bool:
    """Say whether a relative path leads to a file below the folder that it is relative to."""
    steps = name.split("/")
    return all(_STEP.fullmatch(step) and step not in {".", ".."} for step in steps) and not name.startswith("/")
