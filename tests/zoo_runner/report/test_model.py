from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from zoo_runner.report import model

MANIFEST = model.ManifestRecord(name="m", path="m.yaml", files=("m.yaml",), digest="0" * 64)

texts = st.text(max_size=8)
counts = st.integers(0, 10**6)
figures = st.floats(allow_nan=True, allow_infinity=True)
verdicts = st.sampled_from(model.Verdict)
metrics = st.builds(
    model.MetricRecord,
    name=texts,
    protocol=texts,
    value=figures,
    unit=texts,
    expected=st.none() | figures,
    tolerance=st.none() | figures,
    verdict=verdicts,
    why=texts,
    samples=counts,
    dataset_samples=counts,
    per_class=st.dictionaries(texts, figures, max_size=3),
)
timings = st.builds(
    model.PerformanceRecord,
    backend=texts,
    chip=texts,
    batch=counts,
    loops=counts,
    mean_ms=st.none() | figures,
    throughput=st.none() | figures,
    verdict=verdicts,
)
reports = st.builds(
    model.Report,
    verdict=verdicts,
    exit_code=st.integers(0, 4),
    why=st.lists(texts, max_size=2).map(tuple),
    manifest=st.just(MANIFEST),
    stages=st.lists(st.builds(model.StageRecord, name=texts, seconds=figures, skipped=st.booleans()), max_size=2),
    metrics=st.lists(metrics, max_size=2).map(tuple),
    performance=st.lists(timings, max_size=2).map(tuple),
    warnings=st.lists(texts, max_size=2).map(tuple),
)


def refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is not JSON")


@given(reports)
def test_it_survives_json(report: model.Report) -> None:
    text = report.model_dump_json(indent=2)
    json.loads(text, parse_constant=refuse)
    assert model.Report.model_validate_json(text).model_dump_json(indent=2) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(79.58, 79.58, id="number"),
        pytest.param(float("nan"), "NaN", id="nan"),
        pytest.param(float("-inf"), "-Infinity", id="infinite"),
    ],
)
def test_figures_without_a_value_are_written_as_words(value: float, written: object) -> None:
    metric = model.MetricRecord(
        name="m", protocol="p", value=value, unit="percent", samples=1, dataset_samples=1, per_class={"a": value}
    )
    report = model.Report(verdict=model.Verdict.FAIL, exit_code=1, manifest=MANIFEST, metrics=(metric,))
    found = json.loads(report.model_dump_json())["metrics"][0]
    assert (found["value"], found["per_class"]["a"]) == (written, written)


def test_records_are_frozen_and_know_their_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        MANIFEST.name = "other"
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.StageRecord.model_validate({"name": "fetch", "seconds": 1.0, "minutes": 2.0})
