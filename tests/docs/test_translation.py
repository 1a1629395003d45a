"""Pages in Chinese say what those in English say."""

from __future__ import annotations

import posixpath
import re

import pytest

from places import ROOT

PAIRS = {
    "README.md": "README.zh-CN.md",
    "docs/how-to/from-a-recipe.md": "docs/zh/from-a-recipe.md",
}
"""Pages by their translations."""
CJK = re.compile(r"[\u4e00-\u9fff]")
NAMED = re.compile(r"中文|推理指导")
"""What pages in English may say in Chinese: the name of the language, and what the zoo calls a recipe."""
pairs = pytest.mark.parametrize(("english", "chinese"), PAIRS.items(), ids=list(PAIRS))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[str]:
    return re.findall(r"^(?:<!-- [^\n]+ -->\n)*```\w+\n.*?^```$", text(name), flags=re.MULTILINE | re.DOTALL)


def links(name: str) -> list[str]:
    """Where a page leads, from the repository's root; not to pages in Chinese, and not to its own translation."""
    found = re.findall(r"\]\(([^)\s]+)\)", text(name))
    places = [
        each if "://" in each else posixpath.normpath(posixpath.join(posixpath.dirname(name), each)) for each in found
    ]
    pages = {*PAIRS.values(), *(english for english, chinese in PAIRS.items() if chinese == name)}
    return [each for each in places if each not in pages]


def prose(name: str) -> str:
    return re.sub(r"^```.*?^```$", "", text(name), flags=re.MULTILINE | re.DOTALL)


def spans(name: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", prose(name)))


@pairs
def test_the_same_commands_and_diagrams(english: str, chinese: str) -> None:
    assert blocks(chinese) == blocks(english)
    assert all(len(re.findall("```|~~~", text(name))) == 2 * len(blocks(name)) for name in (chinese, english))


@pairs
def test_the_same_links_in_the_same_order(english: str, chinese: str) -> None:
    assert links(chinese) == links(english)


@pairs
def test_each_leads_to_the_other(english: str, chinese: str) -> None:
    for name, other in ((english, chinese), (chinese, english)):
        assert f"]({posixpath.relpath(other, posixpath.dirname(name) or '.')})" in text(name)


@pairs
def test_the_same_structure(english: str, chinese: str) -> None:
    def headings(name: str) -> list[int]:
        return [len(marks) for marks in re.findall(r"^(#+) ", prose(name), flags=re.MULTILINE)]

    def rows(name: str) -> list[int]:
        return [line.count("|") for line in prose(name).splitlines() if line.startswith("|")]

    assert headings(chinese) == headings(english)
    assert rows(chinese) == rows(english) != []


@pairs
def test_the_same_names_and_figures(english: str, chinese: str) -> None:
    assert spans(english) - spans(chinese) == set()
    figures = re.compile(r"\d+(?:\.\d+)+")
    assert set(figures.findall(prose(chinese))) == set(figures.findall(prose(english)))


@pairs
def test_it_is_chinese(english: str, chinese: str) -> None:
    assert len(CJK.findall(prose(chinese))) > 500
    assert CJK.findall(NAMED.sub("", prose(english))) == []
