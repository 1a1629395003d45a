"""A sheet to plot on: matplotlib without its global state, without its colours and always with the same result."""

from __future__ import annotations

import io
import logging
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.report.characters import visible
from zoo_runner.report.html.svg import embedded

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

INK, MUTED, GRID, FIRST, PAPER, ZONE, LOSS, GAIN = (f"#00000{number}" for number in range(1, 9))
COLOURS: Final = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--rule)",
    FIRST: "var(--plot-a)",
    PAPER: "var(--paper)",
    ZONE: "var(--plot-zone)",
    LOSS: "var(--plot-loss)",
    GAIN: "var(--plot-gain)",
}
"""Stand-ins: the page chooses the colours, light or dark."""
FONT: Final = 12
COLUMN: Final = 6.6
"""Pixels that a letter of that size takes, roughly."""
_STYLE: Final[Any] = {  # some releases of matplotlib list the names in the type
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 1.0,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": FONT,
    "grid.color": GRID,
    "grid.linewidth": 1.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.color": INK,
    "text.parse_math": False,  # a name may have dollar signs
    "xtick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.major.size": 0,
}


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The size of a plot in pixels, and the space around its axes."""

    width: float
    height: float
    left: float
    right: float = 8.0
    top: float = 8.0
    bottom: float = 22.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The axes, as fractions of the sheet: left, bottom, width, height."""
        return (
            self.left / self.width,
            self.bottom / self.height,
            (self.width - self.left - self.right) / self.width,
            (self.height - self.top - self.bottom) / self.height,
        )


def plotted(sheet: Sheet, paint: Callable[[Axes], None], *, prefix: str, title: str) -> Markup:
    """Plot, and return the plot as an element of the page.

    Args:
        sheet: How large.
        paint: Draws on the axes.
        prefix: Of all ids in the plot; no other plot on the page has it.
        title: What the plot shows, for those who do not see it.
    """
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja, which is loaded only for a report

    with _quiet():
        import matplotlib as mpl  # noqa: PLC0415 - a second that only a report is worth
        from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

        with mpl.rc_context():
            mpl.rcdefaults()  # whatever the user's matplotlibrc says
            with mpl.rc_context(_STYLE):
                # at 72 dots an inch matplotlib's points are pixels
                figure = Figure(figsize=(sheet.width / 72, sheet.height / 72), dpi=72, facecolor="none")
                axes = figure.add_axes(sheet.box, facecolor="none")
                paint(axes)
                text = io.StringIO()
                figure.savefig(text, format="svg", metadata={"Date": None})
    return Markup(embedded(text.getvalue(), prefix=prefix, title=title, colours=COLOURS))  # noqa: S704 - escaped by matplotlib


def columns(text: str) -> int:
    """Return how many letters wide a text is; Chinese characters count two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def clipped(text: str, most: int) -> str:
    """Return the text, shortened to so many columns; control characters, which SVG cannot hold, are written out."""
    text = visible(text)
    if columns(text) <= most:
        return text
    kept = ""
    for letter in text:
        if columns(kept + letter) >= most:
            break
        kept += letter
    return f"{kept}…"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep matplotlib from telling the user about fonts: it has no Chinese ones, and the page uses the reader's."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            yield
    finally:
        log.setLevel(level)
