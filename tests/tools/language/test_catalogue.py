"""The catalogue has every text of the code, translated; what goes in comes out of the code."""

from __future__ import annotations

import ast
import io
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from babel.messages.pofile import read_po

from language.catalogue import PO, template, updated
from language.extraction import sentences
from language.scope import LEFT_OUT, TRANSLATED, left_out
from places import ROOT
from zoo_runner.language.catalogue import catalogue

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

HOW = "run `python tools/language/catalogue.py`, then translate what it added (CONTRIBUTING.md)"
PLACES = re.compile(r"\{[=#]?(\w+)\}")
TERMS = {
    "not gated": "不参与判定",
    "stand-ins": "模拟程序",
    "to the last bit": "逐位一致",
    "throughput": "吞吐率",
    "reused": "复用",
    "as asked": "按要求",
    "met": "达标",
    "busy seconds": "实际占用时间",
}
"""What the field calls things: where the English says the one, the Chinese says the other."""
WHOLE = {
    "expected": "预期",
    "stopped": "按要求停止",
    "not ready": "本机缺少必需的依赖或组件",
    "smallest detectable drop": "最小可检出下降",
}
"""What single words and marks are called, be it in a sentence or on a page."""
OF_PAGES = {"from-a-recipe.md": "推理指导", "tutorial.md": "计算口径"}
"""What only pages of the documentation speak of."""


@cache
def code() -> Catalog:
    return template()


def ids(of: Catalog) -> set[tuple[str | None, str]]:
    return {(each.context, str(each.id)) for each in of if each.id}


def test_every_text_of_the_code_is_in_it_and_no_other() -> None:
    written = read_po(io.StringIO(PO.read_text(encoding="utf-8")))
    assert ids(written) == ids(code()), HOW


def test_it_is_as_the_tool_writes_it() -> None:
    text = PO.read_text(encoding="utf-8")
    assert updated(code(), text) == text, HOW


def test_none_is_missing_or_a_guess_and_all_have_the_same_places() -> None:
    entries = catalogue("zh")
    assert [each.english for each in entries if not each.translation.strip() or each.fuzzy] == [], HOW
    other = [
        each
        for each in entries
        if sorted(set(PLACES.findall(each.english))) != sorted(set(PLACES.findall(each.translation)))
    ]
    assert other == []


def test_the_reader_reads_what_babel_reads() -> None:
    written = read_po(io.StringIO(PO.read_text(encoding="utf-8")))
    found = {(each.context or None, each.english): each.translation for each in catalogue("zh")}
    assert found == {(each.context, each.id): each.string for each in written if each.id}


@pytest.mark.parametrize(("english", "chinese"), TERMS.items())
def test_terms_of_the_field(english: str, chinese: str) -> None:
    of_code = [each for each in catalogue("zh") if not each.context.startswith("page:")]
    entries = [each for each in of_code if re.search(rf"\b{english}\b", each.english)]
    assert entries
    assert [each for each in entries if chinese not in each.translation] == []


@pytest.mark.parametrize(("english", "chinese"), WHOLE.items())
def test_words_of_the_field(english: str, chinese: str) -> None:
    found = {each.translation for each in catalogue("zh") if each.english.lower() == english}
    assert found
    assert chinese in found


@pytest.mark.parametrize(("name", "term"), OF_PAGES.items())
def test_terms_of_pages(name: str, term: str) -> None:
    assert term in (ROOT / "docs/zh" / name).read_text(encoding="utf-8")
    assert term in (ROOT / "docs/glossary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", [*LEFT_OUT, *TRANSLATED])
def test_the_list_of_rooms_names_what_there_is(place: str) -> None:
    assert (ROOT / place).exists()
    assert left_out(place) == (place in LEFT_OUT)


def test_a_contributor_reads_how() -> None:
    assert "tools/language/catalogue.py" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        pytest.param('x = "two words"', ["two words"], id="a text"),
        pytest.param('"""Two words."""', [], id="a docstring"),
        pytest.param('x = "word"', [], id="a single word"),
        pytest.param('said("word")', ["word"], id="a word that is said"),
        pytest.param('said("yes" if x else "no")', ["yes", "no"], id="one of two words"),
        pytest.param('f"{a} of {b} files"', ["{0} of {1} files"], id="what is put in"),
        pytest.param('f"{a}{b} files"', ["{0} files"], id="side by side"),
        pytest.param('''f"{a} file{'' if a == 1 else 's'}"''', ["{0} file", "{0} files"], id="a plural"),
        pytest.param('''f"{a} file{'s'[: a > 1]}"''', ["{0} file", "{0} files"], id="another plural"),
        pytest.param(
            '''f"it {'rose' if a else 'fell' if b else 'went'} by {c}"''',
            ["it rose by {0}", "it fell by {0}", "it went by {0}"],
            id="three words",
        ),
        pytest.param('f"the {a}" + " is gone"', ["the {0} is gone"], id="a sum"),
        pytest.param('f"a list: {list_or(x, \'no entry\')}"', ["a list: {0}", "no entry"], id="a text within"),
        pytest.param('x = "no <name> in it"', ["no <name> in it"], id="a name in angle brackets"),
        pytest.param("x = '<p class=\"a\">two words</p>'", [], id="markup"),
        pytest.param('re.compile("two words")', [], id="a pattern"),
        pytest.param('if x == "two words": pass', [], id="what is compared"),
        pytest.param('option(help="Two words.")', [], id="a help text"),
        pytest.param('x: "two words"', [], id="an annotation"),
    ],
)  # fmt: skip
def test_what_is_a_text_of_the_code(source: str, texts: list[str]) -> None:
    ast.parse(source)
    assert [text for _, _, text, _ in sentences(io.BytesIO(source.encode()), {}, (), {})] == texts


def test_only_one_catalogue() -> None:
    assert [path.name for path in (ROOT / "zoo_runner").rglob("zh*.json")] == []
    assert isinstance(PO, Path)
