"""The real annotations and detections, where they lie beside this checkout."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from places import VOC2007
from zoo_detection.mean_ap.matching import Detections
from zoo_detection.samples import DetectionSample
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_detection.voc.dataset import VocDataset
from zoo_detection.voc.result_files import read_results

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Voc2007:
    """VOC2007 test and what a real detector found.

    Attributes:
        samples: All 4952.
        detections: As its result files have them, by class.
        predictions: The same in memory, 0-based and float32, one for each sample.
        expected: What two independent evaluators say.
    """

    samples: Sequence[DetectionSample]
    detections: tuple[Detections, ...]
    predictions: Sequence[Mapping[str, NDArray[Any]]]
    expected: Mapping[str, Any]


@pytest.fixture(scope="session")
def voc2007(tmp_path_factory: pytest.TempPathFactory) -> Voc2007:
    if not VOC2007.is_dir():
        pytest.skip("VOC2007 annotations and detections are not beside this checkout")
    folder = tmp_path_factory.mktemp("voc2007")
    for name in ("annotations", "detections"):
        with tarfile.open(VOC2007 / f"{name}.tar.xz") as archive:
            archive.extractall(folder, filter="data")
    samples = VocDataset(VOC_CLASSES).samples(folder / "VOCdevkit")
    files = [folder / "detections" / f"comp4_det_test_{name}.txt" for name in VOC_CLASSES]
    detections = tuple(read_results(file, samples) for file in files)
    expected = json.loads((VOC2007 / "expected_ap.json").read_text())
    return Voc2007(samples, detections, _by_image(detections, len(samples)), expected)


def _by_image(detections: Sequence[Detections], samples: int) -> list[Mapping[str, NDArray[Any]]]:
    images = np.concatenate([found.images for found in detections])
    labels = np.repeat(np.arange(len(detections)), [len(found.images) for found in detections])
    boxes = np.concatenate([found.boxes for found in detections]) - 1
    scores = np.concatenate([found.scores for found in detections])
    order = np.argsort(images, kind="stable")
    return [
        {
            "boxes": boxes[members].astype(np.float32),
            "scores": scores[members].astype(np.float32),
            "labels": labels[members].astype(np.int16),
        }
        for members in np.split(order, np.searchsorted(images[order], np.arange(1, samples)))
    ]
