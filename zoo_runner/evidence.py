"""What a metric can tell beyond its numbers: how sure they are, where they come from, and what went wrong.

All of it is optional: a metric that implements none of these protocols is scored and gated all the same. Plugins may
import this module as they may :mod:`zoo_runner.interfaces`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from zoo_runner.interfaces import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.interfaces import Arrays, Sample


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
    """A metric that can be computed quickly on many resamples of the same predictions."""

    def resampled(
        self, samples: Sequence[Sample], predictions: Sequence[Arrays], weights: NDArray[Any]
    ) -> tuple[Resamples, ...]:
        """Score R resamples at once.

        Args:
            samples: N samples.
            predictions: One for each.
            weights: Non-negative integers [R, N]: how often each sample was drawn in each resample. A row of ones
                gives what ``evaluate`` gives.

        Returns:
            One record for each of ``measures``, in that order.
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
class CurveMetric(Metric, Protocol):
    """A metric that rests on precision-recall curves."""

    def curves(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[ClassCurve, ...]:
        """Return the curve of each class, in the metric's class order."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """How the predictions of one sample did.

    Attributes:
        score: The metric on this sample alone, in the headline's unit; ``None`` where there is nothing to find.
        errors: How many errors of each kind; kinds without any may be left out.
    """

    score: float | None
    errors: Mapping[str, int]


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
class Illustration:
    """A small picture of a sample, and what to draw on it.

    Attributes:
        width: Pixels.
        height: Pixels.
        image: An encoded picture of that size, small enough to embed.
        media_type: Such as ``image/jpeg``.
        marks: What to draw on it.
    """

    width: int
    height: int
    image: bytes
    media_type: str
    marks: tuple[Mark, ...]


@runtime_checkable
class DiagnosingMetric(Metric, Protocol):
    """A metric that can say what is wrong with single predictions."""

    @property
    def error_kinds(self) -> tuple[str, ...]:
        """The kinds of errors it tells apart, gravest first."""

    @property
    def diagnosis_basis(self) -> str:
        """What counts as an error, in one line, such as the score from which detections are looked at."""

    def diagnose(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[Diagnosis, ...]:
        """Judge every prediction on its own."""

    def illustrate(self, sample: Sample, prediction: Arrays) -> Illustration:
        """Draw one sample."""
