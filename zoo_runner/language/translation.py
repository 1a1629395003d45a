"""Translating finished English sentences: the templates of the catalogue are looked for in them.

The code says everything in English, and reports keep it so; whoever shows a text translates it. A sentence is held
against the templates of the catalogue, those with most words of their own first. What stands at a placeholder is
translated likewise, or stays as it is: numbers, names, paths, commands, and what other tools print.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from zoo_runner.language.catalogue import Entry, catalogue

ENGLISH: Final = "en"
SHORT: Final = 16
"""Letters below which a sentence is not believed to be the one that is looked for by them alone."""
BEGINNING: Final = 8
"""Letters that a literal beginning is worth beside its own."""
DEEPEST: Final = 12
"""Sentences within sentences that are looked at."""
MOST_CLAUSES: Final = 6
"""Parts between semicolons that one sentence may have."""
LONGEST: Final = 20_000
"""Characters of a text that is translated as a whole; of a longer one, which quotes something, only its lines are."""
OPENING: Final = " ("
SEPARATORS: Final = (
    ("\n", "\n"),
    ("; ", "；"),
    (". ", "。"),
    (": ", "："),
    (OPENING, "（"),
    (", ", "，"),
    (" -> ", " -> "),
)
"""What stands between the parts of a text, and what does so in Chinese."""
STRONG: Final = ("\n", "; ", ": ")
"""Separators of sentences, of which one that is looked for should not be part."""
_PLACE: Final = re.compile(r"\{(\d+)\}")
_WORD: Final = re.compile(r"[^\W\d_]+")
_COUNTED: Final = re.compile(r"([-+]?\d[\d,.]*) (\S.*)")
_IDEOGRAPH: Final = re.compile("[\u4e00-\u9fff]")
_CHINESE: Final = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_ENGLISH: Final = re.compile(r"\b[a-z]{2,}\b")
_LATIN: Final = re.compile(r"[A-Za-z0-9`]")


@dataclass(frozen=True)
class Template:
    """One sentence of the code, with places for what it puts in.

    Attributes:
        literals: What stands before, between and after the places.
        places: The number of each place.
        translation: The sentence in the other language, cut the same way: literals and numbers in turn.
    """

    literals: tuple[str, ...]
    places: tuple[str, ...]
    translation: tuple[str, ...]

    @property
    def weight(self) -> int:
        """How much of it is literal; a sentence that begins with a word of its own is known by that."""
        return sum(map(len, self.literals)) + (BEGINNING if self.literals[0] else 0)

    @property
    def short(self) -> bool:
        """Whether other sentences may have the same words."""
        own = " ".join(self.literals)
        return sum(map(len, self.literals)) < SHORT and not any(mark in own for mark in STRONG)

    def match(self, text: str) -> dict[str, str] | None:
        """Return what stands at each place; ``None`` where the text is another one.

        Literals are looked for from the left: if they can be found at all, they are so.
        """
        first, last = self.literals[0], self.literals[-1]
        if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
            return None
        found, start, end = dict[str, str](), len(first), len(text) - len(last)
        for place, literal in zip(self.places, (*self.literals[1:-1], ""), strict=True):
            stop = text.find(literal, start, end) if literal else end
            if stop < 0:
                return None
            found[place] = text[start:stop]
            start = stop + len(literal)
        return found


class Translator:
    """The texts of one language.

    Args:
        entries: Of the catalogue; those without a translation, and guesses, count for nothing.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        known = [each for each in entries if each.translation and not each.fuzzy]
        self.keyed = {each.context: each.translation for each in known if each.context}
        plain = [each for each in known if not each.context]
        self._whole = {each.english: each.translation for each in plain if not _PLACE.search(each.english)}
        templates = [_template(each) for each in plain if _PLACE.search(each.english)]
        self._templates = sorted(templates, key=lambda each: -each.weight)
        self._seen: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """Return a text in this language, as far as the catalogue knows it."""
        if text not in self._seen:
            self._seen[text] = self._translated(text, DEEPEST)
        return self._seen[text]

    def _translated(self, text: str, depth: int) -> str:
        if not depth or not _WORD.search(text):
            return text
        if len(text) > LONGEST:
            return self._parts(text, depth, SEPARATORS[:1])
        if (said := self._known(text, depth)) is not None:
            return said
        sentence = text.lstrip(" ")
        if sentence != text and "\n" not in text and (said := self._known(sentence, depth)) is not None:
            return text[: len(text) - len(sentence)] + said  # a line of a list
        said = self._parts(text, depth, SEPARATORS)
        return said if said != text else self._as_template(text, depth, strict=False) or text

    def _known(self, text: str, depth: int) -> str | None:
        """Translate what is one sentence of the catalogue, or one behind a name and a colon."""
        if text in self._whole:
            return self._whole[text]
        if (said := self._as_template(text, depth, strict=True)) is not None:
            return said
        head, colon, tail = text.partition(": ")
        if colon and head[:1] != " " and depth > 1 and (said := self._known(tail, depth - 1)) is not None:
            return f"{self._translated(head, depth - 1)}：{said}"
        return None

    def _as_template(self, text: str, depth: int, *, strict: bool) -> str | None:
        for template in self._templates:
            found = template.match(text)
            if found is None or not any(map(str.strip, found.values())) or (strict and _swallows(template, found)):
                continue
            said = {place: self._translated(part, depth - 1) for place, part in found.items()}
            if template.short and any(len(_ENGLISH.findall(part)) > 1 for part in said.values()):
                continue  # a few letters that are also part of another sentence
            return _joined(template, said)
        return None

    def _parts(self, text: str, depth: int, separators: Sequence[tuple[str, str]]) -> str:
        """Translate what stands between the separators, the strongest first; a count before what is counted."""
        for number, (separator, other) in enumerate(separators):
            parts = self._split(text, separator)
            if len(parts) < 2:  # noqa: PLR2004 - one part is the text itself
                continue
            done = (
                self._clauses(parts, depth)
                if separator == "; "
                else [self._translated(each, depth - 1) for each in parts]
            )
            if done == parts and separator != "\n":
                return self._parts(text, depth, separators[number + 1 :])
            if separator == OPENING:
                done[-1] += "）"
            return other.join(done)
        if counted := _COUNTED.fullmatch(text):
            count, what = counted.groups()
            said = self._whole.get(what, what)
            return text if said == what else f"{count} {said}"
        return text

    @staticmethod
    def _split(text: str, separator: str) -> list[str]:
        if separator == OPENING:
            return _before_brackets(text)
        return text.split(separator, -1 if separator in {"\n", "; ", ", "} else 1)

    def _clauses(self, parts: Sequence[str], depth: int) -> list[str]:
        """Translate what stands between semicolons; a sentence of the catalogue may have some of its own."""
        done, start = list[str](), 0
        while start < len(parts):
            ends = range(min(len(parts), start + MOST_CLAUSES), start + 1, -1)
            joined = ((end, self._known("; ".join(parts[start:end]), depth - 1)) for end in ends)
            end, said = next(((end, said) for end, said in joined if said is not None), (start + 1, None))
            done.append(self._translated(parts[start], depth - 1) if said is None else said)
            start = end
        return done


def _before_brackets(text: str) -> list[str]:
    """Cut a text before the brackets that end it, and with which all of its others are closed."""
    depth = 0
    for place in range(len(text) - 1, 0, -1):
        depth += {")": 1, "(": -1}.get(text[place], 0)
        if depth <= 0:
            whole = text[place - 1 : place + 1] == OPENING and text.endswith(")")
            return [text[: place - 1], text[place + 1 : -1]] if whole else [text]
    return [text]


def _swallows(template: Template, found: Mapping[str, str]) -> bool:
    """Say whether a place holds a separator that the sentence itself has not: then it is rather several sentences."""
    own, parts = " ".join(template.literals), list(found.values())
    if any(part.count("(") != part.count(")") for part in parts):
        return True
    if template.literals[0] and template.literals[-1] == "" and template.literals[-2].endswith(": "):
        parts.pop()  # what stands behind a colon may be anything
    marks = (*STRONG, ", ") if template.short else STRONG
    return "\n" not in own and any(mark not in own and any(mark in part for part in parts) for mark in marks)


def _template(entry: Entry) -> Template:
    cut = _PLACE.split(entry.english)
    return Template(tuple(cut[::2]), tuple(cut[1::2]), tuple(_PLACE.split(entry.translation)))


def _joined(template: Template, found: dict[str, str]) -> str:
    text = ""
    for number, piece in enumerate(template.translation):
        text = _glued(text, found[piece] if number % 2 else piece)
    return text


def _glued(left: str, right: str) -> str:
    """Join two pieces as Chinese is set: a space between it and Latin letters or digits, none within it."""
    if _IDEOGRAPH.match(left[-1:]) and _LATIN.match(right[:1]):
        return f"{left} {right}"
    if _LATIN.match(left[-1:]) and _IDEOGRAPH.match(right[:1]):
        return f"{left} {right}"
    if _CHINESE.match(left.rstrip()[-1:]) and _CHINESE.match(right.lstrip()[:1]) and left.strip():
        return left.rstrip(" ") + right.lstrip(" ")
    return left + right


@cache
def translator(language: str) -> Translator:
    """Return what translates into a language."""
    return Translator(catalogue(language))


def translated(text: str, language: str) -> str:
    """Return an English text in a language, as far as its catalogue knows it."""
    return text if language == ENGLISH or not text else translator(language)(text)


def fixed(room: str, english: Mapping[str, str], language: str) -> Mapping[str, str]:
    """Return the fixed texts of a room by key: in a language, or in English what its catalogue has not."""
    if language == ENGLISH:
        return english
    keyed = translator(language).keyed
    return {key: keyed.get(f"{room}:{key}", text) for key, text in english.items()}
