"""Figures that are better than they should be able to be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from zoo_runner.causes import Cause
from zoo_runner.manifest.bands import Band, points
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.scales import own_direction
from zoo_runner.report.model import LineKind, Verdict
from zoo_runner.stages.gate.digits import shown
from zoo_runner.stages.gate.judging import Finding, unclear

if TYPE_CHECKING:
    from decimal import Decimal

    from zoo_runner.plugin.evidence import Scale
    from zoo_runner.stages.gate.targets import Target
    from zoo_runner.stages.gate.waivers import AnyLine

FAR: Final = 10
"""Percentage points beyond the expectation that nobody believes without having looked."""
_ROUNDING: Final = 1e-9
"""By how much of it a value may exceed the best there is: that of a sum in floating point."""

_USUALLY: Final = {
    LineKind.ACCURACY: "usually that means test samples among the training data, or a changed metric or data set",
    LineKind.THROUGHPUT: "usually that means another model or input size than the figure is for, or a broken clock",
}


def suspect(line: AnyLine, target: Target, scale: Scale | None = None) -> tuple[AnyLine, str]:
    """Look for a figure that is better than it should be able to be.

    Args:
        line: Judged against the target.
        target: In the line's unit.
        scale: How the metric is read; ``None`` for a throughput, which has no best value.

    Returns:
        The line, with another verdict where the manifest asks for it, where the figure is far beyond the expectation,
        or where it is none that the metric can give; and a warning, empty where that is all in the verdict. A line
        that was not judged stays as it is.
    """
    value = line.measured
    if value is None or line.verdict not in {Verdict.PASS, Verdict.FAIL}:
        return line, ""
    if found := _always(line, value, target, scale):
        return _marked(line, found), ""
    text = _beyond(line, value, target, target.too_good)
    if not text or target.too_good is None:
        return line, ""
    told = f"{text} ({target.where}), more than {float(target.too_good):g}; {_USUALLY[line.kind]}"
    if target.then == "warn":
        return line, f"{line.id}: {told}: look before raising the figure"
    why = f"{line.why}; {told}"
    found = unclear(Cause.TOO_GOOD, why) if target.then == "inconclusive" else _failed(why)
    return _marked(line, found), ""


def _failed(why: str) -> Finding:
    return Finding(Verdict.FAIL, why, Cause.TOO_GOOD)


def _always(line: AnyLine, value: float, target: Target, scale: Scale | None) -> Finding | None:
    """Return what becomes of a metric that cannot be, or that nobody believes, whatever the manifest says."""
    if scale is None:
        return None
    if text := _impossible(value, scale):
        return unclear(Cause.IMPOSSIBLE, f"{line.why}; {text}")
    if text := _beyond(line, value, target, points(FAR, target.unit)):
        far = f"more than {FAR} percentage points: look why before raising the figure"
        return unclear(Cause.TOO_GOOD, f"{line.why}; {text}, {far}")
    return None


def _marked(line: AnyLine, found: Finding) -> AnyLine:
    """Take back a pass; what failed stays failed, whatever else is odd about it."""
    return line.model_copy(update=found.update) if line.verdict is Verdict.PASS else line


def _impossible(value: float, scale: Scale) -> str:
    """Say that no model can be that good; empty if one can."""
    if scale.best is None or not math.isfinite(value):
        return ""
    beyond = own_direction(scale).gain(scale.best, value)
    if beyond <= _ROUNDING * max(1.0, abs(scale.best)):
        return ""
    return f"the best there is would be {scale.best:g} {scale.unit}: the metric does not do what it says"


def _beyond(line: AnyLine, value: float, target: Target, room: Decimal | None) -> str:
    """Say by how much a value is too good; empty if it is within the room, or if both sides are wrong ones."""
    if room is None or line.direction is Direction.WITHIN:
        return ""
    least, greatest = bounds = Band(target.band.value, room).bounds(Direction.WITHIN)
    good = value > greatest if line.direction is Direction.AT_LEAST else value < least
    unit = target.unit
    if not good:
        return ""
    beyond = shown(abs(value - target.value))
    return f"too good: {shown(value, *bounds)} is {beyond} {unit} beyond the expected {target.value:g}"
