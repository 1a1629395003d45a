"""What stands for characters that a screen or an encoding cannot take."""

from __future__ import annotations

import pytest

from zoo_runner.report.characters import ERRORS, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("größe 精度 ≥ 🐟", "größe 精度 ≥ 🐟"),
        ("\x1b[2J\x00\r", "\\x1b[2J\\x00\\x0d"),
        ("\u202eabc\u2069\udcff", "\\x202eabc\\x2069\\xdcff"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("≥ 79.60 ≤ ± 0.4 … a → b", "ascii", b">= 79.60 <= +- 0.4 ... a -> b"),
        ("≥ 79.60 ± 0.4", "latin-1", b">= 79.60 \xb1 0.4"),
        ("größe 精度", "ascii", b"gr??e ??"),
        ("≥", "utf-8", "≥".encode()),
        ("\ud800", "utf-8", b"?"),
    ],
)
def test_what_an_encoding_lacks_has_a_substitute(text: str, encoding: str, shown: bytes) -> None:
    assert text.encode(encoding, ERRORS) == shown


def test_reading_is_not_what_it_is_for() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", ERRORS)
