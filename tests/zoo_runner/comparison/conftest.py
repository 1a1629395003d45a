"""A small metric that knows everything a metric can tell, and runs to score with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.comparison.baseline import Baseline
from zoo_runner.errors import ResultError
from zoo_runner.plugin.evidence import Diagnosis, Illustration, Resamples
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
from zoo_runner.plugin.scoring import Scoring, WholeSet, score
from zoo_runner.plugin.targets import Targets, Trait
from zoo_runner.report.model import Environment, ManifestRecord, MetricRecord, Report, Verdict

CLASSES = ("ant", "bee")
NOTHING = -1


@dataclass(frozen=True, kw_only=True)
class Beast(Sample):
    """A sample that is an ant (0), a bee (1) or nothing to be found (-1)."""

    truth: int


class PlainScore:
    """How often the guess is right, and wrong, in percent of all samples."""

    def __init__(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        self.right, self.truth = right_and_truth(samples, predictions)
        self.guesses = [int(prediction["guess"][0]) for prediction in predictions]
        self.values = tuple(
            MetricValue(
                name=name,
                protocol="own",
                value=float(100 * each.mean()),
                unit="percent",
                per_class={
                    label: float(100 * each[self.truth == number].mean())
                    if (self.truth == number).any()
                    else float("nan")
                    for number, label in enumerate(CLASSES)
                },
                support={label: int((self.truth == number).sum()) for number, label in enumerate(CLASSES)},
                higher_is_better=name == "right",
            )
            for name, each in (("right", self.right), ("wrong", 1 - self.right))
        )


class FullScore(PlainScore):
    """The same, with everything else that a metric can tell."""

    error_kinds = ("missed", "confusion")
    diagnosis_basis = "every guess"

    def resample(self, weights: Any) -> tuple[Resamples, ...]:
        found = []
        for name, values in (("right", self.right), ("wrong", 1 - self.right)):
            per_class = {}
            for number, label in enumerate(CLASSES):
                of_class = weights * (self.truth == number)
                total = of_class.sum(axis=1)
                none = np.full(len(weights), np.nan)
                per_class[label] = 100 * np.divide(of_class @ values, total, out=none, where=total > 0)
            whole = 100 * (weights @ values) / weights.sum(axis=1)
            found.append(Resamples(name=name, protocol="own", values=whole, per_class=per_class))
        return tuple(found)

    def diagnose(self) -> tuple[Diagnosis, ...]:
        return tuple(
            Diagnosis(
                score=None if true == NOTHING else float(100 * good),
                errors={} if good else {"missed" if guess == NOTHING else "confusion": 1},
            )
            for guess, good, true in zip(self.guesses, self.right, self.truth, strict=True)
        )

    def illustrate(self, position: int) -> Illustration:
        raise NotImplementedError

    def targets(self) -> Targets:
        there = np.flatnonzero(self.truth != NOTHING)
        kinds = Trait(name="class", values=CLASSES, codes=self.truth[there])
        return Targets(noun="animals", samples=there, found=self.right[there] > 0, traits=(kinds,))


class Plain:
    measures = (("right", "own"), ("wrong", "own"))

    def scoring(self) -> Scoring:
        return WholeSet(PlainScore)


class Guesses(Plain):
    resampled = True

    def scoring(self) -> Scoring:
        return WholeSet(FullScore)


def right_and_truth(samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[Any, Any]:
    guesses = np.array([prediction["guess"][0] for prediction in predictions])
    if (guesses >= len(CLASSES)).any():
        raise ResultError(f"expected guesses below {len(CLASSES)}, found {guesses.max()}")
    truth = np.array([sample.truth for sample in samples if isinstance(sample, Beast)])
    return (guesses == truth).astype(np.float64), truth


class World:
    """Runs, made of the guesses they made."""

    metric = Guesses()
    plain = Plain()

    def samples(self, truths: str) -> tuple[Beast, ...]:
        """One sample a letter: ``a``, ``b``, or ``.`` for nothing; their ids are their positions."""
        return tuple(
            Beast(index=index, id=f"s{index}", path=Path(f"s{index}"), truth=number(letter))
            for index, letter in enumerate(truths, start=1)
        )

    def predictions(self, guesses: str) -> tuple[Arrays, ...]:
        """One guess a letter; ``x`` is one that the metric refuses."""
        return tuple({"guess": np.array([number(letter)])} for letter in guesses)

    def values(self, truths: str, guesses: str) -> tuple[MetricValue, ...]:
        return score(self.metric, self.samples(truths), self.predictions(guesses)).values

    def report(self, truths: str, guesses: str, **changes: Any) -> Report:
        metrics = tuple(
            MetricRecord(
                name=value.name,
                protocol=value.protocol,
                value=value.value,
                unit=value.unit,
                samples=len(truths),
                dataset_samples=len(truths),
                per_class=value.per_class,
                support=value.support,
            )
            for value in (self.values(truths, guesses) if truths and "x" not in guesses else ())
        )
        report = Report(
            verdict=Verdict.PASS,
            exit_code=0,
            started="2024-05-01T10:00:00Z",
            manifest=ManifestRecord(
                name="beasts",
                path="beasts.yaml",
                files=(),
                digest="0",
                settings={"infer.batch": "8", "onnx.opset": "11"},
            ),
            environment=Environment(
                backend="onnxruntime",
                backend_version="1.20.0",
                chip="cpu",
                devices=(0,),
                host="Linux",
                python="3.11.9",
                packages={"numpy": "2.0.0", "torch": "2.4.0"},
            ),
            metrics=metrics,
        )
        return report.model_copy(update=changes)

    def baseline(self, truths: str, guesses: str, *, ids: Sequence[str] | None = None, **changes: Any) -> Baseline:
        """The run that made these guesses; of the samples with ``ids``, which by default are the first ones."""
        names = ids or [sample.id for sample in self.samples(truths)]
        return Baseline(
            path=Path("old/report.json"),
            report=self.report(truths, guesses, **changes),
            predictions=dict(zip(names, self.predictions(guesses), strict=True)),
        )


def number(letter: str) -> int:
    return {"a": 0, "b": 1, "x": 7}.get(letter, NOTHING)


@pytest.fixture(scope="session")
def world() -> World:
    return World()
