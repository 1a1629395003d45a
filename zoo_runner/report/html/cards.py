"""The pictures of the report: what is drawn on each, and how it is told apart from the rest."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from zoo_runner.report.characters import visible
from zoo_runner.report.html.canvas import clipped, columns
from zoo_runner.report.html.figures import shown

if TYPE_CHECKING:
    from zoo_runner.plugin.evidence import Illustration, Mark, Statement
    from zoo_runner.report.html.language import Texts
    from zoo_runner.report.model import Report
    from zoo_runner.report.picture import Picture

PLAIN: Final = ("truth", "hit", "ignored")
"""Kinds of marks that are no errors."""
STYLES: Final = 6
"""Ways the style sheet has to draw errors; more kinds than that share them, and differ by their letters."""
DRAWN: Final = 100
"""Marks on one picture; with more nothing could be seen."""
ASPECT: Final = 4 / 3
"""Of the room that a picture has at first: one that is higher is as high as that."""
LETTER: Final = 0.66
"""Width of a bold letter as a part of its height: that of a wide font, for none must leave the picture."""
MOVES: Final = 8
"""Half lines that a text may be moved by; farther away it would not be seen which box it is of."""
SMALL: Final = 2.5
"""Heights of a letter; boxes that are smaller than that are kept free of text."""
NEAR: Final = 3
"""How far apart boxes of one text may begin, in heights of a letter."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of mark.

    Attributes:
        name: As the metric calls it.
        label: As the reader does.
        code: A letter that stands beside the box.
        style: How the style sheet draws it.
        error: Whether it is one.
    """

    name: str
    label: str
    code: str
    style: str
    error: bool = True


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A mark on a picture: the box in the picture's pixels, and the text beside it."""

    kind: Kind
    mark: Mark
    tag: str
    anchor: str
    tag_x: float
    tag_y: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height."""
        x1, y1, x2, y2 = self.mark.box
        return round(x1, 1), round(y1, 1), round(x2 - x1, 1), round(y2 - y1, 1)


@dataclass(frozen=True, kw_only=True)
class Said:
    """A statement below a picture, with the kind that it is of."""

    kind: Kind
    statement: Statement


@dataclass(frozen=True, kw_only=True)
class Card:
    """A picture with what is drawn on it.

    Attributes:
        picture: What is shown.
        uri: The picture itself.
        alt: What it shows, for those who do not see it.
        errors: The kinds of errors it has, gravest first, each with how many.
        marks: What is drawn, errors last so that they lie on top.
        said: What is written below the picture.
        left_out: Marks that are not drawn.
        worst: Its place in the diagnosis, if it has one.
        changed: Its place in the comparison, if it has one.
    """

    picture: Picture
    uri: str
    alt: str
    errors: tuple[tuple[Kind, int], ...]
    marks: tuple[Drawn, ...]
    said: tuple[Said, ...]
    left_out: int
    worst: int | None
    changed: int | None

    @property
    def classified(self) -> bool:
        """Whether what is written below the picture names classes, and with them the error."""
        return any(said.statement.label for said in self.said)

    @property
    def kinds(self) -> str:
        """The names of the kinds of errors, as JSON, for the page's script."""
        return json.dumps([visible(kind.name) for kind, _ in self.errors])


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """All pictures, and what they can be filtered by."""

    cards: tuple[Card, ...]
    kinds: tuple[Kind, ...]
    plain: tuple[Kind, ...]
    labels: tuple[str, ...]

    @property
    def indices(self) -> set[int]:
        """Which samples have a picture."""
        return {card.picture.index for card in self.cards}

    @property
    def names(self) -> dict[str, str]:
        """What readers call the kinds of errors, by what the metric does."""
        return {kind.name: kind.label for kind in self.kinds}

    @property
    def used(self) -> list[Kind]:
        """The kinds that are drawn somewhere, for the legend."""
        drawn = {mark.kind.name for card in self.cards for mark in card.marks}
        return [kind for kind in (*self.plain, *self.kinds) if kind.name in drawn]

    def count(self, kind: Kind) -> int:
        """Say how many pictures have an error of a kind."""
        return sum(any(each is kind for each, _ in card.errors) for card in self.cards)


def gallery(report: Report, pictures: Sequence[Picture], texts: Texts) -> Gallery:
    """Prepare the pictures for the page."""
    known = report.diagnosis.kinds if report.diagnosis else ()
    shown_on = [picture.illustration for picture in pictures]
    everything = [each for here in shown_on for each in _shown(here)]
    marked = (each.kind for each in everything)
    counted = (kind for picture in pictures for kind in picture.errors)
    names = [name for name in dict.fromkeys([*known, *counted, *marked]) if name not in PLAIN]
    kinds = _kinds(names, texts, _taken(shown_on))
    plain = tuple(Kind(name=name, label=texts.named("kind", name), code="", style=name, error=False) for name in PLAIN)
    every = {kind.name: kind for kind in (*kinds, *plain)}
    diagnosed = report.diagnosis.worst if report.diagnosis else ()
    compared = report.comparison.samples if report.comparison else ()
    worst = {sample.index: place for place, sample in enumerate(diagnosed)}
    changed = {sample.index: place for place, sample in enumerate(compared)}
    cards = tuple(
        _card(picture, every, texts, worst.get(picture.index), changed.get(picture.index)) for picture in pictures
    )
    labels = sorted({each.label for each in everything} - {""})
    return Gallery(cards=cards, kinds=kinds, plain=plain, labels=tuple(labels))


def _shown(here: Illustration) -> Iterator[Mark | Statement]:
    yield from here.marks
    yield from here.statements


def _taken(shown_on: Iterable[Illustration]) -> dict[str, str]:
    """Name kinds of errors that are always of one class, taken for one other, by these: in all languages alike."""
    found: dict[str, set[str]] = {}
    for here in shown_on:
        truth = next((each.label for each in here.statements if each.kind == "truth"), "")
        for each in here.statements:
            if truth and each.label and each.kind not in PLAIN:
                found.setdefault(each.kind, set()).add(f"{truth} \N{RIGHTWARDS ARROW} {each.label}")
    return {kind: names.pop() for kind, names in found.items() if len(names) == 1}


def _kinds(names: Iterable[str], texts: Texts, classes: Mapping[str, str]) -> tuple[Kind, ...]:
    """Give every kind of error a letter of its own and a way to be drawn."""
    kinds: list[Kind] = []
    for number, name in enumerate(names):
        taken = {kind.code for kind in kinds}
        first = texts.entries.get(f"code.{name}", name[:1].upper())
        free = (code for code in (first, *string.ascii_uppercase, *string.digits) if code and code not in taken)
        code = next(free, "?")
        label = classes.get(name) or texts.named("kind", name)
        kinds.append(Kind(name=name, label=label, code=code, style=f"e{number % STYLES}"))
    return tuple(kinds)


def _card(picture: Picture, kinds: dict[str, Kind], texts: Texts, worst: int | None, changed: int | None) -> Card:
    here = picture.illustration
    order = list(kinds)
    errors = [(kind, picture.errors[kind.name]) for kind in kinds.values() if picture.errors.get(kind.name)]
    gravest = sorted(here.marks, key=lambda mark: order.index(mark.kind))
    marks = tuple(reversed(_placed(gravest[:DRAWN], kinds, here.width, here.height)))
    said = texts("gallery.and").join(f"{kind.label} {count}" for kind, count in errors) or texts("gallery.no_errors")
    return Card(
        picture=picture,
        uri=f"data:{here.media_type};base64,{base64.b64encode(here.image).decode('ascii')}",
        alt=texts("gallery.alt", id=picture.id, score=shown(picture.score, 1), errors=said),
        errors=tuple(errors),
        marks=marks,
        said=tuple(Said(kind=kinds[each.kind], statement=each) for each in here.statements),
        left_out=len(here.marks) - len(marks),
        worst=worst,
        changed=changed,
    )


def _placed(marks: Sequence[Mark], kinds: dict[str, Kind], width: int, height: int) -> list[Drawn]:
    """Give marks their texts: above the box, or below its upper edge where there is no room, and off other texts.

    Where several of a sort lie together, the first says how many there are. A text that would cover others, or a small
    box, is left out: the list below the picture has it.
    """
    size = tag_size(width, height)
    most = int((width - size) / (LETTER * size))
    tags = [clipped(tag, most) if most > 1 else "" for tag in _tags(marks, kinds, NEAR * size)]
    taken = [line for mark in marks if _small(mark, size) for line in _lines(mark, size)]
    placed = []
    for mark, tag in zip(marks, tags, strict=True):
        x1, y1, x2, _ = mark.box
        right = x1 > width / 2
        y = min(y1 - size / 3 if y1 > 1.4 * size else y1 + 1.1 * size, height - size / 3)
        length = LETTER * size * columns(tag)
        start = _inside(x2 - length if right else x1, length, width, min(size, width) / 3)
        x = start + length if right else start
        free = _free(y, start, start + length, taken, size, height) if tag else None
        if free is not None:
            y = free
            taken.append((start, start + length, y))
        drawn = Drawn(
            kind=kinds[mark.kind],
            mark=mark,
            tag=tag if free is not None else "",
            anchor="end" if right else "start",
            tag_x=round(x, 1),
            tag_y=round(y, 1),
        )
        placed.append(drawn)
    return placed


def _inside(start: float, length: float, width: int, margin: float) -> float:
    """Move a text along its line until none of it is beyond the picture; the end of one that is too long may be."""
    return max(min(start, width - margin - length), margin)


def _small(mark: Mark, size: float) -> bool:
    """Say whether a line of text would hide most of a box."""
    x1, y1, x2, y2 = mark.box
    return y2 - y1 < SMALL * size and x2 - x1 < SMALL * size


def _lines(mark: Mark, size: float) -> list[tuple[float, float, float]]:
    """Return the lines of text that would cover a box, each with start, end and lower edge."""
    x1, y1, x2, y2 = mark.box
    count = max(1, ceil((y2 - y1) / size))
    return [(x1, x2, min(y1 + (line + 1) * size, y2)) for line in range(count)]


def _tags(marks: Sequence[Mark], kinds: dict[str, Kind], near: float) -> list[str]:
    """Write a text for each error; errors of one kind and class that begin close together share the first one's."""
    leaders: list[list[int]] = []
    for place, mark in enumerate(marks):
        if kinds[mark.kind].error:
            group = next((each for each in leaders if _together(marks[each[0]], mark, near)), None)
            if group is None:
                leaders.append([place])
            else:
                group.append(place)
    tags = [""] * len(marks)
    for first, *others in leaders:
        mark = marks[first]
        score = "" if mark.score is None else f" {mark.score:.2f}"
        count = f" \N{MULTIPLICATION SIGN}{len(others) + 1}" if others else score
        tags[first] = f"{kinds[mark.kind].code} {mark.label}{count}"
    return tags


def _together(one: Mark, other: Mark, near: float) -> bool:
    alike = (one.kind, one.label) == (other.kind, other.label)
    return alike and abs(one.box[0] - other.box[0]) < near and abs(one.box[1] - other.box[1]) < near


def _free(
    y: float, start: float, end: float, taken: Sequence[tuple[float, float, float]], size: float, height: float
) -> float | None:
    """Move a line of text down until it is clear of the others; ``None`` if it is not after a few lines."""
    for _ in range(MOVES):
        if y > height:
            break
        if not any(
            start < other_end and other_start < end and abs(y - other) < size for other_start, other_end, other in taken
        ):
            return y
        y += size / 2
    return None


def tag_size(width: int, height: int) -> float:
    """Return the size of letters on a picture, in its pixels: the same on the page for all pictures."""
    return round(max(width, height * ASPECT, 1) / 28, 2)
