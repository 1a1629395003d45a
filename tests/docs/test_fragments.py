"""Pieces of manifests that the pages show are accepted where they belong."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from places import ROOT
from zoo_runner.manifest.load import load

ELSEWHERE = {
    "detector.md",
    "github-actions.md",
    "gitlab-ci.md",
    "no-code.md",
    "several-models.md",
    "write-a-plugin.md",
    "zoo.md",
}
"""Pages whose YAML is a whole file, which other tests look at."""
FENCE = re.compile(r"^ *```yaml\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
FRAGMENTS = [
    pytest.param(textwrap.dedent(text), id=f"{path.relative_to(ROOT)}: {text.strip().partition(':')[0]}")
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if path.name not in ELSEWHERE
    for text in FENCE.findall(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_the_published_recipe_takes_it(fragment: str, tmp_path: Path) -> None:
    manifest = tmp_path / "fragment.yaml"
    manifest.write_text(f"extends: {ROOT / 'manifests' / 'refinedet320.yaml'}\n{fragment}")
    assert load(manifest).manifest.name == "refinedet320"


def test_there_are_some() -> None:
    assert len(FRAGMENTS) >= 3
