"""Tallies of parts against all at once: to the last bit, however the images are divided."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinedet_plugin.by_class import detections_by_class, detections_of, truths_by_class, truths_of
from refinedet_plugin.config import VOC_CLASSES
from refinedet_plugin.matching import outcomes
from refinedet_plugin.metric import RULES, VocMetric
from refinedet_plugin.tally import Tally, joined, tallies_of, tally_of
from voc_scenes import Prediction, scene
from zoo_runner.errors import ResultError
from zoo_runner.interfaces import Sample
from zoo_runner.speed import AccumulatingMetric

if TYPE_CHECKING:
    Voc2007 = Any  # of conftest.py, which tests cannot import

CLASSES = ("cat", "dog")
METRIC = VocMetric(CLASSES)


def divided(samples: Sequence[Sample], predictions: Sequence[Prediction], ends: Sequence[int]) -> list[Any]:
    bounds = [0, *sorted(ends), len(samples)]
    return [METRIC.tally(samples[start:end], predictions[start:end]) for start, end in itertools.pairwise(bounds)]


@given(st.integers(0, 10**6), st.integers(0, 12), st.lists(st.integers(0, 12), max_size=5))
def test_any_division_gives_the_same_values(seed: int, images: int, ends: list[int]) -> None:
    samples, predictions = scene(seed, images, detections=10, decimals=1)
    tallies = divided(samples, predictions, [min(end, images) for end in ends])
    assert METRIC.total(tallies) == METRIC.evaluate(samples, predictions)


def test_the_scene_has_what_the_division_could_get_wrong() -> None:
    """Detections right and wrong, difficult objects, equal scores in different images, classes that a part lacks."""
    samples, predictions = scene(0, 12, detections=10, decimals=1)
    judged = [
        outcomes(found, true, RULES[0])
        for found, true in zip(
            detections_by_class(samples, predictions, CLASSES), truths_by_class(samples, CLASSES), strict=True
        )
    ]
    hits = [len(each.true) + len(each.ignored) for each in judged]
    assert all(0 < hit < len(each.order) for hit, each in zip(hits, judged, strict=True))
    assert any(len(each.ignored) for each in judged)
    scores = np.concatenate([each["scores"] for each in predictions])
    assert len(np.unique(scores)) < len(scores) / 2
    assert any(not np.isin([0, 1], each.labels).all() for each in samples)


@given(st.integers(0, 10**6))
def test_one_pass_over_all_classes_finds_what_one_a_class_does(seed: int) -> None:
    samples, predictions = scene(seed, decimals=1)
    together = tallies_of(
        detections_of(samples, predictions, CLASSES), truths_of(samples, CLASSES), len(CLASSES), RULES
    )
    for label, found, true in zip(
        range(len(CLASSES)),
        detections_by_class(samples, predictions, CLASSES),
        truths_by_class(samples, CLASSES),
        strict=True,
    ):
        assert contents(together[label]) == contents(tally_of(found, true, RULES))


def contents(tally: Tally) -> Any:
    hits = [(each.detections.tolist(), each.truths.tolist()) for each in tally.hits]
    return tally.scores.tolist(), hits, tally.difficult.tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_parts_may_have_other_types(dtype: type[np.integer[Any]]) -> None:
    samples, predictions = scene(1)
    types: dict[str, type[Any]] = {"boxes": np.float64, "scores": np.float64, "labels": dtype}
    other = [{name: array.astype(types[name]) for name, array in each.items()} for each in predictions]
    mixed = [*predictions[:2], *other[2:]]
    assert METRIC.total(divided(samples, mixed, [2])) == METRIC.evaluate(samples, mixed)


def test_nothing() -> None:
    empty = joined([], len(RULES))
    assert contents(empty) == ([], [([], []), ([], [])], [])
    assert [each.positives for each in empty.outcomes(RULES)] == [0, 0]
    assert METRIC.total([]) == METRIC.evaluate([], [])


def test_a_tally_keeps_no_boxes() -> None:
    samples, predictions = scene(2)
    tallies = METRIC.tally(samples, predictions)
    arrays = [array for each in tallies for array in (each.scores, each.difficult)]
    assert all(array.base is None for array in arrays), "a view would keep what it is of"
    assert sum(each.scores.nbytes for each in tallies) == 4 * sum(len(one["scores"]) for one in predictions)


def test_what_cannot_be_scored_is_refused() -> None:
    samples, predictions = scene(3, images=2)
    with pytest.raises(ResultError, match="found 1 of 2 that cannot:\n  000002: expected boxes, scores and labels"):
        METRIC.tally(samples, [predictions[0], {}])


def test_the_metric_accumulates() -> None:
    assert isinstance(METRIC, AccumulatingMetric)


def test_real_detections(voc2007: Voc2007) -> None:
    metric, size = VocMetric(VOC_CLASSES), 64
    tallies = [
        metric.tally(voc2007.samples[start : start + size], voc2007.predictions[start : start + size])
        for start in range(0, len(voc2007.samples), size)
    ]
    assert metric.total(tallies) == metric.evaluate(voc2007.samples, voc2007.predictions)
