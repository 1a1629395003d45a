"""Reading one VOC annotation file, safely and fast.

Entities that expand without end and references to other files need a document type, so none is let in. Expat, the
parser below every XML package of Python, looks for one first. Then the compiled ElementTree builds the tree with the
same expat: packages for untrusted XML go through the pure Python one, which is slower (``benchmarks/README.md``).
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.parsers import expat

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
FLAGS: Final = {"0": False, "1": True}
MAX_PIXEL: Final = 2**24
"""Up to here float32 holds every whole number."""
DIGITS: Final = 7
"""That many never exceed ``MAX_PIXEL``."""
SLACK: Final = 1
"""Pixels by which a box may stand over the image: tools that count from 0, or past the end, write such boxes."""
SHOWN: Final = 10
"""Characters of a wrong text that are shown."""


class FaultError(Exception):
    """One thing wrong with one file."""


class AnnotatedObject(NamedTuple):
    """One object; a tuple, because there are many and a frozen record takes longer to make.

    Attributes:
        name: Its class.
        box: Corners x1, y1, x2, y2, 1-based pixels, inclusive.
        difficult: Whether it is left out of the score.
    """

    name: str
    box: tuple[int, ...]
    difficult: bool


@dataclass(frozen=True)
class Annotation:
    """What is read of one file.

    Attributes:
        width: Of the image, in pixels.
        height: Likewise.
        objects: In the file's order.
    """

    width: int
    height: int
    objects: Sequence[AnnotatedObject]


def read_annotation(data: bytes) -> Annotation:
    """Read the content of an annotation file.

    Raises:
        FaultError: It is not XML, has a document type, says something that is no annotation, or has a box that
            stands more than ``SLACK`` pixels over the image.
    """
    tree = _parse(data)
    if tree.tag != "annotation":
        raise FaultError(f"expected <annotation>, found <{tree.tag}>")
    size = tree.find("size")
    width, height = (_pixel("size", side, _text(size, side)) for side in ("width", "height"))
    if min(width, height) < 1:
        raise FaultError(f"size: expected a width and height of at least 1, found {width} and {height}")
    objects = [_object(element) for element in tree.findall("object")]
    first, most_right, most_down = 1 - SLACK, width + SLACK, height + SLACK
    for name, (left, top, right, bottom), _ in objects:
        if left < first or top < first or right > most_right or bottom > most_down:
            raise FaultError(
                f"{name}: expected a box inside the annotated {width} x {height} pixels, "
                f"found {(left, top, right, bottom)}"
            )
    return Annotation(width, height, objects)


def _parse(data: bytes) -> Element:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)  # noqa: FBT003 - it takes no names; the data are complete
        return ET.fromstring(data)  # noqa: S314 - it has no document type, or the line before had raised
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FaultError(f"cannot be read: {error}") from error


def _refuse(name: str, *_: object) -> None:
    raise FaultError(f"refused, no annotation needs a document type or entities: found <!DOCTYPE {name[:SHOWN]}")


def _text(element: Element | None, child: str) -> str:
    return "" if element is None else element.findtext(child, "")


def _object(element: Element) -> AnnotatedObject:
    """Read class, box and difficulty of an object. Its parts (head, hand) have boxes too, one level below."""
    name = element.findtext("name", "").strip()
    if not name:
        raise FaultError("an object has no <name>")
    flag = element.findtext("difficult", "0").strip()  # later VOC tools leave it out where it is 0
    if flag not in FLAGS:
        raise FaultError(f"{name}: expected <difficult> 0 or 1, found {flag!r}")
    bounds = element.find("bndbox")
    if bounds is None:
        raise FaultError(f"{name}: expected <bndbox>, found none")
    box = tuple([_pixel(name, side, bounds.findtext(side, "")) for side in SIDES])
    if box[0] > box[2] or box[1] > box[3]:
        raise FaultError(f"{name}: expected a box with its first corner at the top left, found {box}")
    return AnnotatedObject(name, box, FLAGS[flag])


def _pixel(owner: str, side: str, text: str) -> int:
    """Read a number of pixels. VOC2007 has whole ones, and the reference takes no others.

    Some later years have fractions such as ``45.70``: they become the nearest pixel, halves the even one.
    """
    if text.isdecimal() and len(text) <= DIGITS:
        return int(text)  # as below, in half the time
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= MAX_PIXEL:  # false for NaN
        raise FaultError(f"{owner}: expected a number of pixels in <{side}>, found {text.strip()[:SHOWN]!r}")
    return round(value)
