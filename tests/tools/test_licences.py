"""The list of licences of a release: every component of the bill is in it, also one without a licence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from release import licences


@pytest.mark.parametrize(
    ("component", "row"),
    [
        pytest.param({"licenses": [{"license": {"id": "MIT"}}]}, "| a | 1 | MIT |", id="identifier"),
        pytest.param(
            {"licenses": [{"expression": "MIT OR BSD-2-Clause"}]}, "| a | 1 | MIT OR BSD-2-Clause |", id="expression"
        ),
        pytest.param({"licenses": [{"license": {"name": "Our | own\n"}}]}, "| a | 1 | Our \\| own |", id="name"),
        pytest.param(
            {"licenses": [{"license": {"id": "MIT"}}, {"license": {"id": "MIT"}}, {"license": {"name": "X"}}]},
            "| a | 1 | MIT / X |",
            id="several",
        ),
        pytest.param(
            {"licenses": [{"license": {"name": "License :: OSI Approved :: BSD License"}}]},
            "| a | 1 | BSD License |",
            id="classifier",
        ),
        pytest.param({}, "| a | 1 | not declared |", id="none"),
        pytest.param(
            {"licenses": [{"license": {"text": {"content": "x"}}}]}, "| a | 1 | not declared |", id="text alone"
        ),
    ],
)
def test_rows(component: dict[str, Any], row: str) -> None:
    assert licences.listing({"components": [{"name": "a", "version": "1", **component}]}).splitlines()[2:] == [row]


def test_it_is_written_beside_the_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bill = tmp_path / "z-1.0.cdx.json"
    bill.write_text(json.dumps({"components": [{"name": "b"}, {"name": "a", "version": "2"}]}))
    monkeypatch.setattr(sys, "argv", ["licences.py", str(bill)])
    licences.main()
    target = tmp_path / "z-1.0.licences.md"
    assert target.read_text().splitlines()[2:] == ["| a | 2 | not declared |", "| b |  | not declared |"]
    assert capsys.readouterr().out == f"{target}: 2 components, of 2 no licence is declared\n"
