"""What a search found, in words, and the one stage that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.job.options import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.report.attribution import StageCost

WORDS: Final = {
    "data": "data set",
    Stage.PREPROCESS.value: "preprocessing",
    "weights": "weights",
    "network": "network",
    Stage.INFER.value: "inference",
    Stage.POSTPROCESS.value: "postprocessing",
    "reuse": "predictions that were scored",
}
ORDER: Final = tuple(WORDS)
"""In which order stages stand in a report."""
SOME: Final = 0.05
"""Part of the samples that has to differ before a stage is named."""
UNKNOWN: Final = {"weights": "weights", "network": "network", "settings": "settings", "data": "annotations"}
"""What may be at fault where all that has a reference is as that."""
REST: Final = f"look at what has none: {', '.join(UNKNOWN.values())}"


def differing(stages: Sequence[StageCost]) -> list[StageCost]:
    """Return the stages that are not as their references, on enough samples; those that cost most come first."""
    found = [each for each in stages if each.differs > SOME * each.samples]
    if len(found) > 1:  # what was reused differs whenever a stage does not repeat itself
        found = [each for each in found if each.stage != "reuse"]
    return sorted(found, key=lambda each: -(float("inf") if each.points is None else abs(each.points)))


def named(stages: Sequence[StageCost]) -> str:
    """Return the stage at fault; empty if none differs, or none of those that differ costs anything."""
    return next((each.stage for each in differing(stages) if each.points is None or abs(each.points) > 0), "")


def findings(stages: Sequence[StageCost], noun: str, count: int) -> tuple[str, ...]:
    """Return a line for each stage that differs; if none does, what remains to be looked at."""
    found = differing(stages)
    if {each.stage for each in found} == {"weights"} and len(stages) > len(found):
        return ("nothing in the program differs: the weights do", *(_line(each, noun) for each in found))
    if found:
        return tuple(_line(each, noun) for each in found)
    compared = [WORDS[each] for each in dict.fromkeys(each.stage for each in stages) if each != "reuse"]
    if not compared:
        return (f"no stage has a reference; {REST}",)
    known = {each.stage for each in stages} | (
        {"weights"} if any(each.stage == "network" for each in stages) else set()
    )
    rest = [word for stage, word in UNKNOWN.items() if stage not in known]
    return (
        f"on {count} {noun} this is as its reference: {', '.join(compared)}; look at what has none: {', '.join(rest)}",
    )


def _line(cost: StageCost, noun: str) -> str:
    start = f"{WORDS[cost.stage]}: {f'{cost.mistake}; ' if cost.mistake else ''}"
    if cost.stage == "data":
        return f"{start}unlike {cost.against}"
    how = f"{cost.where}; reference: {cost.against}" if cost.where else _count(cost, noun)
    if cost.points is None:
        return f"{start}{how}"
    interval = cost.interval
    span = f" [{interval.low:.1f}, {interval.high:.1f}]" if interval else ""
    return f"{start}{how}; costs {cost.points:.1f}{span} points there"


def _count(cost: StageCost, noun: str) -> str:
    return f"unlike {cost.against} on {cost.differs} of {cost.samples} {noun}"
