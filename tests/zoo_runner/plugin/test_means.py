# ruff: noqa: E501 - what is expected stands beside what is given
"""Metrics that are means over samples: values, intervals, diagnosis, and what they refuse."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import PluginError, ResultError
from zoo_runner.plugin.evidence import DiagnosedScore, ResampledMetric, ResampledScore, Scale, ScaledMetric
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.plugin.mean_pictures import histogram
from zoo_runner.plugin.means import MeanScore, SampleMeans, mean
from zoo_runner.plugin.near_misses import near_misses
from zoo_runner.plugin.scoring import Metric, Scored, score

PERCENT = Scale(unit="percent", worst=0.0, best=100.0)
ERROR = Scale(unit="px", higher_is_better=False, best=0.0)
OPEN = Scale(unit="dB")


class Means(SampleMeans):
    """What a prediction says it scores."""

    def __init__(self, *scales: Scale) -> None:
        self.scales = scales
        self.measures = tuple((f"m{number}", "p") for number in range(len(scales)))

    def scores(self, prediction: Any, sample: Sample) -> Any:
        del sample
        return (
            prediction["scores"] if "scores" in prediction else dict(zip(self.measures, prediction["row"], strict=True))
        )


def samples(count: int) -> list[Sample]:
    return [Sample(index=index, id=f"s{index}", path=Path()) for index in range(1, count + 1)]


def scored(rows: Sequence[Sequence[float]], *scales: Scale) -> MeanScore:
    found = score(Means(*scales), samples(len(rows)), [{"row": row} for row in rows])  # type: ignore[dict-item] # rows
    assert isinstance(found, MeanScore)
    return found


def bits(found: Scored) -> list[bytes]:
    return [np.float64(each.value).tobytes() for each in found.values]


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(numbers, numbers), max_size=30), st.randoms(use_true_random=False))
def test_values_do_not_depend_on_chunks_or_order(rows: list[tuple[float, float]], order: random.Random) -> None:
    whole = scored(rows, PERCENT, ERROR)
    scoring = Means(PERCENT, ERROR).scoring()
    there, listed = samples(len(rows)), list(range(len(rows)))
    while listed:
        size = order.randint(0, len(listed))
        chunk, listed = listed[:size], listed[size:]
        scoring.update([there[each] for each in chunk], [{"row": rows[each]} for each in chunk])  # type: ignore[dict-item] # rows
    found = scoring.compute()
    assert bits(found) == bits(whole)
    assert found.rows.tobytes() == whole.rows.tobytes()
    assert bits(scored(order.sample(rows, len(rows)), PERCENT, ERROR)) == bits(whole)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], math.nan, id="none"),
        pytest.param([3.5], 3.5, id="one"),
        pytest.param([1e16, 1.0, -1e16], 1 / 3, id="what a plain sum loses"),
        pytest.param([0.1] * 10, 0.1, id="what a plain sum rounds"),
        pytest.param([1.7e308] * 3, 1.7e308, id="a sum that has no float"),
    ],
)
def test_mean(values: list[float], expected: float) -> None:
    assert np.array_equal([mean(values)], [expected], equal_nan=True)


def test_all_that_a_score_tells() -> None:
    found = scored([(100.0, 3.0), (0.0, 5.0), (70.0, 1.0)], PERCENT, ERROR)
    assert isinstance(found, ResampledScore)
    assert isinstance(found, DiagnosedScore)
    metric = Means(PERCENT, ERROR)
    assert isinstance(metric, ResampledMetric)
    assert isinstance(metric, ScaledMetric)
    assert metric.resampled is True
    assert (*near_misses(metric, Metric), *near_misses(found, Scored)) == ()
    one, two = found.values
    assert (one.name, one.protocol, one.value, one.unit, one.higher_is_better) == ("m0", "p", 170 / 3, "percent", True)
    assert (two.name, two.value, two.unit, two.higher_is_better) == ("m1", 3.0, "px", False)
    drawn = found.resample(np.array([[1, 1, 1], [3, 0, 0], [0, 2, 1]]))
    assert [(each.name, each.protocol) for each in drawn] == list(metric.measures)
    assert drawn[0].values == pytest.approx([170 / 3, 100.0, 70 / 3], rel=1e-15)
    assert drawn[1].values.tolist() == [3.0, 3.0, 11 / 3]


def test_an_empty_set() -> None:
    found = scored([], PERCENT, ERROR)
    assert [math.isnan(each.value) for each in found.values] == [True, True]  # 0 would be the best error there is
    assert [each.values.tolist() for each in found.resample(np.ones((0, 0), dtype=np.int32))] == [[], []]
    assert np.isnan(found.resample(np.ones((2, 0), dtype=np.int32))[0].values).all()
    assert (found.diagnose(), scored([], OPEN).error_kinds) == ((), ())


@given(numbers, st.integers(1, 9), st.integers(0, 99))
def test_equal_samples_have_no_interval(value: float, count: int, seed: int) -> None:
    found = scored([(value,)] * count, OPEN)
    weights = np.random.default_rng(seed).integers(0, 5, size=(20, count))
    weights[:, 0] += 1
    assert set(found.resample(weights)[0].values.tolist()) == {found.values[0].value}
    assert found.error_kinds == ()


@pytest.mark.parametrize(
    ("scale", "rows", "kinds", "basis"),
    [
        pytest.param(PERCENT, [100, 0, 49.9, 50, 99], ["", "far off", "far off", "off", "off"], "far off: below 50 percent, off: below 100 percent", id="between two ends"),
        pytest.param(ERROR, [0, 1, 9], ["", "off", "off"], "off: above 0 px", id="lower is better, and has no worst"),
        pytest.param(Scale(unit="fraction", higher_is_better=False, worst=1.0, best=0.0), [0, 0.5, 0.6], ["", "off", "far off"], "far off: above 0.5 fraction, off: above 0 fraction", id="lower is better"),
        pytest.param(OPEN, [*range(20)], ["worst tenth", "worst tenth", *[""] * 18], "worst tenth: below 2 dB", id="no ends"),
        pytest.param(Scale(unit="s", higher_is_better=False), [*range(20)], [*[""] * 18, "worst tenth", "worst tenth"], "worst tenth: above 17 s", id="no ends, lower is better"),
        pytest.param(OPEN, [1, 2, 3], ["", "", ""], "all samples are equal", id="too few for tenths"),
    ],
)  # fmt: skip # one row a line
def test_diagnosis(scale: Scale, rows: list[float], kinds: list[str], basis: str) -> None:
    found = scored([(float(each),) for each in rows], scale)
    diagnosed = found.diagnose()
    assert [each.score for each in diagnosed] == rows
    assert ["".join(each.errors) for each in diagnosed] == kinds
    assert found.diagnosis_basis == f"m0/p of a sample alone ({basis})"
    assert {kind for each in diagnosed for kind in each.errors} <= set(found.error_kinds)


NUMBER = "expected a finite number as its m0/p, found"
LOOK = "look at its prediction, and at Means.scores"


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        pytest.param(math.nan, ResultError, f"sample 's2': {NUMBER} nan; {LOOK}", id="NaN"),
        pytest.param(-math.inf, ResultError, f"sample 's2': {NUMBER} -inf; {LOOK}", id="infinite"),
        pytest.param(np.float32("nan"), ResultError, f"sample 's2': {NUMBER} {np.float32('nan')!r}; {LOOK}", id="NaN of an array"),
        pytest.param("90", ResultError, f"sample 's2': {NUMBER} '90'; {LOOK}", id="text"),
        pytest.param(None, ResultError, f"sample 's2': {NUMBER} None; {LOOK}", id="nothing"),
        pytest.param({}, PluginError, "Means.scores: sample 's2': expected a mapping with a number for each of [('m0', 'p')], found []; correct the plugin", id="no measure"),
        pytest.param({("m0", "p"): 1.0, "m1": 1.0}, PluginError, "Means.scores: sample 's2': expected a mapping with a number for each of [('m0', 'p')], found [('m0', 'p'), 'm1']; correct the plugin", id="one too many"),
    ],
)  # fmt: skip # one row a line
def test_refused(given: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        score(Means(PERCENT), samples(3), [{"scores": each} for each in (1.0, given, 2.0)])  # type: ignore[dict-item] # what plugins may give
    assert str(caught.value) == text


@pytest.mark.parametrize("number", [True, 1, np.float32(1), np.int64(1), np.array(1.0), np.bool_(1)])
def test_numbers_of_any_type(number: Any) -> None:
    assert score(Means(PERCENT), samples(1), [{"scores": number}]).values[0].value == 1.0


@pytest.mark.parametrize("given", [1.0, (1.0, 2.0)], ids=["a number", "two numbers"])
def test_several_measures_take_a_mapping(given: Any) -> None:
    text = f"mapping with a number for each of [('m0', 'p'), ('m1', 'p')], found no mapping: {given}; correct"
    with pytest.raises(PluginError, match=re.escape(text)):
        score(Means(PERCENT, ERROR), samples(1), [{"scores": given}])


def test_measures_without_scales() -> None:
    metric = Means(PERCENT)
    for measures in ((), (("a", "p"), ("b", "p"))):
        metric.measures = measures
        with pytest.raises(PluginError, match=f"found {len(measures)} measures and 1 scales; correct the plugin$"):
            metric.scoring()
    with pytest.raises(NotImplementedError):
        SampleMeans().scores({}, samples(1)[0])


@pytest.mark.parametrize(
    ("scores", "position", "bars"),
    [
        pytest.param([5.0], 0, [(0, 120, True)], id="one sample"),
        pytest.param([0.0, 0.0, 100.0], 2, [(0, 120, False), (19, 60, True)], id="two bars"),
        pytest.param([0.0] * 999 + [1.0], 0, [(0, 120, True), (19, 2, False)], id="a bar that can still be seen"),
        pytest.param([-1.7e308, 0.0, 1.7e308], 1, [(0, 120, False), (10, 120, True), (19, 120, False)], id="wide"),
    ],
)
def test_a_histogram(scores: list[float], position: int, bars: list[tuple[int, int, bool]]) -> None:
    drawn = histogram(scores, position)
    assert (drawn.width, drawn.height, drawn.media_type, drawn.marks) == (240, 120, "image/svg+xml", ())
    found = [each.attrib for each in ET.fromstring(drawn.image)][1:]  # noqa: S314 - made here
    assert [(int(each["x"]) // 12, int(each["height"]), each["fill"] == "#c8462c") for each in found] == bars
    assert histogram(scores, position) == drawn
