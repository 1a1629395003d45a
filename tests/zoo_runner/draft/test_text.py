"""The text of a drafted manifest: it says what was found, and nothing that stands in a file's name or in the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo_runner.draft.text import Facts, comment, location, text
from zoo_runner.manifest.load import load
from zoo_runner.plugin.drafting import Draft
from zoo_runner.plugin.interfaces import TensorSpec

FACTS = Facts(
    name="mine",
    plugin="toy",
    draft=Draft(config={"names": ["a", "b"]}, kinds={"y": "offsets", "z": ""}),
    inputs=(TensorSpec("x", "uint8", ("batch", 4)),),
    outputs=(TensorSpec("y", "float32", ("batch", 2)), TensorSpec("z", "float32", ("batch", 1))),
    weights=Path("w.pth"),
    sha256="0" * 64,
    size=7,
    data=Path("data"),
    samples=3,
    measure=("top1", "plain"),
)
EXPECTATION = "expected: {accuracy: {metric: top1, protocol: plain, value: 90, tolerance: {abs: 1}}}"


def loaded(facts: Facts, folder: Path) -> Any:
    (folder / "m.yaml").write_text(text(facts, folder), encoding="utf-8")
    return load(folder / "m.yaml").manifest


def test_it_says_what_was_found(tmp_path: Path) -> None:
    made = loaded(replace(FACTS, weights=tmp_path / "w.pth", data=tmp_path / "sub" / "data"), tmp_path)
    assert (made.name, made.plugin.name, dict(made.plugin.config)) == ("mine", "toy", {"names": ("a", "b")})
    assert (made.weights.url, made.weights.sha256, made.weights.size) == ("w.pth", "0" * 64, 7)
    assert (made.dataset.name, made.dataset.url, made.dataset.samples) == ("data", "sub/data", 3)
    assert (made.input_specs, made.output_specs) == (FACTS.inputs, FACTS.outputs)
    assert [each.kind for each in made.outputs] == ["offsets", None]
    assert made.expected.accuracy is None


def test_sections_of_the_plugin(tmp_path: Path) -> None:
    sections = {"onnx": {"opset": 13}, "infer": {"batch": 4}}
    made = loaded(replace(FACTS, draft=replace(FACTS.draft, sections=sections)), tmp_path)
    assert (made.onnx.opset, made.infer.batch) == (13, 4)


def test_the_expectation_can_be_uncommented() -> None:
    lines = text(FACTS, Path()).splitlines()
    start = lines.index("# expected:")
    section = "\n".join(line.removeprefix("# ") for line in lines[start:]).replace("...", "1")
    assert yaml.safe_load(section) == yaml.safe_load(EXPECTATION.replace("90", "1"))


EVIL = "a\nexpected: {accuracy: {value: 0}}\u2028b: c\x85d\u202e"


@pytest.mark.parametrize(
    "name", [EVIL, "yes", "null", "1e3", "a: b", "#", "- x", "'", '"', "", "中文", "{a}", "x" * 300]
)
def test_what_stands_in_files_stays_what_it_is(tmp_path: Path, name: str) -> None:
    draft = replace(FACTS.draft, config={"names": [name], "one": name}, notes=(f"names: {name}",))
    made = loaded(replace(FACTS, draft=draft), tmp_path)
    assert dict(made.plugin.config) == {"names": (name,), "one": name}
    assert made == made.model_copy(update={"expected": type(made.expected)()}), "no expectation came in"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/here/w.pth", "w.pth"),
        ("/here/sub/../w.pth", "w.pth"),
        ("/here", "."),
        ("/other/w.pth", "/other/w.pth"),
        ("/here/a:b", "./a:b"),
        ("/here/sub/a:b", "sub/a:b"),
    ],
)
def test_location(path: str, shown: str) -> None:
    assert location(Path(path), Path("/here")) == shown


def test_a_file_that_looks_like_an_address_is_found_again(tmp_path: Path) -> None:
    made = loaded(replace(FACTS, weights=tmp_path / "http:x", data=tmp_path / "file:d"), tmp_path)
    assert (made.weights.url, made.dataset.url) == ("./http:x", "./file:d")


@pytest.mark.parametrize(
    ("remarks", "lines"),
    [
        pytest.param([], [], id="none"),
        pytest.param([""], [], id="empty"),
        pytest.param(["a  b", "c"], ["# a b", "# c"], id="two"),
        pytest.param(["a\nb: 1\r\nc\u2029d"], ["# a b: 1 c d"], id="line ends"),
        pytest.param(["a\x1bb"], [r"# a\x1bb"], id="control characters"),
        pytest.param(["word " * 30], [f"# {'word ' * 21}word", f"#   {'word ' * 7}word"], id="long"),
    ],
)
def test_comment(remarks: list[str], lines: list[str]) -> None:
    assert list(comment(remarks)) == lines
