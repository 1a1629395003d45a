"""Fitting a plot into the page: SVG as matplotlib writes it, made smaller, coloured by the page and named for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

DROPPED: Final = {"metadata", "style"}
"""The style sheet would hold for the whole page."""
KEPT_STYLES: Final = {
    "fill",
    "fill-opacity",
    "font-size",
    "font-weight",
    "opacity",
    "stroke",
    "stroke-dasharray",
    "stroke-opacity",
    "stroke-width",
    "text-anchor",
}
"""Fonts, joins and caps are the page's."""
_NUMBER: Final = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE: Final = re.compile(r"#([\w.-]+)")
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0, section 2.2, leaves out; matplotlib does not."""
_DRAWN: Final = ("d", "x", "y", "width", "height", "transform")


def embedded(text: str, *, prefix: str, title: str, colours: Mapping[str, str]) -> str:
    """Return an SVG document as an element of the page.

    Args:
        text: The document.
        prefix: Put before all ids, so that several plots can be on one page.
        title: What the plot shows, for those who do not see it.
        colours: What stands in the page in place of which colour of the document.
    """
    root = ET.fromstring(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))  # noqa: S314 - matplotlib wrote it, and escaped the texts in it
    _drop(root)
    used = {name for element in root.iter() for name in _references(element)}
    for element in root.iter():
        _rewrite(element, prefix, used, colours)
    width, height = root.attrib["viewBox"].split()[2:]
    name = f"{prefix}-title"
    shown = {"class": "plot", "role": "img", "aria-labelledby": name, "width": width, "height": height}
    root.attrib = {**shown, "viewBox": root.attrib["viewBox"]}
    heading = ET.Element("title", {"id": name})
    heading.text = title
    root.insert(0, heading)
    return ET.tostring(root, encoding="unicode")


def _drop(element: ET.Element) -> None:
    """Remove what the page has no use for, and what is empty without it."""
    for child in list(element):
        _drop(child)
        hollow = _local(child.tag) in {"g", "defs"} and not len(child)
        if hollow or _local(child.tag) in DROPPED:
            element.remove(child)
    element.tail = None
    if element.text and not element.text.strip():
        element.text = None


def _rewrite(element: ET.Element, prefix: str, used: set[str], colours: Mapping[str, str]) -> None:
    attributes = {_local(name): value for name, value in element.attrib.items()}
    name = attributes.pop("id", None)
    if name in used:
        attributes["id"] = f"{prefix}-{name}"
    for key in ("href", "clip-path"):
        if key in attributes:
            attributes[key] = _REFERENCE.sub(rf"#{prefix}-\1", attributes[key])
    for key in _DRAWN:
        if key in attributes:
            attributes[key] = _short(attributes[key])
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]
    if "style" in attributes:
        attributes["style"] = _style(attributes["style"], colours)
    element.tag = _local(element.tag)
    element.attrib = attributes


def _style(text: str, colours: Mapping[str, str]) -> str:
    pairs = [pair.partition(":") for pair in text.split(";")]
    kept = {name.strip(): value.strip() for name, _, value in pairs if name.strip() in KEPT_STYLES}
    return ";".join(f"{name}:{colours.get(value, value)}" for name, value in kept.items())


def _short(text: str) -> str:
    """Write coordinates with two decimals: a hundredth of a pixel."""
    return _NUMBER.sub(lambda found: f"{float(found.group()):.2f}".rstrip("0").rstrip("."), " ".join(text.split()))


def _references(element: ET.Element) -> list[str]:
    return [
        name
        for key, value in element.attrib.items()
        if _local(key) in {"href", "clip-path"}
        for name in _REFERENCE.findall(value)
    ]


def _local(name: str) -> str:
    return name.rpartition("}")[2]
