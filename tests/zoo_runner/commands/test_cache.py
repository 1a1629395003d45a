"""``zoo-run cache``: keys as their parts, what differs from the last run, and whether what is kept is right."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo_runner.report.predictions import read_predictions, write_predictions
from zoo_runner.store.audit import Audit
from zoo_runner.store.entries import make_stamp
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

EXPLAIN = ("cache", "explain", "trial.yaml")
RUN = ("trial.yaml", "--output", "out", "--until", "evaluate")


@pytest.fixture
def own(trial: ZooRun, trial_site: Path, tmp_path: Path) -> ZooRun:
    """The trial with a store and a plugin of its own."""
    site = shutil.copytree(trial_site, tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__"))
    return trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache", PYTHONPATH=site)


def lines(run: ZooRun, *arguments: str) -> list[str]:
    done = run(*EXPLAIN, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_what_is_kept_is_explained(own: ZooRun, tmp_path: Path) -> None:
    first = lines(own)
    assert first[0] == f"trial: what is kept in {tmp_path / 'cache'}"
    assert {"onnx: would be made again", "  there was no run before this one"} < set(first)
    assert "  code: no record of what was used; nothing is reused without one" in first
    assert not (tmp_path / "cache").exists()
    assert not (own.folder / "zoo-output").exists()

    assert own(*RUN).returncode == 0
    before = sorted((tmp_path / "cache").rglob("*"))
    same = lines(own)
    assert {"onnx: would be reused", "predictions: 150 of 150 would be reused", "  preprocess: 0.0"} < set(same)
    assert [line for line in same if "(was" in line or "difference" in line] == []
    assert sum(line.startswith("  code: ") and line.endswith(": as it was") for line in same) == 2
    assert sorted((tmp_path / "cache").rglob("*")) == before

    other = lines(own, "--set", "onnx.opset=18", "--set", "plugin.config.floor=1.5")
    assert "onnx: would be made again" in other
    assert [line for line in other if "onnx.opset" in line] == ["  onnx.opset: 18   (was 17)"]
    assert "  batch: 5   (was 8)" in lines(own, "--batch-size", "5")
    assert "predictions: 64 of 64 would be reused" in lines(own, "--limit", "64")

    next((own.folder / "data").glob("dog_147.txt")).write_text("0 0 0 5")
    changed = lines(own)
    assert "predictions: 128 of 150 would be reused" in changed
    assert any(line.startswith("  samples: the files or annotations of some have changed") for line in changed)

    plugin = tmp_path / "site" / "trial_plugin.py"
    plugin.write_text(plugin.read_text().replace("argmax", "argmin"))
    edited = lines(own)
    assert {"onnx: would be made again", f"    trial_plugin changed ({plugin})"} < set(edited)
    assert any(line.startswith("  code: ") and line.endswith(": 1 difference(s)") for line in edited)


def test_of_weights_that_are_not_here_nothing_is_said(own: ZooRun) -> None:
    found = lines(own, "--set", "weights.url=http://127.0.0.1:9/none.pth")
    assert (
        found[-1]
        == "the weights are not here, so that nothing can be said of what is made of them: give --weights PATH"
    )
    done = own("cache", "explain", "no.yaml")
    assert done.returncode == 2
    assert "no.yaml" in done.stderr


def test_a_conversion_is_explained(own: ZooRun, tmp_path: Path) -> None:
    host = stand_in_environment(tmp_path / "host")
    path = f"{host['PYTHONPATH']}:{own.variables['PYTHONPATH']}"
    ascend = own.given(**{**host, "PYTHONPATH": path, "ZOO_RUNNER_CACHE": str(tmp_path / "cache")})
    assert ascend(*RUN[:3], "--backend", "ascend", "--until", "convert").returncode == 0
    found = lines(ascend, "--backend", "ascend")
    assert any(line.startswith("om, batch ") for line in found)
    assert any(line.startswith("  would be reused: sha256 ") for line in found)
    assert any(line.startswith("  onnx_sha256: ") for line in found)
    other = lines(ascend, "--backend", "ascend", "--soc", "Ascend310B1")
    assert any("Ascend310B1   (was Ascend310P3)" in line for line in other)
    assert any(line.startswith("predictions: would be made again: cache explain: ") for line in other)


def test_what_is_kept_is_verified(own: ZooRun, tmp_path: Path) -> None:
    empty = own("cache", "verify", "trial.yaml", "--seed", "3")
    assert (empty.returncode, empty.stdout) == (
        0,
        "trial: nothing of this is in the store: there is nothing to compare\n",
    )
    assert own(*RUN).returncode == 0
    report = own.report()
    right = own("cache", "verify", "trial.yaml", "--limit", "128", "--seed", "3")
    assert (right.returncode, right.stdout) == (
        0,
        (
            "trial: onnx: 1 of 1 made again, with the same bytes\n"
            "trial: predictions: 1 of 2 made again, with the same bytes\n"
        ),
    )
    assert "--seed 3 repeats it" in right.stderr
    assert own.report() == report
    assert not (own.folder / "zoo-output").exists()

    entries = sorted(path.parent for path in (tmp_path / "cache" / "predictions").rglob("content"))
    content, names = entries[0] / "content", [entry.name for entry in entries]
    predictions = read_predictions(content / "predictions.npz")
    write_predictions(content / "predictions.npz", [{**each, "score": each["score"] + 1} for each in predictions])
    (entries[0] / "stamp.json").write_bytes(make_stamp(content, names[0]).encoded())
    seed = next(seed for seed in range(100) if names[0] in Audit(seed=seed).draw("predictions", names))
    wrong = own("cache", "verify", "trial.yaml", "--seed", str(seed))
    assert (wrong.returncode, wrong.stdout) == (3, "")
    assert f"{entries[0]}: this entry of the store differs from what its inputs give now" in wrong.stderr
    assert "run with --no-cache" in wrong.stderr
    assert own.report() == report


def test_what_is_kept_is_listed_and_removed(own: ZooRun, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    assert own("cache", "list").stdout == f"kept in {root}: 0 bytes\n"
    assert own(*RUN).returncode == 0
    rows = json.loads(own("cache", "list", "--json").stdout)
    kinds = {row["kind"] for row in rows}
    assert kinds == {"code", "keys", "onnx", "predictions"}
    listed = own("cache", "list").stdout.splitlines()
    assert {line.split()[0] for line in listed[1:]} == kinds
    assert own("cache", "prune").stdout == f"removed 0 bytes that no run used for 30 days from {root}\n"
    for row in rows:
        if row["kind"] == "predictions":
            os.utime(row["path"], (0, 0))
    pruned = own("cache", "prune", "--older-than", "7")
    assert (pruned.returncode, pruned.stderr) == (0, "")
    assert {row["kind"] for row in json.loads(own("cache", "list", "--json").stdout)} == kinds - {"predictions"}
    assert own("cache", "clear").stdout.endswith(f"that can be made or downloaded again from {root}\n")
    assert json.loads(own("cache", "list", "--json").stdout) == []
    assert (root / "ledger.sqlite3").is_file()
    assert own(*RUN).returncode == 0
