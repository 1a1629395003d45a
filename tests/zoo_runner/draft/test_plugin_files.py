"""A plugin to begin with passes its own test at once, and runs when it is installed; it takes nobody's place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from zoo_runner.draft.plugin_files import plugin_files, write_plugin
from zoo_runner.errors import UsageError
from zoo_runner.manifest.load import load

if TYPE_CHECKING:
    from tests.conftest import ZooRun


@pytest.mark.parametrize(
    ("name", "module", "plugin"),
    [
        ("shapes", "shapes_plugin", "shapes"),
        ("my.model-2", "my_model_2_plugin", "my-model-2"),
        ("3d_net", "model_3d_net_plugin", "model-3d-net"),
    ],
)
def test_names_are_those_of_modules(name: str, module: str, plugin: str, tmp_path: Path) -> None:
    files = plugin_files(name)
    assert list(files) == [f"{module}.py", f"test_{module}.py", "pyproject.toml", f"{name}.yaml"]
    assert f'{plugin} = "{module}"' in files["pyproject.toml"]
    assert f"import {module} as plugin" in files[f"test_{module}.py"]
    assert not any("$" in text for text in files.values())
    manifest = tmp_path / f"{name}.yaml"
    manifest.write_text(files[f"{name}.yaml"])
    assert load(manifest).manifest.plugin.name == plugin


@pytest.mark.slow
def test_it_passes_and_runs_at_once(zoo_run: ZooRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(zoo_run.folder)
    folder, _ = write_plugin("sums")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout
    info = folder / "sums_plugin-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sums-plugin\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[zoo_runner]\nsums = sums_plugin\n")
    (folder / "data").mkdir()
    for number in range(5):
        (folder / "data" / f"{number}_{number}.txt").write_text(f"0 0 {number} 0.5")
    torch.save({"weight": torch.ones(1, 4), "bias": torch.zeros(1)}, folder / "weights.pth")
    done = zoo_run.given(PYTHONPATH=zoo_run.folder / folder)(folder / "sums.yaml", "--accuracy-only", "--output", "out")
    assert done.returncode == 4, done.stderr
    assert "error/absolute" in done.stdout
    (metric,) = zoo_run.report("out")["metrics"]
    assert metric["value"] == pytest.approx(0.5, abs=1e-6)


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").symlink_to("nowhere")
    with pytest.raises(UsageError, match="mine: expected no such folder, found something; choose another name"):
        write_plugin("mine")
    with pytest.raises(UsageError, match="refinedet: expected the name of a new plugin, found an installed one's"):
        write_plugin("refinedet")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_its_test_needs_is_said_before_it(zoo_run: ZooRun) -> None:
    done = zoo_run("new", "sums", "--from", "plugin")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "next, its test, and then the plugin itself:",
        "  pip install pytest",
        "  python -m pytest sums/test_sums_plugin.py",
        "  pip install --editable sums",
    ]
