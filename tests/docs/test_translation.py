"""``README.zh-CN.md`` says what ``README.md`` says."""

from __future__ import annotations

import re

import pytest

from places import ROOT

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
CJK = re.compile(r"[\u4e00-\u9fff]")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[str]:
    return re.findall(r"^(?:<!-- [^\n]+ -->\n)*```\w+\n.*?^```$", text(name), flags=re.MULTILINE | re.DOTALL)


def links(name: str) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text(name)) if link not in {ENGLISH, CHINESE}]


def prose(name: str) -> str:
    return re.sub(r"^```.*?^```$", "", text(name), flags=re.MULTILINE | re.DOTALL)


def spans(name: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", prose(name)))


def test_the_same_commands_and_diagrams() -> None:
    assert blocks(CHINESE) == blocks(ENGLISH)
    assert all(len(re.findall("```|~~~", text(name))) == 2 * len(blocks(name)) for name in (CHINESE, ENGLISH))


def test_the_same_links_in_the_same_order() -> None:
    assert links(CHINESE) == links(ENGLISH)


@pytest.mark.parametrize(("name", "other"), [(ENGLISH, CHINESE), (CHINESE, ENGLISH)])
def test_each_leads_to_the_other(name: str, other: str) -> None:
    assert f"]({other})" in text(name)


def test_the_same_structure() -> None:
    def headings(name: str) -> list[int]:
        return [len(marks) for marks in re.findall(r"^(#+) ", prose(name), flags=re.MULTILINE)]

    def rows(name: str) -> list[str]:
        return re.findall(r"^\| (\d) \|", prose(name), flags=re.MULTILINE)

    assert headings(CHINESE) == headings(ENGLISH)
    assert rows(CHINESE) == rows(ENGLISH) != []


def test_the_same_names_and_figures() -> None:
    assert spans(ENGLISH) - spans(CHINESE) == set()
    figures = re.compile(r"\d+(?:\.\d+)+")
    assert set(figures.findall(prose(CHINESE))) == set(figures.findall(prose(ENGLISH)))


def test_it_is_chinese() -> None:
    assert len(CJK.findall(prose(CHINESE))) > 500
    assert CJK.findall(prose(ENGLISH).replace("中文", "")) == []
