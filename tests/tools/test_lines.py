"""The lines of text that are drawn: those of the bundled sets, and whole."""

from __future__ import annotations

import numpy as np
import pytest

from places import ROOT
from text.lines import FONTS, Style, digits, draw, drawn_sets, png

SAMPLE = ROOT / "zoo_text" / "sample"


@pytest.mark.parametrize("name", ["lines", "digits"])
def test_the_bundled_texts_follow_from_the_seed(name: str) -> None:
    labels = [f"{place:04d}.png\t{text}\n" for place, (text, _) in enumerate(drawn_sets()[name], start=1)]
    assert (SAMPLE / name / "labels.txt").read_text(encoding="utf-8") == "".join(labels)
    assert len(list((SAMPLE / name).glob("*.png"))) == len(labels)


@pytest.mark.parametrize("font", FONTS)
def test_a_line_is_drawn_whole(font: str) -> None:
    image = draw("gjpQ|", Style(font, 24, (0, 0, 0), (255, 255, 255)))
    pixels = np.asarray(image)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edges == 255).all()
    assert pixels.min() == 0
    assert png(image).startswith(b"\x89PNG")


def test_numbers_are_digits() -> None:
    rng = np.random.default_rng(1)
    texts = [digits(rng)[0] for _ in range(20)]
    assert all(text.isdigit() and 2 <= len(text) <= 12 for text in texts)
