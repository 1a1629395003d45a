"""The benchmark itself, on few images: the pipeline writes predictions and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

pytestmark = pytest.mark.slow  # runs the benchmark

IMAGES = "import sys, pathlib, workload; workload.write_images(pathlib.Path(sys.argv[1]), 2)"


def python(*arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks")}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "case",
    [{"rate": 0, "opening": 0}, {"rate": 5000, "opening": 0.2}, {"rate": 5000, "apart": True}],
    ids=["takes no time", "takes time", "in a process of its own"],
)
def test_the_pipeline_writes_nothing_but_predictions(tmp_path: Path, case: dict[str, float]) -> None:
    (tmp_path / "images").mkdir()
    python("-c", IMAGES, str(tmp_path / "images"))
    folder = tmp_path / "run"
    figures = json.loads(python("benchmarks/pipeline.py", "--child", str(folder), json.dumps({"images": 70, **case})))
    assert set(figures["busy_s"]) == {"preprocess", "infer", "postprocess", "stream"}
    assert figures["opening_s"] > case.get("opening", 0)
    assert 0 < figures["kept"] <= figures["written"] < 1.05 * figures["kept"]
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}
    assert kinds == {".jpg", ".npz", ".json"}
