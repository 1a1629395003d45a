"""Which pairs are looked at, and which object a detection goes to, against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_detection.mean_ap.matching import (
    Detections,
    GroundTruth,
    Pairs,
    best_of,
    found,
    outcomes,
    overlaps_of,
    pairs_of,
)
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE, EvaluationProtocol

PROTOCOLS = [REFERENCE, DEVKIT, REFERENCE.for_result_files(), DEVKIT.for_result_files()]
SIDE = st.integers(-4, 40).map(lambda quarter: quarter * 0.25) | st.sampled_from([1e30, -1e30, 16777216.0, 16777213.5])
BOX = st.tuples(st.integers(0, 2), SIDE, SIDE, SIDE, SIDE)


def detections_of(rows: list[tuple[int, float, float, float, float]]) -> Detections:
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    scores = np.linspace(1, 0.5, len(rows), dtype=np.float32)
    return Detections(images=table[:, 0].astype(np.intp), scores=scores, boxes=table[:, 1:].astype(np.float32))


def ground_truth_of(rows: list[tuple[int, float, float, float, float]]) -> GroundTruth:
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return GroundTruth(
        images=table[:, 0].astype(np.intp),
        boxes=table[:, 1:].astype(np.float32),
        difficult=np.arange(len(rows)) % 3 == 2,
    )


@given(st.lists(BOX, max_size=12), st.lists(BOX, max_size=6), st.sampled_from(PROTOCOLS))
def test_no_pair_that_overlaps_is_left_out(
    found_rows: list[tuple[int, float, float, float, float]],
    true_rows: list[tuple[int, float, float, float, float]],
    protocol: EvaluationProtocol,
) -> None:
    detections, ground_truth = detections_of(found_rows), ground_truth_of(true_rows)
    grid = np.argwhere(detections.images[:, np.newaxis] == ground_truth.images).reshape(-1, 2)
    every = Pairs(detections=grid[:, 0], objects=grid[:, 1])
    chosen = pairs_of(detections, ground_truth)
    kept = set(zip(chosen.detections.tolist(), chosen.objects.tolist(), strict=True))
    assert len(kept) == len(chosen.detections)
    assert chosen.detections.tolist() == sorted(chosen.detections.tolist())
    for pair, overlap in zip(grid.tolist(), overlaps_of(every, detections, ground_truth, protocol), strict=True):
        assert overlap == 0 or tuple(pair) in kept


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 0.6, 0.9]), min_size=1, max_size=5), max_size=8))
def test_best_is_the_first_of_the_largest(overlaps: list[list[float]]) -> None:
    owners = np.repeat(np.arange(len(overlaps)) * 2, [len(each) for each in overlaps])
    flat = np.array([value for each in overlaps for value in each])
    best = best_of(Pairs(detections=owners, objects=owners), flat)
    starts = np.cumsum([0, *(len(each) for each in overlaps)])[:-1]
    assert best.tolist() == [start + each.index(max(each)) for start, each in zip(starts, overlaps, strict=True)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_boxes_of_any_precision(dtype: type[np.floating]) -> None:
    detections = Detections(
        images=np.array([3, 0]),
        scores=np.array([0.5, 0.75], dtype),
        boxes=np.array([(0, 0, 9, 9), (10, 10, 49, 49)], dtype),
    )
    ground_truth = GroundTruth(
        images=np.array([3, 0, 0]),
        boxes=np.array([(1, 1, 10, 10), (11, 11, 50, 50), (11, 11, 50, 40)], np.float32),
        difficult=np.array([True, False, False]),
    )
    hits = found(detections, ground_truth, DEVKIT)
    assert (hits.detections.tolist(), hits.objects.tolist()) == ([0, 1], [0, 1])
    judged = outcomes(detections, ground_truth, DEVKIT)
    assert judged.order.tolist() == [1, 0]
    assert (judged.true.tolist(), judged.ignored.tolist(), judged.positives) == ([0], [1], 2)
    assert judged.false_before.tolist() == [0]


def test_nothing_to_match() -> None:
    judged = outcomes(detections_of([]), ground_truth_of([]), DEVKIT)
    assert [len(each) for each in (judged.order, judged.true, judged.ignored, judged.false_before)] == [0] * 4
    assert judged.positives == 0
