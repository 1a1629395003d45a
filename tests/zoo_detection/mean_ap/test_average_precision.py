"""The numerics against hand-worked cases and a plain loop written from the definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voc_loop import Box, Detection, Truth, looped
from zoo_detection.mean_ap.average_precision import RECALLS, Curve, precision_recall
from zoo_detection.mean_ap.matching import Detections, GroundTruth
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE, EvaluationProtocol


def detections_of(rows: Sequence[Detection]) -> Detections:
    return Detections(
        images=np.array([image for image, _, _ in rows], dtype=np.intp),
        scores=np.array([score for _, score, _ in rows], dtype=np.float32),
        boxes=np.array([box for _, _, box in rows], dtype=np.float32).reshape(-1, 4),
    )


def ground_truth_of(rows: Sequence[Truth]) -> GroundTruth:
    return GroundTruth(
        images=np.array([image for image, _, _ in rows], dtype=np.intp),
        boxes=np.array([box for _, box, _ in rows], dtype=np.float32).reshape(-1, 4),
        difficult=np.array([difficult for _, _, difficult in rows], dtype=np.bool_),
    )


def curve_of(detections: Sequence[Detection], ground_truth: Sequence[Truth], protocol: EvaluationProtocol) -> Curve:
    return precision_recall(detections_of(detections), ground_truth_of(ground_truth), protocol)


# --- hand-worked cases -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    detections: tuple[Detection, ...]
    ground_truth: tuple[Truth, ...]
    reference: float
    devkit: float
    area: float


A: Box = (11, 11, 50, 50)
ON_A: Box = (10, 10, 49, 49)
B: Box = (101, 101, 140, 140)
ON_B: Box = (100, 100, 139, 139)
NOWHERE: Box = (300, 300, 340, 340)

CASES = {
    "nothing at all": Case((), (), -1.0, 0.0, 0.0),
    "no detection": Case((), ((0, A, False),), -1.0, 0.0, 0.0),
    "no object": Case(((0, 0.9, ON_A),), (), 0.0, 0.0, 0.0),
    "found": Case(((0, 0.9, ON_A),), ((0, A, False),), 1.0, 1.0, 1.0),
    "found in another image": Case(((1, 0.9, ON_A),), ((0, A, False),), 0.0, 0.0, 0.0),
    "object in a later image": Case(((0, 0.9, ON_A),), ((7, A, False),), 0.0, 0.0, 0.0),
    "images of objects in any order": Case(
        ((0, 0.9, ON_A), (1, 0.8, ON_B)), ((1, B, False), (0, A, False)), 1.0, 1.0, 1.0
    ),
    "only a difficult object, found": Case(((0, 0.9, ON_A),), ((0, A, True),), 0.0, 0.0, 0.0),
    "difficult objects count neither way": Case(
        ((0, 0.9, ON_B), (0, 0.8, ON_B), (0, 0.7, ON_A)), ((0, A, False), (0, B, True)), 1.0, 1.0, 1.0
    ),
    "a missed difficult object costs nothing": Case(((0, 0.9, ON_A),), ((0, A, False), (0, B, True)), 1.0, 1.0, 1.0),
    # precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1
    "a second find is false": Case(
        ((0, 0.9, ON_A), (0, 0.8, ON_A), (0, 0.7, ON_B)),
        ((0, A, False), (0, B, False)),
        (6 + 5 * 2 / 3) / 11,
        (6 + 5 * 2 / 3) / 11,
        1 / 2 + 1 / 2 * 2 / 3,
    ),
    "the better score leads, not the earlier line": Case(
        ((0, 0.3, NOWHERE), (0, 0.9, ON_A)), ((0, A, False),), 1.0, 1.0, 1.0
    ),
    # precision 0, 1/2 at recall 0, 1
    "a false one before": Case(((0, 0.9, NOWHERE), (0, 0.3, ON_A)), ((0, A, False),), 0.5, 0.5, 0.5),
    # The second lies best on the first object and well enough on the other: it is a second find all the same.
    "no second choice": Case(
        ((0, 0.9, (0, 0, 99, 99)), (0, 0.8, (0, 1, 99, 100))),
        ((0, (1, 1, 100, 100), False), (0, (1, 21, 100, 120), False)),
        6 / 11,
        6 / 11,
        0.5,
    ),
    "the first of equal objects, difficult": Case(((0, 0.9, ON_A),), ((0, A, True), (0, A, False)), 0.0, 0.0, 0.0),
    "the first of equal objects, not difficult": Case(((0, 0.9, ON_A),), ((0, A, False), (0, A, True)), 1.0, 1.0, 1.0),
    # 10 x 5 of 10 x 10 inclusive pixels; by the reference 9 x 4 shifted by two pixels, far below one half
    "half by the devkit is not enough": Case(((0, 0.9, (0, 0, 9, 4)),), ((0, (1, 1, 10, 10), False),), 0.0, 0.0, 0.0),
    # In the reference's frame the object is 0..10, the detection 0..10 by 0..5.04, written 5.0: exactly one half.
    "rounded down to half by the reference": Case(
        ((0, 0.9, (-1, -1, 9, 4.04)),), ((0, (1, 1, 11, 11), False),), 0.0, 0.0, 0.0
    ),
    "rounded up past half by the reference": Case(
        ((0, 0.9, (-1, -1, 9, 4.06)),), ((0, (1, 1, 11, 11), False),), 1.0, 0.0, 0.0
    ),
    "one pixel has no area by the reference": Case(
        ((0, 0.9, (4, 4, 4, 4)),), ((0, (5, 5, 5, 5), False),), 0.0, 1.0, 1.0
    ),
    "no area on no area where both fall": Case(((0, 0.9, (2, 2, 2, 2)),), ((0, (4, 4, 4, 4), False),), 0.0, 0.0, 0.0),
    "corners swapped": Case(((0, 0.9, (49, 49, 10, 10)),), ((0, A, False),), 0.0, 0.0, 0.0),
    "largest boxes": Case(((0, 0.9, (-3e38, -3e38, 3e38, 3e38)), (0, 0.8, ON_A)), ((0, A, False),), 0.5, 0.5, 0.5),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_hand_worked(case: Case) -> None:
    reference = curve_of(case.detections, case.ground_truth, REFERENCE)
    devkit = curve_of(case.detections, case.ground_truth, DEVKIT)
    found = (reference.eleven_points(), devkit.eleven_points(), devkit.area())
    assert found == pytest.approx((case.reference, case.devkit, case.area), abs=1e-12)


@pytest.mark.parametrize(("first", "expected"), [(ON_A, 1.0), (NOWHERE, 0.5)], ids=["true first", "false first"])
def test_equal_scores_keep_their_order_by_the_devkit(first: Box, expected: float) -> None:
    second = NOWHERE if first is ON_A else ON_A
    curve = curve_of([(0, 0.9, first), (0, 0.9, second)], [(0, A, False)], DEVKIT)
    assert curve.eleven_points() == pytest.approx(expected, abs=1e-12)


def test_arguments_are_left_alone() -> None:
    detections, ground_truth = detections_of([(0, 0.9, ON_A)]), ground_truth_of([(0, A, False)])
    for array in (*vars(detections).values(), *vars(ground_truth).values()):
        array.flags.writeable = False
    for protocol in (REFERENCE, DEVKIT):
        assert precision_recall(detections, ground_truth, protocol).eleven_points() == pytest.approx(1.0)


def test_result_files_are_scored_as_they_stand() -> None:
    read = Detections(images=np.array([0]), scores=np.array([0.12345]), boxes=np.array([[11.04, 11.0, 50.0, 50.0]]))
    protocol = REFERENCE.for_result_files()
    assert np.array_equal(protocol.detection_boxes(read.boxes), read.boxes)
    assert protocol == replace(REFERENCE, score_decimals=None, box_decimals=None, detection_offset=0.0)
    assert precision_recall(read, ground_truth_of([(0, A, False)]), protocol).eleven_points() == pytest.approx(1.0)


# --- the average of a curve ------------------------------------------------------------------------------------


def test_recalls_are_the_floats_of_the_reference() -> None:
    assert RECALLS.tolist()[3] == 0.30000000000000004
    assert len(RECALLS) == 11


@pytest.mark.parametrize(
    ("recall", "precision", "eleven", "area"),
    [
        ([], [], -7.0, -7.0),
        ([0.0], [0.0], 0.0, 0.0),
        ([1.0], [1.0], 1.0, 1.0),
        ([0.3], [1.0], 3 / 11, 0.3),  # 0.3 is below the fourth recall, 0.30000000000000004
        ([0.5], [0.5], 6 * 0.5 / 11, 0.25),
        ([0.25, 0.25, 0.5], [1.0, 0.5, 0.75], (3 + 3 * 0.75) / 11, 0.25 + 0.25 * 0.75),
        ([0.25, 0.5], [0.5, 1.0], 6 / 11, 0.5),
    ],
    ids=["no detection", "nothing found", "perfect", "recall 0.3", "half", "falling", "rising"],
)
def test_average(recall: list[float], precision: list[float], eleven: float, area: float) -> None:
    curve = Curve(recall=np.array(recall), precision=np.array(precision), undetected=-7.0)
    assert curve.eleven_points() == pytest.approx(eleven, abs=1e-12)
    assert curve.area() == pytest.approx(area, abs=1e-12)


# --- a plain loop, from the definition -------------------------------------------------------------------------


CORNER = st.integers(0, 12).map(lambda quarter: 5 + quarter * 0.75)
SIDE = st.integers(-2, 16).map(lambda quarter: quarter * 0.75)


@st.composite
def detected(draw: st.DrawFn) -> Detection:
    x, y = draw(CORNER), draw(CORNER)
    score = draw(st.sampled_from([0.5, 0.5004, 0.5003, 0.7, 0.0625]) | st.floats(0.0078125, 1.0, width=32))
    return draw(st.integers(0, 2)), score, (x, y, x + draw(SIDE), y + draw(SIDE))


@st.composite
def annotated(draw: st.DrawFn) -> Truth:
    x, y = draw(st.integers(5, 14)), draw(st.integers(5, 14))
    box = (x, y, x + draw(st.integers(0, 12)), y + draw(st.integers(0, 12)))
    return draw(st.integers(0, 2)), box, draw(st.booleans())


@given(st.lists(detected(), max_size=40), st.lists(annotated(), max_size=12), st.sampled_from([REFERENCE, DEVKIT]))
def test_vectorised_is_the_plain_loop(
    detections: list[Detection], ground_truth: list[Truth], protocol: EvaluationProtocol
) -> None:
    curve = curve_of(detections, ground_truth, protocol)
    assert (curve.eleven_points(), curve.area()) == pytest.approx(
        looped(detections, ground_truth, protocol.name), abs=1e-12
    )


@pytest.mark.parametrize("protocol", [REFERENCE, DEVKIT], ids=lambda protocol: protocol.name)
def test_many_ties_are_the_plain_loop(protocol: EvaluationProtocol) -> None:
    random = np.random.default_rng(7)
    ground_truth: list[Truth] = []
    detections: list[Detection] = []
    for image in range(40):
        for _ in range(int(random.integers(0, 4))):
            x, y, width, height = (int(number) for number in random.integers(10, 60, 4))
            ground_truth.append((image, (x, y, x + width, y + height), bool(random.random() < 0.2)))
            for _ in range(12):
                left, top, right, bottom = (np.array([x, y, x + width, y + height]) + random.normal(0, 6, 4)).tolist()
                detections.append((image, float(random.integers(1, 40)) / 40, (left, top, right, bottom)))
    assert len(detections) > 500
    curve = curve_of(detections, ground_truth, protocol)
    assert (curve.eleven_points(), curve.area()) == pytest.approx(
        looped(detections, ground_truth, protocol.name), abs=1e-12
    )
