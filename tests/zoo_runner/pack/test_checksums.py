from __future__ import annotations

import pytest

from zoo_runner.pack.checksums import read_sums, sums_text

DIGESTS = {"b c.onnx": "a" * 64, "a/b.om": "0" * 64}


def test_the_list_is_sorted_and_read_back() -> None:
    text = sums_text(DIGESTS)
    assert text == f"{'0' * 64}  a/b.om\n{'a' * 64}  b c.onnx\n"
    assert read_sums(text) == DIGESTS
    assert sums_text({}) == ""


@pytest.mark.parametrize(
    "text", ["", "\n", "words", f"{'a' * 63}  x\n", f"{'a' * 64}  x\nmore\n", f"{'a' * 64}  \\x\n"]
)
def test_another_text_lists_nothing(text: str) -> None:
    assert read_sums(text) == {}
