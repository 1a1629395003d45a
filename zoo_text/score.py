"""What a recogniser's lines score, and which characters of them are wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Final

from zoo_images.decoding import decode_image
from zoo_images.thumbnail import thumbnail, thumbnail_size
from zoo_runner.plugin.evidence import Confusions, Diagnosis, Illustration, Span, Statement
from zoo_runner.plugin.means import MeanScore, MeanScoring
from zoo_text.alignment import aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.means import SampleMeans
    from zoo_text.alignment import Pair

REPLACED, MISSING, ADDED = "replaced", "left out", "added"
"""Kinds of wrong characters."""
KINDS: Final = (REPLACED, MISSING, ADDED)
TRUTH, RIGHT = "truth", "hit"


class TextScoring(MeanScoring):
    """One scoring, which keeps the texts that are held against each other beside.

    Args:
        metric: Says what a line scores.
        compared: Returns what is written in a line and what was read, both without what counts for nothing.
    """

    def __init__(self, metric: SampleMeans, compared: Callable[[Arrays, Sample], Pair]) -> None:
        super().__init__(metric)
        self._compared = compared
        self._samples: list[Sample] = []
        self._lines: list[Pair] = []

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Score the next chunk.

        Raises:
            ResultError: A prediction is no text.
        """
        super().update(samples, predictions)
        self._samples += samples
        self._lines += map(self._compared, predictions, samples)

    def compute(self) -> TextScore:
        """Return the score of all lines."""
        plain = super().compute()
        return TextScore(
            measures=plain.measures,
            scales=plain.scales,
            rows=plain.rows,
            samples=tuple(self._samples),
            lines=tuple(self._lines),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class TextScore(MeanScore):
    """What a set of lines scores.

    Attributes:
        samples: The lines.
        lines: What is written in each and what was read, without what counts for nothing.
    """

    samples: tuple[Sample, ...]
    lines: tuple[tuple[str, str], ...]

    @property
    def error_kinds(self) -> tuple[str, ...]:
        """What becomes of characters that are wrong."""
        return KINDS

    @property
    def diagnosis_basis(self) -> str:
        """What counts as an error."""
        return "characters of a line that are not as written, as few of them as make the one text of the other"

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """Return how many characters of each line are wrong, and how."""
        scores = self.rows[:, 0].tolist()
        return tuple(
            Diagnosis(score=score, errors=Counter(filter(None, map(_kind, self._faulty.get(position, ())))))
            for position, score in enumerate(scores)
        )

    def confusions(self) -> Confusions:
        """Return which character was read as which."""
        counts = Counter(pair for pairs in self._faulty.values() for pair in pairs)
        right = Counter(each for text, found in self.lines if text == found for each in text)
        counts.update({(each, each): count for each, count in right.items()})
        order = sorted(counts, key=lambda pair: (not pair[0], pair))
        return Confusions(noun="characters", counts={pair: counts[pair] for pair in order})

    def illustrate(self, position: int) -> Illustration:
        """Draw a line; what is written and what was read stand below, with the wrong characters marked.

        Raises:
            DatasetError: Its file is missing or cannot be decoded.
        """
        pixels = decode_image(self.samples[position])
        width, height = thumbnail_size(pixels.shape[1], pixels.shape[0])
        pairs = aligned(*self.lines[position])
        wrong = Counter(filter(None, map(_kind, pairs)))
        kind = next((each for each in KINDS if wrong[each]), RIGHT)
        statements = (
            Statement(kind=TRUTH, spans=_spans(pairs, 0)),
            Statement(kind=kind, spans=_spans(pairs, 1)),
        )
        image = thumbnail(pixels, width, height)
        return Illustration(
            width=width, height=height, image=image, media_type="image/jpeg", marks=(), statements=statements
        )

    @cached_property
    def _faulty(self) -> dict[int, tuple[Pair, ...]]:
        """The characters of the lines that are not right, by their place."""
        return {place: aligned(*line) for place, line in enumerate(self.lines) if line[0] != line[1]}


def _kind(pair: Pair) -> str:
    text, found = pair
    if text == found:
        return ""
    return REPLACED if text and found else MISSING if text else ADDED


def _spans(pairs: Sequence[Pair], side: int) -> tuple[Span, ...]:
    """Return one of two texts in pieces that are the same in both, and pieces that are not."""
    pieces = groupby(pairs, key=lambda pair: pair[0] != pair[1])
    spans = (Span(text="".join(pair[side] for pair in piece), differs=differs) for differs, piece in pieces)
    return tuple(span for span in spans if span.text)
