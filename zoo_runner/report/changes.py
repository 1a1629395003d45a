"""What a report says of the difference between its run and a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict

from zoo_runner.manifest.direction import Direction


class Record(BaseModel):
    """Base of the report's parts: frozen; NaN and infinity are written as such words, not as null."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Interval(Record):
    """A bootstrap interval, in the unit of the figure it is about.

    ``method`` is ``bootstrap`` or ``paired bootstrap`` (of the difference from a baseline, over the same images).
    """

    low: float
    high: float
    level: float
    method: str
    resamples: int
    seed: int


class DiagnosedSample(Record):
    """One sample: its own score (absent where there is nothing to find) and its errors by kind."""

    id: str
    index: int
    score: float | None = None
    errors: Mapping[str, int] = {}


class Change(Record):
    """One thing that is not as it was: ``kind`` is ``setting``, ``package``, ``artifact``, ``data`` or ``environment``.

    ``before`` is empty for what was not there then, ``after`` for what is not there now.
    """

    kind: str
    name: str
    before: str
    after: str


class ClassChange(Record):
    """One class of a metric, then and now.

    ``before`` is what ``difference`` is from, ``reported`` what the baseline's report says of the class, over its own
    samples; where they differ although the samples are the same, data or metric changed.
    """

    label: str
    before: float
    after: float
    difference: float
    reported: float | None = None
    low: float | None = None
    high: float | None = None


class MetricChange(Record):
    """One metric, then and now.

    ``before`` is what the baseline reported, ``rescored`` what its predictions score with today's annotations and
    metric, over the samples that are in both runs; where the two differ although the samples are the same, data
    or metric changed, and not only the model. ``after`` is over the same samples as ``rescored``. ``difference`` is
    ``after - rescored``, or ``after - before`` without detections to score, and ``interval`` is of the former.
    ``per_class`` has the largest loss first, then what other data or another metric made of the baseline's predictions.
    """

    name: str
    protocol: str
    unit: str
    before: float
    after: float
    difference: float
    higher_is_better: bool = True
    rescored: float | None = None
    interval: Interval | None = None
    per_class: tuple[ClassChange, ...] = ()

    @property
    def direction(self) -> Direction:
        """Which way is better."""
        return Direction.of(higher_is_better=self.higher_is_better)


class PerformanceChange(Record):
    """The throughput at one batch size, then and now; ``ratio`` is ``after / before``."""

    backend: str
    chip: str
    batch: int
    unit: str
    before: float
    after: float
    ratio: float


class SampleChange(Record):
    """One sample, then and now; ``lost`` is what its own score fell by, ``errors`` how many more of each kind."""

    id: str
    index: int
    before: float | None = None
    after: float | None = None
    lost: float = 0.0
    errors: Mapping[str, int] = {}


class Cluster(Record):
    """Something that many of the lost have in common, and that is rarer among all.

    ``of`` is what is counted (the samples' noun, or that of annotated things), ``trait`` in what they agree (such as
    ``class``) and ``value`` on what. ``lost`` of the ``all_lost`` have it, and ``here`` of ``all_here`` in both runs.
    """

    of: str
    trait: str
    value: str
    lost: int
    all_lost: int
    here: int
    all_here: int

    @property
    def lost_share(self) -> str:
        """Its share of the lost, such as ``95 %``."""
        return _percent(self.lost, self.all_lost)

    @property
    def share(self) -> str:
        """Its share of all."""
        return _percent(self.here, self.all_here)


class Comparison(Record):
    """A run against its baseline: what changed in it, and what came of that. ``samples`` has the worst first.

    ``same_samples`` counts the samples whose predictions were compared; ``errors_before`` and ``errors_after`` are
    over them, both by today's annotations. ``errors_reported`` is what the baseline's report says of the same samples,
    if it does. ``clusters`` say what the lost have in common, and ``notes`` in words what matters, the most telling
    first.
    """

    path: str
    started: str = ""
    verdict: str
    same_samples: int
    notes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    metrics: tuple[MetricChange, ...] = ()
    performance: tuple[PerformanceChange, ...] = ()
    errors_before: Mapping[str, int] = {}
    errors_after: Mapping[str, int] = {}
    errors_reported: Mapping[str, int] = {}
    samples: tuple[SampleChange, ...] = ()
    clusters: tuple[Cluster, ...] = ()


TEN: Final = 10.0


def _percent(part: int, whole: int) -> str:
    """Return a share; below ten with two digits, as one of 0.4 is not one of 0."""
    share = 100 * part / whole
    return f"{share:.0f} %" if round(share, 1) >= TEN else f"{share:.2g} %"
