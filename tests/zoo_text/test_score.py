"""What went wrong in lines: which characters, and how a line is shown."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from zoo_runner.plugin.evidence import Confusions, Span, Statement
from zoo_runner.plugin.scoring import score
from zoo_text.metric import TextMetric, encoded
from zoo_text.samples import TextSample
from zoo_text.score import TextScore


def scored(lines: list[tuple[str, str]], path: Path = Path("a.png"), **options: bool) -> TextScore:
    samples = [TextSample(index=at, id=str(at), path=path, text=text) for at, (text, _) in enumerate(lines, start=1)]
    found = score(TextMetric(**options), samples, [{"text": encoded(read)} for _, read in lines])
    assert isinstance(found, TextScore)
    return found


def test_errors_are_counted_by_kind() -> None:
    found = scored([("abc", "abc"), ("abc", "axcd"), ("abc", ""), ("", "ab"), ("", "")])
    assert found.error_kinds == ("replaced", "left out", "added")
    assert [dict(each.errors) for each in found.diagnose()] == [
        {},
        {"replaced": 1, "added": 1},
        {"left out": 3},
        {"added": 2},
        {},
    ]


def test_what_counts_for_nothing_is_no_error() -> None:
    found = scored([("A b", "ab")], ignore_case=True, ignore_space=True)
    assert [dict(each.errors) for each in found.diagnose()] == [{}]


def test_characters_are_counted_by_what_they_were_read_as() -> None:
    counts = {("a", "a"): 2, ("b", "b"): 1, ("b", "x"): 1, ("c", ""): 1, ("", "y"): 1}
    assert scored([("ab", "ab"), ("abc", "ax"), ("", "y")]).confusions() == Confusions(noun="characters", counts=counts)
    assert scored([]).confusions().counts == {}


@pytest.mark.parametrize(
    ("line", "kind", "written", "read"),
    [
        (("1234", "1934"), "replaced", ["1", "2*", "34"], ["1", "9*", "34"]),
        (("1234", "124"), "left out", ["12", "3*", "4"], ["12", "4"]),
        (("124", "1234"), "added", ["12", "4"], ["12", "3*", "4"]),
        (("12", ""), "left out", ["12*"], []),
        (("12", "12"), "hit", ["12"], ["12"]),
        (("", ""), "hit", [], []),
    ],
)
def test_a_line_is_shown_with_its_difference(
    tmp_path: Path, line: tuple[str, str], kind: str, written: list[str], read: list[str]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((48, 720, 3), np.uint8))[1].tobytes())
    drawn = scored([line], path).illustrate(0)
    assert (drawn.width, drawn.height, drawn.marks) == (360, 24, ())
    assert drawn.statements == (
        Statement(kind="truth", spans=spans(written)),
        Statement(kind=kind, spans=spans(read)),
    )


def spans(texts: list[str]) -> tuple[Span, ...]:
    return tuple(Span(text=each.removesuffix("*"), differs=each.endswith("*")) for each in texts)
