"""Two checkouts are compared by all that a run says, but for times and places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compare.run import WAYS, Outcome, compare, differences

REPORT: dict[str, Any] = {"verdict": "pass", "metrics": [{"value": 1.5}], "seconds": 3.0}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"seconds": 4.0, "started": "now"}, [], id="times"),
        pytest.param({"verdict": "fail"}, ["verdict: 'pass' became 'fail'"], id="verdict"),
        pytest.param({"metrics": [{"value": 1.25}]}, ["metrics[0].value: 1.5 became 1.25"], id="figure"),
        pytest.param({"metrics": []}, ["metrics: [{'value': 1.5}] became []"], id="fewer"),
        pytest.param({"new": 1}, ["new: None became 1"], id="more"),
    ],
)
def test_differences(changes: dict[str, Any], expected: list[str]) -> None:
    assert list(differences(REPORT, {**REPORT, **changes})) == expected


def test_the_file_of_predictions_has_another_name() -> None:
    old, new = ({"artifacts": [{"name": name}]} for name in ("detections", "predictions"))
    assert list(differences(old, new)) == []
    assert list(differences({"artifacts": [{"name": "onnx"}]}, new)) == [
        "artifacts[0].name: 'onnx' became 'predictions'"
    ]


@pytest.mark.parametrize(
    ("code", "predictions", "expected"),
    [
        pytest.param(0, b"a", [], id="equal"),
        pytest.param(1, b"a", ["exit code 0 became 1"], id="code"),
        pytest.param(0, b"bc", ["predictions: 1 bytes became 2 others"], id="predictions"),
    ],
)
def test_runs(code: int, predictions: bytes, expected: list[str]) -> None:
    old, new = Outcome(0, REPORT, b"a", Path()), Outcome(code, REPORT, predictions, Path())
    assert compare(WAYS[0], old, new) == expected


def test_no_predictions_prove_nothing() -> None:
    empty = Outcome(0, REPORT, b"", Path())
    assert compare(WAYS[0], empty, empty) == ["no predictions to compare"]
