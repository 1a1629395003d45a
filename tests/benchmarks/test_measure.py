"""What a report of figures fails on: other results, and nothing else."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from places import ROOT


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("measure")


def test_a_missed_target_is_told_and_no_failure(
    measure: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        measure.Line(what="slow", target=1.0, measured=2.0, unit="s", plain=4.0, same=True),
        measure.Line(what="fast", target=1.0, bound=measure.AT_LEAST, measured=2.0, unit="images/s"),
    ]
    measure.report(lines, tmp_path / "a.json")
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1:]] == ["what", "slow", "fast"]
    assert printed[2].endswith("NOT MET")
    written = json.loads((tmp_path / "a.json").read_text())
    assert [(line["met"], line["ratio"]) for line in written["lines"]] == [(False, 2.0), (True, None)]


def test_other_results_fail_once_everything_is_written(measure: Any, tmp_path: Path) -> None:
    lines = [measure.Line(what=name, target=None, measured=1.0, unit="s", same=name == "b") for name in "abc"]
    with pytest.raises(SystemExit) as caught:
        measure.report(lines, tmp_path / "a.json")
    assert caught.value.code == "other results than the plain implementation's: a; c"
    assert [line["same"] for line in json.loads((tmp_path / "a.json").read_text())["lines"]] == [False, True, False]
