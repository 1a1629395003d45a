"""The manifest of a pack means what the manifest in effect means, but for where its files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from places import ROOT
from zoo_runner.errors import ManifestError
from zoo_runner.manifest.load import load
from zoo_runner.manifest.schema import DatasetRef, Manifest, Weights
from zoo_runner.pack.files import PackedFile
from zoo_runner.pack.manifest_text import check_confirmations, manifest_text, packed_manifest, reachable

WEIGHTS = PackedFile(name="weights.pth", source=Path("elsewhere.pth"), sha256="a" * 64, size=7, about="")
ONNX = PackedFile(name="m.onnx", source=Path("elsewhere.onnx"), sha256="c" * 64, size=8, about="")
SMALL = """\
name: m
plugin: {name: p, config: {deep: {list: [1, [2.5, x]], 'no': 'yes', empty: []}}}
dataset: {name: d, samples: 3, url: https://h.example/d.tar, md5: %s}
inputs: [{name: x, shape: [batch, 3]}]
outputs: [{name: y, shape: [batch, 3], range: [0, 1.0e-5]}]
"""


def reloaded(manifest: Manifest, tmp_path: Path) -> Manifest:
    path = tmp_path / "packed.yaml"
    path.write_text(manifest_text(manifest, "Packed"), encoding="utf-8")
    return load(path).manifest


@pytest.mark.parametrize("path", sorted((ROOT / "manifests").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_manifests_that_come_along_keep_their_meaning(path: Path, tmp_path: Path) -> None:
    manifest = load(path).manifest
    found = reloaded(packed_manifest(manifest, WEIGHTS, ONNX), tmp_path)
    assert (found.weights.url, found.weights.sha256, found.weights.size) == ("weights.pth", "a" * 64, 7)
    assert (found.onnx.url, found.onnx.sha256, found.onnx.size) == ("m.onnx", "c" * 64, 8)
    unchanged = ("opset", "simplify", "dynamic_batch", "exporter")
    assert [getattr(found.onnx, key) for key in unchanged] == [getattr(manifest.onnx, key) for key in unchanged]
    others = {"weights": manifest.weights, "onnx": manifest.onnx, "golden": manifest.golden}
    assert found.golden is None, "it is no file of the pack"
    assert found.model_copy(update=others) == manifest


def small(tmp_path: Path, *overrides: str) -> Manifest:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL % ("b" * 32))
    return load(path, overrides).manifest


@pytest.mark.parametrize(
    "override",
    [
        "description='日本 “quoted”: # no comment'",
        "description='077'",
        "description='1:17'",
        "description='2026-01-01'",
        "description='null'",
        "description='a\nb'",
        "infer.batch=7",
        "plugin.config={'1': 2, 'a: b': x}",
        "weights.license=MIT",
    ],
)
def test_any_value_reads_back_as_it_was(tmp_path: Path, override: str) -> None:
    manifest = small(tmp_path, override)
    found = reloaded(packed_manifest(manifest, WEIGHTS, ONNX), tmp_path)
    others = {"weights": manifest.weights, "onnx": manifest.onnx, "golden": manifest.golden}
    assert found.golden is None, "it is no file of the pack"
    assert found.model_copy(update=others) == manifest
    assert found.weights.license == manifest.weights.license


HERE, SECRET = "https://h.example/d.tar", "https://h.example/d.tar?token=abcdef123456"


@pytest.mark.parametrize(
    ("url", "stays"),
    [
        (HERE, HERE),
        ("package:refinedet_plugin/sample", "package:refinedet_plugin/sample"),
        ("data/d.tar", None),
        ("/data/d.tar", None),
        ("file:///data/d.tar", None),
        ("https://user:pa55word99@h.example/d.tar", None),
        (SECRET, None),
        (None, None),
        ((HERE, "http://other.example/d.tar"), (HERE, "http://other.example/d.tar")),
        (("data/d.tar", HERE, SECRET), HERE),
        (("data/d.tar", SECRET), None),
    ],
)
def test_addresses_of_data(
    tmp_path: Path, url: str | tuple[str, ...] | None, stays: str | tuple[str, ...] | None
) -> None:
    manifest = small(tmp_path)
    values = {**manifest.dataset.model_dump(exclude_unset=True), "url": url}
    manifest = manifest.model_copy(update={"dataset": DatasetRef.model_validate(values)})
    assert reachable(manifest) == (stays if isinstance(stays, tuple) else (stays,) if stays else ())
    dataset = reloaded(packed_manifest(manifest, WEIGHTS, ONNX), tmp_path).dataset
    assert (dataset.url, dataset.md5) == (stays, "b" * 32 if stays else None)
    assert (dataset.name, dataset.samples) == ("d", 3)


def test_where_weights_came_from_stays_here(tmp_path: Path) -> None:
    manifest = small(tmp_path).model_copy(
        update={"weights": Weights(url="https://user:pa55word99@h.example/w.pth", license="MIT")}
    )
    text = manifest_text(packed_manifest(manifest, WEIGHTS, ONNX), "Packed")
    assert "h.example/w.pth" not in text
    assert text.startswith("# Packed\nname: m\n")


def test_a_secret_that_shapes_the_model_cannot_be_packed(tmp_path: Path) -> None:
    manifest = small(tmp_path, "plugin.config={table: 'https://user:pa55word99@h.example/t'}")
    with pytest.raises(ManifestError) as caught:
        packed_manifest(manifest, WEIGHTS, ONNX)
    assert str(caught.value).startswith(
        "plugin: expected values that may be handed on, found one with a user, password"
    )


ACCURACY = "expected: {accuracy: {metric: m, protocol: p, unit: m, value: 5, tolerance: {abs: 0.1}, %s}}\n"


@pytest.mark.parametrize(
    ("base", "own", "refused"),
    [
        ("confirm: yes indeed", "direction: at_most", True),
        ("confirm: yes indeed", "direction: at_most, confirm: seen", False),
        ("confirm: yes indeed, direction: at_most", "published: here", False),
        ("direction: at_most", "confirm: seen", False),
        ("confirm: yes indeed", "published: here", False),
    ],
)
def test_a_confirmation_that_is_older_than_the_direction_is_not_packed(
    tmp_path: Path, base: str, own: str, *, refused: bool
) -> None:
    (tmp_path / "base.yaml").write_text(SMALL % ("b" * 32) + ACCURACY % base)
    path = tmp_path / "own.yaml"
    path.write_text(f"extends: base.yaml\nexpected: {{accuracy: {{{own}}}}}\n")
    if not refused:
        check_confirmations(load(path))
        return
    with pytest.raises(ManifestError) as caught:
        check_confirmations(load(path))
    assert str(caught.value) == (
        f"{path}:2: expected.accuracy.confirm: expected a confirmation written with this direction, or after it, found "
        f"an older one at {tmp_path / 'base.yaml'}:6, which a pack would take for one of both; write it again beside "
        "the direction, or leave it out with confirm: null"
    )
