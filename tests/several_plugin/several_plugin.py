"""The trial plugin with three measures: what is right, what is wrong, and a mean that has a unit of its own."""

from __future__ import annotations

from collections.abc import Sequence

from trial_plugin import (  # type: ignore[import-not-found]  # mypy knows the file by another name
    TrialConfig,
    TrialMetric,
    zoo_config,
    zoo_dataset,
    zoo_network,
    zoo_postprocess,
    zoo_preprocess,
)

from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
from zoo_runner.plugin.scoring import ScoredValues

__all__ = ["zoo_config", "zoo_dataset", "zoo_metric", "zoo_network", "zoo_postprocess", "zoo_preprocess"]


class SeveralMetric(TrialMetric):  # type: ignore[misc]  # for the same reason
    measures = (("accuracy", "top1"), ("errors", "top1"), ("score", "mean"))

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> ScoredValues:
        (right,) = super().score(samples, predictions).values
        wrong = 100 - right.value
        mean = float(sum(each["score"][0] for each in predictions)) / len(samples)
        values = (
            right,
            MetricValue(name="errors", protocol="top1", value=wrong, unit="percent", higher_is_better=False),
            MetricValue(name="score", protocol="mean", value=mean, unit="points"),
        )
        # As of a metric that leaves out what it said it would measure.
        return ScoredValues(values[:1] if "values" in self.config.breaks else values)


@hookimpl
def zoo_metric(config: TrialConfig) -> SeveralMetric:
    return SeveralMetric(config)
