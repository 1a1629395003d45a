"""Draws lines of text with free fonts, as test images of recognisers.

    python tools/text/lines.py --out zoo_text/sample

It writes two sets, each a folder of small PNG files with ``labels.txt`` beside them: ``lines`` has words, figures and
signs in several styles, some of them hard to read; ``digits`` has short numbers. The fonts are DejaVu's, which
matplotlib brings along. Everything follows from the seed.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator

SEED: Final = 20261128
HARD_NUMBERS: Final = 0.4
"""Part of the numbers that are hard to read."""
LINES: Final = 60
FAINT: Final = (3, 26)
"""By how much the colours of letters and paper differ where a line is hard to read."""
HARD: Final = 3
"""One line of so many is hard to read."""
DIGITS: Final = 32
FONTS: Final = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic"),
    *("DejaVuSerif-Bold", "DejaVuSansMono", "DejaVuSansMono-Bold"),
)
WORDS: Final = (
    *("harbour", "Signal", "window", "PLATFORM", "evening", "Copper", "weather", "station", "Garden", "river"),
    *("quartz", "Jigsaw", "velvet", "NORTH", "bicycle", "Exit", "museum", "lantern", "zebra", "Kilowatt"),
)
UNITS: Final = ("EUR", "kg", "mm", "km/h", "%", "pcs.", "GHz")


@dataclass(frozen=True)
class Style:
    """How a line is drawn.

    Attributes:
        font: Name of a font of DejaVu's.
        size: Of its letters, in pixels.
        ink: Red, green and blue of the letters.
        paper: Of what is behind them.
        blur: Radius in pixels.
        turn: Degrees.
        squeeze: Factor on the width.
    """

    font: str
    size: int
    ink: tuple[int, int, int]
    paper: tuple[int, int, int]
    blur: float = 0.0
    turn: float = 0.0
    squeeze: float = 1.0


def draw(text: str, style: Style, margin: int = 4) -> Image.Image:
    """Return the image of a line, with a margin of some pixels around the text."""
    import matplotlib as mpl  # noqa: PLC0415 - only for its fonts

    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{style.font}.ttf"
    font = ImageFont.truetype(str(path), style.size)
    left, top, right, bottom = font.getbbox(text)
    size = (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin)
    image = Image.new("RGB", size, style.paper)
    ImageDraw.Draw(image).text((margin - left, margin - top), text, font=font, fill=style.ink)
    if style.turn:
        image = image.rotate(style.turn, Image.Resampling.BICUBIC, expand=True, fillcolor=style.paper)
    if style.squeeze != 1.0:
        image = image.resize((max(1, round(image.width * style.squeeze)), image.height), Image.Resampling.BILINEAR)
    return image.filter(ImageFilter.GaussianBlur(style.blur)) if style.blur else image


def words(rng: Generator) -> str:
    """Return a text of words, figures and signs."""
    number, amount = int(rng.integers(1, 9999)), int(rng.integers(100, 9_999_999))
    one, other, third = (str(rng.choice(WORDS)) for _ in range(3))
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"{one} {other}",
        lambda: f"{one} {other} {third} {number}",
        lambda: f"{amount // 100:,}.{amount % 100:02d} {rng.choice(UNITS)}",
        lambda: f"{one.lower()}.{other.lower()}@{third.lower()}.org",
        lambda: f"No. {number:04d}-{rng.choice(list('ABCDEFGH'))!s}{amount % 97:02d}",
        lambda: f"{2000 + number % 30}-{1 + amount % 12:02d}-{1 + amount % 28:02d} {number % 24:02d}:{amount % 60:02d}",
        lambda: f"{one} ({other}): {number} {rng.choice(UNITS)}",
        lambda: str(number),
    )
    return forms[int(rng.integers(len(forms)))]()


def style_of(rng: Generator, *, hard: bool, contrast: tuple[int, int] = (10, 60)) -> Style:
    """Return a style: black on white or nearly so, or colours that differ by so much in each channel."""
    font, size = str(rng.choice(FONTS)), int(rng.integers(18, 34))
    if not hard:
        dark, light = (tuple(int(each) for each in rng.integers(low, low + 40, 3)) for low in (0, 210))
        return Style(font, size, (dark[0], dark[1], dark[2]), (light[0], light[1], light[2]))
    paper = rng.integers(60, 200, 3)
    ink = np.clip(paper + rng.choice([-1, 1], 3) * rng.integers(*contrast, 3), 0, 255)
    return Style(
        font,
        int(rng.integers(11, 22)),
        (int(ink[0]), int(ink[1]), int(ink[2])),
        (int(paper[0]), int(paper[1]), int(paper[2])),
        blur=float(rng.uniform(0.3, 1.1)),
        turn=float(rng.uniform(-2.0, 2.0)),
        squeeze=float(rng.uniform(0.7, 1.1)),
    )


def digits(rng: Generator) -> tuple[str, Style]:
    """Return a short number and how it is drawn: what the small recogniser of the sample is for."""
    count = int(rng.integers(2, 13))
    text = "".join(str(rng.integers(10)) for _ in range(count))
    return text, style_of(rng, hard=rng.random() < HARD_NUMBERS)


def drawn_sets() -> Mapping[str, list[tuple[str, Image.Image]]]:
    """Return both sets: texts and images."""
    rng = np.random.default_rng(SEED)
    lines = []
    for place in range(LINES):
        text = words(rng)
        lines.append((text, draw(text, style_of(rng, hard=place % HARD == 0, contrast=FAINT))))
    numbers = [(text, draw(text, style)) for text, style in (digits(rng) for _ in range(DIGITS))]
    return {"lines": lines, "digits": numbers}


def png(image: Image.Image) -> bytes:
    """Return an image as a small PNG file."""
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return file.getvalue()


def main() -> None:
    """Read the command line and write the sets."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the sets")
    out: Path = parser.parse_args().out
    for name, lines in drawn_sets().items():
        (out / name).mkdir(parents=True, exist_ok=True)
        labels = []
        for place, (text, image) in enumerate(lines, start=1):
            (out / name / f"{place:04d}.png").write_bytes(png(image))
            labels.append(f"{place:04d}.png\t{text}\n")
        (out / name / "labels.txt").write_text("".join(labels), encoding="utf-8")
        print(f"{out / name}: {len(lines)} lines")


if __name__ == "__main__":
    main()
