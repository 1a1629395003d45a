"""Made-up objects and detections with values worked out by hand: what each rule of the mAP is noticed by.

Real detections hardly tell the rules apart: an IoU of exactly one half, or a pixel more of width, decides about none of
them. Each scene below gives another average precision as soon as one rule is broken. Scenes stand in an order in which
a broken rule changes its own scene first: later ones may rest on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from zoo_detection.samples import DetectionSample
from zoo_runner.plugin.evidence import Canary, CanaryValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo_runner.plugin.interfaces import Arrays

Box: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in the pixels that overlaps are computed in, as the protocol's shifts leave them."""
Object: TypeAlias = tuple[int, Box, bool]
"""Image, box, difficult."""
Found: TypeAlias = tuple[int, float, Box]
"""Image, score, box."""

SHIFTS: Final[Mapping[str, tuple[float, float]]] = {"reference": (-1.0, 1.0), "devkit": (-1.0, 0.0)}
"""What takes a detection's and an object's box from those pixels to what the metric is given, by protocol."""
UNDETECTED: Final[Mapping[str, float]] = {"reference": -1.0, "devkit": 0.0}
"""The AP of a class of which nothing was detected, by protocol."""
IMAGES: Final = 2
WIDTH: Final = 500
HEIGHT: Final = 375


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One class in two images.

    Attributes:
        protocol: Whose rule it is about.
        rule: What the protocol does, and something else would not.
        objects: What is annotated.
        found: What is detected, in the detector's order.
        eleven: The 11-point average precision, 0..1.
        area: The area under the envelope, 0..1; not defined by the reference.
    """

    protocol: str
    rule: str
    objects: tuple[Object, ...] = ()
    found: tuple[Found, ...] = ()
    eleven: float
    area: float


def canaries_of(classes: Sequence[str], scenes: Sequence[Scene]) -> Iterator[Canary]:
    """Put scenes into data sets of these classes: one scene a class, so that many are scored at once."""
    for protocol in UNDETECTED:
        own = [scene for scene in scenes if scene.protocol == protocol]
        for start in range(0, len(own), len(classes)):
            yield _canary(classes, own[start : start + len(classes)], protocol)


def _canary(classes: Sequence[str], scenes: Sequence[Scene], protocol: str) -> Canary:
    """Make a data set of at most as many scenes as classes; further classes are empty."""
    measures = {"voc07_map": [scene.eleven for scene in scenes]}
    if protocol == "devkit":
        measures["voc10_map"] = [scene.area for scene in scenes]
    empty = UNDETECTED[protocol] * (len(classes) - len(scenes))
    return Canary(
        samples=[_sample(image, scenes) for image in range(IMAGES)],
        predictions=[_prediction(image, scenes) for image in range(IMAGES)],
        expected=tuple(
            CanaryValue(rule=scene.rule, name=name, protocol=protocol, label=label, value=100.0 * precision)
            for name, precisions in measures.items()
            for scene, label, precision in zip(scenes, classes, precisions, strict=False)
        )
        + tuple(
            CanaryValue(
                rule="the value is the mean over all classes",
                name=name,
                protocol=protocol,
                value=100.0 * (sum(precisions) + empty) / len(classes),
            )
            for name, precisions in measures.items()
        ),
    )


def _sample(image: int, scenes: Sequence[Scene]) -> DetectionSample:
    objects = [
        (label, _moved(box, SHIFTS[scene.protocol][1]), difficult)
        for label, scene in enumerate(scenes)
        for place, box, difficult in scene.objects
        if place == image
    ]
    name = f"canary {image + 1}"
    return DetectionSample(
        index=image + 1,
        id=name,
        path=Path(name),
        width=WIDTH,
        height=HEIGHT,
        boxes=np.array([box for _, box, _ in objects], dtype=np.float32).reshape(-1, 4),
        labels=np.array([label for label, _, _ in objects], dtype=np.intp),
        difficult=np.array([difficult for _, _, difficult in objects], dtype=np.bool_),
    )


def _prediction(image: int, scenes: Sequence[Scene]) -> Arrays:
    rows = [
        (label, score, _moved(box, SHIFTS[scene.protocol][0]))
        for label, scene in enumerate(scenes)
        for place, score, box in scene.found
        if place == image
    ]
    return {
        "boxes": np.array([box for _, _, box in rows], dtype=np.float32).reshape(-1, 4),
        "scores": np.array([score for _, score, _ in rows], dtype=np.float32),
        "labels": np.array([label for label, _, _ in rows], dtype=np.int16),
    }


def _moved(box: Box, shift: float) -> list[float]:
    return [side + shift for side in box]
