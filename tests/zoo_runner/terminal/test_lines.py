"""Lines of a terminal end between words."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.text import Text

from zoo_runner.terminal.lines import whole_words


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("twelve chars", ["twelve chars"]),
        ("one more than it", ["one more", "than it"]),
        ("  one more than it", ["  one more", "  than it"]),
        ("a /path/that/is/longer b", ["a", "/path/that/is/longer", "b"]),
        ("/path/that/is/longer", ["/path/that/is/longer"]),
        ("one two\nthree", ["one two", "three"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("one two     three", ["one two", "three"]),
        ("精度低于预期\uff0c请检查", ["精度低于预", "期\uff0c请检查"]),
        ("精度低于预期的\uff0c值", ["精度低于预期", "的\uff0c值"]),
        ("精度低于预\uff0c期", ["精度低于预\uff0c", "期"]),
        ("精度 mAP 低于", ["精度 mAP 低", "于"]),
    ],
)
def test_lines(text: str, lines: list[str]) -> None:
    found = [line.plain.rstrip() for line in whole_words(Text(text), 12)]
    assert found == lines
    assert all(cell_len(line) <= 12 or " " not in line.strip() for line in found)


def test_styles_stay_with_their_words() -> None:
    first, second = whole_words(Text.from_markup("[bold]one two three[/] four"), 12)
    assert [(each.plain.rstrip(), [str(span.style) for span in each.spans]) for each in (first, second)] == [
        ("one two", ["bold"]),
        ("three four", ["bold"]),
    ]
