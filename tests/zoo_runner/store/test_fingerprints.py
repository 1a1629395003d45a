"""Fingerprints: equal inputs are named alike everywhere, different ones apart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo_runner.store.fingerprints import file_digest, fingerprint

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


class Color(IntEnum):
    RED = 1


@dataclass
class Built:
    path: Path


def reverse(value: Any) -> Any:
    """Rebuild a value with every dictionary in the opposite order and lists as tuples."""
    if isinstance(value, dict):
        return {key: reverse(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return tuple(reverse(item) for item in value)
    return value


@settings(max_examples=50)
@given(st.lists(JSON, max_size=4))
def test_fingerprint_depends_on_values_only(parts: list[Any]) -> None:
    assert fingerprint(*parts) == fingerprint(*[reverse(part) for part in parts])
    assert fingerprint(*parts) != fingerprint(*parts, None)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param((), "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945", id="nothing"),
        pytest.param(
            ("onnx", 11, {"b": [1.5, None], "a": True}),
            hashlib.sha256(b'["onnx",11,{"a":true,"b":[1.5,null]}]').hexdigest(),
            id="written-out",
        ),
        pytest.param(("\u00e9", Color.RED), hashlib.sha256(b'["\\u00e9",1]').hexdigest(), id="text-and-enum"),
    ],
)
def test_fingerprint_is_the_same_on_every_machine(parts: tuple[object, ...], expected: str) -> None:
    assert fingerprint(*parts) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("ab", "c"), ("a", "bc"), id="boundaries"),
        pytest.param((1,), ("1",), id="number-or-text"),
        pytest.param((1,), (1.0,), id="int-or-float"),
        pytest.param(([],), ({},), id="list-or-dict"),
        pytest.param((None,), (), id="none-or-nothing"),
    ],
)
def test_fingerprint_tells_apart(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert fingerprint(*one) != fingerprint(*other)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        pytest.param({"weights": Path("x")}, r"part 2\['weights'\] is a PosixPath; expected text", id="path"),
        pytest.param([Built(Path())], r"part 2\[0\] is a Built", id="dataclass"),
        pytest.param({1: 2}, "part 2 has the key 1; keys must be text", id="key"),
        pytest.param(float("nan"), "part 2 is nan, which JSON cannot express", id="nan"),
        pytest.param({1}, "part 2 is a set", id="set"),
        pytest.param(b"x", "part 2 is a bytes", id="bytes"),
    ],
)
def test_fingerprint_refuses_what_has_no_json_form(part: object, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        fingerprint("first", part)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1])
def test_file_digest(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert file_digest(path) == hashlib.sha256(b"x" * size).hexdigest()
    assert file_digest(path, "md5") == hashlib.md5(b"x" * size, usedforsecurity=False).hexdigest()
