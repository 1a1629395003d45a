"""The page as text: what is in it, and that its numbers are those of ``report.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.errors import UsageError
from zoo_runner.report.html import render
from zoo_runner.report.html.figures import ABSENT
from zoo_runner.report.html.language import LANGUAGES, texts
from zoo_runner.report.model import StageRecord, Verdict, WaiverState

if TYPE_CHECKING:
    from tests.zoo_runner.report.conftest import Element, Parsed
    from tests.zoo_runner.report.html.conftest import Pages, Reports


MEGABYTE = 1_000_000


def at(document: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def figures(document: Any, pointer: str = "") -> Iterator[str]:
    """The pointers of all numbers."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from figures(value, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from figures(value, f"{pointer}/{place}")
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield pointer


CASES = ["least", "full", "compared", "one_class", "many_classes", "no_timings", "no_evidence", "not_a_number"]


VARIANTS = [*((case, "en") for case in CASES), ("least", "zh"), ("compared", "zh")]


ALL = pytest.mark.parametrize(("case", "language"), [pytest.param(*each, id="-".join(each)) for each in VARIANTS])


@pytest.fixture
def page(pages: Pages, case: str, language: str) -> Element:
    return pages.tree(case, language)


@ALL
@pytest.mark.long_rows("full-en")
def test_it_is_one_well_formed_page(page: Element) -> None:
    (html,) = page.all("html")
    assert html.attributes["lang"] in {"en", "zh-Hans"}
    assert [len(list(page.all(tag))) for tag in ("h1", "main", "nav", "footer", "style", "script")] == [1] * 6
    names = [each.attributes["id"] for each in page.all() if "id" in each.attributes]
    assert len(names) == len(set(names))


@ALL
def test_it_needs_no_other_file(page: Element) -> None:
    for element in page.all():
        for name in ("src", "srcset", "href", "data", "action", "poster", "background"):
            value = element.attributes.get(name, "#")
            assert value.startswith(("#", "data:")) or (element.tag == "a" and value.startswith("http"))
    assert "url(" not in "".join(style.text for style in page.all("style"))


@ALL
def test_references_lead_somewhere(page: Element) -> None:
    names = {each.attributes["id"] for each in page.all() if "id" in each.attributes}
    for element in page.all():
        links = [element.attributes.get("href", "")]
        assert {link[1:] for link in links if link.startswith("#")} <= names
        for name in ("aria-labelledby", "aria-controls", "aria-describedby", "for"):
            assert set(element.attributes.get(name, "").split()) <= names


@ALL
def test_headings_are_in_order(page: Element) -> None:
    levels = [int(each.tag[1]) for each in page.all() if re.fullmatch(r"h[1-6]", each.tag)]
    assert levels[0] == 1
    assert [after for before, after in pairwise(levels) if after > before + 1] == []


@ALL
def test_everything_has_a_name(page: Element) -> None:
    for element in page.all("img"):
        assert element.attributes["alt"]
    for element in page.all("svg"):
        hidden = "aria-hidden" in element.attributes
        assert hidden or (element.attributes["role"] == "img" and next(element.all("title")).text)
    for element in page.all("button"):
        assert element.text
    for element in page.all("section"):
        assert next(page.all(id=element.attributes["aria-labelledby"])).text
    for element in page.all("table"):
        assert list(element.all("th", scope="row"))
    for element in page.all("div", class_="scroll"):
        assert (element.attributes["role"], element.attributes["tabindex"]) == ("region", "0")
        assert element.attributes["aria-label"]


@ALL
def test_every_plot_has_its_numbers(page: Element) -> None:
    for plot in page.all("svg", class_="plot"):
        section = plot
        while section.tag != "section":
            assert section.parent is not None
            section = section.parent
        assert list(section.all("table"))


@ALL
def test_numbers_are_those_of_the_report(pages: Pages, page: Element, case: str) -> None:
    document = json.loads(pages.report(case).model_dump_json())
    shown = [(each.attributes["data-field"], each.attributes["data-value"]) for each in page.all(class_="num")]
    assert shown
    assert [pointer for pointer, value in shown if json.loads(value) != at(document, pointer)] == []


def test_no_number_is_left_out(pages: Pages) -> None:
    report, page = pages.report("compared"), pages.tree("compared")
    shown = {each.attributes["data-field"] for each in page.all(class_="num")}
    all_of_them = set(figures(json.loads(report.model_dump_json())))
    drawn = re.compile(r"/curves/\d+/(recall|precision|levels)/\d+")  # as a line, and as the table's columns
    said = re.compile(r".*/interval/(level|resamples|seed)|.*/index|/comparison/performance/\d+/batch")
    said_once = re.compile(r"/metrics/[12]/(dataset_)?samples|/comparison/metrics/\d+/per_class/\d+/(before|after)")
    unmoved = re.compile(r"/comparison/metrics/\d+/rescored")  # equal to what is in the column before it
    rules = (drawn, said, said_once, unmoved)
    left = {each for each in all_of_them - shown if not any(rule.fullmatch(each) for rule in rules)}
    assert left == set()


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_verdict_comes_first_and_why(parsed: Parsed, reports: Reports, verdict: Verdict, language: str) -> None:
    report = reports.least(
        verdict=verdict, why=("because of this", "and that"), notice="careful", remarks=("batch 64 has no figure",)
    )
    page = parsed(render(report, (), language))
    word = texts(language)(f"verdict.{verdict.value}")
    assert next(page.all("h1")).text == f"{word} trial"
    assert next(page.all("title")).text == f"{word} · trial"
    assert [each.text for each in next(page.all("ul", class_="why")).all("li")] == ["because of this", "and that"]
    text = next(page.all("body")).text
    assert (
        text.index("careful")
        < text.index("batch 64 has no figure")
        < text.index(word)
        < text.index("because of this")
        < text.index(texts(language)("line.none"))
    )


def test_a_run_without_figures_says_so(parsed: Parsed, reports: Reports) -> None:
    page = parsed(render(reports.least(), ()))
    assert [each.attributes["id"] for each in page.all("section")] == ["expectations", "provenance"]
    assert "This run measured nothing." in next(page.all("main")).text
    assert list(page.all("svg", class_="plot")) == []


def test_a_line_of_the_expectations(pages: Pages) -> None:
    report, page = pages.report("full"), pages.tree("full")
    table, free = page.all("table", class_="lines stack")
    rows = [row.text for row in table.all("tr")][1:]
    others = [row.text for row in free.all("tr")][1:]
    assert len(rows) + len(others) == len(report.metrics) + len(report.performance)
    assert rows[0].startswith(
        f"voc07_map reference voc07_map/ reference 92.68 % 91.55 {ABSENT} 93.76 (95 %) smallest detectable drop 1.41"
    )
    assert "at least 92.60 tolerance 0.3 Pass by the measured value" in rows[0]
    assert rows[0].endswith("refinedet320-sample.yaml:46")
    assert [row.endswith("nothing Not gated") for row in others] == [True, True]
    assert "2 figures that nothing is expected of" in [each.text for each in page.all("summary")]
    assert rows[4].startswith("Throughput 310P3 · batch 16 throughput/ 310P3/ 16")
    link = next(table.all("a"))
    assert (link.text, link.attributes["rel"]) == ("gitcode.com", "noopener noreferrer")
    assert link.attributes["href"] == report.performance[0].published


def test_waivers_and_warnings_stand_above_the_figures(pages: Pages) -> None:
    page = pages.tree("compared")
    header = next(page.all("header")).text
    for text in ("trusted on first use", "In use: throughput/310P3/16", "owner Li Wei", "No longer needed:"):
        assert text in header


@pytest.mark.parametrize("state", list(WaiverState))
def test_every_state_of_a_waiver_has_words(parsed: Parsed, reports: Reports, state: WaiverState) -> None:
    waiver = reports.waivers()[0].model_copy(update={"state": state})
    page = parsed(render(reports.least(waivers=(waiver,)), (), "zh"))
    assert next(page.all(class_=f"state s-{state.value}")).text == texts("zh")(f"waiver.{state.value}")


def test_plots_of_some_classes_say_so_and_show_the_lowest(pages: Pages) -> None:
    section = next(pages.tree("many_classes").all("section", id="classes"))
    curves = list(next(section.all("div", class_="curves")).all("figcaption"))
    drawn = [float(next(each.all(class_="num")).attributes["data-value"]) for each in curves]
    assert drawn == sorted(curve.average for curve in pages.report("many_classes").curves)[:40]
    said = [
        each.text for each in section.all() if each.tag in {"summary", "figcaption"} and "the 40 lowest" in each.text
    ]
    assert len(said) == 1 + 3
    assert "the 40 lowest" not in next(pages.tree("full").all("section", id="classes")).text


def test_columns_without_expectations_are_left_out(parsed: Parsed, reports: Reports) -> None:
    bare = tuple(reports.timing(batch, expected=None, tolerance=None) for batch in (1, 16))
    section = next(parsed(render(reports.full(performance=bare), ())).all("section", id="throughput"))
    assert next(section.all("tr")).text == "Batch Throughput Mean ms p99 ms"


def test_what_was_seen_of_the_devices_stands_below_the_timings(parsed: Parsed, reports: Reports) -> None:
    seen = ("before the timing: device 0 is NPU 32 chip 0 (310P3): OK", "after the timing: <b>hot</b>")
    for language, title in (("en", "The devices before and after the timing"), ("zh", "计时前后的设备状态")):
        section = next(parsed(render(reports.full(watched=seen), (), language)).all("section", id="throughput"))
        (shown,) = (each for each in section.all("details") if title in each.text)
        assert [line.text for line in shown.all("li")] == list(seen)
        bare = next(parsed(render(reports.full(), (), language)).all("section", id="throughput"))
        assert title not in bare.text


def test_a_chinese_page_is_chinese_all_over(pages: Pages) -> None:
    page = pages.tree("compared", "zh")
    assert next(page.all("ul", class_="why")).text.startswith("voc07_map")
    assert list(page.all(lang="en")) == []


def test_the_same_report_gives_the_same_page(pages: Pages, reports: Reports) -> None:
    assert render(pages.report("compared"), reports.pictures(6)) == pages.html("compared")


def test_a_large_run_gives_a_small_page(reports: Reports) -> None:
    """20 classes, 200 points a curve, 50 samples and 24 pictures of 25 kB: what a run of any size comes down to."""
    names = tuple(f"class {number:02d}" for number in range(20))
    report = reports.full(classes=names, diagnosis=reports.diagnosis(50))
    pictures = reports.pictures(24, size=(360, 270), noise=14.0)
    assert min(len(picture.illustration.image) for picture in pictures) > 25_000
    assert len(render(report, pictures).encode()) < 2 * MEGABYTE


def test_another_language_is_refused(reports: Reports) -> None:
    with pytest.raises(UsageError, match="--lang fr: expected one of en, zh"):
        render(reports.least(), (), "fr")


@pytest.mark.parametrize(
    ("spread", "shown"),
    [((92.6, 92.8), True), ((92.681, 92.682), False), (None, False)],
    ids=["ties", "hardly any", "unknown"],
)
def test_the_spread_over_orders_of_ties(
    parsed: Parsed, reports: Reports, spread: tuple[float, float] | None, shown: bool
) -> None:
    report = reports.full()
    metrics = tuple(each.model_copy(update={"tie_spread": spread}) for each in report.metrics)
    page = parsed(render(report.model_copy(update={"metrics": metrics}), ()))
    row = list(next(page.all("table", class_="lines stack")).all("tr"))[1].text
    assert (f"equal scores, in any order 92.60 {ABSENT} 92.80" in row) == shown
    assert ("equal scores" in row) == shown


@pytest.mark.parametrize(
    ("language", "lead"),
    [
        pytest.param("en", "400.00 images/s Throughput · 310P3 · batch 16 needs ≥ 423.50, short by 23.50", id="en"),
        pytest.param(
            "zh", "400.00 张/秒 吞吐率 · 310P3 · 批大小 16 要求 ≥ 423.50\N{FULLWIDTH COMMA}还差 23.50", id="zh"
        ),
    ],
)
def test_the_large_number_is_the_one_that_decided(parsed: Parsed, reports: Reports, language: str, lead: str) -> None:
    slow = reports.timing(16, throughput=400.0, expected=445.783, tolerance=22.283, verdict=Verdict.FAIL)
    page = parsed(render(reports.full(performance=(slow,), verdict=Verdict.FAIL), (), language))
    (shown,) = page.all("div", class_="lead")
    assert shown.text == lead
    assert next(shown.all(class_="num")).attributes["data-field"] == "/performance/0/throughput"


def test_a_page_says_what_to_do_next(parsed: Parsed, reports: Reports) -> None:
    manifest = reports.manifest().model_copy(update={"command": ("zoo-run", "m.yaml")})
    page = parsed(render(reports.full(verdict=Verdict.FAIL, manifest=manifest), ()))
    (box,) = page.all("div", class_="aside next")
    assert [each.text for each in box.all("li")] == [
        "Look at the worst: What went wrong",
        "See what changed since a green run: zoo-run m.yaml --baseline FOLDER_OF_A_GREEN_RUN",
        "Run it again: zoo-run m.yaml",
        "Read: docs/report.md#how-a-verdict-comes-about",
    ]


def test_a_stage_that_failed_is_marked(parsed: Parsed, reports: Reports) -> None:
    stages = (StageRecord(name="fetch", seconds=1.0), StageRecord(name="export", seconds=2.0, why="failed"))
    page = parsed(render(reports.least(stages=stages), ()))
    assert [each.text for each in page.all("tr", class_="failed")] == ["Export 2.00 s failed"]
