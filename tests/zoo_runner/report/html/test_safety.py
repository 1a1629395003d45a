"""Names and texts of a report stay text, whatever is in them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from zoo_runner.report.changes import Change, Comparison
from zoo_runner.report.characters import CONTROL
from zoo_runner.report.html import render

if TYPE_CHECKING:
    from tests.zoo_runner.report.conftest import Parsed
    from tests.zoo_runner.report.html.conftest import Pages, Reports

ATTACK = """"><script>alert('x')</script><img src=x onerror="alert(1)">{{ 7*7 }}</style>&amp;"""


CONTROLS = "a\x00b\x1b[31mc\x85\u202ed\u2066"
WRITTEN = r"a\x00b\x1b[31mc\x85\x202ed\x2066"


def compared(reports: Reports, text: str) -> Comparison:
    before = reports.comparison(reports.full())
    changed = before.metrics[0].per_class[0].model_copy(update={"label": text})
    return before.model_copy(
        update={
            "path": text,
            "verdict": text,
            "notes": (text,),
            "changes": (Change(kind=text, name=text, before=text, after=text),),
            "metrics": (before.metrics[0].model_copy(update={"name": text, "per_class": (changed,)}),),
            "samples": (before.samples[0].model_copy(update={"id": text, "errors": {text: 1}}),),
        }
    )


def page_of(reports: Reports, text: str) -> str:
    """A page that has the text wherever a name or message can be."""
    names = (text, "ant")
    report = reports.full(
        classes=names,
        notice=text,
        remarks=(text,),
        why=(text,),
        warnings=(text,),
        subset=text,
        waivers=(reports.waivers()[0].model_copy(update={"owner": text, "issue": f"javascript:{text}"}),),
        manifest=reports.manifest().model_copy(update={"name": text, "settings": {text: text}, "source": text}),
        environment=reports.environment().model_copy(update={"host": text, "packages": {text: text}}),
        stages=tuple(stage.model_copy(update={"name": text, "why": text}) for stage in reports.stages()),
        comparison=compared(reports, text),
        performance=(reports.timing(1, published=f"JavaScript:{text}", chip=text, unit=text, where=text),),
        diagnosis=reports.diagnosis().model_copy(update={"kinds": (text,), "totals": {text: 1}, "basis": text}),
    )
    shown = reports.picture(0)
    marks = tuple(replace(mark, label=text, kind=text) for mark in shown.illustration.marks)
    drawing = replace(shown.illustration, marks=marks, media_type=text)
    return render(report, [replace(shown, id=text, errors={text: 2}, illustration=drawing)])


def test_names_cannot_become_code(parsed: Parsed, reports: Reports) -> None:
    html = page_of(reports, ATTACK)
    page = parsed(html)
    assert len(list(page.all("script"))) == len(list(page.all("style"))) == 1
    assert len(list(page.all("img"))) == 1
    assert [each.tag for each in page.all() if any(name.startswith("on") for name in each.attributes)] == []
    assert [each for each in page.all("a") if not each.attributes["href"].startswith(("#", "http"))] == []
    assert ATTACK.replace("  ", " ") in next(page.all("h1")).text
    assert "49" not in next(page.all("h1")).text


def test_control_characters_are_written_out(parsed: Parsed, reports: Reports) -> None:
    html = page_of(reports, CONTROLS)
    assert CONTROL.findall(html) == []
    page = parsed(html)
    assert WRITTEN in next(page.all("h1")).text
    assert WRITTEN in next(page.all("title")).text
    (notes,) = page.all("div", class_="aside since")
    assert [each.text for each in notes.all("li")] == [WRITTEN]
    plots = [each for each in page.all("svg", class_="plot") if WRITTEN[:18] in each.text]
    assert len(plots) == 3 + 1 + 1 + 1  # each metric by class, the differences, the curve, and the throughput
    (button,) = page.all("button", data_filter=WRITTEN)
    (card,) = page.all("li", class_="card")
    assert button.attributes["data-filter"] in json.loads(card.attributes["data-kinds"])


@pytest.mark.parametrize("text", ["\uffff", "\ufffe", "\x0c", "\r", "\t", "\n", "\ufeff"])
def test_names_that_xml_cannot_hold_cost_no_page(parsed: Parsed, reports: Reports, text: str) -> None:
    assert list(parsed(page_of(reports, f"a{text}b")).all("svg", class_="plot"))


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
