from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.manifest.tree import Node, Origin, origins, plain
from zoo_runner.manifest.yaml_nodes import MAX_DEPTH, MAX_NODES
from zoo_runner.manifest.yaml_text import YamlProblems, parse


def read(text: str) -> Node | None:
    return parse(text, lambda line: Origin("m", line))


def tupled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: tupled(child) for key, child in value.items()}
    return tuple(tupled(child) for child in value) if isinstance(value, list) else value


TAB = "found character '\\t' that cannot start any token (while scanning for the next token)"

BASE = "write it without leading zeros and colons, or quote it"

characters = st.characters(codec="utf-8", exclude_characters="\0")
keys = st.text(characters, max_size=8) | st.integers(-(2**63) + 1, 2**63 - 1)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(characters, max_size=20)
    | st.sampled_from(["yes", "null", "1e-3", "2022-12-01", "<<", "=", "0x1f", "1:30", "", " ", "\t", "{batch}"])
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)


@given(trees)
def test_what_a_dumper_wrote_reads_back(tree: Any) -> None:
    node = read(yaml.safe_dump(tree, sort_keys=False))
    assert node is not None
    assert plain(node) == tupled(tree)
    assert all(origin.source == "m" and origin.line >= 1 for _, origin in origins(node))


@given(st.text(max_size=200) | st.text(alphabet=" \t\n:-[]{}&*!|>'\"%@#,?ab0", max_size=40))
def test_any_text_reads_or_is_refused_with_a_place(text: str) -> None:
    problems: list[tuple[int, int, str]] = []
    node = None
    try:
        node = read(text)
    except YamlProblems as error:
        problems = error.problems
    assert node is None or (not problems and list(origins(node)))
    assert all(line >= 1 and column >= 1 and problem for line, column, problem in problems)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("a: 2022-12-01", {"a": "2022-12-01"}, id="a date is text"),
        pytest.param("a: '16'\n16: b", {"a": "16", 16: "b"}, id="integer key"),
        pytest.param("a:", {"a": None}, id="null"),
        pytest.param("[1, [2.5, x], {}]", (1, (2.5, "x"), {}), id="lists become tuples"),
        pytest.param("&anchor a: &b 1", {"a": 1}, id="an anchor alone is harmless"),
        pytest.param("a: =", {"a": "="}, id="value tag"),
        pytest.param("a: <<", {"a": "<<"}, id="merge tag as a value"),
        pytest.param("[0x1F, 0b11, 1_000, 007.5]", (31, 3, 1000, 7.5), id="numbers that mean what people see"),
        pytest.param("[0o77, 08, '077', '1:17']", ("0o77", "08", "077", "1:17"), id="text"),
        pytest.param("--- !!map\na: !!str 1\n...\n", {"a": "1"}, id="standard tags"),
    ],
)
def test_values(text: str, value: Any) -> None:
    node = read(text)
    assert node is not None
    assert plain(node) == value


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n...\n# x"])
def test_no_value(text: str) -> None:
    node = read(text)
    assert node is None or node.value is None


def test_lines() -> None:
    node = read("# first\na:\n  b: 1\n  c:\n    - x\n    - {d: 2,\n       e: 3}\n")
    assert node is not None
    assert {path: origin.line for path, origin in origins(node)} == {
        (): 1,
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", 0): 5,
        ("a", "c", 1): 6,
        ("a", "c", 1, "d"): 6,
        ("a", "c", 1, "e"): 7,
    }


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param("a: 1\na: 2", [(2, 1, "key 'a' is given twice, first on line 1; remove one")], id="twice"),
        pytest.param(
            "b: {x: 1, x: 2}\n1: 0\n1: 0",
            [
                (1, 11, "key 'x' is given twice, first on line 1; remove one"),
                (3, 1, "key 1 is given twice, first on line 2; remove one"),
            ],
            id="all repetitions are listed",
        ),
        pytest.param("on: 1", [(1, 1, "expected a string or an integer as key, found on; quote it")], id="boolean key"),
        pytest.param(
            "[1]: 1", [(1, 1, "expected a string or an integer as key, found a list or mapping")], id="list key"
        ),
        pytest.param(
            "a: !!python/name:os.system ''",
            [(1, 4, "tag !!python/name:os.system is not supported; use plain values")],
            id="python tag",
        ),
        pytest.param("a: !x b", [(1, 4, "tag !x is not supported; use plain values")], id="own tag"),
        pytest.param(
            "a: !!int four", [(1, 4, "expected a value of type int, found 'four'")], id="not what the tag says"
        ),
        *(
            pytest.param(
                f"a: {written}",
                [
                    (
                        1,
                        4,
                        f"expected a number as people write it, found {written}, which YAML reads as {read_as}; {BASE}",
                    )
                ],
                id=written,
            )
            for written, read_as in (
                *(("077", 63), ("-012", -10), ("1:17", 77), ("1:32.5", 92.5), ("00", 0), ("190:20:30", 685230)),
                ("0_7", 7),
            )
        ),
        pytest.param(
            "a: !!int 1:99",
            [(1, 4, f"expected a number as people write it, found 1:99, which YAML reads as 159; {BASE}")],
            id="base 60 by its tag",
        ),
        pytest.param(
            "077: x",
            [(1, 1, f"expected a number as people write it, found 077, which YAML reads as 63; {BASE}")],
            id="octal key",
        ),
        pytest.param(
            f"a: 1{':1' * 100_000}",
            [(1, 4, f"expected a value of type int, found '{'1:' * 20}'")],
            id="base 60, of a length that takes long",
        ),
        pytest.param(
            'a: "x\\0y"\n"\\uDCff": 1',
            [
                (1, 4, "character #x00 is not allowed, written as an escape or not; remove it"),
                (2, 1, "character #xdcff is not allowed, written as an escape or not; remove it"),
            ],
            id="escapes that are no text",
        ),
        pytest.param(
            'a: 1\nb: "\\U00110000"',
            [(2, 7, "not valid YAML: no character has this number, or the number is too long; remove it")],
            id="an escape beyond the last character",
        ),
        pytest.param(
            f"? {'k' * 1001}\n: 1",
            [(1, 3, f"expected a key of at most 1000 characters, found {'k' * 225}...{'k' * 75} (1,001 characters)")],
            id="long key",
        ),
        pytest.param(
            f"a: {2**63}",
            [(1, 4, "expected an integer of at most 64 bits, found a larger one")],
            id="large integer",
        ),
        pytest.param(
            f"a: {'9' * 5000}",
            [(1, 4, f"expected a value of type int, found '{'9' * 40}'")],
            id="more digits than Python converts",
        ),
        pytest.param(
            "a: 1\n---\nb: 2",
            [(2, 1, "expected a single YAML document, found a second one; remove what follows the '---' line")],
            id="two documents",
        ),
        pytest.param(
            "a:\n\tb: 1",
            [(2, 1, f"not valid YAML: {TAB}; indent with spaces, not tabs")],
            id="tab",
        ),
        pytest.param(
            "a: [1\nb: 2",
            [
                (
                    2,
                    2,
                    "not valid YAML: expected ',' or ']', but got ':' (while parsing a flow sequence, begun on line 1)",
                )
            ],
            id="open bracket",
        ),
        pytest.param("a: 1\nb: x\x00y", [(2, 5, "character #x00 is not allowed; remove it")], id="control character"),
        pytest.param(
            "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
            [(1, MAX_DEPTH + 1, f"expected at most {MAX_DEPTH} levels of nesting, found more")],
            id="deep",
        ),
        pytest.param(
            "[" * 100_000,
            [(1, MAX_DEPTH + 1, f"expected at most {MAX_DEPTH} levels of nesting, found more")],
            id="deeper than Python's stack",
        ),
        pytest.param(
            "- 0\n" * MAX_NODES,
            [(MAX_NODES, 3, f"expected at most {MAX_NODES} values, found more")],
            id="many values",
        ),
    ],
)
def test_refused(text: str, problems: list[tuple[int, int, str]]) -> None:
    with pytest.raises(YamlProblems) as caught:
        read(text)
    assert caught.value.problems == problems
