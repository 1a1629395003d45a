"""``summary.md``, read back by a Markdown parser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from shown_reports import environment, metric, report
from zoo_runner.report.changes import Comparison
from zoo_runner.report.html.language import texts
from zoo_runner.report.model import (
    Report,
    Verdict,
    WaiverRecord,
    WaiverState,
)
from zoo_runner.report.summary import LONGEST, MOST, summary
from zoo_runner.report.summary_texts import TEXTS, summary_texts

OUT = Path("out") / "trial"


class Page(HTMLParser):
    """The texts of a rendered page: by kind of element, and the links."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        if tag in {"li", "td", "th", "h2", "p"}:
            self.texts.setdefault(tag, []).append("")
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in reversed(self._open):
            if tag in self.texts:
                self.texts[tag][-1] += data
                return


FULL = report(
    Verdict.FAIL,
    subset="pr",
    notice="made with stand-ins",
    remarks=("batch 64 has *no* figure",),
    why=("map (reference): 79.5, expected at least 80 - 0.1", "# no heading \x1b[31m\x00", "1. no list", "- nor this"),
    metrics=(metric(id="a|b/`c`@pr", expected=80.0, tolerance=0.1, verdict=Verdict.FAIL),),
    waivers=(
        WaiverRecord(
            line="x_y_z",
            owner="@li",
            issue="https://example.org/a_b_c?x=1",
            until="2026-01-31",
            floor=1.0,
            state=WaiverState.OVERDUE,
            why="11 days *ago*",
        ),
    ),
    comparison=Comparison(path="runs/main|x", verdict="pass", same_samples=9, notes=("class <bottle> lost 4 & more",)),
    warnings=("no hash ~~of~~ [it](https://example.org)",),
    environment=environment(backend="ascend", backend_version="8.0", chip="310P3"),
)


def test_everything_is_on_the_page() -> None:
    page = Page(summary(FULL, OUT))
    assert page.texts["h2"] == ["❌ FAIL — trial (subset pr)"]
    assert page.texts["th"] == ["figure", "measured", "expected", "tolerance", "verdict"]
    assert page.texts["td"] == ["a|b/`c`@pr", "79.58 %", "≥ 80.00", "0.1", "❌ FAIL"]
    assert page.texts["li"] == [
        "map (reference): 79.5, expected at least 80 - 0.1",
        "# no heading \\x1b[31m\\x00",
        "1. no list",
        "- nor this",
        "x_y_z: overdue, until 2026-01-31, @li, https://example.org/a_b_c?x=1: 11 days *ago*",
        "class <bottle> lost 4 & more",
        "no hash ~~of~~ [it](https://example.org)",
    ]
    assert page.texts["p"] == [
        "made with stand-ins",
        "batch 64 has *no* figure",
        "Waivers",
        "Compared with runs/main|x (its verdict: PASS)",
        "Warnings",
        "ascend (8.0), 310P3",
        "Full report: out/trial/report.html",
    ]
    assert page.links == ["https://example.org/a_b_c?x=1", "https://example.org"]


@pytest.mark.parametrize(
    ("found", "heading"),
    [
        (report(), "✅ PASS — trial"),
        (report(Verdict.INCONCLUSIVE), "⚠️ INCONCLUSIVE — trial"),
        (report(Verdict.ERROR), "💥 ERROR — trial"),
        (report(Verdict.STOPPED), "⏹️ STOPPED — trial"),
    ],
    ids=["pass", "inconclusive", "error", "stopped"],
)
def test_with_little_to_say_it_is_short(found: Report, heading: str) -> None:
    page = Page(summary(found, OUT))
    assert page.texts == {"h2": [heading], "p": ["Full report: out/trial/report.html"]}


def test_in_chinese() -> None:
    page = Page(summary(FULL, OUT, "zh"))
    assert page.texts["h2"] == ["❌ 未通过 — trial (子集 pr)"]
    assert page.texts["th"] == ["指标", "实测", "预期", "容差", "判定"]
    assert page.texts["p"][-1] == "完整报告: out/trial/report.html"


def test_the_languages_have_the_same_texts() -> None:
    assert set(TEXTS) == set(summary_texts("zh"))
    assert {state.value for state in WaiverState} == {
        key.removeprefix("waiver.") for key in TEXTS if key.startswith("waiver.")
    }
    assert {verdict.value for verdict in Verdict} <= set(TEXTS)


SHARED = {
    "was": "baseline.was",
    **{verdict.value: f"verdict.{verdict.value}" for verdict in Verdict},
    **{f"waiver.{state.value}": f"waiver.{state.value}" for state in WaiverState},
    **{name: f"line.{name}" for name in ("line", "measured", "expected", "tolerance", "verdict")},
    "subset": "facts.subset",
    "waivers": "aside.waivers",
    "warnings": "aside.warnings",
    "until": "waivers.until",
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_words_are_those_of_the_page(language: str) -> None:
    page = texts(language)
    colons = ":："  # noqa: RUF001 - Chinese has its own
    assert {key: text.rstrip(colons).lower() for key, text in summary_texts(language).items() if key in SHARED} == {
        key: page(name).rstrip(colons).lower() for key, name in SHARED.items()
    }


def test_it_stays_small() -> None:
    reasons = tuple(f"reason {number} {'x' * 100_000}" for number in range(10_000))
    text = summary(report(Verdict.FAIL, why=reasons, warnings=reasons), OUT)
    assert len(text.encode()) < 64 * 1024
    page = Page(text)
    assert page.texts["li"][MOST] == f"… and {10_000 - MOST} more"
    assert page.texts["li"][0].startswith("reason 0 xxx")
    assert len(page.texts["li"][0]) == LONGEST + 2


VISIBLE = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)


@settings(max_examples=60)
@given(text=st.one_of(VISIBLE, st.text("`*_[]<>|~&$\\#-+=1.) \nab", min_size=1)))
def test_texts_are_shown_as_they_stand(text: str) -> None:
    page = Page(summary(report(Verdict.FAIL, why=(text, "end"), metrics=(metric(id=f"i{text}"),)), OUT))
    shown = " ".join(text.split())
    assert [" ".join(each.split()) for each in page.texts["li"]] == [shown, "end"]
    assert re.sub(r"\s", "", page.texts["td"][0]) == re.sub(r"\s", "", f"i{text}")
    assert len(page.texts["td"]) == 5


@pytest.mark.parametrize(("language", "text"), [("en", "equal scores, in any order"), ("zh", "同分预测任意排序时")])
def test_spread_over_orders_of_ties(language: str, text: str) -> None:
    page = Page(summary(report(metrics=(metric(tie_spread=(71.065, 71.1907)), metric())), OUT, language))
    assert page.texts["p"][0] == f"{text}: map/reference [71.06, 71.19]"
