"""Translating finished English sentences: the templates of the catalogue are looked for in them.

The code says everything in English, and reports keep it so; whoever shows a text translates it. A sentence is held
against the templates of the catalogue, those with most words of their own first. What stands at a placeholder is
translated likewise, or stays as it is: numbers, names, paths, commands, and what other tools print.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
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
FOUND: Final = ", found "
"""What stands between what was expected and what there is."""
MOST_PLACES: Final = 3
"""Names before a message that are looked behind."""
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
HINTS: Final = ("; ", " (", ", ")
"""What a text begins with that is put behind another one, as a suggestion is."""
STRONG: Final = ("\n", "; ", ": ")
"""Separators of sentences, of which one that is looked for should not be part."""
_PLACE: Final = re.compile(r"\{(\d+)\}")
_MARKED: Final = re.compile(r"\{([=#]?\d+)\}")
"""A place in a translation: ``{=0}`` stays as it is, as names of keys do; ``{#0}`` is a number, or the text another."""
_NUMBER: Final = re.compile(r"[-+]?\d[\d,.]*")
_MEASURE: Final = re.compile(r" ?[个张条]")
"""The word between a count and what is counted."""
_AMOUNT: Final = re.compile(r"[-+]?\d[\d,]*\.\d+")
_UNIT: Final = re.compile(r"%|[mµ]?s|[KMG]i?B")
_WORD: Final = re.compile(r"[^\W\d_]+")
_BEFORE: Final = re.compile(r"(?:[^\n;]{1,300}?:\d+|(?:--set )?[^\s:;(]\S*): ")
"""What is written before a message: where it is, and the key that it is about."""
_MEANT: Final = re.compile(r"; did you mean .*\?$")
_LIST: Final = re.compile(r", (?![^\[\]]*\])")
"""What separates the parts of a list, and not the sizes of a tensor."""
_COUNTED: Final = re.compile(r"([-+]?\d[\d,.]*) (\S.*)")
_IDEOGRAPH: Final = re.compile("[\u4e00-\u9fff]")
_CHINESE: Final = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_ENGLISH: Final = re.compile(r"\b[a-z]{2,}\b(?![^\[\]]*\])")
_LATIN: Final = re.compile(r"[A-Za-z0-9`]")


@dataclass(frozen=True)
class Template:
    """One sentence of the code, with places for what it puts in.

    Attributes:
        literals: What stands before, between and after the places.
        places: The number of each place.
        translation: The sentence in the other language, cut the same way: literals and numbers in turn.
        numbers: The places where nothing but a number stands.
        kept: The places whose text stays as it is.
    """

    literals: tuple[str, ...]
    places: tuple[str, ...]
    translation: tuple[str, ...]
    numbers: frozenset[str]
    kept: frozenset[str]

    @cached_property
    def weight(self) -> int:
        """How much of it is literal; a sentence that begins with a word of its own is known by that."""
        return self.own + (BEGINNING if self.literals[0] else 0)

    @cached_property
    def own(self) -> int:
        """How many letters of it are literal."""
        return sum(map(len, self.literals))

    @cached_property
    def short(self) -> bool:
        """Whether other sentences may have the same words."""
        own = " ".join(self.literals)
        return self.own < SHORT and not any(mark in own for mark in STRONG)

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
        return found if all(_NUMBER.fullmatch(found[place]) for place in self.numbers) else None


@dataclass(frozen=True)
class Told:
    """What one template makes of a text.

    Attributes:
        weight: Literal letters of the template.
        beginning: The words that it begins with.
        said: The text in the other language.
    """

    weight: int
    beginning: str
    said: str


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
        self._by_letter: dict[str, list[Template]] = {}
        self._seen: dict[str, str] = {}
        self._known_before: dict[tuple[str, int], str | None] = {}

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
        if said == text and (told := self._as_template(text, depth, strict=False)) is not None:
            return told.said
        return said

    def _known(self, text: str, depth: int) -> str | None:
        """Translate what is one sentence of the catalogue, or one behind a name and a colon."""
        if text in self._whole:
            return self._whole[text]
        if (text, depth) not in self._known_before:
            self._known_before[text, depth] = self._as_one(text, depth)
        return self._known_before[text, depth]

    def _as_one(self, text: str, depth: int) -> str | None:
        if (told := self._behind_places(text, depth)) is not None:
            return told.said
        head, colon, tail = text.partition(": ")
        if (
            colon
            and head[:1] != " "
            and "\n" not in head
            and depth > 1
            and (said := self._known(tail, depth - 1)) is not None
        ):
            return f"{self._translated(head, depth - 1)}：{said}"
        return None

    def _behind_places(self, text: str, depth: int) -> Told | None:
        """Translate by the best template, be it of the text or of what is behind ``M.yaml:3: infer.batch: ``."""
        best = self._best(text, depth, 0)
        for cut in _cuts(text):
            head, tail = text[:cut], text[cut:]
            if best and best.beginning.startswith(head):
                break
            if tail in self._whole and len(tail) > (best.weight if best else 0):
                return Told(len(tail), tail, f"{head[:-2]}：{self._whole[tail]}")
            told = self._best(tail, depth, best.weight if best else 0)
            best = Told(told.weight, told.beginning, f"{head[:-2]}：{told.said}") if told else best
        return best

    def _best(self, text: str, depth: int, above: int) -> Told | None:
        """Translate by a template, or what was expected by one of its own and what was found likewise."""
        best = self._as_template(text, depth, strict=True, above=above)
        head, found, tail = text.partition(FOUND)
        if not found or "; " in tail:
            return best  # the second of several sentences is none of what was found
        above = max(above, best.weight if best else 0)
        if head in self._whole:
            told: Told | None = Told(len(head), head, self._whole[head])
        else:
            told = self._as_template(head, depth, strict=True, above=above - len(FOUND))
        if told is None or told.weight + len(FOUND) <= above:
            return best
        said = _glued(f"{told.said}，实际是 ", self._translated(tail, depth - 1))
        return Told(told.weight + len(FOUND), told.beginning, said)

    def _as_template(self, text: str, depth: int, *, strict: bool, above: int = 0) -> Told | None:
        for template in self._that_may_fit(text[:1]):
            found = template.match(text) if template.own > above else None
            if found is None or (template.short and not any(map(str.strip, found.values()))):
                continue
            if strict and _swallows(template, found) and not self._ends_with_one(template, found, depth):
                continue
            said = {
                place: part if place in template.kept else self._translated(part, depth - 1)
                for place, part in found.items()
            }
            rest = [said[place] for place in said if place not in template.kept and not found[place].startswith(HINTS)]
            if template.short and any(len(_ENGLISH.findall(part)) > 1 for part in rest):
                continue  # a few letters that are also part of another sentence
            return Told(template.own, template.literals[0], _joined(template, said))
        return None

    def _ends_with_one(self, template: Template, found: Mapping[str, str], depth: int) -> bool:
        """Say whether what a text ends with is one sentence of the catalogue, whatever separators it has."""
        last = template.places[-1]
        if template.literals[-1] or "\n" in found[last] or _swallows(template, {**found, last: ""}):
            return False
        return depth > 1 and self._known(found[last], depth - 1) is not None

    def _that_may_fit(self, letter: str) -> Sequence[Template]:
        """Return the templates of texts that begin with a letter."""
        if letter not in self._by_letter:
            fit = [each for each in self._templates if each.literals[0][:1] in {"", letter}]
            self._by_letter[letter] = fit
        return self._by_letter[letter]

    def _parts(self, text: str, depth: int, separators: Sequence[tuple[str, str]]) -> str:
        """Translate what stands between the separators, the strongest first; a count before what is counted."""
        for number, (separator, other) in enumerate(separators):
            parts = self._split(text, separator)
            if len(parts) < 2:  # noqa: PLR2004 - one part is the text itself
                continue
            if separator == "; ":
                done = self._clauses(parts, depth)
            else:
                done = [self._translated(each, depth - 1) for each in parts]
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
        if separator == ", ":
            return _LIST.split(text)
        return text.split(separator, -1 if separator in {"\n", "; "} else 1)

    def _clauses(self, parts: Sequence[str], depth: int) -> list[str]:
        """Translate what stands between semicolons; a sentence of the catalogue may have some of its own."""
        done, start = list[str](), 0
        while start < len(parts):
            ends = range(min(len(parts), start + MOST_CLAUSES), start + 1, -1)
            joined = ((end, self._known("; ".join(parts[start:end]), depth - 1)) for end in ends)
            end, said = next(((end, said) for end, said in joined if said is not None), (start + 1, None))
            done.append(self._clause(parts[start], depth, first=not start) if said is None else said)
            start = end
        return done

    def _clause(self, text: str, depth: int, *, first: bool) -> str:
        """Translate one part between semicolons; some texts of the catalogue begin with one."""
        said = None if first else self._known(f"; {text}", depth - 1)
        return said[1:] if said and said.startswith("；") else self._translated(text, depth - 1)


def _before_brackets(text: str) -> list[str]:
    """Cut a text before the brackets that end it, and with which all of its others are closed."""
    depth = 0
    for place in range(len(text) - 1, 0, -1):
        depth += {")": 1, "(": -1}.get(text[place], 0)
        if depth <= 0:
            whole = text[place - 1 : place + 1] == OPENING and text.endswith(")")
            return [text[: place - 1], text[place + 1 : -1]] if whole else [text]
    return [text]


def _cuts(text: str) -> list[int]:
    """Return where a text goes on behind a place that it is about: a file and a line, a key, an option."""
    cuts, start = list[int](), 0
    while len(cuts) < MOST_PLACES and (found := _BEFORE.match(text, start)):
        start = found.end()
        cuts.append(start)
    return cuts


def _swallows(template: Template, found: Mapping[str, str]) -> bool:
    """Say whether a place holds a separator that the sentence itself has not: then it is rather several sentences."""
    own = " ".join(template.literals)
    parts = list(found.values())
    if any(part.count("(") != part.count(")") for part in parts):
        return True
    if template.literals[0] and template.literals[-1] == "" and template.literals[-2].endswith(": "):
        parts.pop()  # what stands behind a colon may be anything
    others = [_MEANT.sub("", part) for part in parts if not part.startswith(HINTS)]
    marks = (*STRONG, ", ") if template.short else STRONG
    return "\n" not in own and any(mark not in own and any(mark in part for part in others) for mark in marks)


def _template(entry: Entry) -> Template:
    cut, said = _PLACE.split(entry.english), _MARKED.split(entry.translation)
    marks = {mark: frozenset(each[1:] for each in said[1::2] if each[0] == mark) for mark in "#="}
    plain = tuple(each.lstrip("#=") if number % 2 else each for number, each in enumerate(said))
    return Template(tuple(cut[::2]), tuple(cut[1::2]), plain, marks["#"], marks["="])


def _joined(template: Template, found: dict[str, str]) -> str:
    pieces = [found[piece] if number % 2 else piece for number, piece in enumerate(template.translation)]
    units = any(_UNIT.fullmatch(each) for each in pieces[1::2])
    for number in range(2, len(pieces), 2):
        if units or _AMOUNT.fullmatch(pieces[number - 1]):
            pieces[number] = _without_measure(pieces[number])
    return reduce(_glued, pieces if pieces[-1] != " " else pieces[:-1], "")


def _without_measure(text: str) -> str:
    """Return what follows an amount, such as a percentage, without the word that is put behind counts."""
    found = _MEASURE.match(text)
    return f" {text[found.end() :]}" if found else text


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
