"""What a metric can tell beyond its numbers: how sure they are, where they come from, and what went wrong.

All of it is optional: a metric that implements none of these protocols is scored and gated all the same. What a score
tells is computed when it is asked for. Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from zoo_runner.plugin.scoring import Metric, Scored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Sample


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How the values of one measure are read; an expectation is held against it before anything runs.

    Attributes:
        unit: As in :attr:`~zoo_runner.plugin.interfaces.MetricValue.unit`.
        higher_is_better: The direction a gate compares in.
        worst: What a useless model gets, in ``unit``. An expectation that this meets checks nothing.
        best: What no model exceeds, in ``unit``.
    """

    unit: str
    higher_is_better: bool = True
    worst: float | None = None
    best: float | None = None


@runtime_checkable
class ScaledMetric(Metric, Protocol):
    """A metric that says how its values are read before there are any."""

    @property
    def scales(self) -> tuple[Scale, ...]:
        """How each of ``measures`` is read, in that order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Resamples:
    """One metric on R resamples of the data set.

    Attributes:
        name: As in the metric's ``measures``.
        protocol: As in the metric's ``measures``.
        values: Float64 [R], in the metric's unit.
        per_class: The same by class, float64 [R] each, where that makes sense.
    """

    name: str
    protocol: str
    values: NDArray[Any]
    per_class: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@runtime_checkable
class ResampledMetric(Metric, Protocol):
    """A metric that says whether its scores are :class:`ResampledScore`; rules that need resamples are held against it.

    It says so before anything runs, when there is no score yet.
    """

    @property
    def resampled(self) -> bool:
        """Whether they are."""


@runtime_checkable
class ResampledScore(Scored, Protocol):
    """A score that can be computed quickly on many resamples of its predictions."""

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        """Score R resamples at once.

        Args:
            weights: Non-negative integers [R, N]: how often each of the N samples was drawn in each resample. A row
                of ones gives ``values``. Where samples have groups, these were drawn, and rows need not sum to N.

        Returns:
            One record for each of the metric's ``measures``, in that order.
        """


@dataclass(frozen=True, kw_only=True)
class ClassCurve:
    """Precision against recall for one class, by the headline's protocol.

    Attributes:
        label: The class.
        average: Its average precision, in the headline's unit.
        recall: Ascending, 0 to 1; thinned to what a plot can show.
        precision: At each recall, 0 to 1.
        levels: The recalls that the average reads precision at; empty where it is an area.
        level_precision: The precision it reads there (the best at or beyond each).
    """

    label: str
    average: float
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    levels: tuple[float, ...] = ()
    level_precision: tuple[float, ...] = ()


@runtime_checkable
class CurveScore(Scored, Protocol):
    """A score that rests on precision-recall curves."""

    def curves(self) -> tuple[ClassCurve, ...]:
        """Return the curve of each class, in the metric's class order."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """How the predictions of one sample did.

    Attributes:
        score: The metric on this sample alone, in the headline's unit; ``None`` where there is nothing to find.
        errors: How many errors of each kind; kinds without any may be left out.
        severity: Which of equally bad samples is shown first: the one with the larger number.
    """

    score: float | None
    errors: Mapping[str, int]
    severity: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One box to draw on a picture of a sample.

    Attributes:
        kind: ``truth`` for an annotated object that was found, ``hit`` for a right detection, ``ignored`` for what
            counts neither way, or an error kind.
        label: Class name.
        box: x1, y1, x2, y2 in pixels of :attr:`Illustration.width` by :attr:`Illustration.height`.
        score: Of a detection; ``None`` for an annotated object.
    """

    kind: str
    label: str
    box: tuple[float, float, float, float]
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of a text.

    Attributes:
        text: Any characters.
        differs: Whether it is marked, as it is not the same in prediction and annotation.
    """

    text: str
    differs: bool = False


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What stands beside a picture: the annotation or the prediction, where that is words and no place.

    Attributes:
        kind: ``truth`` for the annotation, ``hit`` for a right prediction, or an error kind.
        spans: What it says, in order; none where it says nothing.
        label: Class name, for readers who look for one class; empty where there are no classes.
    """

    kind: str
    spans: tuple[Span, ...]
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Illustration:
    """A small picture of a sample, and what to draw on it.

    Attributes:
        width: Pixels.
        height: Pixels.
        image: An encoded picture of that size, small enough to embed.
        media_type: Such as ``image/jpeg``.
        marks: What to draw on it.
        statements: What to write below it.
    """

    width: int
    height: int
    image: bytes
    media_type: str
    marks: tuple[Mark, ...]
    statements: tuple[Statement, ...] = ()


@runtime_checkable
class DiagnosedScore(Scored, Protocol):
    """A score that can say what is wrong with single predictions."""

    @property
    def error_kinds(self) -> tuple[str, ...]:
        """The kinds of errors it tells apart, gravest first."""

    @property
    def diagnosis_basis(self) -> str:
        """What counts as an error, in one line, such as the score from which detections are looked at."""

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """Judge every prediction on its own: one record for each sample, in their order. May be called again."""

    def illustrate(self, position: int) -> Illustration:
        """Draw one sample; ``position`` is its place among those that were scored, from 0."""


@dataclass(frozen=True, kw_only=True)
class Confusions:
    """What was taken for what.

    Attributes:
        noun: What is told apart, in the plural, such as ``classes`` or ``characters``.
        counts: How often the first of two names was taken for the second; for itself where that is right. A name is
            empty where nothing was there, or nothing was found. Pairs that never came may be left out.
    """

    noun: str
    counts: Mapping[tuple[str, str], int]


@runtime_checkable
class ConfusedScore(Scored, Protocol):
    """A score that knows what was taken for what; the report shows the most frequent confusions."""

    def confusions(self) -> Confusions:
        """Count them over all samples."""


@dataclass(frozen=True, kw_only=True)
class CanaryValue:
    """A value that a metric must give for the samples of a :class:`Canary`.

    Attributes:
        rule: What the metric does, and a broken one does not, in plain words: an error names it.
        name: As in the metric's ``measures``.
        protocol: As in the metric's ``measures``.
        value: The value, in the metric's unit, worked out by hand or by another program.
        label: The class that has the value; ``None`` for the value of the whole.
    """

    rule: str
    name: str
    protocol: str
    value: float
    label: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Canary:
    """Made-up samples and predictions whose values are known.

    Attributes:
        samples: As the metric's data set makes them; their files need not exist.
        predictions: One for each.
        expected: What the metric gives for them. Where several values change if one rule is broken, that rule's
            comes first.
    """

    samples: Sequence[Sample]
    predictions: Sequence[Arrays]
    expected: tuple[CanaryValue, ...]


@runtime_checkable
class CanaryMetric(Metric, Protocol):
    """A metric that brings what a fault in it is noticed by.

    Real predictions hardly tell the rules of a metric apart, such as ``>`` from ``>=``. The canaries are scored at the
    start of every run that evaluates, and a value that differs by more than 1e-9 stops the run.
    """

    def canaries(self) -> Sequence[Canary]:
        """Return them; scoring all of them should take milliseconds."""
