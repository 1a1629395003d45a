"""A file that cannot be read as a manifest is one nevertheless if a key at its top says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo_runner.zoo.signs import may_have_sign


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("name: a\non: push\njobs: {}\n", False, id="workflow"),
        pytest.param("---\nkind: a\n---\nkind: b\n", False, id="two documents"),
        pytest.param("kind: a\nspec:\n  plugin: b\n  weights: [\n", False, id="signs further down only"),
        pytest.param("- plugin: a\n- [\n", False, id="a list"),
        pytest.param("{{- if .Values.plugin }}\nkind: a\n{{ end }}\n", False, id="a template"),
        pytest.param("text of plugin: none\n", False, id="a sentence"),
        pytest.param("inputs:\n  a: [\n", False, id="inputs of an action"),
        pytest.param("a: |\n  plugin: x\n\tb\n", False, id="in a block of text"),
        pytest.param("root:x:0:0\n", False, id="no YAML"),
        pytest.param("---\nname: a\nplugin: b\n---\nname: c\n", True, id="manifests in one file"),
        pytest.param("--- {plugin: a}\n--- {plugin: b}\n", True, id="on the line of the mark"),
        pytest.param("--- plugin: a\n", True, id="behind the mark"),
        pytest.param("name: a\nweights: [\n", True, id="broken"),
        pytest.param("# of mine\n\n  name: a\n  plguin: [\n", True, id="indented and misspelt"),
        pytest.param("'dataset' : [\n", True, id="in quotes"),
        pytest.param("{name: a,\n plugin: [\n", True, id="in braces"),
        pytest.param("inputs:\n  # the image\n- {name: x\n", True, id="inputs as a list"),
        pytest.param("outputs: [{name: x\n", True, id="outputs in brackets"),
        pytest.param("", True, id="nothing"),
        pytest.param("# plugin\n---\n", True, id="only a comment"),
        pytest.param("plugin:\r\n\tname: a\r\n", True, id="other line ends"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_signs_of_what_is_no_manifest(content: str, expected: bool, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(content.encode(encoding))
    assert may_have_sign(tmp_path / "a.yaml") is expected


def test_what_cannot_be_read_may_be_a_manifest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert may_have_sign(tmp_path / "pipe.yaml")
    assert may_have_sign(tmp_path / "nothing.yaml")
