"""Resamples against data sets in which images really are repeated, and against a plain loop over detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voc_scenes import Prediction, Scene, scene, scored
from zoo_detection.mean_ap.by_class import detections_by_class, ground_truth_by_class
from zoo_detection.mean_ap.evidence import resampling
from zoo_detection.mean_ap.evidence.resampling import resampled_precisions
from zoo_detection.mean_ap.matches import matches_of
from zoo_detection.mean_ap.matching import found
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE, EvaluationProtocol
from zoo_detection.samples import DetectionSample
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.errors import ResultError
from zoo_runner.plugin.evidence import ResampledMetric, ResampledScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Voc2007 = Any  # of conftest.py, which tests cannot import

CLASSES = ("cat", "dog")
METRIC = VocMetric(CLASSES)
PROTOCOLS = [REFERENCE, DEVKIT]


def repeated(whole: Scene, counts: Sequence[int]) -> Scene:
    samples, predictions = whole
    return (
        [sample for sample, count in zip(samples, counts, strict=True) for _ in range(count)],
        [prediction for prediction, count in zip(predictions, counts, strict=True) for _ in range(count)],
    )


def check(whole: Scene, weights: NDArray[Any]) -> None:
    """The same as one evaluation for each row."""
    every = scored(METRIC, *whole).resample(weights)
    for row, counts in enumerate(weights.tolist()):
        for value, resamples in zip(scored(METRIC, *repeated(whole, counts)).values, every, strict=True):
            assert (resamples.name, resamples.protocol) == (value.name, value.protocol)
            got = {name: float(numbers[row]) for name, numbers in resamples.per_class.items()}
            if value.name == "voc07_map":
                assert got == value.per_class
                assert float(resamples.values[row]) == value.value
            else:
                assert got == pytest.approx(value.per_class, abs=1e-11)
                assert float(resamples.values[row]) == pytest.approx(value.value, abs=1e-11)


# --- images that really are repeated ---------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=3))
def test_weights_are_repetitions(seed: int, weights: list[list[int]]) -> None:
    check(scene(seed), np.array(weights))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint64])
@pytest.mark.parametrize("largest", [31, 32, 60])
def test_large_weights(dtype: type[np.integer[Any]], largest: int) -> None:
    """Where the sum of eight no longer fits a byte."""
    weights = np.random.default_rng(largest).integers(0, largest + 1, (3, 6)).astype(dtype)
    weights[0] = largest
    check(scene(largest), weights)


def test_chunks_of_different_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "CHUNK", 1)
    check(scene(8), np.array([[1, 0, 2, 1, 1, 1], [300, 0, 2, 1, 1, 1], [0, 0, 0, 0, 0, 0]]))


@pytest.mark.parametrize("images", [40, 400])
def test_many_detections_between_true_ones(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several rounds of sums, several blocks and several chunks."""
    monkeypatch.setattr(resampling, "CHUNK", 2)
    monkeypatch.setattr(resampling, "BLOCK", 7)
    whole = scene(3, images=images, detections=45)
    rng = np.random.default_rng(0)
    check(whole, rng.multinomial(images, np.full(images, 1 / images), size=5))


# --- to the last bit -------------------------------------------------------------------------------------------


def same_as_evaluate(metric: VocMetric, samples: Sequence[DetectionSample], predictions: Sequence[Prediction]) -> None:
    weights = np.ones((2, len(samples)), dtype=np.int32)
    for value, resamples in zip(
        scored(metric, samples, predictions).values, scored(metric, samples, predictions).resample(weights), strict=True
    ):
        assert (resamples.name, resamples.protocol) == (value.name, value.protocol)
        assert resamples.values.dtype == np.float64
        assert resamples.values.tolist() == [value.value] * 2
        assert {name: numbers.tolist() for name, numbers in resamples.per_class.items()} == {
            name: [number] * 2 for name, number in value.per_class.items()
        }


@given(st.integers(0, 10_000), st.integers(0, 9), st.sampled_from([1, 3, None]))
def test_ones_are_the_data_set(seed: int, images: int, decimals: int | None) -> None:
    same_as_evaluate(METRIC, *scene(seed, images=images, decimals=decimals))


def test_ones_are_voc2007(voc2007: Voc2007) -> None:
    same_as_evaluate(VocMetric(VOC_CLASSES), voc2007.samples, voc2007.predictions)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 1), min_size=6, max_size=6))
def test_the_area_of_a_subset_is_exact(seed: int, counts: list[int]) -> None:
    whole = scene(seed)
    value = scored(METRIC, *repeated(whole, counts)).values[2]
    resamples = scored(METRIC, *whole).resample(np.array([counts]))[2]
    assert resamples.values.tolist() == [value.value]


# --- equal scores ----------------------------------------------------------------------------------------------


def looped(whole: Scene, label: int, counts: Sequence[int], protocol: EvaluationProtocol) -> tuple[float, float]:
    """Both averages of a class: every detection as often as its image, copies next to each other."""
    detections = detections_by_class(*whole, CLASSES)[label]
    ground_truth = ground_truth_by_class(whole[0], CLASSES)[label]
    positives = sum(counts[image] for image in ground_truth.images[~ground_truth.difficult])
    hits = found(detections, ground_truth, protocol)
    finds = dict(zip(hits.detections.tolist(), hits.objects.tolist(), strict=True))
    taken: set[tuple[int, int]] = set()
    true = false = seen = 0
    curve = []
    for detection in protocol.ranking(detections.scores).tolist():
        for copy in range(counts[detections.images[detection]]):
            seen += 1
            target = finds.get(detection)
            if target is not None and ground_truth.difficult[target]:
                continue
            if target is None or (target, copy) in taken:
                false += 1
            else:
                taken.add((target, copy))
                true += 1
            curve.append((true / max(positives, 1), true / (true + false)))
    if not seen:
        return protocol.undetected, protocol.undetected
    eleven = area = reached = 0.0
    for level in np.arange(0.0, 1.1, 0.1).tolist():
        eleven += max((precision for recall, precision in curve if recall >= level), default=0.0) / 11
    for place, (recall, _) in enumerate(curve):
        area += (recall - reached) * max(precision for _, precision in curve[place:])
        reached = recall
    return eleven, area


@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 4), min_size=6, max_size=6),
    st.sampled_from(PROTOCOLS),
    st.sampled_from([1, 3]),
)
def test_equal_scores_keep_the_order_of_the_data_set(
    seed: int, counts: list[int], protocol: EvaluationProtocol, decimals: int
) -> None:
    whole = scene(seed, decimals=decimals)
    matched = [
        matches_of(found, true, [protocol])
        for found, true in zip(
            detections_by_class(*whole, CLASSES), ground_truth_by_class(whole[0], CLASSES), strict=True
        )
    ]
    judged = [each.judged([protocol])[0] for each in matched]
    eleven, area = resampled_precisions(judged, np.array([counts]), protocol.undetected, ("eleven points", "area"))
    for label in range(len(CLASSES)):
        expected = looped(whole, label, counts, protocol)
        assert eleven[0, label] == expected[0]
        assert area[0, label] == pytest.approx(expected[1], abs=1e-12)


# --- degenerate input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "rows"), [(0, 0), (0, 3), (6, 0), (6, 600)], ids=["nothing", "no images", "no rows", "two chunks"]
)
def test_any_size(images: int, rows: int) -> None:
    resamples = scored(METRIC, *scene(1, images=images)).resample(np.ones((rows, images), dtype=np.int64))
    assert [each.values.shape for each in resamples] == [(rows,)] * 3
    assert [set(each.per_class) for each in resamples] == [set(CLASSES)] * 3
    assert all(len(np.unique(each.values)) == bool(rows) for each in resamples)


def test_an_image_never_drawn_is_not_there() -> None:
    whole = scene(2)
    nothing, undetected = np.zeros((1, 6), dtype=np.int64), [-100.0, 0.0, 0.0]
    assert [each.values.tolist() for each in scored(METRIC, *whole).resample(nothing)] == [
        [value] for value in undetected
    ]


def test_classes_without_detections_or_objects() -> None:
    samples, predictions = scene(2)
    silent: list[Prediction] = [{name: array[:0] for name, array in each.items()} for each in predictions]
    check((samples, silent), np.array([[1, 2, 0, 1, 1, 1]]))
    bare = [DetectionSample(**{**vars(each), "difficult": np.ones(len(each.labels), np.bool_)}) for each in samples]
    check((bare, predictions), np.array([[1, 2, 0, 1, 1, 1]]))


def test_arguments_are_left_alone() -> None:
    samples, predictions = scene(5)
    weights = np.ones((2, 6), dtype=np.int32)
    weights.flags.writeable = False
    for prediction in predictions:
        for array in prediction.values():
            array.flags.writeable = False
    scored(METRIC, samples, predictions).resample(weights)


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        (np.ones((2, 5), np.int64), r"weights: expected integers\[R, 6\], found int64\[2, 5\]; draw"),
        (np.ones(6, np.int64), r"weights: expected non-negative integers\[R, N\], found int64\[6\]"),
        (np.ones((2, 6)), r"weights: expected non-negative integers\[R, N\], found float64\[2, 6\]"),
        (np.full((2, 6), -1), r"weights: expected non-negative integers\[R, N\], found int64\[2, 6\]"),
        (np.array(1), r"weights: expected non-negative integers\[R, N\], found int64\[\]"),
    ],
    ids=["too few images", "one axis", "not integer", "negative", "no axis"],
)
def test_refused_weights(weights: NDArray[Any], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        scored(METRIC, *scene(1)).resample(weights)


def test_predictions_are_checked() -> None:
    samples, predictions = scene(1)
    with pytest.raises(ResultError, match="expected one prediction for each of 6 samples; found 5"):
        scored(METRIC, samples, predictions[:5]).resample(np.ones((1, 6), np.int64))


def test_the_metric_can_be_resampled() -> None:
    assert isinstance(METRIC, ResampledMetric)
    assert METRIC.resampled
    assert isinstance(scored(METRIC, [], []), ResampledScore)
