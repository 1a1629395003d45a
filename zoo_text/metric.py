"""Accuracy of recognised lines, by character and by line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from zoo_runner.errors import ResultError
from zoo_runner.plugin.evidence import Canary, CanaryValue, Scale
from zoo_runner.plugin.means import SampleMeans
from zoo_runner.plugin.tensors import tensor_text
from zoo_text.edit_distance import edit_distance
from zoo_text.samples import TextSample
from zoo_text.score import TextScoring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Sample

TEXT: Final = "text"
"""The prediction's array: the code points of the text, int32 [L]."""
NORMALISED: Final = ("character_accuracy", "normalised")
CLAMPED: Final = ("character_accuracy", "clamped")
EXACT: Final = ("line_accuracy", "exact")
_PERCENT: Final = Scale(unit="percent", worst=0.0, best=100.0)
_LARGEST: Final = 0x10FFFF


class TextMetric(SampleMeans):
    """How near recognised lines are to what is written, in percent, as means over lines.

    ``character_accuracy/normalised`` is 1 - d / max(length of the text, length of the prediction), with d the edit
    distance (PaddleOCR's ``norm_edit_dis``); ``character_accuracy/clamped`` is 1 - d / length of the text, and 0 where
    that is less than 0 (1 - CER of a line); ``line_accuracy/exact`` counts the lines without a fault (PaddleOCR's
    ``acc``).

    Args:
        ignore_case: Whether capital and small letters are the same.
        ignore_space: Whether spaces count for nothing, as PaddleOCR's metric has it by default.
    """

    measures = (NORMALISED, CLAMPED, EXACT)
    scales = (_PERCENT, _PERCENT, _PERCENT)

    def __init__(self, *, ignore_case: bool = False, ignore_space: bool = False) -> None:
        self._ignore_case = ignore_case
        self._ignore_space = ignore_space

    def scores(self, prediction: Arrays, sample: Sample) -> Mapping[tuple[str, str], float]:
        """Score one line.

        Raises:
            ResultError: The prediction is no text.
        """
        text, found = self.compared(prediction, sample)
        distance, longest = edit_distance(text, found), max(len(text), len(found))
        by_text = 1 - distance / len(text) if text else float(not found)
        return {
            NORMALISED: 100 * (1 - distance / longest) if longest else 100.0,
            CLAMPED: 100 * max(by_text, 0.0),
            EXACT: 100.0 * (text == found),
        }

    def scoring(self) -> TextScoring:
        """Begin a scoring."""
        return TextScoring(self, self.compared)

    def compared(self, prediction: Arrays, sample: Sample) -> tuple[str, str]:
        """Return what is written and what was read, both without what counts for nothing.

        Raises:
            ResultError: The prediction is no text.
        """
        written = cast("TextSample", sample).text
        return self._plain(written), self._plain(decoded(prediction[TEXT], sample))

    def _plain(self, text: str) -> str:
        if self._ignore_space:
            text = text.replace(" ", "")
        return text.casefold() if self._ignore_case else text

    def canaries(self) -> Sequence[Canary]:
        """Return lines whose values are worked out by hand."""
        return [_canary(*line) for line in _LINES]


def encoded(text: str) -> NDArray[np.int32]:
    """Return the code points of a text: int32 [L]."""
    return np.array([ord(each) for each in text], dtype=np.int32)


def decoded(points: NDArray[np.int32], sample: Sample) -> str:
    """Return the text of code points.

    Raises:
        ResultError: They are none.
    """
    if (
        points.ndim != 1
        or points.dtype.kind not in "iu"
        or (points.size and not 0 <= points.min() <= points.max() <= _LARGEST)
    ):
        raise ResultError(
            f"sample {sample.id!r}: expected a text as code points, found "
            f"{tensor_text('', points.dtype, points.shape)} of other numbers; predict again, as it is no prediction of "
            "a recogniser"
        )
    return "".join(map(chr, points.tolist()))


_LINES: Final = (
    ("a line without a fault has everything", "12AB", "12AB", 100.0, 100.0, 100.0),
    ("a replaced character costs one", "1234", "1934", 75.0, 75.0, 0.0),
    ("a missing character costs one of those of the text", "1234", "124", 75.0, 75.0, 0.0),
    ("an inserted character costs one, of the longer text where normalised", "1234", "12934", 80.0, 75.0, 0.0),
    ("exchanged neighbours cost two", "1234", "1324", 50.0, 50.0, 0.0),
    ("more edits than characters are no less than nothing", "12", "98765", 0.0, 0.0, 0.0),
    ("nothing found of a text is nothing", "1234", "", 0.0, 0.0, 0.0),
)
"""Rule, text, prediction, and the three values in the order of the measures."""


def _canary(rule: str, text: str, found: str, *values: float) -> Canary:
    sample = TextSample(index=1, id="canary", path=Path("canary.png"), text=text)
    expected = tuple(
        CanaryValue(rule=rule, name=name, protocol=protocol, value=value)
        for (name, protocol), value in zip(TextMetric.measures, values, strict=True)
    )
    return Canary(samples=[sample], predictions=[{TEXT: encoded(found)}], expected=expected)
