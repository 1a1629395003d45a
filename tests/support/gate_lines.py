"""Lines of a report, scopes and manifests that the gate judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo_runner.causes import Cause, Doubt
from zoo_runner.job.scope import Scope
from zoo_runner.manifest.bands import Band, decimal
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.manifest.load import LoadedManifest
from zoo_runner.plugin.evidence import Scale
from zoo_runner.plugin.interfaces import MetricValue
from zoo_runner.report.changes import Interval
from zoo_runner.report.model import MetricRecord, PerformanceRecord
from zoo_runner.stages.gate.judging import metric_record
from zoo_runner.stages.gate.targets import Target

Manifested = Callable[..., LoadedManifest]
BASE = """\
name: toy
plugin: {name: toy}
dataset: {name: points, samples: 5}
inputs: [{name: x, shape: [batch, 3]}]
outputs: [{name: y, shape: [batch, 2]}]
benchmark: {batch: [1, 16]}
"""
ACCURACY: dict[str, Any] = {
    "metric": "voc07_map",
    "protocol": "reference",
    "value": 79.58,
    "tolerance": {"abs": 0.02},
    "published": "a table",
}
CHIPS: dict[str, Any] = {
    "310P3": {
        "accuracy": {1: 79.60},
        "throughput": {16: 445.783},
        "tolerance": {"rel": 0.05},
        "published": "another table",
    }
}
CHIPS_ONLY = {"310P3": {"throughput": {16: 445.783}, "tolerance": {"rel": 0.05}}}
BOTH = {"accuracy": ACCURACY, "chips": CHIPS}
SUBSETS = {"pr": {"every": 2, "expected": {"value": 60, "tolerance": {"abs": 1}}}, "bare": {"every": 3}}


def scope(**given: Any) -> Scope:
    return Scope(**{"chip": "cpu", "backend": "b", "batch": 16, "samples": 5, "dataset_samples": 5, **given})


def value(number: float, *, protocol: str = "reference", higher: bool = True) -> MetricValue:
    return MetricValue(name="voc07_map", protocol=protocol, value=number, unit="percent", higher_is_better=higher)


def record(number: float, interval: tuple[float, float] | None = None, *, higher: bool = True) -> MetricRecord:
    plain = metric_record(value(number, higher=higher), scope(), Uncertainty())
    return plain.model_copy(update={"interval": ends(*interval) if interval else None})


def ends(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=0.95, method="bootstrap", resamples=1000, seed=0)


def target(*, value: float = 80.0, tolerance: float = 0.5, too_good: float | None = None, **given: Any) -> Target:
    band = Band(decimal(value), decimal(tolerance))
    drift = band.margin if given.get("rule") == "paired" else None
    beyond = None if too_good is None else decimal(too_good)
    fields: dict[str, Any] = {"unit": "percent", "where": "m.yaml:7", "drift": drift, "too_good": beyond}
    if given.get("direction"):
        fields["direction"] = Direction(given.pop("direction"))
    return Target(band=band, **{**fields, **given})


def timing(rate: float | None, *, chip: str = "310P3", batch: int = 16, backend: str = "ascend") -> PerformanceRecord:
    return PerformanceRecord(backend=backend, chip=chip, batch=batch, loops=10, throughput=rate)


PERCENT = Scale(unit="percent", worst=0.0, best=100.0)
NONE = Doubt(cause=Cause.NO_BASELINE, text="no baseline")
NPU = scope(chip="310P3", backend="ascend")
NPU_PART = scope(chip="310P3", backend="ascend", samples=3)
PR, BARE = scope(subset="pr", samples=3, dataset_samples=3), scope(subset="bare", samples=2, dataset_samples=2)
BARE_NPU = scope(chip="310P3", backend="ascend", subset="bare", samples=2, dataset_samples=2)
CPU = scope()
MEASURE = "voc07_map/reference"
