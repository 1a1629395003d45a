"""Mean intersection over union by hand, from a confusion matrix, and on resamples; and what is no prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import ResultError
from zoo_runner.plugin.evidence import CanaryMetric, ResampledMetric, ResampledScore, ScaledMetric
from zoo_runner.plugin.interfaces import Sample
from zoo_segmentation.mean_iou import MaskedSample, MeanIoU, MeanIoUScore

CLASSES = ("sky", "road", "car")
METRIC = MeanIoU(CLASSES)


def sample(mask: Any, index: int = 1) -> MaskedSample:
    return MaskedSample(index=index, id=f"s{index}", path=Path("a"), mask=np.array(mask, np.uint8))


def scored(pairs: Any, step: int = 99, metric: MeanIoU = METRIC) -> MeanIoUScore:
    scoring = metric.scoring()
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        samples = [sample(mask, start + place) for place, (mask, _) in enumerate(part, start=1)]
        scoring.update(samples, [{"labels": np.array(labels, np.int32)} for _, labels in part])
    return scoring.compute()


@pytest.mark.parametrize(
    ("pairs", "value", "by_class"),
    [
        ([([[0, 1]], [[0, 1]])], 100.0, {"sky": 100.0, "road": 100.0}),
        ([([[0, 0]], [[1, 1]])], 0.0, {"sky": 0.0, "road": 0.0}),
        ([([[0, 0, 1, 1]], [[0, 1, 1, 1]])], 100 * (1 / 2 + 2 / 3) / 2, {"sky": 50.0, "road": 200 / 3}),
        ([([[0, 255]], [[0, 2]])], 100.0, {"sky": 100.0}),
        ([([[0, 0]], [[0, 0]]), ([[0, 2]], [[2, 2]])], 100 * (2 / 3 + 1 / 2) / 2, {"sky": 200 / 3, "car": 50.0}),
    ],
    ids=["all right", "all wrong", "by hand", "ignored", "of the whole set"],
)
def test_by_hand(pairs: Any, value: float, by_class: dict[str, float]) -> None:
    (found,) = scored(pairs).values
    assert found.value == pytest.approx(value)
    assert found.per_class == pytest.approx(by_class)
    assert (found.name, found.protocol, found.unit) == ("mean_iou", "pixels", "percent")


PIXELS = st.tuples(st.sampled_from([0, 1, 2, 255]), st.integers(0, 2))
IMAGES = st.lists(st.lists(PIXELS, min_size=4, max_size=4), min_size=1, max_size=9)


@given(images=IMAGES, step=st.integers(1, 4), seed=st.integers(0, 99))
def test_by_a_confusion_matrix(images: list[list[tuple[int, int]]], step: int, seed: int) -> None:
    pairs = [([[truth for truth, _ in image]], [[label for _, label in image]]) for image in images]
    weights = np.random.default_rng(seed).integers(0, 3, (3, len(images)))
    weights[0] = 1
    score = scored(pairs, step)
    expected = []
    for row in weights:
        matrix = np.zeros((3, 3))
        for times, image in zip(row, images, strict=True):
            for truth, label in image:
                if truth != 255:
                    matrix[truth, label] += times
        union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
        ratios = [100 * hit / each for hit, each in zip(matrix.diagonal(), union, strict=True) if each]
        expected.append(np.mean(ratios) if ratios else np.nan)
    (found,) = score.resample(weights)
    assert np.allclose(found.values, expected, equal_nan=True)
    assert np.allclose(score.values[0].value, expected[0], equal_nan=True)


def test_it_offers_what_a_run_uses() -> None:
    for protocol in (ScaledMetric, ResampledMetric, CanaryMetric):
        assert isinstance(METRIC, protocol)
    assert isinstance(scored([([[0]], [[0]])]), ResampledScore)
    assert np.isnan(METRIC.scoring().compute().values[0].value)


def test_its_canary_tells_what_is_ignored_and_what_counts_together() -> None:
    (canary,) = METRIC.canaries()

    def value(metric: MeanIoU) -> float:
        scoring = metric.scoring()
        scoring.update(canary.samples, canary.predictions)
        return scoring.compute().values[0].value

    assert value(METRIC) == pytest.approx(canary.expected[0].value, abs=1e-12)
    pairs = zip(canary.samples, canary.predictions, strict=True)
    alone = [scored([(each.mask, found["labels"])]) for each, found in pairs if isinstance(each, MaskedSample)]
    assert abs(np.mean([each.values[0].value for each in alone]) - canary.expected[0].value) > 1
    assert MeanIoU(("one",)).canaries() == ()


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (None, "expected labels as whole numbers [1, 2], found none"),
        (np.zeros((2, 1), np.int32), "found labels int32[2, 1]"),
        (np.zeros((1, 2), np.float32), "found labels float32[1, 2]"),
        (np.array([[0, 3]]), "expected classes 0 to 2 in its prediction, found 0 to 3"),
        (np.array([[-1, 0]]), "expected classes 0 to 2 in its prediction, found -1 to 0"),
    ],
)
def test_what_is_no_prediction_is_named(labels: Any, text: str) -> None:
    with pytest.raises(ResultError, match="sample 's1': expected") as caught:
        METRIC.scoring().update([sample([[0, 1]])], [{} if labels is None else {"labels": labels}])
    assert text in str(caught.value)


def test_what_is_no_annotation_is_named() -> None:
    with pytest.raises(ResultError, match="expected classes 0 to 2 in its mask, found 0 to 7"):
        METRIC.scoring().update([sample([[0, 7]])], [{"labels": np.zeros((1, 2), int)}])
    with pytest.raises(ResultError, match="sample 'x': expected an image with a mask, found Sample"):
        METRIC.scoring().update([Sample(index=1, id="x", path=Path("x"))], [{}])
