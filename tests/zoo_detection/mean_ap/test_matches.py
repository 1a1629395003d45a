"""Chunks against all at once: to the last bit, however the images are divided."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voc_scenes import Prediction, scene, scored
from zoo_detection.mean_ap import scoring
from zoo_detection.mean_ap.by_class import detections_by_class, detections_of, ground_truth_by_class, ground_truth_of
from zoo_detection.mean_ap.matches import Matches, joined, matches_by_class, matches_of
from zoo_detection.mean_ap.matching import outcomes
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.mean_ap.scoring import VocScore
from zoo_detection.mean_ap.values import PROTOCOLS
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.errors import ResultError
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.statistics.bootstrap import draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Voc2007 = Any  # of conftest.py, which tests cannot import

CLASSES = ("cat", "dog")
METRIC = VocMetric(CLASSES)


def in_chunks(
    metric: VocMetric, samples: Sequence[Sample], predictions: Sequence[Prediction], ends: Sequence[int]
) -> VocScore:
    scoring = metric.scoring()
    for start, end in itertools.pairwise([0, *sorted(ends), len(samples)]):
        scoring.update(samples[start:end], predictions[start:end])
    return scoring.compute()


def told(score: VocScore, weights: NDArray[Any]) -> Any:
    """Everything that a score tells but pictures, to the last bit."""
    resamples = [
        (each.name, each.protocol, each.values.tolist(), {name: row.tolist() for name, row in each.per_class.items()})
        for each in score.resample(weights)
    ]
    return score.values, resamples, score.curves(), score.diagnose()


@given(st.integers(0, 10**6), st.integers(0, 12), st.lists(st.integers(0, 12), max_size=5))
def test_any_division_tells_the_same(seed: int, images: int, ends: list[int]) -> None:
    samples, predictions = scene(seed, images, detections=10, decimals=1)
    weights = draw(images, 20, seed)
    divided = in_chunks(METRIC, samples, predictions, [min(end, images) for end in ends])
    assert told(divided, weights) == told(scored(METRIC, samples, predictions), weights)


def test_the_scene_has_what_the_division_could_get_wrong() -> None:
    """Detections right and wrong, difficult objects, equal scores in different images, classes that a part lacks."""
    samples, predictions = scene(0, 12, detections=10, decimals=1)
    judged = [
        outcomes(found, true, PROTOCOLS[0])
        for found, true in zip(
            detections_by_class(samples, predictions, CLASSES), ground_truth_by_class(samples, CLASSES), strict=True
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
    together = matches_by_class(
        detections_of(samples, predictions, CLASSES), ground_truth_of(samples, CLASSES), len(CLASSES), PROTOCOLS
    )
    for label, found, true in zip(
        range(len(CLASSES)),
        detections_by_class(samples, predictions, CLASSES),
        ground_truth_by_class(samples, CLASSES),
        strict=True,
    ):
        assert contents(together[label]) == contents(matches_of(found, true, PROTOCOLS))


def contents(matches: Matches) -> Any:
    hits = [(each.detections.tolist(), each.objects.tolist()) for each in matches.hits]
    shown = matches.images.tolist(), matches.objects.tolist()
    return matches.scores.tolist(), hits, matches.difficult.tolist(), shown


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_chunks_may_have_other_types(dtype: type[np.integer[Any]]) -> None:
    samples, predictions = scene(1)
    types: dict[str, type[Any]] = {"boxes": np.float64, "scores": np.float64, "labels": dtype}
    other = [{name: array.astype(types[name]) for name, array in each.items()} for each in predictions]
    mixed = [*predictions[:2], *other[2:]]
    assert in_chunks(METRIC, samples, mixed, [2]).values == scored(METRIC, samples, mixed).values


def test_nothing() -> None:
    empty = joined([], [], len(PROTOCOLS))
    assert contents(empty) == ([], [([], []), ([], [])], [], ([], []))
    assert [each.outcomes.positives for each in empty.judged(PROTOCOLS)] == [0, 0]
    none = np.zeros((1, 0), np.int64)
    assert told(METRIC.scoring().compute(), none) == told(scored(METRIC, [], []), none)


def test_matches_keep_no_boxes() -> None:
    samples, predictions = scene(2)
    matches = matches_by_class(
        detections_of(samples, predictions, CLASSES), ground_truth_of(samples, CLASSES), len(CLASSES), PROTOCOLS
    )
    arrays = [array for each in matches for array in (each.scores, each.images, each.objects, each.difficult)]
    assert all(array.base is None for array in arrays), "a view would keep what it is of"
    assert sum(each.scores.nbytes for each in matches) == 4 * sum(len(one["scores"]) for one in predictions)


def test_what_cannot_be_scored_is_refused() -> None:
    samples, predictions = scene(3, images=2)
    with pytest.raises(ResultError, match="found 1 of 2 that cannot:\n  000002: expected boxes float"):
        METRIC.scoring().update(samples, [predictions[0], {}])


def test_predictions_and_objects_are_joined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a score is asked, and however often."""
    joins: list[tuple[str, int]] = []

    def counted(name: str) -> None:
        made = getattr(scoring, name)

        def join(samples: Sequence[Sample], *more: Any) -> Any:
            joins.append((name, len(samples)))
            return made(samples, *more)

        monkeypatch.setattr(scoring, name, join)

    counted("detections_of")
    counted("ground_truth_of")
    samples, predictions = scene(4, images=7)
    score = in_chunks(METRIC, samples, predictions, [3, 5])
    for _ in range(2):
        told(score, draw(7, 10, seed=0))
    assert joins == [(name, size) for size in (3, 2, 2) for name in ("detections_of", "ground_truth_of")]


def test_real_detections(voc2007: Voc2007) -> None:
    metric, count = VocMetric(VOC_CLASSES), len(voc2007.samples)
    divided = in_chunks(metric, voc2007.samples, voc2007.predictions, range(64, count, 64))
    weights = draw(count, 20, seed=0)
    assert told(divided, weights) == told(scored(metric, voc2007.samples, voc2007.predictions), weights)
