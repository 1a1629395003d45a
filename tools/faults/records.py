"""What a fault is, what came of it, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from faults.bench import Bench

AREAS: Final = (
    *("preprocessing", "network", "weights", "postprocess", "metric", "data", "cache", "manifest", "device"),
)
"""What faults are in, in the order they are tried."""


class NotAppliedError(Exception):
    """A fault could not be made: its table is out of date."""


class State(str, Enum):
    """What became of a run with a fault."""

    RED = "red"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    GREEN = "green, within the tolerance"
    FALSE_GREEN = "FALSE GREEN"
    NOT_APPLIED = "NOT APPLIED"


STOPPED: Final = frozenset({State.RED, State.ERROR, State.INCONCLUSIVE})
"""Of a fault that must not pass, by whichever of these ways."""
HARMLESS: Final = frozenset({State.GREEN})
"""Of a fault whose effect is smaller than the tolerance: the gate has no reason to stop it."""
EITHER: Final = STOPPED | HARMLESS
"""Of a fault whose effect is near the tolerance, so that processor and release decide on which side of it."""
REFUSED: Final = frozenset({State.ERROR})
"""Of a fault that has to be found before anything is scored."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run that is over.

    Attributes:
        code: Its exit code.
        report: Its report.json; empty if it left none.
        text: What it printed.
        truth: The figure that the model, data and metric of this run really have, where that is not the one that the
            run may have reported: a run that takes over old results reports an old figure.
        against: What a good model scores on the same samples, where those are not the ones of all other runs.
        folder: Its output.
    """

    code: int
    report: dict[str, Any]
    text: str
    truth: float | None = None
    against: float | None = None
    folder: Path = Path()

    @property
    def figure(self) -> float | None:
        """The headline's value, if it came to that."""
        metrics = self.report.get("metrics") or [{}]
        value: float | None = metrics[0].get("value")
        return value

    @property
    def why(self) -> str:
        """The reasons for the verdict, in one line."""
        reasons = self.report.get("why") or [line for line in self.text.splitlines() if line.strip()][-1:]
        return " ".join("; ".join(map(str, reasons)).split())


Act = Callable[["Bench"], Ran]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One mistake.

    Attributes:
        name: Unique, as it stands in the table.
        area: What it is in, one of ``AREAS``.
        what: What is wrong, in one line.
        act: Makes it and runs the sample with it.
        expect: What may come of it.
        names: A pattern that the run's words must hold, where a fault has to be called what it is.
        shows: Whether the accuracy can show it; otherwise a green run is a false one whatever its figure.
        quick: Whether it is in the part that CI runs.
    """

    name: str
    area: str
    what: str
    act: Act
    expect: frozenset[State] = STOPPED
    names: str = ""
    shows: bool = True
    quick: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of a fault.

    Attributes:
        fault: The fault.
        state: What became of the run.
        code: Its exit code; -1 if there was no run.
        figure: What the model with its fault really scores, if that is known.
        change: The figure less that of the good run.
        why: The run's own reasons.
        seconds: What the fault took.
        stage: The stage that the report blames; empty until reports name one.
        problem: Why the row is not as it must be; empty if it is.
    """

    fault: Fault
    state: State
    code: int = -1
    figure: float | None = None
    change: float | None = None
    why: str = ""
    seconds: float = 0.0
    stage: str = ""
    problem: str = ""
