"""Reports with the few things that a test of what is shown needs."""

from __future__ import annotations

from typing import Any

from zoo_runner.report.changes import Interval
from zoo_runner.report.model import (
    Environment,
    ManifestRecord,
    MetricRecord,
    PerformanceRecord,
    Report,
    Verdict,
    WaiverRecord,
    WaiverState,
)

PLACE = "report: out/report.json"


def report(verdict: Verdict = Verdict.PASS, *, name: str = "trial", path: str = "m.yaml", **given: Any) -> Report:
    manifest = ManifestRecord(name=name, path=path, files=(path,), digest="0" * 64)
    return Report(**{"verdict": verdict, "exit_code": 0, "manifest": manifest, **given})


def environment(**given: str) -> Environment:
    texts = {"backend": "onnxruntime", "backend_version": "onnxruntime 1.2", "chip": "cpu", **given}
    return Environment(devices=(0,), host="h", python="3", packages={}, **texts)


def metric(verdict: Verdict = Verdict.NOT_GATED, **given: Any) -> MetricRecord:
    usual: dict[str, Any] = {"value": 79.584, "unit": "percent", "samples": 9, "dataset_samples": 10}
    return MetricRecord(name="map", protocol="reference", verdict=verdict, **(usual | given))


def timing(**given: Any) -> PerformanceRecord:
    return PerformanceRecord(backend="ascend", chip="310P3", **{"batch": 16, "loops": 5, **given})


def waiver(state: WaiverState = WaiverState.USED, why: str = "", where: str = "") -> WaiverRecord:
    return WaiverRecord(
        line="map/reference",
        owner="li",
        issue="https://example.org/1",
        until="2026-01-31",
        floor=79.0,
        state=state,
        why=why,
        where=where,
    )


INTERVAL = Interval(low=79.084, high=80.084, level=0.95, method="bootstrap", resamples=1000, seed=0)
GATED = timing(
    mean_ms=40.0,
    min_ms=38.0,
    median_ms=39.5,
    p99_ms=44.25,
    throughput=400.0,
    end_to_end=350.5,
    loops=1000,
    expected=445.783,
    tolerance=22.289,
    verdict=Verdict.FAIL,
)
