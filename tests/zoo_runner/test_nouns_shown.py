"""What a person reads calls samples what the data set calls them, everywhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

from shown_reports import GATED, environment, metric, report
from zoo_runner.comparison.conditions import condition_changes
from zoo_runner.history import tables
from zoo_runner.history.ledger import Ledger
from zoo_runner.report.changes import Comparison, DiagnosedSample, SampleChange
from zoo_runner.report.evidence import DiagnosisRecord
from zoo_runner.report.html.render import render
from zoo_runner.report.junit import junit
from zoo_runner.report.model import Report
from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.screen import show_report

if TYPE_CHECKING:
    import pytest

LEAK = re.compile(r"\b(samples?|images?)\b", re.IGNORECASE)


def whole(noun: str, scored: int = 9) -> Report:
    worst = DiagnosedSample(id="u1", index=1, score=3.0, errors={"missed": 1})
    changed = SampleChange(id="u1", index=1, before=4.0, after=3.0, lost=1.0, errors={"missed": 1})
    return report(
        noun=noun,
        environment=environment(),
        metrics=(metric(samples=scored, smallest_drop=0.5),),
        performance=(GATED,),
        diagnosis=DiagnosisRecord(basis="b", kinds=("missed",), totals={"missed": 1}, worst=(worst,)),
        comparison=Comparison(path="runs", verdict="same", same_samples=9, notes=("n",), samples=(changed,)),
    )


class Words(HTMLParser):
    """The texts of a page, without style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside, self.texts = "", list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.texts += [value for name, value in attrs if name in {"aria-label", "data-label", "title"} and value]

    def handle_data(self, data: str) -> None:
        if self.inside not in {"style", "script", "code"}:
            self.texts.append(data)


def shown(found: Report, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What people read of a report, by where."""
    show_report(found, Path("out"), Detail.VERBOSE)
    texts = {"terminal": capsys.readouterr().out, "junit": junit(found).decode()}
    ledger = Ledger(folder / "ledger.sqlite3")
    for each in (found, whole(found.noun, scored=8)):
        ledger.append(each, folder / "report.json")
    tables.show("trial", ledger.last("trial", 2))
    changes = condition_changes(found, whole(found.noun, scored=8), same_samples=False)
    page = "\n".join(each.strip() for each in Words(render(found, ())).texts)
    return {
        **texts,
        "history": capsys.readouterr().out.replace(str(folder), ""),
        "page": page,
        "changes": str([change.name for change in changes]),
    }


def test_the_noun_is_what_people_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named, plain = (shown(whole(noun), tmp_path / noun, capsys) for noun in ("utterances", ""))
    assert {place: LEAK.findall(text) for place, text in named.items()} == {place: [] for place in named}
    assert "9 of 10 utterances" in named["terminal"]
    assert "400.00 utterances/s" in named["terminal"]
    assert '"9 of 10 utterances"' in named["junit"]
    assert {"Utterances", "Lost most: utterances"} <= set(named["page"].splitlines())
    assert named["changes"] == "['utterances scored']"
    assert "utterances" in named["history"]
    assert "400.00 images/s" in plain["terminal"], "a data set without a noun reads as before"
    assert "9 of 10 samples" in plain["terminal"]


def test_the_noun_in_another_language() -> None:
    texts = Words(render(whole("images"), (), "zh")).texts
    assert "图像" in texts
    assert "images" not in " ".join(texts)
    assert "Utterances" in Words(render(whole("utterances"), (), "zh")).texts


def test_a_noun_cannot_break_the_page() -> None:
    page = render(whole("<q>x</q>"), ())
    assert ("<q>" in page, "&lt;q&gt;x" in page) == (False, True)


def test_reports_without_a_noun_are_read() -> None:
    text = whole("").to_json().replace('"noun": "",', "")
    assert '"noun"' not in text
    assert Report.model_validate_json(text).samples_noun == "samples"
