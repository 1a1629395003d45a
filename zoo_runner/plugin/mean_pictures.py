"""A picture of where one sample stands among all: for data that has no picture of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from zoo_runner.plugin.evidence import Illustration

if TYPE_CHECKING:
    from collections.abc import Sequence

BARS: Final = 20
WIDTH: Final = 240
HEIGHT: Final = 120
_STEP: Final = WIDTH // BARS
_PLAIN: Final = "#9aa7b4"
_MARKED: Final = "#c8462c"


def histogram(scores: Sequence[float], position: int) -> Illustration:
    """Draw how many samples score what, from the least to the greatest score, with one sample's bar marked.

    Args:
        scores: One for each sample, finite.
        position: The marked sample's place among them.
    """
    least, greatest = min(scores), max(scores)

    def bar(score: float) -> int:
        """Count bars from the left. Halves first: the difference of two large numbers has no float."""
        span = greatest / 2 - least / 2
        return min(BARS - 1, int(BARS * ((score / 2 - least / 2) / span))) if span > 0 else 0

    counts, marked = Counter(map(bar, scores)), bar(scores[position])
    most = max(counts.values())
    bars = "".join(
        f'<rect x="{number * _STEP + 1}" y="{HEIGHT - height}" width="{_STEP - 2}" height="{height}" '
        f'fill="{_MARKED if number == marked else _PLAIN}"/>'
        for number, height in ((number, max(2, HEIGHT * count // most)) for number, count in sorted(counts.items()))
    )
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    image = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect {size} fill="#ffffff"/>{bars}</svg>'
    return Illustration(width=WIDTH, height=HEIGHT, image=image.encode(), media_type="image/svg+xml", marks=())
