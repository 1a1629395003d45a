"""Pages in Chinese say what those in English say."""

from __future__ import annotations

import posixpath
import re

import pytest

from places import ROOT

PAIRS = {
    "README.md": "README.zh-CN.md",
    "docs/tutorial.md": "docs/zh/tutorial.md",
    "docs/how-to/own-data.md": "docs/zh/own-data.md",
    "docs/on-an-ascend-host.md": "docs/zh/on-an-ascend-host.md",
    "docs/how-to/from-a-recipe.md": "docs/zh/from-a-recipe.md",
    "docs/how-to/import.md": "docs/zh/import.md",
}
"""Pages by their translations."""
CONTENTS = "docs/zh/index.md"
"""Has no page in English: it lists those in Chinese."""
ENGLISH = {chinese: english for english, chinese in PAIRS.items()}
CJK = re.compile(r"[\u4e00-\u9fff]")
NAMED = re.compile(r"中文|推理指导|`[^`]+`")
"""What pages in English may say in Chinese: the name of the language, what the zoo calls a recipe, and quotations."""
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
pairs = pytest.mark.parametrize(("english", "chinese"), PAIRS.items(), ids=list(PAIRS))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[str]:
    return re.findall(r"^(?: *<!-- [^\n]+ -->\n)* *```\w+\n.*?^ *```$", text(name), flags=re.MULTILINE | re.DOTALL)


def anchors(name: str) -> list[str]:
    """The headings of a page, in their order, as links name them."""
    headings = re.findall(r"^#+ (.+)$", prose(name), flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def links(name: str) -> list[str]:
    """Where a page leads, by the English page and the number of its heading; not to its own translation."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text(name)):
        file, _, anchor = link.partition("#")
        page = posixpath.normpath(posixpath.join(posixpath.dirname(name), file)) if file else name
        if "://" in link:
            found.append(link)
        elif page != {**PAIRS, **ENGLISH}[name]:
            assert name in PAIRS or page not in PAIRS, f"{name}: {link} is there in Chinese: {PAIRS[page]}"
            found.append(f"{ENGLISH.get(page, page)} {anchors(page).index(anchor) if anchor else ''}")
    return found


def prose(name: str) -> str:
    return FENCED.sub("", text(name))


def spans(name: str) -> set[str]:
    return {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(name))}


def test_every_page_in_chinese_is_compared_with_one_in_english() -> None:
    """Their commands are not run, as those of the pages in English are."""
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "zh").rglob("*.md")}
    assert there - set(ENGLISH) == {CONTENTS}
    assert blocks(CONTENTS) == []


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
    assert rows(chinese) == rows(english)


@pairs
def test_the_same_names_and_figures(english: str, chinese: str) -> None:
    assert spans(english) - spans(chinese) == set()
    figures = re.compile(r"\d+(?:\.\d+)+")
    assert set(figures.findall(prose(chinese))) == set(figures.findall(prose(english)))


@pairs
def test_it_is_chinese(english: str, chinese: str) -> None:
    assert len(CJK.findall(prose(chinese))) > 500
    assert CJK.findall(NAMED.sub("", prose(english))) == []
