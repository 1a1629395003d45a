"""Canaries of a metric: scored by every way it counts, exactly, and named by their rule if they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.errors import PluginError
from zoo_runner.plugin.evidence import Canary, CanaryValue, Resamples
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
from zoo_runner.plugin.scoring import Scored, ScoredValues, Scoring, WholeSet
from zoo_runner.stages.evaluate.canaries import check_canaries

SAMPLES = tuple(Sample(index=index, id=str(index), path=Path(str(index))) for index in (1, 2))


def canary(value: float, *, label: str | None = None, rule: str = "right ones count", name: str = "share") -> Canary:
    expected = CanaryValue(rule=rule, name=name, protocol="top1", value=value, label=label)
    return Canary(samples=SAMPLES, predictions=[{"right": np.ones(1)}, {"right": np.zeros(1)}], expected=(expected,))


@dataclass
class Plain:
    """Scores the share of ones, in percent."""

    off: float = 0.0
    made: Sequence[Canary] = field(default_factory=lambda: [canary(50.0), canary(12.5, label="a")])
    measures = (("share", "top1"),)

    def canaries(self) -> Sequence[Canary]:
        return self.made

    def scoring(self) -> Scoring:
        return WholeSet(self.score)

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> Scored:
        return ScoredValues(self.values(samples, predictions))

    def values(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        value = 100.0 * sum(float(each["right"][0]) for each in predictions) / len(samples) + self.off
        return (MetricValue(name="share", protocol="top1", value=value, unit="percent", per_class={"a": value / 4}),)


@dataclass
class Chunked(Plain):
    chunks_off: float = 0.0

    def scoring(self) -> Scoring:
        return Counting(self)


class Counting(WholeSet):
    """Is off by so much for each chunk but the first."""

    def __init__(self, metric: Chunked) -> None:
        super().__init__(metric.score)
        self.metric, self.chunks = metric, 0

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        super().update(samples, predictions)
        self.chunks += 1

    def compute(self) -> Scored:
        (value,) = super().compute().values
        return ScoredValues((replace(value, value=value.value + (self.chunks - 1) * self.metric.chunks_off),))


@dataclass
class Resampled(Plain):
    resampled_off: float = 0.0
    resampled = True

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> Scored:
        return ResampledValues(self.values(samples, predictions), self.resampled_off)


@dataclass
class ResampledValues:
    values: tuple[MetricValue, ...]
    off: float

    def resample(self, weights: Any) -> tuple[Resamples, ...]:
        assert weights.tolist() == [[1, 1]]
        (value,) = self.values
        values, of_a = (np.array([each + self.off]) for each in (value.value, value.per_class["a"]))
        return (Resamples(name="share", protocol="top1", values=values, per_class={"a": of_a}),)


class Liar(Plain):
    resampled = True


class Silent:
    measures = (("share", "top1"),)

    def scoring(self) -> Scoring:
        raise AssertionError


@pytest.mark.parametrize(
    "metric",
    [Plain(), Chunked(), Resampled(), Silent(), Plain(made=[]), Plain(off=9e-10)],
    ids=["plain", "in chunks", "resampled", "without canaries", "with none", "a rounding error"],
)
def test_known_values(metric: Any) -> None:
    check_canaries(metric, "toy")


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        (Plain(off=2e-9), "right ones count (share/top1): expected 50, found 50"),
        (Plain(off=4.0), "right ones count (share/top1): expected 50, found 54"),
        (Plain(off=float("nan")), "right ones count (share/top1): expected 50, found nan"),
        (Plain(made=[canary(99.0, label="a")]), "right ones count (share/top1, a): expected 99, found 12.5"),
        (Plain(made=[canary(1.0, label="b")]), "right ones count (share/top1, b): expected 1, found no value"),
        (Plain(made=[canary(1.0, name="other")]), "right ones count (other/top1): expected 1, found no value"),
        (Chunked(chunks_off=1.0), "right ones count (share/top1 sample by sample): expected 50, found 51"),
        (Resampled(resampled_off=1.0), "right ones count (share/top1 by resample): expected 50, found 51"),
    ],
    ids=["barely", "wrong", "NaN", "class", "no class", "no measure", "in chunks", "resampled"],
)
def test_another_value_is_named_by_its_rule(metric: Any, found: str) -> None:
    with pytest.raises(PluginError) as caught:
        check_canaries(metric, "toy")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        "plugin 'toy': the metric breaks a rule: it does not give the known values of its canaries"
    )
    assert lines[1] == f"  {found}"
    assert lines[-1] == "no figure of this metric can be trusted: correct the plugin, or install it again"
    assert caught.value.exit_code == 2


def test_a_value_is_named_once() -> None:
    with pytest.raises(PluginError, match=r"samples\. 1 differ; the first"):
        check_canaries(Resampled(off=4.0, made=[canary(50.0)]), "toy")


def test_a_metric_that_fails_on_its_canaries() -> None:
    with pytest.raises(
        PluginError, match="plugin 'toy': the metric cannot score its own canaries: KeyError: 'right'; "
    ):
        check_canaries(Plain(made=[Canary(samples=SAMPLES, predictions=[{}, {}], expected=())]), "toy")


def test_a_metric_whose_scores_are_not_as_it_says() -> None:
    with pytest.raises(
        PluginError, match=r"its own canaries: PluginError: .* ScoredValues has no resample\(\); correct"
    ):
        check_canaries(Liar(), "toy")


def test_interruptions_pass() -> None:
    class Interrupted(Plain):
        def canaries(self) -> Sequence[Canary]:
            raise ValueError("half a file") from KeyboardInterrupt()  # what cleaning up may run into

    with pytest.raises(ValueError, match="half a file"):
        check_canaries(Interrupted(), "toy")
