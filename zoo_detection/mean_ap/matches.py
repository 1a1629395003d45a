"""What scoring needs of some images: found image by image, and joined in the end.

Which object a detection finds depends on its own image only. What depends on all images is the order of the scores,
and which detection of an object comes first. So all that is kept of a detection is its image, its score, and the
object that it finds, if any: less than half of the memory that a detection takes with its box and label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_detection.mean_ap.by_class import members_of
from zoo_detection.mean_ap.matching import Detections, GroundTruth, Pairs, found, judged, pairs_of
from zoo_detection.mean_ap.tie_spread import false_spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.by_class import LabelledDetections, LabelledGroundTruth
    from zoo_detection.mean_ap.matching import Outcomes
    from zoo_detection.mean_ap.protocols import EvaluationProtocol

    Floats = NDArray[np.floating[Any]]
    Indices = NDArray[np.intp]
    Narrow = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedClass:
    """The detections of one class in all images, judged by one protocol.

    Attributes:
        outcomes: What became of them.
        images: Int32 [D], position of each detection's image in the data set, from 0.
        counted: Int32 [G], position of the image of each object that counts.
    """

    outcomes: Outcomes
    images: Narrow
    counted: Narrow


@dataclass(frozen=True, kw_only=True, eq=False)
class Matches:
    """Which detections of one class find which objects, in some images.

    Attributes:
        images: Int32 [D], position of each detection's image, from 0; detections are in data-set order.
        scores: Floating [D], of the detections.
        hits: By each of some protocols, the detections that find an object, and which.
        objects: Int32 [G], position of each object's image, from 0.
        difficult: Bool [G], of the objects.
    """

    images: Narrow
    scores: Floats
    hits: tuple[Pairs, ...]
    objects: Narrow
    difficult: NDArray[np.bool_]

    def judged(self, protocols: Sequence[EvaluationProtocol]) -> tuple[JudgedClass, ...]:
        """Judge the detections as if these were all the images there are.

        Args:
            protocols: Those that ``hits`` are by.
        """
        counted = self.objects[~self.difficult]
        return tuple(
            JudgedClass(outcomes=self._outcomes(protocol, hits), images=self.images, counted=counted)
            for protocol, hits in zip(protocols, self.hits, strict=True)
        )

    def _outcomes(self, protocol: EvaluationProtocol, hits: Pairs) -> Outcomes:
        written = protocol.written(self.scores)
        outcomes = judged(protocol.ordered(written), hits, self.difficult)
        spread = false_spread(outcomes, written, hits)
        return replace(outcomes, order=outcomes.order.astype(np.int32), false_spread=spread)


def matches_of(detections: Detections, ground_truth: GroundTruth, protocols: Sequence[EvaluationProtocol]) -> Matches:
    """Match the detections of one class with its objects."""
    pairs = pairs_of(detections, ground_truth)
    return Matches(
        images=detections.images.astype(np.int32),
        scores=detections.scores,
        hits=tuple(found(detections, ground_truth, each, pairs) for each in protocols),
        objects=ground_truth.images.astype(np.int32),
        difficult=ground_truth.difficult,
    )


def matches_by_class(
    detections: LabelledDetections,
    ground_truth: LabelledGroundTruth,
    classes: int,
    protocols: Sequence[EvaluationProtocol],
) -> tuple[Matches, ...]:
    """Match the detections of all classes with their objects: one record a class, in label order."""
    # Classes are kept apart as images are: with a number for each of both, one pass finds the objects of all.
    whole = matches_of(
        Detections(
            images=detections.images * classes + detections.labels.astype(np.intp),
            scores=detections.scores,
            boxes=detections.boxes,
        ),
        GroundTruth(
            images=ground_truth.images * classes + ground_truth.labels,
            boxes=ground_truth.boxes,
            difficult=ground_truth.difficult,
        ),
        protocols,
    )
    detected, annotated = members_of(detections.labels, classes), members_of(ground_truth.labels, classes)
    images, objects = detections.images.astype(np.int32), ground_truth.images.astype(np.int32)
    hits = [members_of(detections.labels.take(each.detections), classes) for each in whole.hits]
    return tuple(
        Matches(
            images=images.take(detected[label]),
            scores=whole.scores.take(detected[label]),
            hits=tuple(
                Pairs(
                    detections=np.searchsorted(detected[label], each.detections.take(members[label])),
                    objects=np.searchsorted(annotated[label], each.objects.take(members[label])),
                )
                for each, members in zip(whole.hits, hits, strict=True)
            ),
            objects=objects.take(annotated[label]),
            difficult=whole.difficult.take(annotated[label]),
        )
        for label in range(classes)
    )


def joined(parts: Sequence[Matches], images: Sequence[int], protocols: int) -> Matches:
    """Join the matches of one class.

    Args:
        parts: In consecutive parts of the images.
        images: How many images each part has.
        protocols: By how many the detections were matched.
    """
    shown = _starts(images)
    detected = _starts([len(each.scores) for each in parts])
    annotated = _starts([len(each.difficult) for each in parts])
    return Matches(
        images=_shifted([each.images for each in parts], shown).astype(np.int32),
        scores=np.concatenate([np.zeros(0, dtype=np.float32), *(each.scores for each in parts)]),
        hits=tuple(
            Pairs(
                detections=_shifted([each.hits[place].detections for each in parts], detected),
                objects=_shifted([each.hits[place].objects for each in parts], annotated),
            )
            for place in range(protocols)
        ),
        objects=_shifted([each.objects for each in parts], shown).astype(np.int32),
        difficult=np.concatenate([np.zeros(0, dtype=np.bool_), *(each.difficult for each in parts)]),
    )


def _starts(lengths: Sequence[int]) -> Indices:
    """Where each of some arrays begins when they are put one after the other."""
    starts: Indices = np.cumsum([0, *lengths], dtype=np.intp)[:-1]
    return starts


def _shifted(positions: Sequence[NDArray[np.signedinteger[Any]]], starts: Indices) -> Indices:
    """Put positions one after the other, counting each from its start on."""
    joint = np.concatenate([np.zeros(0, dtype=np.intp), *positions])
    shifted: Indices = joint + np.repeat(starts, [len(each) for each in positions])
    return shifted
