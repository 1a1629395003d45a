"""The report of one run: what ``report.json`` holds. What it says of a comparison is in :mod:`.changes`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic_core import PydanticSerializationError

from zoo_runner.report.changes import Comparison, DiagnosedSample, Interval, Record

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes away; new fields alone do not raise it."""


class Verdict(str, Enum):
    """What became of a run or of one expectation.

    ``waived`` marks an expectation that was not met and need not be for now; ``not_gated`` a figure nothing was
    expected of; ``stopped`` a run that ended before the gate because it was asked to; ``error`` a run that could
    not finish.
    """

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    WAIVED = "waived"
    NOT_GATED = "not_gated"
    STOPPED = "stopped"
    ERROR = "error"


class WaiverState(str, Enum):
    """What became of a waiver in this run."""

    USED = "used"
    OVERDUE = "overdue"
    BELOW_FLOOR = "below_floor"
    NOT_NEEDED = "not_needed"
    NOT_APPLICABLE = "not_applicable"


class ManifestRecord(Record):
    """Which manifest was run.

    ``settings`` has every value of the manifest as it was run, by its dotted key: what two runs differ in.
    """

    name: str
    path: str
    files: tuple[str, ...]
    digest: str
    overrides: tuple[str, ...] = ()
    source: str | None = None
    settings: Mapping[str, str] = {}


class Environment(Record):
    """Where the run took place."""

    backend: str
    backend_version: str
    chip: str
    devices: tuple[int, ...]
    host: str
    python: str
    packages: Mapping[str, str]


class StageRecord(Record):
    """One stage: how long it took, or why it did nothing."""

    name: str
    seconds: float
    skipped: bool = False
    why: str = ""


class Line(Record):
    """What every line of the expectations table has.

    ``id`` is what waivers and other tools call the line: ``voc07_map/reference``, with ``@pr`` for the subset
    ``pr``, or ``throughput/310P3/16``. ``direction`` is ``at_least``, ``at_most`` or ``within``; ``tolerance`` the
    allowed distance on the wrong side in ``unit``; ``where`` the place of the expectation, as ``file:line``;
    ``published`` where the figure comes from.
    """

    id: str = ""
    direction: str = "at_least"
    expected: float | None = None
    tolerance: float | None = None
    verdict: Verdict = Verdict.NOT_GATED
    why: str = ""
    where: str = ""
    published: str | None = None


class MetricRecord(Line):
    """One metric over the samples that were scored.

    ``interval`` is the bootstrap's; ``smallest_drop`` the smallest true drop that this many samples show four times
    out of five. ``rule`` says how interval and expectation became the verdict. ``support`` counts annotated objects.
    """

    name: str
    protocol: str
    value: float
    unit: str
    interval: Interval | None = None
    smallest_drop: float | None = None
    rule: str = "point"
    samples: int
    dataset_samples: int
    per_class: Mapping[str, float] = {}
    per_class_interval: Mapping[str, tuple[float, float]] = {}
    support: Mapping[str, int] = {}


class PerformanceRecord(Line):
    """Pure inference at one batch size: compute time only, without transfers and host work.

    ``to_device_ms`` and ``from_device_ms`` are the means of the copies, where the backend knows them.
    ``end_to_end`` is the rate of the whole stream, from image file to detections, where this run inferred
    the data set at this batch size.
    """

    backend: str
    chip: str
    batch: int
    loops: int
    min_ms: float | None = None
    mean_ms: float | None = None
    median_ms: float | None = None
    p99_ms: float | None = None
    to_device_ms: float | None = None
    from_device_ms: float | None = None
    throughput: float | None = None
    end_to_end: float | None = None
    unit: str = "images/s"


class WaiverRecord(Record):
    """One waiver of the manifest, and what became of it."""

    line: str
    owner: str
    issue: str
    until: str
    floor: float
    state: WaiverState
    why: str = ""
    where: str = ""


class CurveRecord(Record):
    """Precision against recall for one class; ``levels`` are the recalls the average reads, if it reads any."""

    label: str
    average: float
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    levels: tuple[float, ...] = ()
    level_precision: tuple[float, ...] = ()


class DiagnosisRecord(Record):
    """What went wrong, by kind of error, and where most: the samples with the worst scores come first."""

    basis: str
    kinds: tuple[str, ...]
    totals: Mapping[str, int]
    worst: tuple[DiagnosedSample, ...] = ()


class ArtifactRecord(Record):
    """A file or folder the run used or made; a folder's hash is absent."""

    name: str
    path: str
    sha256: str | None = None
    origin: str = ""


class Report(Record):
    """Everything a run found. ``notice`` is what a reader must know before any figure.

    ``started`` is in UTC, ISO 8601; ``seconds`` the length of the run; ``subset`` the subset that was scored.
    """

    schema_version: int = SCHEMA_VERSION
    notice: str = ""
    verdict: Verdict
    exit_code: int
    why: tuple[str, ...] = ()
    started: str = ""
    seconds: float = 0.0
    subset: str | None = None
    manifest: ManifestRecord
    environment: Environment | None = None
    stages: tuple[StageRecord, ...] = ()
    metrics: tuple[MetricRecord, ...] = ()
    performance: tuple[PerformanceRecord, ...] = ()
    waivers: tuple[WaiverRecord, ...] = ()
    curves: tuple[CurveRecord, ...] = ()
    diagnosis: DiagnosisRecord | None = None
    comparison: Comparison | None = None
    artifacts: tuple[ArtifactRecord, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write it as ``report.json`` has it."""
        return self.encodable().model_dump_json(indent=2) + "\n"

    def encodable(self) -> Report:
        """Return the same with the odd bytes of file names that are not UTF-8 written out."""
        try:
            self.model_dump_json()
        except PydanticSerializationError:
            return Report.model_validate(_encodable(self.model_dump()))
        return self


def _encodable(value: Any) -> Any:
    """Write out what UTF-8 cannot encode; what is not text has no such thing in it."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    return tuple(map(_encodable, value)) if isinstance(value, tuple | list) else value
