"""Made-up objects and detections with values worked out by hand: what each rule of COCO's mAP is noticed by.

Each scene gives another average precision as soon as one rule is broken. Scenes stand in an order in which a broken
rule changes its own scene first: later ones may rest on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from zoo_detection.coco.samples import CocoSample
from zoo_detection.coco.values import AP, PROTOCOL
from zoo_runner.plugin.evidence import Canary, CanaryValue

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays

Box: TypeAlias = tuple[float, float, float, float]
"""x, y, width, height."""

SIDE: Final = 400
A: Final[Box] = (0, 0, 40, 40)
B: Final[Box] = (0, 100, 40, 40)
FAR: Final[Box] = (200, 0, 40, 40)
"""Boxes that share nothing, of a medium area."""
TINY: Final[Box] = (200, 200, 10, 10)
BIG: Final[Box] = (100, 100, 200, 200)


@dataclass(frozen=True, kw_only=True)
class Object:
    """One annotated object; its area is that of the box, unless it says otherwise."""

    box: Box
    crowd: bool = False
    area: float | None = None
    image: int = 0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One class in two images.

    Attributes:
        rule: What the metric does, and a broken one does not.
        objects: What is annotated.
        found: Image, score and box of what is detected, in the detector's order.
        measure: Which value shows it.
        value: It, 0..1; ``None`` where the class has none.
    """

    rule: str
    objects: tuple[Object, ...]
    found: tuple[tuple[int, float, Box], ...]
    value: float
    measure: str = AP


def _of_half(height: float) -> Box:
    return (0, 0, 40, height)


SCENES: Final = (
    # One object 40 x 40; a detection of it of another height overlaps it by height / 40.
    Scene(
        rule="an IoU of exactly one half matches, at the first of ten overlaps",
        objects=(Object(box=A),),
        found=((0, 0.5, _of_half(20)),),
        value=1 / 10,
    ),
    Scene(
        rule="an IoU just below one half does not match",
        objects=(Object(box=A),),
        found=((0, 0.5, _of_half(19.9375)),),
        value=0.0,
    ),
    # 0.75 as a whole is reached by 30 of 40: 0.5, 0.55, ... 0.75 are six of ten.
    Scene(
        rule="coco_map is the mean over ten overlaps",
        objects=(Object(box=A),),
        found=((0, 0.5, _of_half(30)),),
        value=6 / 10,
    ),
    Scene(
        rule="coco_map50 is the value at an overlap of 0.50",
        objects=(Object(box=A),),
        found=((0, 0.5, _of_half(21)),),
        value=1.0,
        measure="coco_map50",
    ),
    Scene(
        rule="coco_map75 is the value at an overlap of 0.75",
        objects=(Object(box=A),),
        found=((0, 0.5, _of_half(29)),),
        value=0.0,
        measure="coco_map75",
    ),
    # Right, wrong, right: precision 1 up to a recall of 1/2, which 51 of 101 recalls are at, and 2/3 at the other 50.
    Scene(
        rule="the precision is averaged at 101 recalls",
        objects=(Object(box=A), Object(box=B)),
        found=((0, 0.9, A), (0, 0.8, FAR), (0, 0.7, B)),
        value=(51 + 50 * 2 / 3) / 101,
    ),
    Scene(
        rule="the precision at a recall is the best at that recall or beyond",
        objects=(Object(box=A), Object(box=B)),
        found=((0, 0.9, FAR), (0, 0.8, A), (0, 0.7, B)),
        value=2 / 3,
    ),
    Scene(
        rule="a second detection of an object is wrong",
        objects=(Object(box=A), Object(box=B)),
        found=((0, 0.9, A), (0, 0.8, A), (0, 0.7, B)),
        value=(51 + 50 * 2 / 3) / 101,
    ),
    Scene(
        rule="a crowd can be found many times, and counts neither way",
        objects=(Object(box=BIG, crowd=True), Object(box=A)),
        found=((0, 0.9, (100, 100, 20, 20)), (0, 0.8, (140, 100, 20, 20)), (0, 0.7, A)),
        value=1.0,
    ),
    # Both overlap the first object most; the second detection is left with the second object, which it overlaps by 0.6.
    Scene(
        rule="a detection is given the best object that is still free",
        objects=(Object(box=A), Object(box=(0, 10, 40, 40))),
        found=((0, 0.9, A), (0, 0.8, A)),
        value=(3 * 1 + 7 * 51 / 101) / 10,
    ),
    # In the first image the wrong one stands before the right one.
    Scene(
        rule="equal scores stay in the detector's order",
        objects=(Object(box=A),),
        found=((0, 0.5, FAR), (0, 0.5, A)),
        value=1 / 2,
    ),
    Scene(
        rule="a detection finds objects of its own image only",
        objects=(Object(box=A, image=1), Object(box=B)),
        found=((0, 0.9, A), (0, 0.8, B)),
        value=51 / 101 / 2,
    ),
    Scene(
        rule="at most 100 detections of an image count",
        objects=(Object(box=A), Object(box=A, image=1)),
        found=(*((0, 0.9, FAR) for _ in range(100)), (0, 0.8, A), (1, 0.7, A)),
        value=51 / 101 / 101,
    ),
    Scene(
        rule="an object belongs to a range by its annotated area, both ends inside",
        objects=(Object(box=A, area=1024.0),),
        found=((0, 0.9, A),),
        value=1.0,
        measure="coco_map_small",
    ),
    Scene(
        rule="a medium object has an area from 32 x 32 on",
        objects=(Object(box=A, area=1024.0), Object(box=TINY)),
        found=((0, 0.9, A), (0, 0.8, TINY)),
        value=1.0,
        measure="coco_map_medium",
    ),
    # The first detection finds nothing; its area is outside the range.
    Scene(
        rule="a detection outside the range that finds nothing counts neither way",
        objects=(Object(box=BIG), Object(box=TINY)),
        found=((0, 0.9, FAR), (0, 0.8, BIG)),
        value=1.0,
        measure="coco_map_large",
    ),
    Scene(
        rule="a detection inside the range that finds nothing is wrong",
        objects=(Object(box=BIG),),
        found=((0, 0.9, (0, 0, 100, 100)), (0, 0.8, BIG)),
        value=1 / 2,
        measure="coco_map_large",
    ),
)


def canaries_of(classes: Sequence[str], scenes: Sequence[Scene]) -> Iterator[Canary]:
    """Put scenes into data sets of these classes: one scene a class, so that many are scored at once."""
    for start in range(0, len(scenes), len(classes)):
        own = scenes[start : start + len(classes)]
        yield Canary(
            samples=[_sample(image, own) for image in range(2)],
            predictions=[_prediction(image, own) for image in range(2)],
            expected=(
                *(
                    CanaryValue(
                        rule=each.rule, name=each.measure, protocol=PROTOCOL, label=label, value=100.0 * each.value
                    )
                    for each, label in zip(own, classes, strict=False)
                ),
                *_mean(own),
            ),
        )


def _mean(scenes: Sequence[Scene]) -> Iterator[CanaryValue]:
    """The value of all, where every scene's own is of the same measure: classes without objects are left out."""
    if all(each.measure == AP for each in scenes):
        mean = sum(each.value for each in scenes) / len(scenes)
        rule = "the value is the mean over the classes that have objects"
        yield CanaryValue(rule=rule, name=AP, protocol=PROTOCOL, value=100.0 * mean)


def _sample(image: int, scenes: Sequence[Scene]) -> CocoSample:
    own = [(label, each) for label, scene in enumerate(scenes) for each in scene.objects if each.image == image]
    bounds = np.array([each.box for _, each in own], dtype=np.float64).reshape(-1, 4)
    areas = [each.box[2] * each.box[3] if each.area is None else each.area for _, each in own]
    crowd = np.array([each.crowd for _, each in own], dtype=np.bool_)
    name = f"canary {image + 1}"
    return CocoSample(
        index=image + 1,
        id=name,
        path=Path(name),
        width=SIDE,
        height=SIDE,
        boxes=np.concatenate((bounds[:, :2] + 1, bounds[:, :2] + bounds[:, 2:]), axis=1).astype(np.float32),
        labels=np.array([label for label, _ in own], dtype=np.intp),
        difficult=crowd,
        bounds=bounds,
        areas=np.array(areas, dtype=np.float64),
        crowd=crowd,
    )


def _prediction(image: int, scenes: Sequence[Scene]) -> Arrays:
    rows = [
        (label, score, box) for label, scene in enumerate(scenes) for place, score, box in scene.found if place == image
    ]
    return {
        "boxes": np.array([(x, y, x + w, y + h) for _, _, (x, y, w, h) in rows], dtype=np.float32).reshape(-1, 4),
        "scores": np.array([score for _, score, _ in rows], dtype=np.float32),
        "labels": np.array([label for label, _, _ in rows], dtype=np.int16),
    }
