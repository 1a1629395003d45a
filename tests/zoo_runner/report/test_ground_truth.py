"""Digests of annotations: equal for equal annotations, wherever they lie, and for no others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.plugin.interfaces import Sample
from zoo_runner.report.ground_truth import SIZE, UNKNOWN, sample_digest


class Colour(Enum):
    """What is seen."""

    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Part:
    """A piece of an annotation."""

    name: str
    size: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Annotated(Sample):
    """A sample with something to be found."""

    truth: Any = None


def digest(truth: Any, **given: Any) -> bytes:
    return sample_digest(Annotated(**{"index": 1, "id": "s", "path": Path("a"), "truth": truth, **given}))


BOX = np.array([[1, 2, 3, 4]], dtype=np.float32)
DIFFERENT = [
    None, False, True, 0, 1, 0.0, 1.0, "", "1", "ab", b"ab", Colour.RED, Colour.BLUE, (), ("",), ("", ""), ("a", "b"),
    (("a",), "b"), ("ab",), {}, {"a": 1}, {"a": 2}, {"b": 1}, {"a": 1, "b": 1}, {1}, {1, 2},
    Part("a"), Part("b"), Part("a", 2.0),
    BOX, BOX + 1, BOX.astype(np.float64), BOX[0], BOX[:, :2], BOX[:0],
    np.zeros((0, 4), np.int64), np.float32(1), np.array([True]),
]  # fmt: skip # a row of each kind


def test_different_annotations_have_different_digests() -> None:
    digests = [digest(each) for each in DIFFERENT]
    assert len(set(digests)) == len(DIFFERENT)
    assert all(len(each) == SIZE for each in digests)
    assert UNKNOWN not in digests


@pytest.mark.parametrize("truth", DIFFERENT, ids=repr)
def test_equal_annotations_have_equal_digests_wherever_they_lie(truth: Any) -> None:
    moved = {"index": 7, "path": Path("b/c"), "files": (Path("b/d"),)}
    copy = truth.copy() if isinstance(truth, np.ndarray) else truth
    assert digest(copy, **moved) == digest(truth)
    assert digest(truth, id="t") != digest(truth)


def test_the_order_of_a_set_and_the_layout_of_an_array_do_not_count() -> None:
    assert digest({"a", "b", "c"}) == digest({"c", "b", "a"})
    assert digest(np.asfortranarray(np.eye(3, 2))) == digest(np.eye(3, 2))


@pytest.mark.parametrize(
    "truth", [object(), [object()], np.array([None]), lambda: 1], ids=["object", "list", "array", "call"]
)
def test_what_cannot_be_written_down_is_not_known(truth: Any) -> None:
    assert digest(truth) == UNKNOWN


def test_paths_inside_do_not_count() -> None:
    sample = Annotated(index=1, id="s", path=Path("a"), truth=(Path("x"), 1))
    assert sample_digest(replace(sample, truth=(Path("y/z"), 1))) == sample_digest(sample)
