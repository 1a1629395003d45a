"""What a report says of the runs before, and what a ledger that cannot be read costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger_reports import make_report
from zoo_runner.history.keeping import LAST, append, with_trends
from zoo_runner.history.ledger import Ledger, entry_of
from zoo_runner.report.model import Report

PATH = Path("/out/report.json")
LINE = "voc07_map/reference"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite3")


def kept(ledger: Ledger, *reports: Report) -> Ledger:
    for report in reports:
        assert append(ledger, report, PATH, {}) == ""
    return ledger


def followed(ledger: Ledger, report: Report) -> list[tuple[str, tuple[float, ...]]]:
    return [(each.line, each.values) for each in with_trends(report, PATH, ledger).trends]


def other(value: float = 1.0, **facts: object) -> Report:
    return make_report(value=value).model_copy(update=facts)


def test_a_run_is_what_the_ledger_returns_of_it(ledger: Ledger) -> None:
    report = make_report()
    (entry,) = kept(ledger, report).last("toy", 9)
    assert entry_of(report, PATH).lines == entry.lines
    assert entry_of(report, PATH).settings == entry.settings


def test_the_last_runs_with_this_one_at_the_end(ledger: Ledger) -> None:
    assert followed(ledger, make_report(value=3)) == []
    assert followed(kept(ledger, make_report(value=1)), make_report(value=3)) == [(LINE, (1, 3))]
    kept(ledger, *(make_report(value=value) for value in range(30)))
    ((_, values),) = followed(ledger, make_report(value=99))
    assert values == (*range(30 - LAST + 1, 30), 99)
    assert all(with_trends(make_report(), PATH, ledger).trends[0].started)


def test_what_cannot_be_compared_is_left_out(ledger: Ledger) -> None:
    here = make_report().environment
    assert here is not None
    settings = {**make_report().manifest.settings, "onnx.opset": "11"}
    samples = make_report().metrics[0].model_copy(update={"samples": 5})
    strangers = (
        make_report(name="another"),
        other(environment=here.model_copy(update={"chip": "310P3"})),
        other(environment=here.model_copy(update={"backend": "ascend"})),
        other(environment=None),
        other(manifest=make_report().manifest.model_copy(update={"settings": settings})),
        other(metrics=(samples,)),
        other(metrics=()),
        other(value=float("nan")),
        other(value=float("inf")),
    )
    assert followed(kept(ledger, *strangers), make_report(value=3)) == []
    assert followed(kept(ledger, make_report(value=2)), make_report(value=3)) == [(LINE, (2, 3))]
    for value in (float("nan"), float("inf")):
        assert followed(ledger, make_report(value=value)) == []


def test_a_ledger_that_cannot_be_read_costs_the_trend_and_is_named_when_the_run_is_appended(ledger: Ledger) -> None:
    ledger.path.write_bytes(b"no ledger" * 200)
    report = make_report()
    assert with_trends(report, PATH, ledger) == report
    assert append(ledger, report, PATH, {}).startswith(
        f"this run is not in the history: {ledger.path}: expected a ledger"
    )


def test_an_interruption_is_none_of_the_errors_that_cost_only_a_trend(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("last", "append"):
        monkeypatch.setattr(Ledger, name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        with_trends(make_report(), PATH, ledger)
    with pytest.raises(KeyboardInterrupt):
        append(ledger, make_report(), PATH, {})
