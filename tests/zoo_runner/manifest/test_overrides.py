from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.errors import ExitCode, UsageError
from zoo_runner.manifest.overrides import apply
from zoo_runner.manifest.schema import Manifest
from zoo_runner.manifest.tree import Node, Origin, origins, plain
from zoo_runner.manifest.yaml_text import parse


def tree(text: str) -> Node:
    node = parse(text, lambda line: Origin("m.yaml", line, Path("folder")))
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("text", "overrides", "value"),
    [
        pytest.param("{a: 1}", [], {"a": 1}, id="none"),
        pytest.param("{infer: {batch: 16}}", ["infer.batch=4"], {"infer": {"batch": 4}}, id="scalar"),
        pytest.param("{}", ["infer.batch=4"], {"infer": {"batch": 4}}, id="sections are made"),
        pytest.param("{infer: }", ["infer.batch=4"], {"infer": {"batch": 4}}, id="also over null"),
        pytest.param("{a: 1}", ["a=2", "a=3"], {"a": 3}, id="the last wins"),
        pytest.param("{a: 1}", [" a =2"], {"a": 2}, id="spaces around the key"),
        pytest.param("{a: 1}", ["b=x=y"], {"a": 1, "b": "x=y"}, id="only the first = counts"),
        pytest.param("{a: {b: 1}}", ["a.b=null"], {"a": {}}, id="null removes"),
        pytest.param("{a: 1}", ["a=null", "a.b=2"], {"a": {"b": 2}}, id="removed, then made again"),
        pytest.param("{a: 1}", ["b=null"], {"a": 1, "b": None}, id="null for what is not there"),
        pytest.param("{a: [1, 2, 3]}", ["a=[9]"], {"a": (9,)}, id="lists are replaced whole"),
        pytest.param("{a: {b: 1, c: 2}}", ["a={b: 3}"], {"a": {"b": 3, "c": 2}}, id="mappings merge"),
        pytest.param(
            "{inputs: [{name: x}, {name: y}]}",
            ["inputs.1.dtype=uint8"],
            {"inputs": ({"name": "x"}, {"name": "y", "dtype": "uint8"})},
            id="list position",
        ),
        pytest.param("{a: [1, 2]}", ["a.0=null"], {"a": (None, 2)}, id="a list keeps its length"),
        pytest.param("{a: b}", ["a=''"], {"a": ""}, id="empty text"),
        pytest.param(
            "{atc: }",
            ["atc.input_shape=image:{batch},3,320,320"],
            {"atc": {"input_shape": "image:{batch},3,320,320"}},
            id="placeholder",
        ),
        pytest.param(
            "{}",
            ["expected.chips.310P3.throughput.16=400"],
            {"expected": {"chips": {"310P3": {"throughput": {16: 400}}}}},
            id="integer key by the schema",
        ),
        pytest.param(
            "{}",
            ["expected.chips.310.accuracy.1=79.6"],
            {"expected": {"chips": {"310": {"accuracy": {1: 79.6}}}}},
            id="a chip called 310 is no integer",
        ),
        pytest.param(
            "plugin: {config: {3: x, '4': y}}",
            ["plugin.config.3=z", "plugin.config.4=z", "plugin.config.5=z"],
            {"plugin": {"config": {3: "z", "4": "z", "5": "z"}}},
            id="where the schema is silent the key stays what it was",
        ),
    ],
)
def test_apply(text: str, overrides: Sequence[str], value: Any) -> None:
    assert plain(apply(tree(text), overrides, Manifest)) == value


def test_origins() -> None:
    node = apply(tree("a:\n  b: 1\n  c: [1, {d: 2}]\n"), ["a.c.1.d=3", "e.f=4", "a.b=null"], Manifest)
    assert {path: (str(origin), origin.folder) for path, origin in origins(node)} == {
        (): ("m.yaml:1", Path("folder")),
        ("a",): ("m.yaml:1", Path("folder")),
        ("a", "b"): ("--set a.b", Path()),
        ("a", "c"): ("m.yaml:3", Path("folder")),
        ("a", "c", 0): ("m.yaml:3", Path("folder")),
        ("a", "c", 1): ("m.yaml:3", Path("folder")),
        ("a", "c", 1, "d"): ("--set a.c.1.d", Path()),
        ("e",): ("--set e.f", Path()),
        ("e", "f"): ("--set e.f", Path()),
    }


FORM = "expected KEY=VALUE with a dotted key, such as --set infer.batch=4"
POSITION = "expected a position in list, which has 2 items counted from 0, found"
WHOLE = "or give the whole list: --set 'list=[...]'"


@pytest.mark.parametrize(
    ("override", "text"),
    [
        pytest.param("a", f"--set a: {FORM}", id="no ="),
        pytest.param("=1", f"--set =1: {FORM}", id="no key"),
        pytest.param("a..b=1", f"--set a..b=1: {FORM}", id="gap"),
        pytest.param("", f"--set : {FORM}", id="empty"),
        pytest.param(
            "a=", "--set a: the value is empty; write null to remove the key, or '' for an empty string", id="no value"
        ),
        pytest.param("a=b: c: d", "--set a: not valid YAML: mapping values are not allowed here", id="not YAML"),
        pytest.param(
            "a=*x",
            "--set a: expected an anchor &x before its alias *x, found none; in a text, put quotes around it",
            id="alias",
        ),
        pytest.param("batch.x=1", "--set batch.x: batch is 16 (integer) and has no key 'x'", id="below a scalar"),
        pytest.param("list.2=1", f"--set list.2: {POSITION} '2'; {WHOLE}", id="beyond a list"),
        pytest.param("list.-1=1", f"--set list.-1: {POSITION} '-1'; {WHOLE}", id="before a list"),
        pytest.param("list.x=1", f"--set list.x: {POSITION} 'x'; {WHOLE}", id="a name in a list"),
        pytest.param(
            "extends=b.yaml",
            "--set extends: a manifest's base cannot be replaced; write a file that extends it",
            id="extends",
        ),
    ],
)
def test_refused(override: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply(tree("{batch: 16, list: [1, 2]}"), [override], Manifest)
    assert str(caught.value) == text
    assert caught.value.exit_code is ExitCode.USAGE


def test_the_tree_given_stays_as_it_is() -> None:
    before = tree("{a: {b: [1, 2]}}")
    apply(before, ["a.b.0=9", "a.c=1"], Manifest)
    assert before == tree("{a: {b: [1, 2]}}")
