"""The benchmark itself, on few images: it makes a page, and measures what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

pytestmark = pytest.mark.slow  # runs the benchmark


def test_report(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    command = [sys.executable, "benchmarks/report.py", "--images", "20", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    size, making, *opening = json.loads(file.read_text())["lines"]
    assert (size["what"].partition(",")[0], size["unit"]) == ("report.html of 20 images", "MB")
    assert 0.1 < size["measured"] < 5
    assert making["measured"] > 0
    assert [line["what"] for line in opening] in ([], ["opening it in Chromium"])
