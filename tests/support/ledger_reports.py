"""A report as the ledger keeps it."""

from __future__ import annotations

from zoo_runner.report.changes import Interval
from zoo_runner.report.model import (
    ArtifactRecord,
    Environment,
    ManifestRecord,
    MetricRecord,
    PerformanceRecord,
    Report,
    Verdict,
)

CPU = Environment(
    backend="onnxruntime", backend_version="1", chip="cpu", devices=(0,), host="h", python="3", packages={}
)


SETTINGS = {"infer.batch": "1", "plugin.config.size": "1"}
CONFIG = {"size": "2"}


def make_report(
    name: str = "toy", verdict: Verdict = Verdict.PASS, *, value: float = 79.58, inferred: int | None = 10
) -> Report:
    interval = Interval(low=79.1, high=80.0, level=0.95, method="bootstrap", resamples=1000, seed=0)
    metric = MetricRecord(
        id="voc07_map/reference",
        name="voc07_map",
        protocol="reference",
        value=value,
        unit="percent",
        expected=79.58,
        tolerance=0.02,
        verdict=Verdict.PASS,
        interval=interval,
        samples=10,
        dataset_samples=10,
    )
    timing = PerformanceRecord(id="throughput/cpu/1", backend="onnxruntime", chip="cpu", batch=1, loops=3)
    return Report(
        verdict=verdict,
        exit_code=0,
        started="2026-11-23T09:00:00+00:00",
        seconds=12.5,
        inferred=inferred,
        manifest=ManifestRecord(
            name=name, path="m.yaml", files=("m.yaml",), digest="d" * 64, settings=SETTINGS, config=CONFIG
        ),
        environment=CPU,
        metrics=(metric,),
        performance=(timing,),
        artifacts=(ArtifactRecord(name="weights", path="w.pth", sha256="a" * 64),),
    )
