"""Predictions and annotations of many images, checked and sorted by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from zoo_detection.mean_ap.matching import Detections, GroundTruth
from zoo_detection.samples import DetectionSample
from zoo_runner.errors import PluginError, ResultError, listed
from zoo_runner.plugin.tensors import array_texts, mismatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Sample

    Indices = NDArray[np.intp]

_EXPECTED: Final = ("boxes float[K, 4]", "scores float[K]", "labels int[K]")
EMPTY: Final[dict[str, NDArray[Any]]] = {
    "boxes": np.zeros((0, 4), dtype=np.float32),
    "scores": np.zeros(0, dtype=np.float32),
    "labels": np.zeros(0, dtype=np.int16),  # gives way to whatever the predictions have
}
"""The prediction for an image without detections."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledDetections(Detections):
    """Detections of all classes.

    Attributes:
        labels: Integer [D], positions in the class list.
    """

    labels: NDArray[np.integer[Any]]

    def by_class(self, classes: int) -> tuple[Detections, ...]:
        """Sort them: one record a class, in label order; order is kept within."""
        return tuple(
            Detections(
                images=self.images.take(members),
                scores=self.scores.take(members),
                boxes=self.boxes.take(members, axis=0),
            )
            for members in members_of(self.labels, classes)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledGroundTruth(GroundTruth):
    """Annotated objects of all classes.

    Attributes:
        labels: Integer [G], positions in the class list.
    """

    labels: NDArray[np.intp]

    def by_class(self, classes: int) -> tuple[GroundTruth, ...]:
        """Sort them: one record a class, in label order; order is kept within."""
        return tuple(
            GroundTruth(images=self.images[members], boxes=self.boxes[members], difficult=self.difficult[members])
            for members in members_of(self.labels, classes)
        )


Labelled = TypeVar("Labelled", LabelledDetections, LabelledGroundTruth)


def ground_truth_of(samples: Sequence[Sample], classes: Sequence[str]) -> LabelledGroundTruth:
    """Join the annotated objects.

    Args:
        samples: Of a VOC data set with these classes.
        classes: Names in label order.

    Returns:
        The objects in the samples' order; ``images`` are positions in ``samples``.

    Raises:
        PluginError: The samples are not from such a data set.
    """
    annotated = [sample for sample in samples if isinstance(sample, DetectionSample)]
    labels = np.concatenate([np.zeros(0, dtype=np.intp), *(sample.labels for sample in annotated)])
    if len(annotated) < len(samples) or (labels >= len(classes)).any():
        raise PluginError(
            f"expected samples of a VOC data set with {len(classes)} classes; found others; "
            "give the data set and the metric the same class list"
        )
    return LabelledGroundTruth(
        images=np.repeat(np.arange(len(annotated)), [len(sample.labels) for sample in annotated]),
        boxes=np.concatenate([EMPTY["boxes"], *(sample.boxes for sample in annotated)]),
        difficult=np.concatenate([np.zeros(0, dtype=np.bool_), *(sample.difficult for sample in annotated)]),
        labels=labels,
    )


def detections_of(
    samples: Sequence[Sample], predictions: Sequence[Arrays], classes: Sequence[str]
) -> LabelledDetections:
    """Check the predictions and join them.

    Args:
        samples: What the predictions are for.
        predictions: One for each sample, as ``VocScoring.update`` takes them.
        classes: Names in label order.

    Returns:
        The detections in the samples' order and, within one, in the prediction's.

    Raises:
        ResultError: A prediction is missing, malformed or not finite; the first ones are named.
    """
    if len(samples) != len(predictions):
        raise ResultError(
            f"expected one prediction for each of {len(samples)} samples; found {len(predictions)}; "
            "run the inference again, or limit both to the same samples"
        )
    _refuse([_shape_fault(prediction) for prediction in predictions], samples)
    joined = {name: np.concatenate([EMPTY[name], *(one[name] for one in predictions)]) for name in EMPTY}
    if _value_fault(joined, len(classes)):
        _refuse([_value_fault(prediction, len(classes)) for prediction in predictions], samples)
    images = np.repeat(np.arange(len(samples)), [len(prediction["labels"]) for prediction in predictions])
    return LabelledDetections(images=images, **joined)


def some_of(records: Labelled, which: NDArray[Any]) -> Labelled:
    """Choose detections or objects, by position or by a mask."""
    return replace(records, **{each.name: getattr(records, each.name)[which] for each in fields(records)})


def joined(parts: Sequence[Labelled], images: Sequence[int]) -> Labelled:
    """Join detections or objects of consecutive parts of the images, at least one; each part has so many images."""
    columns = {each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(parts[0])}
    starts = np.cumsum([0, *images], dtype=np.intp)[:-1]
    columns["images"] += np.repeat(starts, [len(part.images) for part in parts])
    return replace(parts[0], **columns)


def members_of(labels: NDArray[np.integer[Any]], classes: int) -> list[Indices]:
    """Find, for each class, the positions in ``labels`` [K] that have it, ascending."""
    narrow = labels.astype(np.int16) if classes <= np.iinfo(np.int16).max else labels  # int16 sorts by radix
    order = np.argsort(narrow, kind="stable")
    return np.split(order, np.searchsorted(narrow[order], np.arange(1, classes)))


def ground_truth_by_class(samples: Sequence[Sample], classes: Sequence[str]) -> tuple[GroundTruth, ...]:
    """Do what ``ground_truth_of`` does, and sort the objects by class."""
    return ground_truth_of(samples, classes).by_class(len(classes))


def detections_by_class(
    samples: Sequence[Sample], predictions: Sequence[Arrays], classes: Sequence[str]
) -> tuple[Detections, ...]:
    """Do what ``detections_of`` does, and sort the detections by class."""
    return detections_of(samples, predictions, classes).by_class(len(classes))


def _refuse(faults: Sequence[str], samples: Sequence[Sample]) -> None:
    """Raise if any sample's fault is not empty."""
    texts = [f"{sample.id}: {fault}" for sample, fault in zip(samples, faults, strict=True) if fault]
    if texts:
        raise ResultError(
            f"expected predictions that can be scored; found {len(texts)} of {len(samples)} that cannot:\n"
            f"{listed(texts)}\nlook at the network's outputs for these samples: they are not scored"
        )


def _shape_fault(prediction: Mapping[str, NDArray[Any]]) -> str:
    if not _is_prediction(prediction):
        return mismatch("", _EXPECTED, array_texts(prediction))
    return ""


def _is_prediction(prediction: Mapping[str, NDArray[Any]]) -> bool:
    if any(name not in prediction for name in EMPTY):
        return False
    boxes, scores, labels = (prediction[name] for name in EMPTY)
    count = len(labels) if labels.ndim else 0
    shaped = (boxes.shape, scores.shape, labels.shape) == ((count, 4), (count,), (count,))
    return shaped and boxes.dtype.kind + scores.dtype.kind + labels.dtype.kind in {"ffi", "ffu"}


def _value_fault(prediction: Arrays, classes: int) -> str:
    for name in ("boxes", "scores"):
        bad = int(np.count_nonzero(~np.isfinite(prediction[name])))
        if bad:
            return f"expected finite {name}, found {bad} numbers of {prediction[name].size} that are not"
    labels = prediction["labels"]
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        return f"expected labels from 0 to {classes - 1}, found {labels.min()} to {labels.max()}"
    return ""
