from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from zoo_runner.errors import UsageError
from zoo_runner.job.options import Stage
from zoo_runner.report import html
from zoo_runner.report.html.language import LANGUAGES, texts
from zoo_runner.report.model import Verdict, WaiverState

PACKAGE = Path(html.__file__).parent
SOURCES = [*PACKAGE.glob("*.py"), *PACKAGE.glob("templates/*.j2")]
GROUPS = (
    *("verdict", "waiver", "stage", "direction", "rule", "change", "trait", "next"),
    *("kind", "about", "code", "unit", "section", "timing", "noun"),
)
"""Texts whose last part is a value: of the report, of a section's name or of a field's."""


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_have_the_same_texts(language: str) -> None:
    english, other = texts("en").entries, texts(language).entries
    assert list(other) == list(english)
    assert [key for key in english if placeholders(english[key]) != placeholders(other[key])] == []
    assert [key for key, text in other.items() if not text.strip()] == []


def test_what_is_asked_for_is_there_and_nothing_else() -> None:
    calls = re.compile(r"""\b(?:t|texts|_texts)\(\s*["']([\w.]+\w)["']""")  # keys that end in a dot are completed
    asked = {key for path in SOURCES for key in calls.findall(path.read_text())}
    known = set(texts("en").entries)
    assert asked - known == set()
    assert {key for key in known - asked if key.partition(".")[0] not in GROUPS} == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("group", "names"),
    [
        pytest.param("verdict", [each.value for each in Verdict], id="verdicts"),
        pytest.param("waiver", [each.value for each in WaiverState], id="waivers"),
        pytest.param("stage", [each.value for each in Stage], id="stages"),
        pytest.param("direction", ["at_least", "at_most", "within"], id="directions"),
        pytest.param("rule", ["point", "interval", "paired"], id="rules"),
        pytest.param("change", ["setting", "package", "artifact", "data", "environment"], id="changes"),
        pytest.param("kind", ["missed", "confusion", "localisation", "duplicate", "background"], id="errors"),
        pytest.param("about", ["missed", "confusion", "localisation", "duplicate", "background"], id="explanations"),
        pytest.param("code", ["missed", "confusion", "localisation", "duplicate", "background"], id="letters"),
    ],
)
def test_every_value_has_a_text_of_its_own(language: str, group: str, names: list[str]) -> None:
    found = [texts(language).entries[f"{group}.{name}"] for name in names]
    assert len(set(found)) == len(names)


def test_chinese_is_chinese() -> None:
    same = {key for key, text in texts("zh").entries.items() if text == texts("en").entries[key]}
    assert same == {"unit.percent", "line.level", "timing.p99_ms"}


def test_a_name_without_a_text_stays_what_it_is() -> None:
    assert texts("zh").named("kind", "upside_down") == "upside down"
    assert texts("zh").about("upside_down") == ""


def test_errors_are_called_what_the_other_reports_call_them() -> None:
    for name in ("missed", "confusion", "localisation", "duplicate", "background"):
        assert texts("en").named("kind", name) == name


def test_another_language_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--lang ehn: expected one of en, zh; did you mean 'en'\?"):
        texts("ehn")
