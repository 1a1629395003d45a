"""VOC mean average precision, by all the definitions that published numbers use, and VOC result files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from refinedet_plugin.average_precision import (
    DEVKIT,
    REFERENCE,
    Detections,
    Rules,
    Truths,
    precision_recall,
)
from refinedet_plugin.voc import VocSample, listed, plain_name
from zoo_runner.errors import PluginError, ResultError
from zoo_runner.interfaces import MetricValue, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.interfaces import Arrays

VOC07: Final = "voc07_map"
"""Mean over classes of the 11-point average precision (VOC2007)."""
VOC10: Final = "voc10_map"
"""Mean over classes of the area under the precision envelope (VOC2010 and later)."""
PREFIX: Final = "comp4_det_test_"
"""How the devkit names result files on VOC2007 test: ``comp4_det_test_aeroplane.txt``."""
NUMBERS: Final = 5
"""Of a detection in a result file: its score and box."""
EMPTY: Final[dict[str, NDArray[Any]]] = {
    "boxes": np.zeros((0, 4), dtype=np.float32),
    "scores": np.zeros(0, dtype=np.float32),
    "labels": np.zeros(0, dtype=np.intp),
}
"""The prediction for an image without detections."""


@dataclass(frozen=True)
class VocMetric:
    """Mean average precision over the classes.

    Attributes:
        classes: Names in label order.
    """

    classes: tuple[str, ...]

    @property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """Name and protocol of the values ``evaluate`` returns, in its order."""
        return ((VOC07, "reference"), (VOC07, "devkit"), (VOC10, "devkit"))

    def evaluate(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        """Score ``predictions[i]`` against ``samples[i]``.

        A prediction has ``boxes``, floating [K, 4] xyxy in 0-based pixels of the original image, unclipped;
        ``scores``, floating [K]; and ``labels``, integer [K], positions in ``classes``. The order of the
        detections decides between equal scores.

        Args:
            samples: The ``VocSample`` records to score on; objects in other images do not count.
            predictions: One for each sample.

        Returns:
            The 11-point mAP by the reference's rules, then by the devkit's, then the devkit's area under the
            envelope, in percent. By the reference's rules a class that was never detected counts -100.

        Raises:
            ResultError: A prediction is missing, malformed or not finite; the first ones are named.
            PluginError: The samples are not from a VOC data set.
        """
        detections = detections_by_class(samples, predictions, self.classes)
        return self.score(detections, truths_by_class(samples, self.classes))

    def score(
        self,
        detections: Sequence[Detections],
        truths: Sequence[Truths],
        rules: tuple[Rules, Rules] = (REFERENCE, DEVKIT),
    ) -> tuple[MetricValue, ...]:
        """Do what ``evaluate`` does for detections and objects by class, such as those of result files.

        For result files, ``rules`` are the reference's and the devkit's ``for_result_files()``.
        """
        reference, devkit = (
            [precision_recall(found, true, each) for found, true in zip(detections, truths, strict=True)]
            for each in rules
        )
        return (
            self._mean(VOC07, rules[0], [curve.eleven_points() for curve in reference]),
            self._mean(VOC07, rules[1], [curve.eleven_points() for curve in devkit]),
            self._mean(VOC10, rules[1], [curve.area() for curve in devkit]),
        )

    def _mean(self, name: str, rules: Rules, precisions: Sequence[float]) -> MetricValue:
        return MetricValue(
            name=name,
            protocol=rules.name,
            value=100.0 * float(np.mean(precisions)),
            unit="percent",
            per_class=dict(zip(self.classes, (100.0 * each for each in precisions), strict=True)),
        )


def truths_by_class(samples: Sequence[Sample], classes: Sequence[str]) -> tuple[Truths, ...]:
    """Sort the annotated objects by class.

    Args:
        samples: Of a VOC data set with these classes.
        classes: Names in label order.

    Returns:
        The objects of each class, in the samples' order; ``images`` are positions in ``samples``.

    Raises:
        PluginError: The samples are not from such a data set.
    """
    annotated = [sample for sample in samples if isinstance(sample, VocSample)]
    labels = np.concatenate([EMPTY["labels"], *(sample.labels for sample in annotated)])
    if len(annotated) < len(samples) or (labels >= len(classes)).any():
        raise PluginError(
            f"expected samples of a VOC data set with {len(classes)} classes; found others; "
            "give the data set and the metric the same class list"
        )
    boxes = np.concatenate([EMPTY["boxes"], *(sample.boxes for sample in annotated)])
    difficult = np.concatenate([np.zeros(0, dtype=np.bool_), *(sample.difficult for sample in annotated)])
    images = np.repeat(np.arange(len(annotated)), [len(sample.labels) for sample in annotated])
    return tuple(
        Truths(images=images[members], boxes=boxes[members], difficult=difficult[members])
        for members in _members(labels, len(classes))
    )


def detections_by_class(
    samples: Sequence[Sample], predictions: Sequence[Arrays], classes: Sequence[str]
) -> tuple[Detections, ...]:
    """Check the predictions and sort them by class.

    Args:
        samples: What the predictions are for.
        predictions: One for each sample, as ``VocMetric.evaluate`` takes them.
        classes: Names in label order.

    Returns:
        The detections of each class, in the samples' order and, within one, in the prediction's.

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
    return tuple(
        Detections(
            images=images.take(members),
            scores=joined["scores"].take(members),
            boxes=joined["boxes"].take(members, axis=0),
        )
        for members in _members(joined["labels"], len(classes))
    )


def write_results(
    folder: Path,
    samples: Sequence[Sample],
    predictions: Sequence[Arrays],
    classes: Sequence[str],
    *,
    prefix: str = PREFIX,
    decimals: tuple[int, int] = (3, 1),
) -> tuple[Path, ...]:
    """Write one text file a class, with a line ``id score x1 y1 x2 y2`` a detection, in 1-based pixels.

    Args:
        folder: Where to; made if need be.
        samples: What the predictions are for.
        predictions: As ``VocMetric.evaluate`` takes them.
        classes: Names in label order; each is added to ``prefix``, and ``.txt``, for the name of its file.
        prefix: What the files' names begin with.
        decimals: Of scores and coordinates, by default the reference's; the devkit also takes more.

    Returns:
        The files, in label order; the file of a class without detections is empty.

    Raises:
        ResultError: A prediction is malformed, or a class name cannot name a file.
    """
    bad = [name for name in classes if not plain_name(name)]
    if bad:
        raise ResultError(f"expected class names that can name a file; found {bad}; rename the classes")
    paths = tuple(folder / f"{prefix}{name}.txt" for name in classes)
    folder.mkdir(parents=True, exist_ok=True)
    line = f"{{}} {{:.{decimals[0]}f}}{f' {{:.{decimals[1]}f}}' * 4}\n"
    for path, found in zip(paths, detections_by_class(samples, predictions, classes), strict=True):
        rows = zip(
            [samples[image].id for image in found.images.tolist()],
            found.scores.tolist(),
            *(found.boxes.astype(np.float64) + DEVKIT.detection_offset).T.tolist(),
            strict=True,
        )
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line.format(*row) for row in rows)
    return paths


def read_results(path: Path, samples: Sequence[Sample]) -> Detections:
    """Read the result file of one class.

    Args:
        path: Lines ``id score x1 y1 x2 y2``; blank lines are skipped.
        samples: The data set; lines about other images are an error.

    Returns:
        The detections as they stand, in 1-based pixels: score them with ``Rules.for_result_files()``.

    Raises:
        ResultError: The file cannot be read, or a line is malformed; the first faults are named.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"expected the VOC result file {path}; found: {error}; write it again") from error
    positions = {sample.id: position for position, sample in enumerate(samples)}
    images: list[int] = []
    numbers: list[float] = []
    faults: list[str] = []
    for number, line in enumerate(lines, start=1):
        columns = line.split()
        values = _floats(columns[1:])
        if not columns:
            continue
        if columns[0] in positions and len(values) == NUMBERS and all(map(math.isfinite, values)):
            images.append(positions[columns[0]])
            numbers += values  # flat: a list a line would cost more than reading it
        else:
            faults.append(f"line {number}: {line.strip()!r}")
    if faults:
        raise ResultError(
            f"expected lines 'id score x1 y1 x2 y2' with the id of one of {len(samples)} images in {path}; "
            f"found others, {len(faults)} in all:\n{listed(faults)}\nwrite the file again, for this data set"
        )
    table = np.array(numbers, dtype=np.float64).reshape(-1, NUMBERS)
    return Detections(images=np.array(images, dtype=np.intp), scores=table[:, 0], boxes=table[:, 1:])


def _floats(texts: Sequence[str]) -> list[float]:
    """Read numbers; none of them if one is not a number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []


def _members(labels: NDArray[np.integer[Any]], classes: int) -> list[NDArray[np.intp]]:
    """Find, for each class, the positions in ``labels`` [K] that have it, ascending."""
    narrow = labels.astype(np.int16) if classes <= np.iinfo(np.int16).max else labels  # int16 sorts by radix
    order = np.argsort(narrow, kind="stable")
    return np.split(order, np.searchsorted(narrow[order], np.arange(1, classes)))


def _refuse(faults: Sequence[str], samples: Sequence[Sample]) -> None:
    """Raise if any sample's fault is not empty."""
    texts = [f"{sample.id}: {fault}" for sample, fault in zip(samples, faults, strict=True) if fault]
    if texts:
        raise ResultError(
            f"expected predictions that can be scored; found {len(texts)} of {len(samples)} that cannot:\n"
            f"{listed(texts)}\nlook at the network's outputs for these samples: they are not scored"
        )


def _shape_fault(prediction: Mapping[str, NDArray[Any]]) -> str:
    missing = [name for name in EMPTY if name not in prediction]
    if missing:
        return f"expected boxes, scores and labels, found no {' and no '.join(missing)}"
    boxes, scores, labels = (prediction[name] for name in EMPTY)
    count = len(labels) if labels.ndim else 0
    if (boxes.shape, scores.shape, labels.shape) != ((count, 4), (count,), (count,)):
        found = f"{boxes.shape}, {scores.shape} and {labels.shape}"
        return f"expected boxes [K, 4], scores [K] and labels [K], found {found}"
    if boxes.dtype.kind + scores.dtype.kind + labels.dtype.kind not in {"ffi", "ffu"}:
        found = f"{boxes.dtype}, {scores.dtype} and {labels.dtype}"
        return f"expected floating boxes and scores and integer labels, found {found}"
    return ""


def _value_fault(prediction: Arrays, classes: int) -> str:
    for name in ("boxes", "scores"):
        bad = int(np.count_nonzero(~np.isfinite(prediction[name])))
        if bad:
            return f"expected finite {name}, found {bad} numbers of {prediction[name].size} that are not"
    labels = prediction["labels"]
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        return f"expected labels from 0 to {classes - 1}, found {labels.min()} to {labels.max()}"
    return ""
