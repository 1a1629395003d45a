"""The parts of the script that draws reports for people to look at; the runs themselves are those of other tests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pages.kinds import KINDS, OWN_DATA, SCRIPT, damaged, turn
from pages.run import other_numbers

ANNOTATION = (
    "<size><width>3</width><height>2</height></size><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax></bndbox>"
)
TURNED = "<size><height>3</height><width>2</width></size><bndbox><ymin>1</ymin><xmin>2</xmin><ymax>3</ymax></bndbox>"


def test_each_kind_has_a_folder_of_its_own() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("name", ["draw.py", "cut.py"])
def test_the_page_on_own_data_has_the_scripts(name: str) -> None:
    found = re.search(SCRIPT.format(name=re.escape(name)), OWN_DATA.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    compile(found[1], name, "exec")


def test_a_landscape_becomes_a_portrait(tmp_path: Path) -> None:
    annotation, image = tmp_path / "Annotations" / "a.xml", tmp_path / "JPEGImages" / "a.png"
    annotation.parent.mkdir()
    image.parent.mkdir()
    annotation.write_text(ANNOTATION)
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    cv2.imwrite(str(image), pixels)
    turn(annotation)
    assert annotation.read_text() == TURNED
    read = cv2.imread(str(image))
    assert read is not None
    assert read.tolist() == pixels.transpose(1, 0, 2).tolist()


def test_half_of_a_checkpoint(tmp_path: Path) -> None:
    assert 10**6 < damaged(tmp_path).stat().st_size < 2 * 10**6


class Shown:
    """Stands for a page of a browser with these numbers on it."""

    def __init__(self, *fields: tuple[str, float | None]) -> None:
        self.fields = [[pointer, json.dumps(value)] for pointer, value in fields]

    def locator(self, selector: str) -> Shown:
        assert selector == "[data-field]"
        return self

    def evaluate_all(self, _script: str) -> list[list[str]]:
        return self.fields


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        pytest.param(0.25, [], id="the same"),
        pytest.param(0.2, ["/a/0/b is 0.2 on the page and 0.25 in report.json"], id="another"),
        pytest.param(None, ["/a/0/b is null on the page and 0.25 in report.json"], id="none"),
    ],
)
def test_numbers_are_those_of_the_report(value: float | None, problems: list[str]) -> None:
    page: Any = Shown(("/a/0/b", value))
    assert list(other_numbers(page, {"a": [{"b": 0.25}]})) == problems
