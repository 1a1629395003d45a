"""A metric that counts right answers, and jobs that evaluate it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from places import TRIAL
from zoo_runner.comparison.baseline import Baseline
from zoo_runner.job.job import Job
from zoo_runner.job.journal import Journal
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.evidence import ClassCurve, Diagnosis, Illustration, Resamples
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
from zoo_runner.plugin.scoring import Scored, ScoredValues, Scoring, WholeSet
from zoo_runner.stages.evaluate.accumulation import Accumulation
from zoo_runner.stages.evaluate.stage import Data, evaluate
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.conftest import Listener

MEASURES = (("accuracy", "top1"), ("accuracy", "other"))


@dataclass(frozen=True)
class Plain:
    """The share of right answers; a prediction says whether it is one, and how many errors it has."""

    measures: tuple[tuple[str, str], ...] = MEASURES

    def scoring(self) -> Scoring:
        return WholeSet(self.score)

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> Scored:
        return ScoredValues(self.values(samples, predictions))

    def values(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        share = 100 * float(np.mean([each["right"] for each in predictions])) if predictions else math.nan
        return tuple(
            MetricValue(name=name, protocol=protocol, value=share, unit="percent", support={"all": len(samples)})
            for name, protocol in self.measures
        )


@dataclass(frozen=True)
class FullScore:
    """The same with everything a metric may tell beside."""

    values: tuple[MetricValue, ...]
    predictions: Sequence[Arrays]
    error_kinds: tuple[str, ...] = ("wrong", "odd")
    diagnosis_basis: str = "every answer counts"

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        right = np.array([float(each["right"]) for each in self.predictions])
        values = 100 * (weights @ right) / len(self.predictions)
        return tuple(
            Resamples(name=each.name, protocol=each.protocol, values=values, per_class={"all": values})
            for each in self.values
        )

    def curves(self) -> tuple[ClassCurve, ...]:
        return (ClassCurve(label="all", average=7.0, recall=(0.0, 1.0), precision=(1.0, 0.5), levels=(0.5,)),)

    def diagnose(self) -> tuple[Diagnosis, ...]:
        return tuple(
            Diagnosis(score=score(each), errors={"wrong": int(each.get("wrong", 0))}) for each in self.predictions
        )

    def illustrate(self, position: int) -> Illustration:
        raise NotImplementedError


class Full(Plain):
    resampled = True

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> FullScore:
        assert len(samples) == len(predictions)
        return FullScore(self.values(samples, predictions), predictions)


def score(prediction: Arrays) -> float | None:
    found = prediction.get("score")
    return None if found is None else float(found)


def samples(count: int) -> list[Sample]:
    return [Sample(index=index, id=f"s{index}", path=Path()) for index in range(1, count + 1)]


def answers(*right: int) -> list[Arrays]:
    return [{"right": np.array(each)} for each in right]


Jobs = Callable[..., Job]


@pytest.fixture
def job(trial_site: Path, tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.syspath_prepend(trial_site)

    def make(metric: Any, *overrides: str, baseline: Baseline | None = None, subset: str | None = None) -> Job:
        loaded = load(TRIAL, ("uncertainty.resamples=200", *overrides))
        options = RunOptions(output=tmp_path / "out", subset=subset)
        whole = resolve(load(TRIAL), RunOptions(output=tmp_path / "out"))
        recipe = replace(
            whole, loaded=loaded, parts=replace(whole.parts, metric=metric),
            subset=loaded.manifest.subsets[subset] if subset else None,
        )  # fmt: skip # what is replaced, in one row
        journal = Journal(loaded=loaded, progress=listener)
        store = Store(tmp_path / "store")
        return Job(recipe=recipe, options=options, store=store, journal=journal, backend=None, baseline=baseline)

    return make


def evaluated(made: Job, predictions: list[Arrays]) -> Journal:
    listed = samples(len(predictions))
    data = Data(dataset=listed, scored=listed)
    evaluate(made, made.scope(listed, listed), data, predictions, Accumulation(made.recipe.parts.metric, listed))
    return made.journal
