"""What was taken for what, and samples whose annotation and prediction are words: no page speaks of boxes then."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.plugin.evidence import Span, Statement
from zoo_runner.report.evidence import ConfusionRecord, ConfusionsRecord, DiagnosisRecord
from zoo_runner.report.html.render import render

if TYPE_CHECKING:
    from tests.zoo_runner.report.conftest import Element, Parsed
    from tests.zoo_runner.report.html.conftest import Reports
    from zoo_runner.report.picture import Picture

KIND = "cat taken for dog"
FEW = ConfusionsRecord(
    noun="classes",
    total=9,
    wrong=3,
    pairs=2,
    largest=(
        ConfusionRecord(truth="cat", found="dog", count=2, of=5),
        ConfusionRecord(truth="dog", found="cat", count=1, of=4),
    ),
    labels=("cat", "dog"),
    counts=((3, 2), (1, 3)),
)
MANY = FEW.model_copy(
    update={
        "noun": "characters",
        "pairs": 70,
        "labels": (),
        "counts": (),
        "largest": tuple(
            ConfusionRecord(truth=chr(97 + place), found="" if place else "<b>", count=30 - place, of=40)
            for place in range(12)
        ),
    }
)
CAT = Statement(kind="truth", spans=(Span(text="cat"),), label="cat")
DOG = Statement(kind=KIND, spans=(Span(text="dog", differs=True),), label="dog")
LINE = (
    Statement(kind="truth", spans=(Span(text="12"), Span(text="3", differs=True), Span(text="<4"))),
    Statement(kind=KIND, spans=()),
)


def page(reports: Reports, parsed: Parsed, confusions: ConfusionsRecord, said: Any, language: str = "en") -> Element:
    plain = reports.picture(0)
    drawn = replace(plain.illustration, marks=(), statements=said)
    picture: Picture = replace(plain, errors={KIND: 1}, illustration=drawn)
    diagnosis = DiagnosisRecord(basis="the best", kinds=(KIND,), totals={KIND: 2})
    report = reports.full(confusions=confusions, diagnosis=diagnosis, curves=())
    return next(parsed(render(report, [picture], language)).all("section", id="gallery"))


def test_of_few_names_every_count_is_shown(reports: Reports, parsed: Parsed) -> None:
    section = page(reports, parsed, FEW, (CAT, DOG))
    rows = [row.text for row in next(section.all("table", class_="matrix")).all("tr")]
    assert rows == ["annotated \\ predicted cat dog", "cat 3 2", "dog 1 3"]
    assert "Which classes are taken for which" in section.text
    assert "Wrong: 3 / 9" in section.text


def test_of_many_names_the_most_frequent_confusions_are_listed(reports: Reports, parsed: Parsed) -> None:
    section = page(reports, parsed, MANY, LINE)
    first, rest = (list(table.all("tr"))[1:] for table in section.all("table"))
    assert [row.text for row in first[:2]] == ["a <b> 30 40", "b nothing 29 40"]
    assert (len(first), len(rest)) == (10, 2)
    assert "the 12 most frequent of 70 confusions" in section.text
    assert not list(section.all("table", class_="matrix"))


@pytest.mark.parametrize(
    ("said", "texts", "marked", "filters"),
    [
        ((CAT, DOG), ["Annotated cat", "Predicted dog"], ["dog"], True),
        (LINE, ["Annotated 12 3 <4", "Predicted nothing"], ["3"], False),
    ],
    ids=["classes", "texts"],
)
def test_what_is_said_stands_below_the_picture(
    reports: Reports, parsed: Parsed, said: Any, texts: list[str], marked: list[str], filters: bool
) -> None:
    section = page(reports, parsed, FEW, said)
    card = next(section.all("li", class_="card"))
    assert [each.text for each in card.all("div", class_="m")] == texts
    assert [each.text for each in card.all("mark")] == marked
    assert [each.attributes["data-kind"] for each in card.all("div", class_="m")] == ["truth", KIND]
    button = next(each for each in section.all("button") if each.attributes.get("data-filter") == KIND)
    assert button.text == ("cat → dog 1" if filters else "cat taken for dog 1")
    choice = next(section.all("div", class_="choice"))
    assert ("hidden" not in choice.attributes) is filters
    assert [each.text for each in choice.all("option")] == (["All", "cat", "dog"] if filters else ["All"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_box_is_spoken_of_where_none_is_drawn(reports: Reports, parsed: Parsed, language: str) -> None:
    section = page(reports, parsed, FEW, (CAT, DOG), language)
    assert not re.search(r"\bbox(es)?\b|object|框|目标|\bDrawn\b", section.text)
    assert not list(section.all("span", class_="swatch"))
    assert not list(section.all("ul", class_="legend marks"))
