"""What the fast code is compared with: the same results, written the way the published recipe's scripts work."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from refinedet_plugin.priors import priors
from zoo_detection.mean_ap.introsort import plain_argsort

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from refinedet_plugin.config import RefineDetConfig
    from zoo_detection.samples import DetectionSample

    Floats = NDArray[np.float32]

ENOUGH = 0.5
"""Least overlap of a detection with an object."""


def postprocess(
    outputs: Mapping[str, Floats], sample: DetectionSample, config: RefineDetConfig
) -> dict[str, NDArray[Any]]:
    """Decode every prior, then suppress class by class and one kept box at a time."""
    confidences = outputs["odm_conf"].copy()
    confidences[outputs["arm_conf"][:, 1] <= np.float32(config.objectness_threshold)] = 0
    anchors = _corners(outputs["arm_loc"], priors(config.input_size))
    middle = (anchors[:, 2:] + anchors[:, :2]) / np.float32(2)
    decoded = _corners(outputs["odm_loc"], np.hstack((middle, anchors[:, 2:] - anchors[:, :2])))
    scale = np.array((sample.width, sample.height, sample.width, sample.height), np.float32)
    boxes, scores, labels = [], [], []
    for label in range(len(config.classes)):
        column = confidences[:, label + 1]
        passing = np.flatnonzero(column > np.float32(config.confidence_threshold))
        ascending = passing[np.argsort(column[passing], kind="stable")]
        kept = suppress(decoded, ascending[-config.nms_top_k :], np.float32(config.nms_threshold))
        boxes.append(decoded[kept] * scale)
        scores.append(column[kept])
        labels.append(np.full(len(kept), label, np.int16))
    return {"boxes": np.concatenate(boxes), "scores": np.concatenate(scores), "labels": np.concatenate(labels)}


def _corners(loc: Floats, boxes: Floats) -> Floats:
    sides = boxes[:, 2:] * np.exp(loc[:, 2:] * np.float32(0.2))
    low = boxes[:, :2] + loc[:, :2] * np.float32(0.1) * boxes[:, 2:] - sides / np.float32(2)
    return np.concatenate((low, low + sides), axis=1)


def suppress(boxes: Floats, waiting: NDArray[np.intp], threshold: np.float32) -> NDArray[np.intp]:
    """Greedy suppression of one class; ``waiting`` are rows of ``boxes`` from the worst up."""
    kept = []
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while len(waiting):
        best, waiting = waiting[-1], waiting[:-1]
        kept.append(best)
        high = np.minimum(boxes[waiting, 2:], boxes[best, 2:])
        sides = np.maximum(high - np.maximum(boxes[waiting, :2], boxes[best, :2]), np.float32(0))
        shared = sides[:, 0] * sides[:, 1]
        waiting = waiting[shared / ((areas[waiting] - shared) + areas[best]) <= threshold]
    return np.array(kept, np.intp)


def preprocess(path: Path, size: int, mean: Sequence[float]) -> Floats:
    """Read, resize, subtract and transpose, each step on the whole image."""
    image = cv2.imread(str(path))
    if image is None:
        raise FileNotFoundError(path)
    resized = cv2.resize(image, (size, size)).astype(np.float32)
    resized -= np.array(mean, dtype=np.float32)
    return np.ascontiguousarray(resized[:, :, (2, 1, 0)].transpose(2, 0, 1))


def annotation(path: Path) -> list[tuple[str, bool, list[int]]]:
    """Class, difficulty and box of the objects, with the standard library's parser, which trusts its input."""
    return [
        (
            element.findtext("name", "").strip(),
            bool(int(element.findtext("difficult", "0"))),
            [int(element.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")],
        )
        for element in ET.parse(path).getroot().iter("object")  # noqa: S314 - of files the benchmark wrote
    ]


def average_precision(
    samples: Sequence[DetectionSample], predictions: Sequence[Mapping[str, Any]], label: int
) -> float:
    """11-point average precision of a class by the reference's rules, detection by detection."""
    rows = []
    for image, found in enumerate(predictions):
        for place in np.flatnonzero(found["labels"] == label).tolist():
            box = [float(f"{float(side) + 1:.1f}") for side in found["boxes"][place]]
            rows.append((image, float(f"{found['scores'][place]:.3f}"), box))
    if not rows:
        return -1.0
    ground_truth = [sample.boxes[sample.labels == label].astype(np.float64) - 1 for sample in samples]
    hard = [sample.difficult[sample.labels == label] for sample in samples]
    taken = [[False] * len(each) for each in ground_truth]
    true, false = np.zeros(len(rows)), np.zeros(len(rows))
    for rank, line in enumerate(plain_argsort([-score for _, score, _ in rows])):
        image, _, box = rows[line]
        overlaps = _overlaps(ground_truth[image], np.array(box))
        best = int(np.argmax(overlaps)) if len(overlaps) else -1
        if best < 0 or not overlaps[best] > ENOUGH or (taken[image][best] and not hard[image][best]):
            false[rank] = 1
        elif not hard[image][best]:
            taken[image][best] = True
            true[rank] = 1
    found_so_far, wrong_so_far = np.cumsum(true), np.cumsum(false)
    recall = found_so_far / max(sum(int((~each).sum()) for each in hard), 1)
    precision = found_so_far / np.maximum(found_so_far + wrong_so_far, np.finfo(np.float64).eps)
    levels = np.arange(0.0, 1.1, 0.1)
    return float(sum(max(precision[recall >= level], default=0.0) / len(levels) for level in levels))


def _overlaps(ground_truth: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    sides = np.maximum(np.minimum(ground_truth[:, 2:], box[2:]) - np.maximum(ground_truth[:, :2], box[:2]), 0.0)
    shared = sides[:, 0] * sides[:, 1]
    own = (box[2] - box[0]) * (box[3] - box[1])
    overlaps: NDArray[np.float64] = shared / (np.prod(ground_truth[:, 2:] - ground_truth[:, :2], axis=1) + own - shared)
    return overlaps
