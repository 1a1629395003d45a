"""The report of one run: what ``report.json`` holds. What it says of a comparison is in :mod:`.changes`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic_core import PydanticSerializationError

from zoo_runner.errors import ExitCode
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.lines import metric_line, throughput_line
from zoo_runner.manifest.section import RATE_UNIT
from zoo_runner.plugin.interfaces import SAMPLES
from zoo_runner.redaction import clean, cleaned
from zoo_runner.report.attribution import AttributionRecord
from zoo_runner.report.changes import Comparison, Interval, Record
from zoo_runner.report.characters import encodable
from zoo_runner.report.evidence import ConfusionsRecord, CurveRecord, DiagnosisRecord
from zoo_runner.report.golden import GoldenRecord
from zoo_runner.report.references import ReferenceRecord
from zoo_runner.report.trends import TrendRecord

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


EXIT_CODES = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.STOPPED: ExitCode.PASS,
    Verdict.FAIL: ExitCode.GATE_FAILED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.ERROR: ExitCode.STAGE_FAILED,
}
"""The exit code of each verdict a whole run can have; errors may carry another one of their own."""


class WaiverState(str, Enum):
    """What became of a waiver in this run."""

    USED = "used"
    OVERDUE = "overdue"
    BELOW_FLOOR = "below_floor"
    NOT_NEEDED = "not_needed"
    NOT_APPLICABLE = "not_applicable"


class ManifestRecord(Record):
    """Which manifest was run.

    ``settings`` has every value of the manifest as it was run, by its dotted key: what two runs differ in. ``config``
    has likewise what the plugin was configured with, its defaults included; ``command`` the words that started the run;
    ``imported`` the file and SHA-256 of the recipe that it was imported from.
    """

    name: str
    path: str
    files: tuple[str, ...]
    digest: str
    overrides: tuple[str, ...] = ()
    source: str | None = None
    imported: str | None = None
    settings: Mapping[str, str] = {}
    config: Mapping[str, str] = {}
    command: tuple[str, ...] = ()


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


class LineKind(str, Enum):
    """What a line of the expectations table is about."""

    ACCURACY = "accuracy"
    THROUGHPUT = "throughput"


class Line(Record):
    """What every line of the expectations table has; :class:`MetricRecord` and :class:`PerformanceRecord` are the two.

    ``id`` is what waivers and other tools call the line: ``voc07_map/reference``, with ``@pr`` for the subset
    ``pr``, or ``throughput/310P3/16``. ``direction`` is ``at_least``, ``at_most`` or ``within``; ``tolerance`` the
    allowed distance on the wrong side in ``unit``; ``where`` the place of the expectation, as ``file:line``;
    ``published`` where the figure comes from. ``cause`` names the row of the table of causes (``exit-codes.md``)
    where the verdict is inconclusive.
    """

    id: str = ""
    direction: Direction = Direction.AT_LEAST
    expected: float | None = None
    tolerance: float | None = None
    verdict: Verdict = Verdict.NOT_GATED
    why: str = ""
    cause: str = ""
    where: str = ""
    published: str | None = None
    unit: str

    @property
    @abstractmethod
    def kind(self) -> LineKind:
        """What it is about."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What waivers and other tools call the line, also where a report has no ``id``."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What reasons of a verdict call the line: words for people."""

    @property
    @abstractmethod
    def measured(self) -> float | None:
        """The figure in ``unit``; ``None`` where there is none."""

    @property
    def spread(self) -> Interval | None:
        """The interval of the figure, or of its difference from a baseline; timings have none."""
        return None


class MetricRecord(Line):
    """One metric over the samples that were scored.

    ``interval`` is the bootstrap's; ``smallest_drop`` the smallest true drop that this many samples show four times
    out of five. ``tie_spread`` has the least and the greatest value over all orders of predictions with equal scores,
    where the metric sorts by score. ``rule`` says how interval and expectation became the verdict; by ``paired``
    ``tolerance`` is that of the difference from the baseline and ``absolute`` that of the value. ``support`` counts
    annotated objects. ``groups`` is how many groups the scored samples are in, where they name any: the interval and
    ``smallest_drop`` are then of whole groups.
    """

    name: str
    protocol: str
    value: float
    interval: Interval | None = None
    smallest_drop: float | None = None
    tie_spread: tuple[float, float] | None = None
    rule: str = "point"
    absolute: float | None = None
    samples: int
    dataset_samples: int
    groups: int | None = None
    per_class: Mapping[str, float] = {}
    per_class_interval: Mapping[str, tuple[float, float]] = {}
    support: Mapping[str, int] = {}

    @property
    def kind(self) -> LineKind:
        """Accuracy."""
        return LineKind.ACCURACY

    @property
    def label(self) -> str:
        """As in ``voc07_map/reference@pr``."""
        return self.id or metric_line(self.name, self.protocol)

    @property
    def title(self) -> str:
        """As in ``voc07_map (reference, subset pr)``."""
        subset = self.id.partition("@")[2]
        return f"{self.name} ({self.protocol}{f', subset {subset}' if subset else ''})"

    @property
    def measured(self) -> float | None:
        """The value."""
        return self.value

    @property
    def spread(self) -> Interval | None:
        """The interval."""
        return self.interval


class PerformanceRecord(Line):
    """Pure inference at one batch size: compute time only, without transfers and host work.

    ``sizes`` are those of open axes, by name. ``to_device_ms`` and ``from_device_ms`` are the means of the copies,
    where the backend knows them.
    ``end_to_end`` is the rate of the whole stream, from file to prediction, where this run inferred
    the data set at this batch size. Both rates are in ``unit``: samples per second, or another rate of which one sample
    is worth ``per_sample``.
    """

    backend: str
    chip: str
    batch: int
    sizes: Mapping[str, int] = {}
    loops: int
    min_ms: float | None = None
    mean_ms: float | None = None
    median_ms: float | None = None
    p99_ms: float | None = None
    to_device_ms: float | None = None
    from_device_ms: float | None = None
    throughput: float | None = None
    end_to_end: float | None = None
    unit: str = RATE_UNIT
    per_sample: float = 1.0

    @property
    def kind(self) -> LineKind:
        """Throughput."""
        return LineKind.THROUGHPUT

    @property
    def label(self) -> str:
        """As in ``throughput/310P3/16``."""
        return self.id or throughput_line(self.chip, self.batch)

    @property
    def title(self) -> str:
        """As in ``throughput on 310P3, batch 16``."""
        sizes = "".join(f", {axis} {size}" for axis, size in self.sizes.items())
        return f"throughput on {self.chip}, batch {self.batch}{sizes}"

    @property
    def measured(self) -> float | None:
        """The throughput."""
        return self.throughput


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


class ArtifactRecord(Record):
    """A file or folder the run used or made; a folder's hash is absent."""

    name: str
    path: str
    sha256: str | None = None
    origin: str = ""


class DamagedRecord(Record):
    """Damaged files that were scored because the manifest accepts them: what is wrong, by sample, and why it may be."""

    reason: str
    samples: Mapping[str, str]


class Report(Record):
    """Everything a run found. ``notice`` is what a reader must know before any figure.

    ``remarks`` stand on the line of the verdict: what it does not say, such as a batch size that has no figure.
    ``watched`` says how the devices were before and after they were timed, as far as their tool shows it.
    ``started`` is in UTC, ISO 8601; ``seconds`` the length of the run; ``subset`` the subset that was scored.
    ``inferred`` counts the scored samples whose predictions this run inferred; those of the others were kept by an
    earlier run, or came from files. ``noun`` is what the data set calls its samples, in the plural, if it says.
    ``inferences`` says that throughput counts inferences, of which a sample takes several.
    """

    schema_version: int = SCHEMA_VERSION
    notice: str = ""
    verdict: Verdict
    exit_code: int
    why: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    started: str = ""
    seconds: float = 0.0
    subset: str | None = None
    noun: str = ""
    inferences: bool = False
    inferred: int | None = None
    manifest: ManifestRecord
    environment: Environment | None = None
    stages: tuple[StageRecord, ...] = ()
    metrics: tuple[MetricRecord, ...] = ()
    performance: tuple[PerformanceRecord, ...] = ()
    waivers: tuple[WaiverRecord, ...] = ()
    references: tuple[ReferenceRecord, ...] = ()
    curves: tuple[CurveRecord, ...] = ()
    diagnosis: DiagnosisRecord | None = None
    confusions: ConfusionsRecord | None = None
    comparison: Comparison | None = None
    trends: tuple[TrendRecord, ...] = ()
    golden: GoldenRecord | None = None
    attribution: AttributionRecord | None = None
    damaged: DamagedRecord | None = None
    artifacts: tuple[ArtifactRecord, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def samples_noun(self) -> str:
        """What the samples are called, also where the data set has no noun for them."""
        return self.noun or SAMPLES

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines of the expectations table, accuracy first."""
        return (*self.metrics, *self.performance)

    def to_json(self) -> str:
        """Write it as ``report.json`` has it."""
        return self.encodable().model_dump_json(indent=2) + "\n"

    def encodable(self) -> Report:
        """Return the same with the odd bytes of file names that are not UTF-8 written out."""
        try:
            self.model_dump_json()
        except PydanticSerializationError:
            return Report.model_validate(encodable(self.model_dump()))
        return self


def clean_report(report: Report) -> Report:
    """Return a report without secrets in any of its texts; names of fields and enumerations stay as they are."""
    return report.model_copy(update=_clean_fields(report))


def _clean_fields(record: Record) -> dict[str, Any]:
    return {name: _clean_value(getattr(record, name)) for name in type(record).model_fields}


def _clean_value(value: Any) -> Any:
    if isinstance(value, Record):
        return value.model_copy(update=_clean_fields(value))
    if isinstance(value, Mapping):
        return _clean_mapping(value)
    return tuple(map(_clean_value, value)) if isinstance(value, tuple | list) else cleaned(value)


def _clean_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """Clean data by name, such as settings; names that become equal are numbered, so that no value is lost."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = shown = clean(key)
        number = 1
        while name in found or (name != key and name in values):
            number += 1
            name = f"{shown} ({number})"
        found[name] = _clean_value(value)
    return found
