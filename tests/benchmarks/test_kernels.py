"""The benchmark itself, on few images: it runs, compares results and writes what it printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

pytestmark = pytest.mark.slow  # runs the benchmark


@pytest.mark.parametrize("compiled", [True, False], ids=["as installed", "numpy alone"])
def test_kernels(tmp_path: Path, compiled: bool) -> None:
    file = tmp_path / "kernels.json"
    command = [sys.executable, "benchmarks/kernels.py", "--images", "20", "--rounds", "1", "--json", str(file)]
    env = {**os.environ, **({} if compiled else {"NUMBA_DISABLE_JIT": "1"})}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    written = json.loads(file.read_text())
    assert done.stdout.split("\n")[0] == written["machine"]
    lines = {line["what"].partition(",")[0]: line for line in written["lines"]}
    assert set(lines) == {
        "postprocess",
        "outputs held against their kinds",
        "mAP by three definitions",
        "mAP of 2000 resamples of 20 images",
        "errors by kind",
        "VOC annotations",
        "imread alone",
        "preprocess",
        "preprocess / imread",
        "preprocess to pixels / imread",
        "preprocess on two threads / on one",
    }
    assert all(line["measured"] > 0 for line in lines.values())
    compared = ["postprocess", "mAP by three definitions", "mAP of 2000 resamples of 20 images", "VOC annotations"]
    assert [lines[what]["same"] for what in compared] == [True] * 4
    for line in written["lines"]:
        if line["target"] is not None:
            assert line["met"] is ((line["measured"] <= line["target"]) == (line["bound"] == "<="))
