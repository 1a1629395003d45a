from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html import unescape
from pathlib import Path

import pytest

from zoo_runner.errors import UsageError
from zoo_runner.job.journal import STAND_IN_NOTICE
from zoo_runner.report.html.language import LANGUAGES
from zoo_runner.report.model import Verdict
from zoo_runner.zoo.document import document
from zoo_runner.zoo.models import Model
from zoo_runner.zoo.overview import MARK, Overview, free, markdown, page, show, write
from zoo_runner.zoo.texts import COLUMNS, TEXTS, age_text, zoo_texts

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=timezone.utc)
NASTY = "<script>x</script> | a*b_c \x1b[31m [l](javascript:x)"
MODELS = (
    Model(
        path=Path("z/good.yaml"),
        name="good",
        task="detection",
        expected=("map (voc) ≥ 1.00 %",),
        verdict=Verdict.PASS,
        started=NOW - timedelta(days=3),
        code=0,
    ),
    Model(path=Path("z/stale.yaml"), name="stale", verdict=Verdict.PASS, started=NOW, changes=("data changed",)),
    Model(path=Path("z/bad.yaml"), name="bad", verdict=Verdict.FAIL, started=NOW - timedelta(hours=5), code=1),
    Model(path=Path("z/new.yaml"), name="new", changes=("there is no verdict on it yet",)),
    Model(path=Path("z/wrong.yaml"), name="wrong", error=f"{NASTY}\n  and a second line", code=2),
    Model(path=Path("z/nasty.yaml"), name=NASTY, task=NASTY, expected=(NASTY,), changes=(NASTY,) * 7),
)
OVERVIEW = Overview(
    folder="z", models=MODELS, others=[f"a.yaml: {NASTY}"], errors=["b.yaml: is empty\n  twice"], code=1, now=NOW
)


def test_all_languages_have_the_same_texts() -> None:
    assert list(zoo_texts("zh")) == list(TEXTS)
    assert set(COLUMNS) <= set(TEXTS)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 min"), (3599, "59 min"), (3600, "1 h"), (86399, "23 h"), (86400, "1 d"), (-1, "in the future")],
)
def test_ages(seconds: int, text: str) -> None:
    model = replace(MODELS[0], started=NOW - timedelta(seconds=seconds))
    assert age_text(model, NOW, "en") == text
    assert age_text(replace(model, started=None), NOW, "en") == "-"
    assert age_text(replace(model, error="x"), NOW, "en") == "-"


def test_markdown() -> None:
    text = markdown(OVERVIEW)
    rows = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| `")}
    assert rows["| `good`"] == "| `good` | detection | map (voc) ≥ 1.00 % | ✅ PASS | 3 d | nothing changed |"
    assert rows["| `stale`"] == "| `stale` | \\- | - | PASS | 0 min | data changed |", "no green mark"
    assert rows["| `bad`"] == "| `bad` | \\- | - | ❌ FAIL | 5 h | nothing changed |"
    assert rows["| `new`"] == "| `new` | \\- | - | none | - | there is no verdict on it yet |"
    assert "💥 ERROR" in rows["| `wrong`"]
    assert "1 of 6 models have a verdict of pass that holds. Exit code: 1" in text
    assert "**Not readable**\n\n- b.yaml: is empty<br>twice\n" in text
    assert "<br>and a second line |" in rows["| `wrong`"]
    assert re.search(r"(?<![\\`])<script", text) is None
    assert "\x1b" not in text
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 7 for line in rows.values())
    assert "… and 2 more" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_texts_as_they_stand_and_asks_for_nothing(language: str, tmp_path: Path) -> None:
    report = tmp_path / "zoo output" / "a:b" / "report.json"
    report.parent.mkdir(parents=True)
    report.with_name("report.html").touch()
    linked = replace(OVERVIEW, models=[replace(MODELS[0], report=report), *MODELS[1:]], subset="pr")
    html = page(linked, tmp_path, language)
    assert f'<html lang="{LANGUAGES[language]}">' in html
    assert "<script" not in html
    assert "\x1b" not in html
    assert 'href="zoo%20output/a%3Ab/report.html"' in html
    assert [each for each in re.findall(r'(?:src|href)="([^"#]*)', html) if each and "report.html" not in each] == [
        "data:,"
    ]
    assert html.count('class="badge v-pass"') == 1, "a verdict that does not hold has no green badge"
    assert "z@pr" in html
    for name in COLUMNS:
        assert f'<th scope="col">{zoo_texts(language)[name]}</th>' in html


def test_the_document_for_programs() -> None:
    text = document(replace(OVERVIEW, folder="https://me:secret@host/z"))
    found = json.loads(text)
    models = {each["path"]: each for each in found.pop("models")}
    assert found == {
        "made_by": MARK,
        "schema": 1,
        "folder": "https://***@host/z",
        "subset": None,
        "made": "2026-11-28T12:00:00+00:00",
        "exit_code": 1,
        "holding": 1,
        "others": [f"a.yaml: {NASTY}"],
        "errors": ["b.yaml: is empty\n  twice"],
    }
    assert models["z/good.yaml"] == {
        "path": "z/good.yaml",
        "name": "good",
        "task": "detection",
        "expected": ["map (voc) ≥ 1.00 %"],
        "verdict": "pass",
        "holds": True,
        "started": "2026-11-25T12:00:00+00:00",
        "report": None,
        "ran": False,
        "stand_in": False,
        "changes": [],
        "error": None,
        "exit_code": 0,
    }
    assert [path for path, each in models.items() if each["holds"]] == ["z/good.yaml"]
    wrong = models["z/wrong.yaml"]
    assert (wrong["verdict"], wrong["error"], wrong["exit_code"]) == (None, f"{NASTY}\n  and a second line", 2)
    assert "\x1b" not in text


def test_stand_ins_are_named_before_any_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert STAND_IN_NOTICE not in markdown(OVERVIEW) + page(OVERVIEW, tmp_path)
    imitated = replace(OVERVIEW, models=[replace(MODELS[0], stand_in=True)])
    show(imitated)
    for text in (markdown(imitated), page(imitated, tmp_path), capsys.readouterr().out):
        assert STAND_IN_NOTICE in unescape(text)


def test_the_screen_shows_all_models(capsys: pytest.CaptureFixture[str]) -> None:
    show(OVERVIEW)
    shown = capsys.readouterr().out
    assert [name for name in ("good", "stale", "bad", "new", "wrong") if name not in shown] == []
    assert "1 of 6 models have a verdict of pass that holds" in shown
    assert "\x1b" not in shown


def test_files_are_replaced_only_if_they_are_overviews(tmp_path: Path) -> None:
    path = tmp_path / "o.md"
    free(path)
    write(path, markdown(OVERVIEW))
    assert MARK in path.read_text()
    free(path)
    assert not path.exists(), "nobody takes an earlier overview for the one that could not be made"
    path.touch()
    free(path)
    write(path, page(OVERVIEW, tmp_path))
    free(path)
    assert list(tmp_path.iterdir()) == []
    path.write_text("my notes")
    with pytest.raises(UsageError, match=r"o\.md: expected an earlier overview or nothing, found something else"):
        free(path)
    with pytest.raises(UsageError, match="expected an earlier overview or nothing: "):
        free(tmp_path)
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere; make it first"):
        free(tmp_path / "nowhere" / "o.md")
    assert path.read_text() == "my notes"
