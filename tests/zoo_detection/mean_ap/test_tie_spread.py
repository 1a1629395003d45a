"""How far orders of equal scores move the mAP: held against all orders of small ties."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voc_loop import Box, Detection, Truth, looped
from voc_scenes import ON_A, ON_B, PERFECT, SAMPLES, A, B, prediction_of, sample_of, scene, scored
from zoo_detection.mean_ap.metric import VocMetric

FAR = (200, 200, 239, 239)
METRIC = VocMetric(("cat",))


def spread_of(rows: list[tuple[float, Box]], objects: list[tuple[Box, bool]]) -> list[tuple[float, float]]:
    samples = [sample_of([(0, box, difficult) for box, difficult in objects])]
    values = scored(METRIC, samples, [prediction_of([(0, score, box) for score, box in rows])]).values
    spreads = [value.tie_spread for value in values]
    assert all(spread and spread[0] <= value.value <= spread[1] for spread, value in zip(spreads, values, strict=True))
    return [spread for spread in spreads if spread]


@pytest.mark.parametrize(
    ("rows", "objects", "expected"),
    [
        ([], [], (-100.0, -100.0)),
        ([(0.5, ON_A)], [(A, False)], (100.0, 100.0)),
        ([(0.5, ON_A), (0.4, FAR)], [(A, False)], (100.0, 100.0)),
        ([(0.4, FAR), (0.4, ON_A)], [(A, False)], (50.0, 100.0)),
        ([(0.4002, FAR), (0.4, ON_A)], [(A, False)], (50.0, 100.0)),
        ([(0.9, FAR), (0.9, FAR)], [(A, False)], (0.0, 0.0)),
        # Two detections of one object: one is right and the other wrong in every order.
        ([(0.4, ON_A), (0.4, ON_A)], [(A, False)], (100.0, 100.0)),
        # With another object, the second detection of the first one may come between, or last.
        ([(0.4, ON_A), (0.4, ON_A), (0.4, ON_B)], [(A, False), (B, False)], (100 * 28 / 33, 100.0)),
        # It was found before: both are wrong in every order, and the other object comes between or after them.
        ([(0.9, ON_A), (0.4, ON_A), (0.4, ON_B)], [(A, False), (B, False)], (100 * 28 / 33, 100.0)),
        # Detections of a difficult object count neither way, wherever they are.
        ([(0.4, ON_B), (0.4, ON_B), (0.4, ON_A)], [(A, False), (B, True)], (100.0, 100.0)),
        ([(0.4, ON_B), (0.4, FAR), (0.4, ON_A)], [(A, False), (B, True)], (50.0, 100.0)),
    ],
    ids=[
        "nothing",
        "one",
        "no tie",
        "a tie",
        "a tie when rounded",
        "wrong ones only",
        "two of one object",
        "two of one object, one of another",
        "found before",
        "difficult",
        "difficult and wrong",
    ],
)
def test_reference(
    rows: list[tuple[float, Box]], objects: list[tuple[Box, bool]], expected: tuple[float, float]
) -> None:
    assert spread_of(rows, objects)[0] == pytest.approx(expected)


def test_the_devkit_has_ties_of_unrounded_scores() -> None:
    for score, greatest in ((0.4002, 50.0), (0.4, 100.0)):
        for spread in spread_of([(score, FAR), (0.4, ON_A)], [(A, False)])[1:]:
            assert spread == pytest.approx((50.0, greatest))


def ordered(order: Sequence[int], scores: Sequence[float], _: str) -> list[int]:
    return sorted(order, key=lambda place: -scores[place])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from([0.5, 0.75]), st.sampled_from([ON_A, ON_B, FAR])), max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_the_ends_are_those_of_all_orders(rows: list[tuple[float, Box]], hard: bool, more: bool) -> None:
    objects: list[tuple[Box, bool]] = [(A, False), (B, hard), *([((400, 300, 450, 350), False)] if more else [])]
    ground_truth: list[Truth] = [(0, box, difficult) for box, difficult in objects]
    found: list[Detection] = [(0, score, box) for score, box in rows]
    for place, (protocol, kind) in enumerate((("reference", 0), ("devkit", 0), ("devkit", 1))):
        all_orders = [
            looped(found, ground_truth, protocol, partial(ordered, order)) for order in permutations(range(len(found)))
        ]
        averages = [100.0 * each[kind] for each in all_orders]
        assert spread_of(rows, objects)[place] == pytest.approx((min(averages), max(averages)))


@pytest.mark.parametrize("seed", range(6))
def test_the_value_is_within(seed: int) -> None:
    samples, predictions = scene(seed, images=12, detections=30, decimals=1)
    for value in scored(VocMetric(("one", "two")), samples, predictions).values:
        assert value.tie_spread is not None
        assert value.tie_spread[0] <= value.value <= value.tie_spread[1]
        assert value.tie_spread[0] < value.tie_spread[1]


def test_without_ties_the_spread_is_the_value() -> None:
    for value in scored(VocMetric(("cat", "dog", "owl")), SAMPLES, PERFECT).values:
        assert value.tie_spread == (value.value, value.value)
