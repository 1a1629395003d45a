"""What an export says when a package it needs is not there."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest

from places import ROOT
from zoo_runner.manifest.schema import OnnxOptions
from zoo_runner.stages.export.checked_export import tool_versions

for package in ("torch", "onnx", "onnxsim", "onnxscript"):
    pytest.importorskip(package)


def site_without(tmp_path: Path, name: str) -> Path:
    """Return a folder with everything installed here except one distribution."""
    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name.split("-")[0] != name:
            (site / entry.name).symlink_to(entry)
    return site


EXPORT_CODE = """
from pathlib import Path
from zoo_runner.errors import ZooError
from zoo_runner.manifest.schema import OnnxOptions
from zoo_runner.stages.export.checked_export import export
try:
    export(None, Path("c.pth"), OnnxOptions(exporter="dynamo", opset=18), Path("m.onnx"))
except ZooError as error:
    print(type(error).__name__, int(error.exit_code), error, end="")
"""


def output(*paths: Path) -> str:
    environment = {"PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT)))}
    command = [sys.executable, "-S", "-c", EXPORT_CODE]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", ["torch", "onnx", "onnxscript", "onnxsim"])
def test_a_missing_package_is_named(name: str, tmp_path: Path) -> None:
    assert output(site_without(tmp_path, name)) == (
        f"PrerequisiteError 3 exporting needs the package {name}, which is not installed: "
        "pip install 'zoo-runner[export]' --extra-index-url https://download.pytorch.org/whl/cpu"
    )


def test_a_broken_package_is_named(tmp_path: Path) -> None:
    site = site_without(tmp_path, "none")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "torch.py").write_text("raise ImportError('libgomp.so.1: no such file')")
    text = output(tmp_path / "broken", site)
    assert text.startswith("PrerequisiteError 3 the package torch is installed, but cannot be imported (libgomp")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param(OnnxOptions(), {"torch", "onnx", "onnxsim"}, id="torchscript"),
        pytest.param(OnnxOptions(exporter="dynamo", simplify=False), {"torch", "onnx", "onnxscript"}, id="dynamo"),
    ],
)
def test_tool_versions(options: OnnxOptions, names: set[str]) -> None:
    assert tool_versions(options).keys() == names
    assert tool_versions(options)["torch"] == metadata.version("torch")
