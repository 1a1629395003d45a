"""Made-up outputs, predictions and annotations with the counts of a RefineDet run on VOC2007 test, from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.priors import priors
from zoo_detection import boxes
from zoo_detection.samples import DetectionSample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.metric import VocMetric
    from zoo_detection.mean_ap.scoring import VocScore
    from zoo_runner.plugin.interfaces import Arrays, Sample

    Floats = NDArray[np.float32]

IMAGES: Final = 4952
DETECTIONS: Final = 299
"""An image, on average: 1.48 million on VOC2007 test."""
OBJECTS: Final = 3
"""Annotated objects an image."""
ALIVE: Final = 0.25
"""Share of the priors that the ARM leaves to the ODM."""
CLUSTERS: Final = 18
"""Places an image where priors agree on a box."""
SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
SHARES: Final = np.array([2, 2, 5, 4, 9, 2, 9, 2, 12, 2, 2, 3, 2, 2, 29, 6, 2, 2, 2, 1], np.float64) / 100
"""Of the classes in a detector's output on VOC2007 test, in label order; every third detection is a person."""


def outputs(seed: int, config: RefineDetConfig | None = None) -> dict[str, Floats]:
    """The four outputs of one image: about 700 candidates, of which about 300 stay.

    Priors around a few places point at the same box with some noise, and rate it for several classes.
    """
    config = config or RefineDetConfig()
    rng = np.random.default_rng(seed)
    rows = config.num_priors
    anchors = priors(config.input_size)
    arm_loc = rng.normal(0, 0.4, (rows, 4)).astype(np.float32)
    odm_loc = rng.normal(0, 0.4, (rows, 4)).astype(np.float32)
    confidences = rng.uniform(0, 0.004, (rows, config.num_classes)).astype(np.float32)
    objectness = np.where(rng.uniform(size=rows) < ALIVE, rng.uniform(0.011, 0.3, rows), rng.uniform(0, 0.009, rows))
    refined = boxes.to_cxcywh(boxes.decode(arm_loc, anchors))
    for _ in range(CLUSTERS):
        centre, side = rng.uniform(0.15, 0.85, 2), rng.uniform(0.1, 0.5, 2)
        near = np.argsort(np.abs(anchors[:, :2] - centre).sum(axis=1) + np.abs(anchors[:, 2:] - side).sum(axis=1))
        members = near[: rng.integers(6, 26)]
        low, high = centre - side / 2, centre + side / 2
        target = np.concatenate((low, high)) + rng.normal(0, 0.22, (len(members), 4)) * np.tile(side, 2)
        middle, half = (target[:, 2:] + target[:, :2]) / 2, np.abs(target[:, 2:] - target[:, :2]) / 2 + 0.01
        odm_loc[members] = boxes.encode(np.concatenate((middle - half, middle + half), axis=1), refined[members])
        objectness[members] = rng.uniform(0.05, 1, len(members))
        for label in rng.choice(len(config.classes), 6, replace=False, p=_shares(len(config.classes))):
            rated = members[rng.uniform(size=len(members)) < rng.uniform(0.2, 0.7)]
            confidences[rated, label + 1] = rng.uniform(0.011, 0.2, len(rated)) ** rng.uniform(0.5, 1.2)
    confidences[:, 0] = np.maximum(1 - confidences[:, 1:].sum(axis=1), 0)
    return {
        "odm_loc": odm_loc,
        "odm_conf": confidences,
        "arm_loc": arm_loc,
        "arm_conf": np.stack((1 - objectness, objectness), axis=1).astype(np.float32),
    }


def _shares(classes: int) -> NDArray[np.float64]:
    return SHARES if classes == len(SHARES) else np.full(classes, 1 / classes)


def sample(index: int, boxes_xyxy: Floats, labels: NDArray[np.intp]) -> DetectionSample:
    """An image of 500 x 375 pixels with these objects, every tenth of them difficult."""
    return DetectionSample(
        index=index,
        id=f"{index:06}",
        path=Path(f"{index:06}.jpg"),
        width=500,
        height=375,
        boxes=boxes_xyxy,
        labels=labels,
        difficult=np.arange(len(labels)) % 10 == index % 10,
    )


def scored_set(images: int = IMAGES, seed: int = 0) -> tuple[list[DetectionSample], list[dict[str, NDArray[Any]]]]:
    """Samples and predictions: a third of the objects' detections lie on an object, the others anywhere."""
    rng = np.random.default_rng(seed)
    samples: list[DetectionSample] = []
    predictions: list[dict[str, NDArray[Any]]] = []
    for index in range(1, images + 1):
        count, found = 1 + rng.poisson(OBJECTS - 1), rng.poisson(DETECTIONS)
        low = rng.integers(1, (301, 226), (count, 2))
        ground_truth = np.concatenate((low, low + rng.integers(20, (199, 149), (count, 2))), axis=1).astype(np.float32)
        labels = rng.choice(len(SHARES), count, p=SHARES)
        corner = rng.uniform(0, (400, 300), (found, 2))
        drawn = np.concatenate((corner, corner + rng.uniform(10, (200, 150), (found, 2))), axis=1)
        given = np.sort(rng.choice(len(SHARES), found, p=SHARES)).astype(np.int16)
        scores = rng.uniform(0.01, 1, found) ** 3
        for label, truth in zip(labels, ground_truth, strict=True):
            near = np.flatnonzero(given == label)[:6]
            drawn[near] = truth - 1 + rng.normal(0, 8, (len(near), 4))
            scores[near] = scores[near] ** 0.3
        samples.append(sample(index, ground_truth, labels))
        predictions.append({"boxes": drawn.astype(np.float32), "scores": scores.astype(np.float32), "labels": given})
    return samples, predictions


def scored(metric: VocMetric, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> VocScore:
    """Score predictions, all taken in at once."""
    scoring = metric.scoring()
    scoring.update(samples, predictions)
    return scoring.compute()


def write_annotations(root: Path, samples: Sequence[DetectionSample], classes: Sequence[str]) -> Path:
    """Write a VOC folder with the annotations of samples, laid out as those of VOC2007, and return it."""
    for child in ("Annotations", "ImageSets/Main"):
        (root / child).mkdir(parents=True)
    for one in samples:
        objects = "".join(
            f"\t<object>\n\t\t<name>{classes[label]}</name>\n\t\t<pose>Left</pose>\n\t\t<truncated>1</truncated>\n"
            f"\t\t<difficult>{int(hard)}</difficult>\n\t\t<bndbox>\n"
            + "".join(f"\t\t\t<{side}>{int(value)}</{side}>\n" for side, value in zip(SIDES, box, strict=True))
            + "\t\t</bndbox>\n\t</object>\n"
            for label, hard, box in zip(one.labels, one.difficult, one.boxes, strict=True)
        )
        (root / "Annotations" / f"{one.id}.xml").write_text(
            f"<annotation>\n\t<folder>VOC2007</folder>\n\t<filename>{one.id}.jpg</filename>\n\t<source>\n"
            "\t\t<database>The VOC2007 Database</database>\n\t\t<annotation>PASCAL VOC2007</annotation>\n"
            "\t\t<image>flickr</image>\n\t\t<flickrid>341012865</flickrid>\n\t</source>\n\t<owner>\n"
            "\t\t<flickrid>somebody</flickrid>\n\t\t<name>Somebody</name>\n\t</owner>\n\t<size>\n"
            f"\t\t<width>{one.width}</width>\n\t\t<height>{one.height}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
            f"\t<segmented>0</segmented>\n{objects}</annotation>\n"
        )
    (root / "ImageSets" / "Main" / "test.txt").write_text("".join(f"{one.id}\n" for one in samples))
    return root


def write_images(folder: Path, count: int) -> list[DetectionSample]:
    """Write JPEG files of 500 x 375 pixels and about 65 kB: noise on several scales, as photographs have."""
    samples = []
    for index in range(1, count + 1):
        noise = np.random.default_rng(index).normal(0, 1, (375, 500, 3)).astype(np.float32)
        scales = ((1.2, 26), (4, 100), (16, 560), (50, 2000))
        mixed = sum(cv2.GaussianBlur(noise, (0, 0), blur) * weight for blur, weight in scales)
        picture = cv2.normalize(np.asarray(mixed), np.empty(noise.shape, np.uint8), 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
        path = folder / f"{index:06}.jpg"
        path.write_bytes(cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes())
        samples.append(replace(sample(index, np.zeros((0, 4), np.float32), np.zeros(0, np.intp)), path=path))
    return samples
