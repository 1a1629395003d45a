"""Mean intersection over union: of all pixels of the set together, class by class, and then the mean over classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import ResultError, shortened
from zoo_runner.plugin.evidence import Canary, CanaryValue, Resamples, Scale
from zoo_runner.plugin.interfaces import MetricValue, Sample
from zoo_runner.plugin.tensors import tensor_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays

NAME: Final = "mean_iou"
PROTOCOL: Final = "pixels"
PERCENT: Final = 100.0
IGNORED: Final = 255
"""Label of pixels that count neither way, as PASCAL VOC and Cityscapes have it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskedSample(Sample):
    """An image of whose pixels the classes are known.

    Attributes:
        mask: Integer [height, width], the class of each pixel, from 0.
    """

    mask: NDArray[Any]


class MeanIoU:
    """The metric ``mean_iou``, protocol ``pixels``, in percent.

    The intersection over union of a class is that of its pixels in the whole set. A class that is neither annotated
    nor predicted anywhere has none, and does not count in the mean. A prediction has ``labels``, integer
    [height, width] like the mask.

    Args:
        classes: Names in label order.
        ignored: Label of annotated pixels that count neither way, whatever is predicted there.
    """

    measures = ((NAME, PROTOCOL),)
    scales = (Scale(unit="percent", worst=0.0, best=PERCENT),)
    resampled = True

    def __init__(self, classes: tuple[str, ...], ignored: int = IGNORED) -> None:
        self.classes = classes
        self.ignored = ignored

    def scoring(self) -> MeanIoUScoring:
        """Begin a scoring."""
        return MeanIoUScoring(self)

    def canaries(self) -> tuple[Canary, ...]:
        """Return two images that tell the set's union from means over images, and what is ignored from what is not."""
        if len(self.classes) < len(("two", "classes")) or self.ignored in {0, 1}:
            return ()
        masks = ([[0, 0, 0, self.ignored]], [[1, 1, 0, 0]])
        found = ([[0, 0, 1, 1]], [[1, 1, 1, 1]])
        samples = [
            MaskedSample(index=place, id=f"canary {place}", path=Path(), mask=np.array(mask))
            for place, mask in enumerate(masks, start=1)
        ]
        values = (
            CanaryValue(
                rule="pixels of the whole set count together, and those with the ignored label do not",
                name=NAME,
                protocol=PROTOCOL,
                value=PERCENT * (2 / 5 + 2 / 5) / 2,
            ),
        )
        return (Canary(samples=samples, predictions=[{"labels": np.array(each)} for each in found], expected=values),)


class MeanIoUScoring:
    """One scoring; it keeps three numbers for each image and class.

    Args:
        metric: Says the classes.
    """

    def __init__(self, metric: MeanIoU) -> None:
        self._metric = metric
        self._counts: list[NDArray[np.int64]] = []

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Count the pixels of the next images.

        Raises:
            ResultError: A prediction is not like its mask, or has a label that is no class; so has a mask.
        """
        for sample, prediction in zip(samples, predictions, strict=True):
            self._counts.append(self._counted(sample, prediction))

    def compute(self) -> MeanIoUScore:
        """Return the score of all images."""
        number = len(self._metric.classes)
        counts = np.array(self._counts, dtype=np.int64).reshape(-1, 3, number)
        return MeanIoUScore(classes=self._metric.classes, counts=counts)

    def _counted(self, sample: Sample, prediction: Arrays) -> NDArray[np.int64]:
        """Return the pixels of the intersection, of the annotation and of the prediction by class: int64 [3, C]."""
        where = f"sample {shortened(sample.id)!r}"
        if not isinstance(sample, MaskedSample):
            raise ResultError(f"{where}: expected an image with a mask, found {type(sample).__name__}")
        labels = prediction.get("labels")
        if labels is None or labels.shape != sample.mask.shape or labels.dtype.kind not in "iu":
            found = "none" if labels is None else tensor_text("labels", labels.dtype, labels.shape)
            raise ResultError(f"{where}: expected labels as whole numbers {list(sample.mask.shape)}, found {found}")
        counted = sample.mask != self._metric.ignored
        truth, found_labels, number = sample.mask[counted], labels[counted], len(self._metric.classes)
        for name, values in (("mask", truth), ("prediction", found_labels)):
            if values.size and not (values.min() >= 0 and values.max() < number):
                raise ResultError(
                    f"{where}: expected classes 0 to {number - 1} in its {name}, found {values.min()} to {values.max()}"
                )
        hits = truth[truth == found_labels]
        return np.stack([np.bincount(each.astype(np.int64), minlength=number) for each in (hits, truth, found_labels)])


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanIoUScore:
    """What a set of predictions scores.

    Attributes:
        classes: Names in label order.
        counts: Pixels of the intersection, the annotation and the prediction of each image, int64 [N, 3, C].
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def values(self) -> tuple[MetricValue, ...]:
        """The mean, and the intersection over union of each class that occurs."""
        by_class, mean = _ratios(self.counts.sum(axis=0, dtype=np.float64)[None])
        ratios = zip(self.classes, by_class[0].tolist(), strict=True)
        known = {name: each for name, each in ratios if not math.isnan(each)}
        support = dict(zip(self.classes, self.counts[:, 1].sum(axis=0).tolist(), strict=True))
        return (
            MetricValue(
                name=NAME,
                protocol=PROTOCOL,
                value=float(mean[0]),
                unit="percent",
                per_class=known,
                support={name: support[name] for name in known},
            ),
        )

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        """Return the means of R resamples.

        Args:
            weights: Non-negative integers [R, N]: how often each image was drawn.
        """
        drawn = np.asarray(weights, dtype=np.float64) @ self.counts.reshape(len(self.counts), -1).astype(np.float64)
        return (Resamples(name=NAME, protocol=PROTOCOL, values=_ratios(drawn.reshape(-1, *self.counts.shape[1:]))[1]),)


def _ratios(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the intersection over union by class [R, C] and its mean [R], in percent; NaN of nothing.

    Args:
        counts: Pixels of the intersection, the annotation and the prediction: float64 [R, 3, C].
    """
    hits, truth, found = counts[:, 0], counts[:, 1], counts[:, 2]
    union = truth + found - hits
    occurs = union > 0
    by_class = np.full(union.shape, np.nan)
    np.divide(PERCENT * hits, union, out=by_class, where=occurs)
    mean = np.full(len(union), np.nan)
    np.divide(np.where(occurs, by_class, 0.0).sum(axis=1), occurs.sum(axis=1), out=mean, where=occurs.any(axis=1))
    return by_class, mean
