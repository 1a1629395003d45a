"""The report of one run: what ``report.json`` holds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes away; new fields alone do not raise it."""


class Verdict(str, Enum):
    """What became of a run or of one expectation.

    ``not_gated`` marks a figure nothing was expected of; ``stopped`` a run that ended before the gate
    because it was asked to; ``error`` a run that could not finish.
    """

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_GATED = "not_gated"
    STOPPED = "stopped"
    ERROR = "error"


class Record(BaseModel):
    """Base of the report's parts: frozen; NaN and infinity are written as such words, not as null."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class ManifestRecord(Record):
    """Which manifest was run."""

    name: str
    path: str
    files: tuple[str, ...]
    digest: str
    overrides: tuple[str, ...] = ()
    source: str | None = None


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


class MetricRecord(Record):
    """One metric over the samples that were scored.

    ``tolerance`` is the allowed shortfall in ``unit``.
    """

    name: str
    protocol: str
    value: float
    unit: str
    expected: float | None = None
    tolerance: float | None = None
    verdict: Verdict = Verdict.NOT_GATED
    why: str = ""
    samples: int
    dataset_samples: int
    per_class: Mapping[str, float] = {}


class PerformanceRecord(Record):
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
    expected: float | None = None
    tolerance: float | None = None
    verdict: Verdict = Verdict.NOT_GATED
    why: str = ""


class ArtifactRecord(Record):
    """A file or folder the run used or made; a folder's hash is absent."""

    name: str
    path: str
    sha256: str | None = None
    origin: str = ""


class Report(Record):
    """Everything a run found. ``notice`` is what a reader must know before any figure."""

    schema_version: int = SCHEMA_VERSION
    notice: str = ""
    verdict: Verdict
    exit_code: int
    why: tuple[str, ...] = ()
    manifest: ManifestRecord
    environment: Environment | None = None
    stages: tuple[StageRecord, ...] = ()
    metrics: tuple[MetricRecord, ...] = ()
    performance: tuple[PerformanceRecord, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    warnings: tuple[str, ...] = ()
