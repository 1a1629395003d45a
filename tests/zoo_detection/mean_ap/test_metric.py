"""The mAP end to end: against two independent evaluators on VOC2007 test, and on small sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from voc_scenes import ON_A, ON_B, PERFECT, SAMPLES, A, Prediction, prediction_of, sample_of, scored
from zoo_detection.mean_ap import tie_order
from zoo_detection.mean_ap.average_precision import precision_recall
from zoo_detection.mean_ap.by_class import ground_truth_by_class
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.errors import PluginError, ResultError
from zoo_runner.plugin.interfaces import MetricValue, Sample

if TYPE_CHECKING:
    Voc2007 = Any  # of conftest.py, which tests cannot import

CLASSES = ("cat", "dog", "owl")
METRIC = VocMetric(CLASSES)


def per_class(value: MetricValue) -> dict[str, float]:
    return {name: round(number, 9) for name, number in value.per_class.items()}


# --- values ----------------------------------------------------------------------------------------------------


def test_three_values_headline_first() -> None:
    values = scored(METRIC, SAMPLES, PERFECT).values
    assert [(value.name, value.protocol, value.unit) for value in values] == [
        ("voc07_map", "reference", "percent"),
        ("voc07_map", "devkit", "percent"),
        ("voc10_map", "devkit", "percent"),
    ]
    assert all(value.higher_is_better for value in values)
    # No owl was ever detected: -1 by the reference, 0 by the devkit.
    assert per_class(values[0]) == {"cat": 100.0, "dog": 100.0, "owl": -100.0}
    assert per_class(values[1]) == per_class(values[2]) == {"cat": 100.0, "dog": 100.0, "owl": 0.0}
    assert [value.value for value in values] == pytest.approx([100 / 3, 200 / 3, 200 / 3])


@pytest.mark.parametrize(
    ("samples", "predictions", "cats"),
    [
        ((), (), (-100.0, 0.0, 0.0)),
        (SAMPLES, (prediction_of(),) * 3, (-100.0, 0.0, 0.0)),
        (SAMPLES[1:2], (prediction_of([(0, 0.9, ON_A)]),), (0.0, 0.0, 0.0)),
        (SAMPLES[:1], PERFECT[:1], (100.0, 100.0, 100.0)),
        (SAMPLES, (PERFECT[0], prediction_of(), prediction_of()), (600 / 11, 600 / 11, 50.0)),
        (SAMPLES, (PERFECT[0], prediction_of(), prediction_of([(1, 0.7, ON_B)])), (600 / 11, 600 / 11, 50.0)),
        (SAMPLES, (PERFECT[2], prediction_of(), PERFECT[0]), (0.0, 0.0, 0.0)),
    ],
    ids=["no samples", "no detections", "no objects", "some samples", "one of two", "wrong class", "wrong images"],
)
def test_cat(samples: Sequence[Sample], predictions: Sequence[Prediction], cats: tuple[float, float, float]) -> None:
    values = scored(METRIC, samples, predictions).values
    assert [value.per_class["cat"] for value in values] == pytest.approx(cats)


def test_the_order_of_a_prediction_decides_between_equal_scores() -> None:
    true, false = (0, 0.5, ON_A), (0, 0.5, (150, 150, 190, 190))
    other = (1, 0.5, ON_B)  # detections of other classes in between change nothing
    for rows, expected in (((true, other, false), 100.0), ((false, other, true), 50.0)):
        values = scored(METRIC, SAMPLES[:1], [prediction_of(rows)]).values
        assert values[1].per_class["cat"] == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_labels_of_any_integer_type(dtype: type[np.integer[Any]]) -> None:
    predictions = [{**prediction, "labels": prediction["labels"].astype(dtype)} for prediction in PERFECT]
    assert scored(METRIC, SAMPLES, predictions).values == scored(METRIC, SAMPLES, PERFECT).values


def test_predictions_are_left_alone() -> None:
    for prediction in PERFECT:
        for array in prediction.values():
            array.flags.writeable = False
    scored(METRIC, SAMPLES, PERFECT)


# --- what is refused -------------------------------------------------------------------------------------------


def changed(**arrays: object) -> Prediction:
    return {**PERFECT[0], **{name: np.asarray(array) for name, array in arrays.items()}}


@pytest.mark.parametrize(
    ("prediction", "found"),
    [
        ({}, "expected boxes float[K, 4], scores float[K], labels int[K], found nothing"),
        (
            {"boxes": np.zeros((0, 4)), "scores": np.zeros(0)},
            "labels int[K], found boxes float64[0, 4], scores float64[0]",
        ),
        (changed(scores=np.zeros(3)), "boxes float32[2, 4], scores float64[3], labels int16[2]"),
        (changed(boxes=np.zeros((4, 2))), "boxes float64[4, 2], scores float32[2], labels int16[2]"),
        (changed(labels=1), "boxes float32[2, 4], scores float32[2], labels int64[]"),
        (changed(labels=[0.0, 1.0]), "boxes float32[2, 4], scores float32[2], labels float64[2]"),
        (changed(boxes=np.zeros((2, 4), dtype=np.int64)), "boxes int64[2, 4], scores float32[2], labels int16[2]"),
        (changed(scores=[True, False]), "boxes float32[2, 4], scores bool[2], labels int16[2]"),
        (changed(scores=[np.nan, 0.5]), "expected finite scores, found 1 numbers of 2 that are not"),
        (changed(boxes=np.full((2, 4), -np.inf)), "expected finite boxes, found 8 numbers of 8 that are not"),
        (changed(labels=[0, 3]), "expected labels from 0 to 2, found 0 to 3"),
        (changed(labels=[-1, 0]), "expected labels from 0 to 2, found -1 to 0"),
    ],
    ids=[
        "nothing",
        "no labels",
        "scores too many",
        "boxes turned",
        "one label",
        "float labels",
        "integer boxes",
        "bool scores",
        "NaN score",
        "infinite boxes",
        "label too large",
        "label negative",
    ],
)
def test_prediction_refused(prediction: Prediction, found: str) -> None:
    with pytest.raises(ResultError) as caught:
        scored(METRIC, SAMPLES, [PERFECT[0], prediction, prediction_of()])
    text = str(caught.value)
    assert text.startswith("expected predictions that can be scored; found 1 of 3 that cannot:\n  000002: ")
    assert found in text
    assert "they are not scored" in text


def test_many_bad_predictions_are_counted() -> None:
    samples = [sample_of([], index) for index in range(1, 14)]
    with pytest.raises(ResultError, match=r"found 13 of 13 that cannot:\n  000001: (.|\n)*000010: .*\n  and 3 more\n"):
        scored(METRIC, samples, [changed(scores=[np.inf, 0.5])] * 13)


def test_predictions_for_other_samples() -> None:
    with pytest.raises(ResultError, match="expected one prediction for each of 3 samples; found 1; run"):
        scored(METRIC, SAMPLES, PERFECT[:1])


@pytest.mark.parametrize(
    "sample",
    [Sample(index=1, id="a", path=Path("a")), sample_of([(7, A, False)])],
    ids=["another plugin's sample", "a label too many"],
)
def test_samples_of_another_data_set(sample: Sample) -> None:
    with pytest.raises(PluginError, match="expected samples of a VOC data set with 3 classes; found others; give"):
        scored(METRIC, [sample], [prediction_of()])


# --- the real thing --------------------------------------------------------------------------------------------


def test_two_independent_evaluators_agree(voc2007: Voc2007) -> None:
    protocols = (REFERENCE.for_result_files(), DEVKIT.for_result_files())
    ground_truth = ground_truth_by_class(voc2007.samples, VOC_CLASSES)
    values = VocMetric(VOC_CLASSES).score(voc2007.detections, ground_truth, protocols)
    for value, name in zip(values, ("reference_protocol_published_ties", "devkit_protocol_11point"), strict=False):
        agrees(value, voc2007.expected[name])
        assert sum(value.support.values()) == 12032  # as the VOC2007 paper counts them


@pytest.mark.parametrize("trusted", [True, False], ids=["numpy", "own sort"])
def test_rounded_scores_tie_as_they_did_in_the_published_figure(
    voc2007: Voc2007, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted and not tie_order.numpy_is_as_recorded():
        pytest.skip("this numpy has another order")
    monkeypatch.setattr(tie_order, "numpy_is_as_recorded", lambda: trusted)
    protocols = (replace(REFERENCE, detection_offset=0.0), DEVKIT)
    value = VocMetric(VOC_CLASSES).score(
        voc2007.detections, ground_truth_by_class(voc2007.samples, VOC_CLASSES), protocols
    )[0]
    agrees(value, voc2007.expected["reference_protocol_published_ties_rounded"])


def agrees(value: MetricValue, expected: Mapping[str, Any]) -> None:
    assert value.value / 100 == pytest.approx(expected["map"], abs=1e-9)
    fractions = {name: number / 100 for name, number in value.per_class.items()}
    assert fractions == pytest.approx(expected["ap"], abs=1e-9)


def test_real_detections_as_predictions(voc2007: Voc2007) -> None:
    """In memory, 0-based and float32, the same detections give the same AP but for the rounding."""
    values = scored(VocMetric(VOC_CLASSES), voc2007.samples, voc2007.predictions).values
    expected = voc2007.expected
    assert values[1].value / 100 == pytest.approx(expected["devkit_protocol_11point"]["map"], abs=1e-5)
    assert values[0].value / 100 == pytest.approx(expected["reference_protocol"]["map"], abs=1e-3)
    assert values[2].value > values[1].value
    ground_truth = ground_truth_by_class(voc2007.samples, VOC_CLASSES)
    curve = precision_recall(voc2007.detections[0], ground_truth[0], DEVKIT.for_result_files())
    assert curve.area() * 100 == pytest.approx(values[2].per_class["aeroplane"], abs=1e-3)
