"""What a fault is, what came of it, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from faults.ran import Ran

if TYPE_CHECKING:
    from faults.bench import Bench

AREAS: Final = (
    *("preprocessing", "network", "weights", "postprocess", "metric", "data", "cache", "manifest", "device"),
)
"""What faults are in, in the order they are tried."""


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
        stage: The stage at fault, where it is not that of the area.
    """

    name: str
    area: str
    what: str
    act: Act
    expect: frozenset[State] = STOPPED
    names: str = ""
    shows: bool = True
    quick: bool = False
    stage: str = ""


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
