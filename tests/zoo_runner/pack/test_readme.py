"""What the README of a pack says of the data set, which is not in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from places import ROOT
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.manifest.load import load
from zoo_runner.pack.files import PackedFile
from zoo_runner.pack.readme import readme

FILE = PackedFile(name="m.onnx", source=Path("m"), sha256="a" * 64, size=1, about="the network")


@pytest.mark.parametrize(
    ("name", "overrides", "command", "needs"),
    [
        pytest.param(
            "refinedet320-sample",
            (),
            "zoo-run manifest.yaml",
            ["sample-scenes of 240 samples", "package:refinedet_plugin/sample, or from the folder that"],
            id="of a package",
        ),
        pytest.param(
            "refinedet320",
            (),
            "zoo-run manifest.yaml",
            ["voc2007-test of 4952 samples", "VOCtest_06-Nov-2007.tar, or from", "The variable `VOCDEVKIT` may name"],
            id="of the network",
        ),
        pytest.param(
            "refinedet320",
            ("dataset.url=https://user:pa55word99@h.example/voc.tar",),
            "zoo-run manifest.yaml --data FOLDER",
            ["voc2007-test of 4952 samples", "give its folder with `--data FOLDER`", "`VOCDEVKIT`"],
            id="with a password",
        ),
        pytest.param(
            "refinedet320",
            ("dataset.url=/data/VOC",),
            "zoo-run manifest.yaml --data FOLDER",
            ["the address that the manifest had means nothing elsewhere"],
            id="of this machine",
        ),
    ],
)
def test_the_data_set(name: str, overrides: tuple[str, ...], command: str, needs: list[str]) -> None:
    manifest = load(ROOT / "manifests" / f"{name}.yaml", overrides).manifest
    text = readme(manifest, [FILE], OnnxRuntimeBackend(), made="Made by a test.", name="manifest.yaml")
    assert text.startswith(f"# A pack of zoo-run: {name}\n\nMade by a test. `sha256sum -c SHA256SUMS`")
    assert "| `m.onnx` | the network |\n" in text
    assert f"\n    {command}\n" in text
    assert [need for need in needs if need not in text] == []
    assert "pa55word99" not in text
    assert "/data/VOC" not in text
    assert "--om" not in text
