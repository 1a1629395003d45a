"""The page as text: what is in it, what must not be, and that its numbers are those of ``report.json``."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.errors import UsageError
from zoo_runner.report.html import render
from zoo_runner.report.html.difference import NOTES
from zoo_runner.report.html.figures import ABSENT, MINUS
from zoo_runner.report.html.language import LANGUAGES, texts
from zoo_runner.report.model import Report, Verdict, WaiverState

if TYPE_CHECKING:
    from tests.zoo_runner.report.html.conftest import Pages, Reports

VOID = {"meta", "link", "img", "br", "input", "hr"}
ATTACK = """"><script>alert('x')</script><img src=x onerror="alert(1)">{{ 7*7 }}</style>&amp;"""
MEGABYTE = 1_000_000


@dataclass
class Element:
    """One element of a page."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    def all(self, tag: str = "", **attributes: str) -> Iterator[Element]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        for child in self.children:
            if isinstance(child, Element):
                fits = tag in {"", child.tag} and wanted.items() <= child.attributes.items()
                if fits:
                    yield child
                yield from child.all(tag, **attributes)

    @property
    def text(self) -> str:
        words = (child if isinstance(child, str) else child.text for child in self.children)
        return " ".join(" ".join(words).split())


class Builder(HTMLParser):
    """Builds the tree; an element that is closed in the wrong place is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag} has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> inside <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def parsed(html: str) -> Element:
    builder = Builder()
    builder.feed(html)
    builder.close()
    assert builder.at is builder.root
    return builder.root


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


@pytest.fixture(scope="module")
def trees(pages: Pages) -> Callable[[str, str], Element]:
    return cache(lambda case, language: parsed(pages.html(case, language)))


@pytest.fixture
def page(trees: Callable[[str, str], Element], case: str, language: str) -> Element:
    return trees(case, language)


@ALL
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


def test_no_number_is_left_out(pages: Pages, trees: Callable[[str, str], Element]) -> None:
    report, page = pages.report("compared"), trees("compared", "en")
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
def test_the_verdict_comes_first_and_why(reports: Reports, verdict: Verdict, language: str) -> None:
    report = reports.least(verdict=verdict, why=("because of this", "and that"), notice="careful")
    page = parsed(render(report, (), language))
    word = texts(language)(f"verdict.{verdict.value}")
    assert next(page.all("h1")).text == f"{word} trial"
    assert next(page.all("title")).text == f"{word} · trial"
    assert [each.text for each in next(page.all("ul", class_="why")).all("li")] == ["because of this", "and that"]
    text = next(page.all("body")).text
    assert (
        text.index("careful")
        < text.index(word)
        < text.index("because of this")
        < text.index(texts(language)("line.none"))
    )


def test_a_run_without_figures_says_so(reports: Reports) -> None:
    page = parsed(render(reports.least(), ()))
    assert [each.attributes["id"] for each in page.all("section")] == ["expectations", "provenance"]
    assert "This run measured nothing." in next(page.all("main")).text
    assert list(page.all("svg", class_="plot")) == []


def test_a_line_of_the_expectations(pages: Pages, trees: Callable[[str, str], Element]) -> None:
    report, page = pages.report("full"), trees("full", "en")
    table = next(page.all("table", class_="lines stack"))
    rows = [row.text for row in table.all("tr")][1:]
    assert len(rows) == len(report.metrics) + len(report.performance)
    assert rows[0].startswith(
        f"voc07_map reference voc07_map/reference 92.68 % 91.55 {ABSENT} 93.76 (95 %) sees drops from 1.41"
    )
    assert "at least 92.60 tolerance 0.3 Pass by the measured value" in rows[0]
    assert rows[0].endswith("refinedet320-sample.yaml:46")
    assert rows[1].endswith("nothing Not gated")
    assert rows[6].startswith("Throughput 310P3 · batch 16 throughput/310P3/16")
    link = next(table.all("a"))
    assert (link.text, link.attributes["rel"]) == ("gitcode.com", "noopener noreferrer")
    assert link.attributes["href"] == report.performance[0].published


def test_waivers_and_warnings_stand_above_the_figures(trees: Callable[[str, str], Element]) -> None:
    page = trees("compared", "en")
    header = next(page.all("header")).text
    for text in ("trusted on first use", "In use: throughput/310P3/16", "owner Li Wei", "No longer needed:"):
        assert text in header


@pytest.mark.parametrize("state", list(WaiverState))
def test_every_state_of_a_waiver_has_words(reports: Reports, state: WaiverState) -> None:
    waiver = reports.waivers()[0].model_copy(update={"state": state})
    page = parsed(render(reports.least(waivers=(waiver,)), (), "zh"))
    assert next(page.all(class_=f"state s-{state.value}")).text == texts("zh")(f"waiver.{state.value}")


def test_the_comparison_is_in_the_order_of_use(trees: Callable[[str, str], Element]) -> None:
    page = trees("compared", "en")
    section = next(page.all("section", id="baseline"))
    assert [each.text for each in section.all("h3")] == [
        "What changed",
        "What came of it",
        "Gained and lost by class",
        "Errors by kind",
        "Throughput",
        "Samples that lost most",
    ]
    rows = [row.text for row in next(section.all("table", class_="samples rows")).all("tr")]
    assert rows[1] == f"000003 88.0 30.0 58.0 missed +2 duplicate +1 confusion {MINUS}1"
    assert [each.attributes["href"] for each in section.all("a")] == [f"#sample-{7 * place + 3}" for place in range(6)]


def test_what_matters_since_the_baseline_stands_above_the_figures(reports: Reports) -> None:
    notes = ("setting mean: not set -> 0", *(f"note {number}" for number in range(1, 9)))
    comparison = reports.comparison(reports.full()).model_copy(update={"notes": notes})
    page = parsed(render(reports.full(comparison=comparison), ()))
    (box,) = page.all("div", class_="aside since")
    first, rest = box.all("ul")
    said = [each.text for each in first.all("li")]
    assert said == ["setting mean: not set \N{RIGHTWARDS ARROW} 0", *(f"note {number}" for number in range(1, NOTES))]
    assert next(box.all("summary")).text == f"{9 - NOTES} more"
    assert [each.text for each in rest.all("li")] == list(notes[NOTES:])
    assert next(box.all("a")).attributes["href"] == "#baseline"


def data_changed(reports: Reports) -> Report:
    """The same detections as the baseline's, by other annotations."""
    before = reports.comparison(reports.full())
    metrics = []
    for metric in before.metrics:
        same = tuple(each.model_copy(update={"before": each.after, "difference": 0.0}) for each in metric.per_class)
        update = {"before": metric.after + 8.0, "rescored": metric.after, "difference": 0.0, "per_class": same}
        metrics.append(metric.model_copy(update=update))
    comparison = before.model_copy(update={"metrics": tuple(metrics), "errors_before": before.errors_after})
    return reports.full(comparison=comparison)


def test_what_the_data_did_is_not_laid_to_the_model(reports: Reports) -> None:
    section = next(parsed(render(data_changed(reports), ())).all("section", id="baseline"))
    metrics, classes, errors = list(section.all("table"))[1:4]
    head, row = [row.text for row in metrics.all("tr")][:2]
    assert head.startswith("Metric Baseline Baseline rescored This run Difference")
    assert f"{MINUS}8.00" in row
    assert [each.text for each in metrics.all("b", class_="loss")] == [f"{MINUS}8.00"] * 2
    assert list(metrics.all("b", class_="gain")) == []
    assert "No class gained or lost against the rescored baseline" in section.text
    assert list(section.all("svg", class_="plot")) == []
    assert next(classes.all("tr")).text.startswith("Class Baseline rescored")
    assert [row.text.split()[-1] for row in errors.all("tr")][1:] == ["0"] * 4


def test_the_baselines_detections_are_not_named_twice(trees: Callable[[str, str], Element]) -> None:
    assert "rescored" not in next(trees("compared", "en").all("section", id="baseline")).text


def test_plots_of_some_classes_say_so_and_show_the_lowest(pages: Pages, trees: Callable[[str, str], Element]) -> None:
    section = next(trees("many_classes", "en").all("section", id="classes"))
    curves = list(next(section.all("div", class_="curves")).all("figcaption"))
    drawn = [float(next(each.all(class_="num")).attributes["data-value"]) for each in curves]
    assert drawn == sorted(curve.average for curve in pages.report("many_classes").curves)[:40]
    said = [each.text for each in section.all() if each.tag in {"h3", "figcaption"} and "the 40 lowest" in each.text]
    assert len(said) == 1 + 3
    assert "the 40 lowest" not in next(trees("full", "en").all("section", id="classes")).text


def test_the_comparison_says_when_it_draws_some_classes(reports: Reports) -> None:
    before = reports.comparison(reports.full())
    one = before.metrics[0].per_class[0]
    many = tuple(one.model_copy(update={"label": f"class {number}"}) for number in range(45))
    metrics = (before.metrics[0].model_copy(update={"per_class": many}),)
    section = next(
        parsed(render(reports.full(comparison=before.model_copy(update={"metrics": metrics})), ())).all(
            "section", id="baseline"
        )
    )
    assert "the 40 that lost most" in section.text


def test_columns_without_expectations_are_left_out(reports: Reports) -> None:
    bare = tuple(reports.timing(batch, expected=None, tolerance=None) for batch in (1, 16))
    section = next(parsed(render(reports.full(performance=bare), ())).all("section", id="throughput"))
    assert next(section.all("tr")).text == "Batch Throughput Mean ms p99 ms"


def test_nothing_changed(reports: Reports) -> None:
    same = reports.comparison(reports.full()).model_copy(
        update={"changes": (), "metrics": (), "performance": (), "errors_before": {}, "errors_after": {}, "samples": ()}
    )
    section = next(parsed(render(reports.full(comparison=same), ())).all("section", id="baseline"))
    assert "Settings, packages, artifacts and data are the same." in section.text
    assert list(section.all("table")) == []


def test_what_the_report_says_in_english_is_marked_so(trees: Callable[[str, str], Element]) -> None:
    page = trees("compared", "zh")
    assert next(page.all("ul", class_="why")).text.startswith("voc07_map")
    assert [each.attributes.get("lang") for each in next(page.all("ul", class_="why")).all("li")] == ["en"]
    assert "误" not in "".join(each.text for each in page.all(lang="en"))


def attacked(reports: Reports) -> str:
    names = (ATTACK, "ant")
    report = reports.full(
        classes=names,
        notice=ATTACK,
        why=(ATTACK,),
        warnings=(ATTACK,),
        subset=ATTACK,
        waivers=(reports.waivers()[0].model_copy(update={"owner": ATTACK, "issue": f"javascript:{ATTACK}"}),),
        manifest=reports.manifest().model_copy(update={"name": ATTACK, "settings": {ATTACK: ATTACK}, "source": ATTACK}),
        environment=reports.environment().model_copy(update={"host": ATTACK, "packages": {ATTACK: ATTACK}}),
        stages=tuple(stage.model_copy(update={"name": ATTACK, "why": ATTACK}) for stage in reports.stages()),
        performance=(reports.timing(1, published=f"JavaScript:{ATTACK}", chip=ATTACK, unit=ATTACK, where=ATTACK),),
        diagnosis=reports.diagnosis().model_copy(update={"kinds": (ATTACK,), "totals": {ATTACK: 1}, "basis": ATTACK}),
    )
    shown = reports.picture(0)
    marks = tuple(replace(mark, label=ATTACK, kind=ATTACK) for mark in shown.illustration.marks)
    drawing = replace(shown.illustration, marks=marks, media_type=ATTACK)
    return render(report, [replace(shown, id=ATTACK, errors={ATTACK: 2}, illustration=drawing)])


def test_names_cannot_become_code(reports: Reports) -> None:
    html = attacked(reports)
    page = parsed(html)
    assert len(list(page.all("script"))) == len(list(page.all("style"))) == 1
    assert len(list(page.all("img"))) == 1
    assert [each.tag for each in page.all() if any(name.startswith("on") for name in each.attributes)] == []
    assert [each for each in page.all("a") if not each.attributes["href"].startswith(("#", "http"))] == []
    assert ATTACK.replace("  ", " ") in next(page.all("h1")).text
    assert "49" not in next(page.all("h1")).text


def test_the_policy_lets_only_the_pages_own_script_run(pages: Pages) -> None:
    html = pages.html("full")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert [part.strip() for part in policy.split(";")] == [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{own}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


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
