"""Contrast of every pair of colours that the style sheet puts together, by WCAG 2.2."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zoo_runner.report import html

STYLE = (Path(html.__file__).parent / "style.css").read_text(encoding="utf-8")
TEXT, GRAPHIC = 4.5, 3.0
VERDICTS = ("pass", "fail", "inconclusive", "waived", "stopped", "not_gated")
PAIRS = [
    *((colour, ground) for colour in ("ink", "muted", "link", "loss", "gain") for ground in ("page", "paper")),
    *((verdict, f"{verdict}-tint") for verdict in VERDICTS),
    *((verdict, "paper") for verdict in VERDICTS),
    *(("ink", f"{verdict}-tint") for verdict in VERDICTS),
    ("link", "waived-tint"),
    ("fail", "waived-tint"),
    ("page", "ink"),
]
SEEN = [
    *((colour, "paper") for colour in ("plot-a", "plot-loss", "plot-gain")),
    *(("ink", colour) for colour in ("plot-a", "plot-loss", "plot-gain", "plot-zone")),
    ("muted", "plot-zone"),
    ("focus", "page"),
]


def palettes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str) -> None:
    palette = palettes()[scheme]
    ratios = {pair: contrast(palette[pair[0]], palette[pair[1]]) for pair in PAIRS}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < TEXT} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_graphics_can_be_seen(scheme: str) -> None:
    palette = palettes()[scheme]
    ratios = {pair: contrast(palette[pair[0]], palette[pair[1]]) for pair in SEEN}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < GRAPHIC} == {}


def test_both_schemes_have_the_same_colours() -> None:
    light, dark = palettes().values()
    assert light.keys() == dark.keys()


def test_letters_on_marks_and_lines_on_their_dark_edge_stand_out() -> None:
    lines = re.findall(r"--line: (#[0-9a-f]{6})", STYLE)
    assert len(lines) == 9
    assert {line for line in lines if contrast("#000000", line) < TEXT} == set()


def test_kinds_differ_without_colour() -> None:
    drawn = dict(re.findall(r"\.(truth|hit|ignored|e\d) \{ --line: #\w{6}; (.*?)\}", STYLE))
    assert len(drawn) == 9
    assert len(set(drawn.values())) == 9


def test_moving_is_left_out_where_it_is_not_wanted() -> None:
    assert "@media (prefers-reduced-motion: reduce)" in STYLE
    assert {"animation", "transition", "@import", "url("}.isdisjoint(re.findall(r"[@\w]+\(?", STYLE))
