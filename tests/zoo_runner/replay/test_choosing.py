"""Which runs leave a replay file, and which samples are in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.plugin.interfaces import Sample
from zoo_runner.replay.choosing import chosen, wanted
from zoo_runner.report.changes import DiagnosedSample
from zoo_runner.report.evidence import DiagnosisRecord
from zoo_runner.report.model import (
    ManifestRecord,
    MetricRecord,
    PerformanceRecord,
    Report,
    Verdict,
)

MANIFEST = ManifestRecord(name="m", path="m.yaml", files=(), digest="0")
PASS, FAIL, OPEN, FREE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_GATED


def _report(verdict: Verdict, metrics: tuple[Verdict, ...] = (), timings: tuple[Verdict, ...] = ()) -> Report:
    return Report(
        verdict=verdict,
        exit_code=0,
        manifest=MANIFEST,
        metrics=tuple(
            MetricRecord(name="a", protocol="b", value=1.0, unit="percent", samples=1, dataset_samples=1, verdict=each)
            for each in metrics
        ),
        performance=tuple(
            PerformanceRecord.model_construct(backend="x", chip="c", batch=1, verdict=each) for each in timings
        ),
    )


@pytest.mark.parametrize(
    ("verdict", "metrics", "timings", "leaves"),
    [
        (PASS, (PASS,), (PASS,), False),
        (FAIL, (FAIL,), (PASS,), True),
        (FAIL, (PASS, FAIL), (FAIL,), True),
        (FAIL, (PASS,), (FAIL,), False),
        (FAIL, (OPEN,), (FAIL,), True),
        (OPEN, (OPEN,), (), True),
        (OPEN, (PASS,), (), True),
        (OPEN, (PASS,), (OPEN,), False),
        (OPEN, (FREE,), (), True),
        (Verdict.ERROR, (FAIL,), (), False),
        (Verdict.STOPPED, (FREE,), (), False),
        (Verdict.WAIVED, (Verdict.WAIVED,), (), False),
    ],
)
def test_runs_that_leave_a_file(
    verdict: Verdict, metrics: tuple[Verdict, ...], timings: tuple[Verdict, ...], leaves: bool
) -> None:
    """Those whose accuracy is red or open; not those that are red for their throughput alone."""
    assert wanted(_report(verdict, metrics, timings)) is leaves


@pytest.mark.parametrize(
    ("count", "worst", "expected"),
    [
        (0, (), []),
        (1, (), [(0, "random")]),
        (2, (1,), [(1, "worst"), (0, "random")]),
        (3, (2, 0, 1), [(2, "worst"), (0, "worst"), (1, "worst")]),
        (3, (7, 2), [(2, "worst")]),
    ],
)
def test_few_samples(count: int, worst: tuple[int, ...], expected: list[tuple[int, str]]) -> None:
    """All of them, the worst first; a sample that was not scored is none."""
    found = _chosen(count, worst)
    assert found[: len(expected)] == expected
    assert sorted(place for place, _ in found) == list(range(count))


def test_many_samples() -> None:
    """Of 100 the 18 worst and 6 others, mixed so that a cut leaves both; the same ones each time."""
    found = _chosen(100, tuple(range(50, 100)))
    assert [place for place, why in found if why == "worst"] == list(range(50, 68))
    assert [why for _, why in found] == [*["worst"] * 3, "random"] * 6
    assert len({place for place, _ in found}) == 24
    assert found == _chosen(100, tuple(range(50, 100)))


def _chosen(count: int, worst: tuple[int, ...]) -> list[tuple[int, str]]:
    samples = [Sample(index=place + 1, id=str(place), path=Path(str(place))) for place in range(count)]
    listed = tuple(DiagnosedSample(id=str(place), index=place + 1, score=0.0, errors={"off": 1}) for place in worst)
    record = DiagnosisRecord(basis="", kinds=("off",), totals={"off": 1}, worst=listed)
    return chosen(_report(FAIL).model_copy(update={"diagnosis": record}), samples)
