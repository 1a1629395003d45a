"""The order of detections, and what boxes go through, by the reference's rules and the devkit's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_detection.mean_ap.introsort import plain_argsort
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE, EvaluationProtocol


def test_scores_that_differ_below_a_thousandth_tie_by_the_reference() -> None:
    scores = np.linspace(0.5, 0.51, 4001, dtype=np.float32)
    written = np.array([float(f"{score:.3f}") for score in scores])
    assert len(np.unique(written)) == 11
    assert REFERENCE.ranking(scores).tolist() == plain_argsort((-written).tolist())
    assert np.array_equal(DEVKIT.ranking(scores), np.arange(4000, -1, -1))


@given(
    st.lists(st.floats(width=32, allow_nan=False) | st.sampled_from([0.0, -0.0, 0.5, 1e-45, -1e-45]), max_size=40),
    st.sampled_from([np.float32, np.float64]),
)
def test_the_devkits_order_is_that_of_a_stable_sort(scores: list[float], dtype: type[np.floating[Any]]) -> None:
    given_scores = np.array(scores, dtype)
    given_scores.flags.writeable = False
    order = DEVKIT.ranking(given_scores)
    assert order.dtype == np.intp
    assert order.tolist() == sorted(range(len(scores)), key=lambda place: -given_scores[place])


def test_result_files_are_read_as_they_stand() -> None:
    protocol = REFERENCE.for_result_files()
    boxes, scores = np.array([[11.04, 11.0, 50.0, 50.0]]), np.array([0.12345, 0.12349])
    assert np.array_equal(protocol.detection_boxes(boxes), boxes)
    assert protocol.ranking(scores).tolist() == [1, 0]
    assert protocol == replace(REFERENCE, score_decimals=None, box_decimals=None, detection_offset=0.0)


@pytest.mark.parametrize(
    ("protocol", "detection", "truth"),
    [(REFERENCE, [1.1, 2.3, 3.0, 4.0], [0, 1, 2, 3]), (DEVKIT, [1.0625, 2.25, 3.0, 4.0], [1, 2, 3, 4])],
    ids=["reference", "devkit"],
)
def test_boxes(protocol: EvaluationProtocol, detection: list[float], truth: list[float]) -> None:
    found = protocol.detection_boxes(np.array([[0.0625, 1.28125 if protocol is REFERENCE else 1.25, 2, 3]], np.float32))
    assert found.tolist() == [detection]
    assert protocol.ground_truth_boxes(np.array([[1, 2, 3, 4]], np.float32)).tolist() == [truth]
    assert protocol.detection_boxes(np.zeros((0, 4), np.float32)).shape == (0, 4)
