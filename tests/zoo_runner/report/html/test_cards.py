from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.plugin.evidence import Illustration, Mark
from zoo_runner.report.html.canvas import columns
from zoo_runner.report.html.cards import DRAWN, LETTER, Drawn, gallery, tag_size
from zoo_runner.report.html.language import texts
from zoo_runner.report.picture import Picture

if TYPE_CHECKING:
    from tests.zoo_runner.report.html.conftest import Reports

ENGLISH = texts("en")


def picture(*marks: Mark, **given: Any) -> Picture:
    drawing = Illustration(width=200, height=100, image=b"pixels", media_type="image/jpeg", marks=marks)
    usual: dict[str, Any] = {"id": "000001", "index": 1, "score": 12.34, "errors": {}, "illustration": drawing}
    return Picture(**{**usual, **given})


def mark(kind: str, *, label: str = "ant", box: tuple[float, float, float, float] = (10, 20, 60, 70)) -> Mark:
    return Mark(kind=kind, label=label, box=box, score=0.875)


def test_a_card(reports: Reports) -> None:
    shown = picture(mark("hit"), mark("missed"), mark("truth"), errors={"background": 2, "missed": 1})
    (card,) = gallery(reports.full(), [shown], ENGLISH).cards
    assert card.uri == f"data:image/jpeg;base64,{base64.b64encode(b'pixels').decode()}"
    assert card.alt == "000001, score 12.3: missed 1, background 2"
    assert card.kinds == '["missed", "background"]'
    assert [drawn.kind.name for drawn in card.marks] == ["hit", "truth", "missed"]
    assert [drawn.tag for drawn in card.marks] == ["", "", "M ant 0.88"]
    assert card.marks[0].box == (10.0, 20.0, 50.0, 50.0)
    assert (card.worst, card.changed, card.left_out) == (None, None, 0)


def test_a_card_knows_where_the_report_speaks_of_it(reports: Reports) -> None:
    cards = gallery(reports.compared(), [reports.picture(2), picture()], ENGLISH).cards
    assert [(card.worst, card.changed) for card in cards] == [(2, 2), (None, None)]


def test_nothing_wrong_and_nothing_to_find(reports: Reports) -> None:
    (card,) = gallery(reports.least(), [picture(score=None)], texts("zh")).cards
    assert card.alt == "000001，得分 –：无错误"  # noqa: RUF001 - Chinese punctuation


def test_every_kind_has_a_letter_and_the_first_a_style_of_its_own(reports: Reports) -> None:
    names = ["missed", "mirrored", "moved", "ähnlich", "9th", "0", *(f"m{number}" for number in range(5))]
    shown = picture(*(mark(name) for name in names))
    kinds = gallery(reports.least(), [shown], ENGLISH).kinds
    assert [kind.name for kind in kinds] == names
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert [kind.code for kind in kinds][:6] == ["M", "A", "B", "Ä", "9", "0"]
    assert [kind.style for kind in kinds][:7] == ["e0", "e1", "e2", "e3", "e4", "e5", "e0"]


def test_only_what_is_drawn_is_in_the_legend(reports: Reports) -> None:
    shown = gallery(reports.full(), [picture(mark("duplicate"), mark("truth"))], ENGLISH)
    assert [kind.name for kind in shown.used] == ["truth", "duplicate"]


def test_counts_are_of_pictures(reports: Reports) -> None:
    shown = gallery(reports.full(), [picture(errors={"missed": 3}), picture(index=2)], ENGLISH)
    assert [(kind.name, shown.count(kind)) for kind in shown.kinds if shown.count(kind)] == [("missed", 1)]


def test_too_many_marks_leave_the_errors(reports: Reports) -> None:
    shown = picture(*(mark("ignored") for _ in range(DRAWN)), mark("missed"), mark("truth"))
    (card,) = gallery(reports.full(), [shown], ENGLISH).cards
    assert len(card.marks) == DRAWN
    assert card.left_out == 2
    assert {drawn.kind.name for drawn in card.marks} == {"ignored", "missed", "truth"}


def spans(marks: Sequence[Drawn], picture: tuple[int, int] = (200, 100)) -> list[tuple[float, float, float]]:
    """Where the texts begin and end, and their height on the picture."""
    size = tag_size(*picture)
    found = []
    for drawn in marks:
        length = LETTER * size * columns(drawn.tag)
        start = drawn.tag_x - (length if drawn.anchor == "end" else 0)
        found.append((start, start + length, drawn.tag_y))
    return found


@pytest.mark.parametrize("count", [2, 4, 40])
def test_texts_do_not_cover_each_other(reports: Reports, count: int) -> None:
    shown = picture(
        *(mark("missed", label=f"c{number}") for number in range(count)), mark("missed", box=(150, 20, 195, 60))
    )
    (card,) = gallery(reports.full(), [shown], ENGLISH).cards
    tagged = [drawn for drawn in card.marks if drawn.tag]
    assert 2 <= len(tagged) <= count + 1
    assert len(card.marks) == count + 1
    size, places = tag_size(200, 100), spans(tagged)
    apart = [
        a[1] <= b[0] or b[1] <= a[0] or abs(a[2] - b[2]) >= 0.99 * size
        for place, a in enumerate(places)
        for b in places[place + 1 :]
    ]
    assert all(apart)


def test_errors_of_one_sort_share_a_text(reports: Reports) -> None:
    here = [mark("duplicate", box=(10 + step, 20 + step, 60, 70)) for step in (0, 4, 8)]
    others = [
        mark("duplicate", box=(120, 20, 160, 70)),
        mark("duplicate", label="bee", box=(10, 60, 60, 90)),
        mark("hit", box=(10, 20, 60, 70)),
    ]
    (card,) = gallery(reports.full(), [picture(*here, *others)], ENGLISH).cards
    assert sorted(drawn.tag for drawn in card.marks if drawn.tag) == [
        "D ant 0.88",
        "D ant \N{MULTIPLICATION SIGN}3",
        "D bee 0.88",
    ]


@given(
    box=st.tuples(*[st.floats(-50, 450) for _ in range(4)]),
    size=st.tuples(st.integers(1, 400), st.integers(1, 400)),
)
def test_texts_stay_on_the_picture(
    reports: Reports, box: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    shown = picture(mark("missed", box=box))
    drawing = replace(shown.illustration, width=size[0], height=size[1])
    (card,) = gallery(reports.full(), [replace(shown, illustration=drawing)], ENGLISH).cards
    (drawn,) = card.marks
    assert 0 <= drawn.tag_x <= size[0]
    assert drawn.tag_y <= size[1]
    ((start, end, _),) = spans([drawn], size)
    assert not drawn.tag or -0.1 <= start <= end <= size[0] + 0.1


def test_no_pictures(reports: Reports) -> None:
    empty = gallery(reports.least(), [], ENGLISH)
    assert (empty.cards, empty.kinds, empty.labels, empty.indices, empty.used) == ((), (), (), set(), [])


@pytest.mark.parametrize("size", [(320, 240), (180, 240), (320, 100)])
def test_letters_are_as_large_on_every_picture(size: tuple[int, int]) -> None:
    width, height = size
    shrunk = min(320 / width, 240 / height)  # what fits a frame of 320 by 240
    assert tag_size(width, height) * shrunk == pytest.approx(320 / 28, abs=0.01)


def test_a_text_does_not_cover_a_small_box(reports: Reports) -> None:
    picture = reports.picture(0)
    missed = Mark(kind="missed", label="disc", box=(100.0, 100.0, 200.0, 200.0))
    small = Mark(kind="truth", label="disc", box=(110.0, 88.0, 120.0, 99.0))

    def tag_of_the_first(*marks: Mark) -> tuple[str, float]:
        drawn = replace(picture, illustration=replace(picture.illustration, marks=marks))
        (card,) = gallery(reports.full(), [drawn], texts("en")).cards
        (tagged,) = [mark for mark in card.marks if mark.mark is missed]
        return tagged.tag, tagged.tag_y

    alone, beside = tag_of_the_first(missed), tag_of_the_first(missed, small)
    assert alone[0] == beside[0] == "M disc"
    assert beside[1] > 100.0 > alone[1]
