"""One wording for tensors that are not the expected ones, and no other."""

import re

import numpy as np
import pytest

from places import PACKAGES, ROOT
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.plugin.tensors import array_texts, batch_texts, declared_texts, mismatch, sample_texts, tensor_text

SPECS = (TensorSpec("image", "float32", ("batch", 3, 8, 8)), TensorSpec("size", "int64", (2,)))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (declared_texts(SPECS), ["image float32[batch, 3, 8, 8]", "size int64[2]"]),
        (batch_texts(SPECS, 4), ["image float32[4, 3, 8, 8]", "size int64[2]"]),
        (sample_texts(SPECS), ["image float32[3, 8, 8]", "size int64[2]"]),
        (array_texts({"a": np.zeros((1, 2), ">f4"), "b": np.int64(3)}), ["a >f4[1, 2]", "b int64[]"]),
        ([tensor_text("", "float32", [4])], ["float32[4]"]),
    ],
    ids=["as declared", "of a batch", "of a sample", "of arrays", "without a name"],
)
def test_texts(texts: list[str], expected: list[str]) -> None:
    assert texts == expected


@pytest.mark.parametrize(
    ("where", "found", "remedy", "text"),
    [
        ("outputs", ["b int8[2]"], "convert again", "outputs: expected a int8[2], found b int8[2]; convert again"),
        ("outputs", [], "", "outputs: expected a int8[2], found nothing"),
        ("", ["x", "y"], "", "expected a int8[2], found x, y"),
    ],
)
def test_mismatch(where: str, found: list[str], remedy: str, text: str) -> None:
    assert mismatch(where, ["a int8[2]"], found, remedy) == text


def test_no_module_words_a_tensor_by_itself() -> None:
    """A dtype and a shape side by side in a text are made in one place."""
    own = re.compile(r"dtype\w*\)?\}\s?(of shape )?\{(list|tuple)?\(?\w*\.?\w*shape")
    modules = [path for room in PACKAGES for path in (ROOT / room).rglob("*.py")]
    assert [
        str(path.relative_to(ROOT)) for path in modules if "testing" not in path.parts and own.search(path.read_text())
    ] == []
