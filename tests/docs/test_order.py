"""What a newcomer needs comes first, and every page has its place."""

from __future__ import annotations

import re

import pytest

from places import ROOT

DOCS = ROOT / "docs"
FIRST = ["tutorial", "how-to/own-data", "how-to/ci", "on-an-ascend-host"]
"""Try it, your own data, in CI, on an Ascend host."""
FIRST_IN_CHINESE = ["zh/tutorial", "zh/own-data", "how-to/ci", "zh/on-an-ascend-host"]
GROUPS = ["Begin", "How to: run and judge", "How to: add a model", "Reference", "Explanation", "The code", "中文"]


def groups() -> dict[str, list[str]]:
    """The pages of each group of the site's navigation."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    found = re.findall(r"^```\{toctree\}\n:caption: (.+)\n:maxdepth: 1\n\n((?:.+\n)*)```$", text, re.MULTILINE)
    return {caption: pages.split() for caption, pages in found}


def test_the_navigation_begins_with_what_a_newcomer_needs() -> None:
    assert list(groups()) == GROUPS
    assert groups()["Begin"] == FIRST


def test_every_page_stands_in_the_navigation_once() -> None:
    listed = sorted(page for pages in groups().values() for page in pages)
    there = sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md"))
    assert listed == [page for page in there if page != "index"]


@pytest.mark.parametrize(
    ("page", "folder", "first"),
    [
        ("README.md", "docs/", FIRST),
        ("README.zh-CN.md", "docs/", FIRST_IN_CHINESE),
        ("docs/index.md", "", FIRST),
        ("docs/zh/index.md", "../", [page.replace("zh/", "../zh/") for page in FIRST_IN_CHINESE]),
    ],
)
def test_the_first_links_are_those_pages(page: str, folder: str, first: list[str]) -> None:
    links = re.findall(r"\]\(([^)\s]+)\.md\)", (ROOT / page).read_text(encoding="utf-8"))
    wanted = [(folder + each).replace("../../zh/", "") for each in first]
    assert [link for link in links if not link.startswith("README")][: len(wanted)] == wanted
