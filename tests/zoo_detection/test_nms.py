from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_detection import nms, nms_compiled

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Reference: TypeAlias = "Callable[[NDArray[np.float32], NDArray[np.float32], np.float32, int], list[int]]"

INF, NAN = float("inf"), float("nan")
SQUARE = (0.0, 0.0, 1.0, 1.0)


def plain_overlap(kept: NDArray[np.float32], other: NDArray[np.float32]) -> np.float32:
    """One overlap in scalar float32 arithmetic, in the order of the reference's steps."""
    kept_area = (kept[2] - kept[0]) * (kept[3] - kept[1])
    other_area = (other[2] - other[0]) * (other[3] - other[1])
    width = np.maximum(np.minimum(other[2], kept[2]) - np.maximum(other[0], kept[0]), np.float32(0))
    height = np.maximum(np.minimum(other[3], kept[3]) - np.maximum(other[1], kept[1]), np.float32(0))
    shared = width * height
    overlap: np.float32 = shared / ((other_area - shared) + kept_area)
    return overlap


def plain_nms(boxes: NDArray[np.float32], scores: NDArray[np.float32], threshold: np.float32, top_k: int) -> list[int]:
    """Greedy NMS of one class, a box and an overlap at a time."""
    ascending = sorted(range(len(scores)), key=lambda row: scores[row])  # a stable sort
    waiting, kept = ascending[-top_k:], []
    with np.errstate(all="ignore"):
        while waiting:
            best = waiting.pop()
            kept.append(best)
            waiting = [one for one in waiting if plain_overlap(boxes[best], boxes[one]) <= threshold]
    return kept


def torch_nms(boxes: NDArray[np.float32], scores: NDArray[np.float32], threshold: np.float32, top_k: int) -> list[int]:
    """The same in PyTorch, with the operators that the reference calls."""
    torch = pytest.importorskip("torch")
    left, top, right, bottom = torch.from_numpy(boxes.copy()).unbind(1)
    areas = torch.mul(right - left, bottom - top)
    waiting = torch.sort(torch.from_numpy(scores.copy()), dim=0, stable=True).indices[-top_k:]
    kept = []
    while len(waiting):
        best, waiting = waiting[-1], waiting[:-1]
        kept.append(int(best))
        width = right[waiting].clamp(max=right[best]) - left[waiting].clamp(min=left[best])
        height = bottom[waiting].clamp(max=bottom[best]) - top[waiting].clamp(min=top[best])
        shared = width.clamp(min=0.0) * height.clamp(min=0.0)
        union = (areas[waiting] - shared) + areas[best]
        waiting = waiting[(shared / union).le(float(threshold))]
    return kept


def by_class(
    reference: Reference,
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    labels: NDArray[np.int16],
    threshold: float,
    top_k: int,
) -> list[int]:
    """Runs a single-class NMS on each class and joins what it kept."""
    kept = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen = reference(boxes[members], scores[members], np.float32(threshold), top_k)
        kept += members[chosen].tolist()
    return kept


def ours(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    labels: NDArray[np.int16],
    threshold: float,
    top_k: int,
) -> list[int]:
    for array in (boxes, scores, labels):
        array.flags.writeable = False
    order = nms.rank(scores, labels, top_k=top_k)
    kept: list[int] = order[suppress_both_ways(boxes[order], labels[order], threshold)].tolist()
    return kept


def suppress_both_ways(boxes: NDArray[np.float32], labels: NDArray[np.int16], threshold: float) -> NDArray[np.intp]:
    """Which boxes numpy keeps; those that the loop keeps, compiled where it can be, have to be the same."""
    kept = nms.suppress(boxes, labels, iou_threshold=threshold)
    kernels = [nms_compiled.SCAN.wait() or nms_compiled.scan]
    if len(boxes) < 30:  # the loop is slow before it is compiled
        kernels.append(nms_compiled.scan)
    for kernel in kernels:
        with np.errstate(all="ignore"):
            again = nms_compiled.run(kernel, boxes, labels, iou_threshold=threshold)
        assert again.dtype == kept.dtype
        assert again.tolist() == kept.tolist()
    return kept


def kept_of(rows: ArrayLike, threshold: float = 0.45) -> list[int]:
    """Which of some boxes of one class, listed from the best down, stay."""
    boxes = np.asarray(rows, dtype=np.float32).reshape(-1, 4)
    kept: list[int] = suppress_both_ways(boxes, np.zeros(len(boxes), np.int16), threshold).tolist()
    scores = np.linspace(1, 0.5, len(boxes), dtype=np.float32)
    assert kept == plain_nms(boxes, scores, np.float32(threshold), 1000)
    return kept


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([SQUARE], [0], id="one"),
        pytest.param([SQUARE, SQUARE], [0], id="the same box twice"),
        pytest.param([SQUARE, (1, 0, 2, 1)], [0, 1], id="touching boxes do not overlap"),
        # 14.5 x 1 boxes that share 9 of 20: 9 / 20 is the float32 nearest to 0.45.
        pytest.param([(0, 0, 14.5, 1), (5.5, 0, 20, 1)], [0, 1], id="IoU equal to the threshold stays"),
        pytest.param([(0, 0, 14.5, 1), (5.4999, 0, 19.9999, 1)], [0], id="IoU just above it goes"),
        pytest.param([(0, 0, 4, 1), (2, 0, 6, 1), (1, 0, 5, 1)], [0, 1], id="both neighbours remove the third"),
        pytest.param([(0, 0, 4, 1), (1, 0, 5, 1), (2, 0, 6, 1)], [0, 2], id="a removed box removes nothing"),
        pytest.param([(3, 3, 3, 3), (3, 3, 3, 3)], [0], id="two points: 0/0 is not at most the threshold"),
        pytest.param([(3, 3, 3, 3), (4, 4, 4, 4)], [0], id="even two points apart"),
        pytest.param([(3, 0, 3, 2), SQUARE], [0, 1], id="a line beside a square: 0/1"),
        pytest.param([SQUARE, (0.5, 0, 0.5, 1)], [0, 1], id="a line inside a square: 0/1"),
        pytest.param([(NAN, 0, 1, 1), SQUARE, (5, 5, 6, 6)], [0], id="a NaN box removes all after it"),
        pytest.param([SQUARE, (0, 0, 1, NAN), (5, 5, 6, 6)], [0, 2], id="a NaN box goes after any other"),
        pytest.param([SQUARE, (-INF, 0, INF, 1)], [0, 1], id="infinitely wide: 1/inf"),
        pytest.param([(-INF, 0, INF, 1)] * 2, [0], id="twice: inf/NaN"),
        pytest.param([(0, 0, 3e38, 3e38), SQUARE], [0, 1], id="the area overflows: 1/inf"),
        pytest.param([(0, 0, 3e38, 3e38)] * 2, [0], id="the intersection overflows too: inf/NaN"),
        pytest.param([(1, 1, 0, 0), SQUARE], [0, 1], id="inverted corners"),
    ],
)
def test_suppress(rows: ArrayLike, kept: list[int]) -> None:
    assert kept_of(rows) == kept


def test_threshold_is_compared_as_float32() -> None:
    rows = [(0, 0, 14.5, 1), (5.5, 0, 20, 1)]
    exact = np.float32(9) / np.float32(20)
    assert kept_of(rows, float(exact)) == [0, 1]
    assert kept_of(rows, 0.45) == [0, 1]
    assert kept_of(rows, float(np.nextafter(exact, np.float32(0)))) == [0]


def test_union_is_rounded_in_the_reference_order() -> None:
    """(candidate - shared) + kept gives another float32 than with the boxes, or with the steps, swapped."""
    kept, candidate = np.array(((1.6, 1.5, 9.5, 8.9), (4.9, 1.6, 9.8, 6.4)), np.float32)
    overlap = plain_overlap(kept, candidate)
    assert overlap < plain_overlap(candidate, kept)
    assert kept_of((kept, candidate), float(overlap)) == [0, 1]
    assert kept_of((candidate, kept), float(overlap)) == [0]
    area, other = ((box[2] - box[0]) * (box[3] - box[1]) for box in (kept, candidate))
    shared = (kept[2] - candidate[0]) * (candidate[3] - candidate[1])
    assert overlap < shared / ((area + other) - shared)


@pytest.mark.parametrize(
    ("scores", "labels", "top_k", "order"),
    [
        pytest.param([], [], 3, [], id="empty"),
        pytest.param([0.1, 0.3, 0.2], [0, 0, 0], 3, [1, 2, 0], id="highest first"),
        pytest.param([0.5, 0.5, 0.5], [0, 0, 0], 3, [2, 1, 0], id="equal scores: the later first"),
        pytest.param([0.1, 0.9, 0.5, 0.7], [1, 1, 0, 0], 3, [3, 2, 1, 0], id="class by class"),
        pytest.param([0.5, 0.5, 0.7, 0.5], [0, 0, 0, 0], 2, [2, 3], id="the first of the equal is cut off"),
        pytest.param([0.1, 0.2, 0.9, 0.8, 0.3], [4, 4, 0, 4, 2], 1, [2, 4, 3], id="cut class by class"),
    ],
)
def test_rank(scores: list[float], labels: list[int], top_k: int, order: list[int]) -> None:
    found = nms.rank(np.array(scores, np.float32), np.array(labels, np.int16), top_k=top_k)
    assert found.tolist() == order


SCORE = st.floats(width=32, allow_nan=False) | st.sampled_from([0.0, -0.0, 1e-45, -1e-45, 0.5, -0.5])
LABEL = st.integers(0, 2**15 - 1) | st.integers(0, 2)


@given(st.lists(st.tuples(SCORE, LABEL), max_size=40), st.integers(1, 40))
def test_rank_is_a_stable_sort_read_from_its_end(rows: list[tuple[float, int]], top_k: int) -> None:
    scores = np.array([score for score, _ in rows], np.float32)
    labels = np.array([label for _, label in rows], np.int16)
    expected: list[int] = []
    for label in sorted(set(labels.tolist())):
        members = [row for row in range(len(rows)) if labels[row] == label]
        expected += sorted(members, key=lambda row: scores[row])[::-1][:top_k]
    assert nms.rank(scores, labels, top_k=top_k).tolist() == expected


def test_rank_of_many() -> None:
    count = 70_000
    scores = (np.arange(count) % 1000 / 1000).astype(np.float32)
    labels = (np.arange(count) % 3).astype(np.int16)
    order = nms.rank(scores, labels, top_k=count)
    assert np.array_equal(order, np.lexsort((-np.arange(count), -scores, labels)))


def test_classes_do_not_suppress_each_other() -> None:
    boxes = np.array([SQUARE] * 4, np.float32)
    labels = np.array([0, 0, 1, 7], np.int16)
    assert suppress_both_ways(boxes, labels, 0.45).tolist() == [0, 2, 3]


REFERENCES = [pytest.param(plain_nms, id="plain"), pytest.param(torch_nms, id="torch")]


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0], ids=["dense", "mixed", "sparse"])
def test_random_boxes(reference: Reference, spread: float) -> None:
    rng = np.random.default_rng(3)
    low = rng.uniform(0, spread, (300, 2))
    boxes = np.concatenate((low, low + rng.uniform(0.05, 0.3, (300, 2))), axis=1).astype(np.float32)
    scores = np.round(rng.uniform(0.01, 1, 300), 2).astype(np.float32)  # with ties
    labels = rng.integers(0, 5, 300).astype(np.int16)
    for top_k in (1000, 17):
        assert ours(boxes, scores, labels, 0.45, top_k) == by_class(reference, boxes, scores, labels, 0.45, top_k)


@pytest.mark.parametrize("reference", REFERENCES)
def test_more_than_top_k_candidates_in_a_class(reference: Reference) -> None:
    rng = np.random.default_rng(5)
    low = rng.uniform(0, 0.4, (1500, 2))
    boxes = np.concatenate((low, low + rng.uniform(0.2, 0.4, (1500, 2))), axis=1).astype(np.float32)
    scores = np.round(rng.uniform(0.01, 1, 1500), 2).astype(np.float32)
    labels = np.repeat(np.array([0, 3], np.int16), [1400, 100])
    found = ours(boxes, scores, labels, 0.45, 1000)
    assert found == by_class(reference, boxes, scores, labels, 0.45, 1000)
    assert found != ours(boxes, scores, labels, 0.45, 1500)


def test_memory_is_bounded_by_the_step() -> None:
    """A full house (20 classes of 1000 boxes) has 10 million pairs: 40 MB of overlaps alone if held at once."""
    boxes = np.tile(np.array([SQUARE], np.float32), (20_000, 1))
    labels = np.repeat(np.arange(20, dtype=np.int16), 1000)
    tracemalloc.start()
    try:
        kept = nms.suppress(boxes, labels, iou_threshold=0.45)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept.tolist() == list(range(0, 20_000, 1000))
    assert most < 8_000_000


SIDE = st.sampled_from([0.0, -0.0, 0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 1e-30, 1e-45, 3e19, 3e38, INF, -INF, NAN])
GRID = st.integers(0, 8).map(float)
BOX = st.tuples(GRID, GRID, GRID, GRID) | st.tuples(SIDE, SIDE, SIDE, SIDE)
CANDIDATE = st.tuples(
    BOX, st.sampled_from([0.011, 0.25, 0.5, 0.500001, 1.0]) | st.floats(2**-7, 1, width=32), st.integers(0, 2)
)


@pytest.mark.parametrize("reference", REFERENCES)
@given(
    candidates=st.lists(CANDIDATE, max_size=25),
    threshold=st.sampled_from([0.0, 0.25, 1 / 3, 0.45, 0.5, 0.75]),
    top_k=st.integers(1, 30),
    pairs=st.sampled_from([1, 5, 40, nms.PAIRS_AT_ONCE]),
)
def test_any_boxes(
    reference: Reference,
    candidates: list[tuple[tuple[float, float, float, float], float, int]],
    threshold: float,
    top_k: int,
    pairs: int,
) -> None:
    with np.errstate(over="ignore"):
        boxes = np.array([box for box, _, _ in candidates], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in candidates], np.float32)
    labels = np.array([label for _, _, label in candidates], np.int16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nms, "PAIRS_AT_ONCE", pairs)
        found = ours(boxes, scores, labels, threshold, top_k)
    assert found == by_class(reference, boxes, scores, labels, threshold, top_k)
