"""Trying a fault: what the good run scores, and what a run with the fault comes to."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from faults.ran import NotAppliedError
from faults.records import Row, State

if TYPE_CHECKING:
    from faults.bench import Bench
    from faults.ran import Ran
from faults.records import Fault

STATES: Final = {1: State.RED, 2: State.ERROR, 3: State.ERROR, 4: State.INCONCLUSIVE}
ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Good:
    """The run without a fault.

    Attributes:
        figure: The headline's value.
        tolerance: How far below the expected figure still passes.
        room: How far the figure may fall before the run should be red.
        rise: How far it may rise before that: the same model on the same images cannot be better by more either.
            The manifest says how far, as ``too_good``.
    """

    figure: float
    tolerance: float
    room: float
    rise: float


def good_run(bench: Bench) -> Good:
    """Run the sample as it is; the store is warm after that.

    Raises:
        SystemExit: It does not pass, so that nothing can be tried.
    """
    ran = bench.run()
    if ran.code or ran.figure is None:
        raise SystemExit(f"the sample without a fault ended with {ran.code}, expected 0:\n{ran.text}")
    line = ran.report["metrics"][0]
    value, expected, tolerance = ran.figure, float(line["expected"]), float(line["tolerance"])
    rise = expected + too_good(bench) - value
    return Good(figure=value, tolerance=tolerance, room=value - expected + tolerance, rise=rise)


def too_good(bench: Bench) -> float:
    """Return how far beyond the expected figure is too good, as the manifest says."""
    from zoo_runner.manifest.figures import AccuracyFigure  # noqa: PLC0415 - --list needs no pydantic
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - --list needs no pydantic

    manifest = load(bench.manifest).manifest
    figure = manifest.subsets["pr"].expected if bench.chosen == "pr" else manifest.expected.accuracy
    if not isinstance(figure, AccuracyFigure) or figure.too_good is None:
        raise SystemExit(f"{bench.manifest}: expected a figure that says what is too good")
    return figure.too_good.abs


def tried(fault: Fault, bench: Bench, good: Good) -> Row:
    """Make a fault and say what came of it."""
    start = time.monotonic()
    try:
        row = row_of(fault, fault.act(bench), good)
    except (NotAppliedError, subprocess.TimeoutExpired, OSError) as error:
        row = Row(fault=fault, state=State.NOT_APPLIED, problem=" ".join(str(error).split()))
    return replace(row, seconds=time.monotonic() - start)


def row_of(fault: Fault, ran: Ran, good: Good) -> Row:
    """Judge what came of a fault."""
    figure = ran.figure if ran.truth is None else ran.truth
    against = good.figure if ran.against is None else ran.against
    change = None if figure is None else figure - against
    row = Row(
        fault=fault,
        state=state_of(ran.code, change if fault.shows else None, good),
        code=ran.code,
        figure=figure,
        change=change,
        why=ran.why,
        stage=str((ran.report.get("attribution") or {}).get("stage_named") or ""),
    )
    return replace(row, problem=problem_of(row, ran))


def state_of(code: int, change: float | None, good: Good) -> State:
    """Say what became of a run.

    Args:
        code: Its exit code.
        change: By how much its true figure differs from the good one; nothing if that is not what is wrong.
        good: The run without a fault.
    """
    if code:
        return STATES.get(code, State.NOT_APPLIED)
    within = change is not None and -good.room - ROUNDING <= change <= good.rise + ROUNDING
    return State.GREEN if within else State.FALSE_GREEN


def problem_of(row: Row, ran: Ran) -> str:
    """Say why a row is not as it must be."""
    fault = row.fault
    if row.state is State.NOT_APPLIED:
        return f"the run ended with {row.code}, which no run should"
    if row.state is State.FALSE_GREEN:
        return "its effect is beyond the tolerance, and the run is green"
    if row.state not in fault.expect:
        return f"expected {' or '.join(sorted(each.value for each in fault.expect))}"
    if fault.names and row.state is not State.GREEN and not re.search(fault.names, ran.text):
        return f"nothing in the run's words matches {fault.names!r}"
    return ""
