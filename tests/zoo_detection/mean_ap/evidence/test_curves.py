"""Thinned curves: as the metric reads them, and as a plot of all points would look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voc_scenes import ON_A, ON_B, A, B, prediction_of, sample_of, scored
from zoo_detection.mean_ap.average_precision import RECALLS, Curve
from zoo_detection.mean_ap.evidence.curves import COLUMNS, MAX_POINTS, class_curve, thinned
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.plugin.evidence import ClassCurve, CurveScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Voc2007 = Any  # of conftest.py, which tests cannot import

NOTHING = Curve(recall=np.zeros(0), precision=np.zeros(0), undetected=-1.0)


def random_curve(seed: int, true: int, misses: int = 20) -> Curve:
    """A detector whose right detections become rarer, and the curve's last point after them."""
    rng = np.random.default_rng(seed)
    false = np.cumsum(rng.poisson(np.linspace(0, rng.uniform(0, 30), true)))
    count = np.arange(1.0, true + 1)
    recall, precision = count / (true + misses), count / (count + false)
    return Curve(
        recall=np.append(recall, recall[-1]), precision=np.append(precision, precision[-1] * 0.5), undetected=-1.0
    )


def read(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """What eleven points read off some points of a curve."""
    return np.array([max(precision[recall >= level], default=0.0) for level in RECALLS])


@given(st.integers(0, 1000), st.integers(1, 5000))
def test_thinned(seed: int, true: int) -> None:
    curve = random_curve(seed, true)
    kept = thinned(curve)
    assert len(kept) == min(true + 1, MAX_POINTS)
    assert (np.diff(kept) > 0).all()
    assert kept[0] == 0
    assert kept[-1] == true
    assert np.array_equal(read(curve.recall[kept], curve.precision[kept]), curve.level_precision())


@pytest.mark.parametrize("seed", range(5))
def test_the_shape_stays(seed: int) -> None:
    """The envelope lies where it was, to within two strips of recall, and so do the dips."""
    curve = random_curve(seed, 4000)
    kept = thinned(curve)
    envelope, recall = np.append(curve.envelope(), 0.0), curve.recall
    thin = np.append(np.maximum.accumulate(curve.precision[kept][::-1])[::-1], 0.0)
    thin = thin[np.searchsorted(recall[kept], recall)]
    assert (thin <= envelope[np.searchsorted(recall, recall)]).all()
    assert (thin >= envelope[np.searchsorted(recall, recall + 2 / COLUMNS)]).all()
    strips = np.minimum((recall * COLUMNS).astype(int), COLUMNS - 1)
    for strip in np.unique(strips):
        assert curve.precision[kept][strips[kept] == strip].min() == curve.precision[strips == strip].min()


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (NOTHING, ClassCurve(label="cat", average=-100.0, recall=(), precision=(), level_precision=(0.0,) * 11)),
        (
            Curve(recall=np.array([0.0]), precision=np.array([0.0]), undetected=-1.0),
            ClassCurve(label="cat", average=0.0, recall=(0.0,), precision=(0.0,), level_precision=(0.0,) * 11),
        ),
        (
            Curve(recall=np.array([0.5, 1.0]), precision=np.array([0.25, 0.5]), undetected=-1.0),
            ClassCurve(
                label="cat", average=50.0, recall=(0.5, 1.0), precision=(0.25, 0.5), level_precision=(0.5,) * 11
            ),
        ),
    ],
    ids=["no detection", "nothing found", "rising"],
)
def test_class_curve(curve: Curve, expected: ClassCurve) -> None:
    found = class_curve("cat", curve)
    assert found.average == pytest.approx(expected.average)
    assert (found.label, found.recall, found.precision) == (expected.label, expected.recall, expected.precision)
    assert found.levels == tuple(RECALLS.tolist())
    assert found.level_precision == expected.level_precision


def test_curves_are_the_headlines() -> None:
    sample = sample_of([(0, A, False), (0, B, False)])
    prediction = prediction_of([(0, 0.9, ON_A), (0, 0.8, (60, 60, 90, 90)), (0, 0.7, ON_B)])
    metric = VocMetric(("cat", "dog"))
    score = scored(metric, [sample], [prediction])
    assert isinstance(score, CurveScore)
    cat, dog = score.curves()
    assert (cat.label, cat.recall, cat.precision) == ("cat", (0.5, 1.0), (1.0, 2 / 3))
    assert cat.level_precision == (1.0,) * 6 + (2 / 3,) * 5
    assert (dog.label, dog.average, dog.recall) == ("dog", -100.0, ())
    assert [curve.average for curve in scored(metric, [], []).curves()] == [-100.0, -100.0]


def test_curves_of_voc2007(voc2007: Voc2007) -> None:
    metric = VocMetric(VOC_CLASSES)
    curves = scored(metric, voc2007.samples, voc2007.predictions).curves()
    headline = scored(metric, voc2007.samples, voc2007.predictions).values[0]
    assert {curve.label: curve.average for curve in curves} == headline.per_class
    for curve in curves:
        assert len(curve.recall) <= MAX_POINTS
        assert 100 * np.mean(curve.level_precision) == pytest.approx(curve.average, abs=1e-9)
        assert read(np.array(curve.recall), np.array(curve.precision)).tolist() == list(curve.level_precision)
