# ruff: noqa: E501 - complaints stand beside what causes them, one row a line
"""A manifest text with other values in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import ManifestError
from zoo_runner.manifest.edit import difference, edited

VALUE = ("expected", "value")


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        pytest.param("expected: {value: 1}\n", VALUE, "expected: {value: 2.5}\n", id="flow"),
        pytest.param("expected:\n  value: 1  # old\n", VALUE, "expected:\n  value: 2.5  # old\n", id="block"),
        pytest.param("expected:\n  value: '1'\n", VALUE, "expected:\n  value: 2.5\n", id="quoted"),
        pytest.param("expected:\n  value:\n  b: 1\n", VALUE, "expected:\n  value: 2.5\n  b: 1\n", id="empty"),
        pytest.param("expected: {}\n", VALUE, "expected: {value: 2.5}\n", id="empty mapping"),
        pytest.param("expected: null  # none\n", VALUE, "expected: {value: 2.5}  # none\n", id="null"),
        pytest.param("expected: {b: [1, 2]}\n", VALUE, "expected: {b: [1, 2], value: 2.5}\n", id="into flow"),
        pytest.param("expected: {b: 1,}\n", VALUE, "expected: {b: 1, value: 2.5,}\n", id="a last comma"),
        pytest.param(
            "expected:\n  b: 1  # first\n  c:\n    - 1\n",
            VALUE,
            "expected:\n  b: 1  # first\n  value: 2.5\n  c:\n    - 1\n",
            id="into block",
        ),
        pytest.param(
            "expected:\n  # b is long\n  b:\n    - 1\n",
            VALUE,
            "expected:\n  # b is long\n  value: 2.5\n  b:\n    - 1\n",
            id="where nothing ends on its line",
        ),
        pytest.param("expected:\n  b: 1", VALUE, "expected:\n  b: 1\n  value: 2.5", id="at the end"),
        pytest.param("a: 1\r\n", VALUE, "a: 1\r\nexpected: {value: 2.5}\r\n", id="new section"),
        pytest.param("a: 1", VALUE, "a: 1\nexpected: {value: 2.5}\n", id="new section after an open line"),
        pytest.param("{a: {16: 1}}\n", ("a", 16), "{a: {16: 2.5}}\n", id="key is a number"),
        pytest.param("a:\n  b: 1\n", ("a", "310"), "a:\n  b: 1\n  '310': 2.5\n", id="key that looks like one"),
        pytest.param("{a: 1}\n", VALUE, "{a: 1, expected: {value: 2.5}}\n", id="a flow mapping at the top"),
        pytest.param("ä: 'ö'  # ü\na: 1\n", ("a",), "ä: 'ö'  # ü\na: 2.5\n", id="not ASCII"),
    ],
)
def test_edited(text: str, path: tuple[str | int, ...], after: str) -> None:
    assert edited(text, {path: 2.5}) == after


@given(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
def test_numbers_are_read_back_as_they_were(one: float, other: float) -> None:
    text = edited("a: 1\nb: {c: 1}\n", {("a",): one, ("b", "d"): other})
    assert yaml.safe_load(text) == {"a": one, "b": {"c": 1, "d": other}}


def test_nothing_to_change(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("a: 1.5\n")
    assert difference(path, {("a",): 1.5}, "m.yaml") == ""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: 1\n...\n", id="an end of the document"),
        pytest.param("b:\n  'x\n  y': 1\n  ? z\n  :\n    - 1\n", id="keys that look like nothing known"),
    ],
)
def test_what_cannot_be_edited_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(ManifestError) as caught:
        difference(path, {("b", "c"): 2.0}, "m.yaml")
    assert (
        str(caught.value) == f"{path}: expected YAML that can be edited at b.c, found another layout; edit it by hand"
    )
    assert path.read_text() == text


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read: No such file or directory"):
        difference(tmp_path / "m.yaml", {("a",): 1.0}, "m.yaml")


SHARED = """\
a: &rates
  throughput: &t {1: 9}
  loop: &n 7
b: *rates
c:
  <<: *rates
d: {<<: {e: {f: 1, g: 2}}, n: *n, t: {<<: *t}}
"""


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        pytest.param(("a", "loop"), "1: a: expected a value of its own, found one shared with the alias on lines 4, 6; edit it by hand", id="what an alias stands for"),
        pytest.param(("b", "loop"), "1: b: expected a value of its own, found one shared with the alias on lines 4, 6; edit it by hand", id="an alias"),
        pytest.param(("d", "n"), "3: d.n: expected a value of its own, found one shared with the alias on line 7; edit it by hand", id="a number by an alias"),
        pytest.param(("c", "throughput", 4), "2: c.throughput: expected a value of its own, found one shared by the merge key on line 6; edit it by hand", id="below a merged key"),
        pytest.param(("d", "e", "f"), "7: d.e: expected a value of its own, found one shared by the merge key on line 7; edit it by hand", id="merged in place"),
    ],
)  # fmt: skip # one row a line
def test_what_stands_in_several_places_is_not_edited(tmp_path: Path, path: tuple[str | int, ...], problem: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(SHARED)
    with pytest.raises(ManifestError) as caught:
        difference(file, {path: 2.5}, "m.yaml")
    assert str(caught.value) == f"{file}:{problem}"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param(("c", "loop"), "+  loop: 2.5", id="a merged value is written over in its place alone"),
        pytest.param(("c", "x"), "+  x: 2.5", id="a new key beside a merge key"),
        pytest.param(("d", "t", 1), "+d: {<<: {e: {f: 1, g: 2}}, n: *n, t: {<<: *t, 1: 2.5}}", id="in braces"),
        pytest.param(("e",), "+e: 2.5", id="elsewhere"),
    ],
)
def test_what_stands_beside_anchors_is_edited(tmp_path: Path, path: tuple[str | int, ...], line: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(SHARED)
    written = difference(file, {path: 2.5}, "m.yaml").splitlines()
    assert [each for each in written if each[:1] == "+" and each[:3] != "+++"] == [line]
