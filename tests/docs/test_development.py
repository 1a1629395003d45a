"""What the page on the code names is there."""

from __future__ import annotations

import re

import pytest

from places import ROOT

PAGE = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
SPANS = re.findall(r"`([^`\n]+)`", PAGE)
TRIPS = re.findall(r"^\d+\. (.*(?:\n   .*)*)", PAGE, flags=re.MULTILINE)


def test_there_are_three_trips() -> None:
    assert PAGE.count("\n1. ") == 3
    assert len(TRIPS) >= 15


@pytest.mark.parametrize("path", sorted({span for span in SPANS if re.fullmatch(r"[\w/]+/[\w/.-]+", span)}))
def test_files_are_there(path: str) -> None:
    places = [ROOT / path, ROOT / "zoo_runner" / path]
    assert any(place.exists() for place in places)


@pytest.mark.parametrize("step", TRIPS)
def test_steps_of_the_trips_are_in_the_files_that_they_name(step: str) -> None:
    file = ""
    for span in re.findall(r"`([^`]+)`", step):
        if span.endswith(".py"):
            file = span
            continue
        first, _, last = span.rpartition(".")
        places = [ROOT / file, (ROOT / file).with_name(f"{first.partition('.')[0]}.py")]
        text = "".join(place.read_text(encoding="utf-8") for place in places if place.is_file())
        assert re.search(rf"\b{last}\b", text), f"{span} in {file}"
