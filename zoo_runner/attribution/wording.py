"""What a search found, in words, and the one stage that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.job.options import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.report.attribution import StageCost

WORDS: Final = {
    Stage.PREPROCESS.value: "preprocessing",
    Stage.INFER.value: "inference",
    Stage.POSTPROCESS.value: "postprocessing",
    "reuse": "predictions that were scored",
}
SOME: Final = 0.05
"""Part of the samples that has to differ before a stage is named."""
REST: Final = "look at what has none: weights, network, settings, annotations"


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
    lines = tuple(_line(each, noun) for each in differing(stages))
    if lines:
        return lines
    compared = [WORDS[each.stage] for each in stages if each.stage != "reuse"]
    if not compared:
        return (f"no stage has a reference; {REST}",)
    return (f"on {count} {noun} this is as its reference: {', '.join(compared)}; {REST}",)


def _line(cost: StageCost, noun: str) -> str:
    where = f"{cost.where} of its {noun}, elsewhere equal" if cost.where else f"{cost.differs} of {cost.samples} {noun}"
    facts = [f"unlike {cost.against} on {where}"]
    if cost.points is not None:
        interval = cost.interval
        span = f" [{interval.low:.1f}, {interval.high:.1f}]" if interval else ""
        facts.append(f"costs {cost.points:.1f}{span} points there")
    return f"{WORDS[cost.stage]}: {f'{cost.mistake}; ' if cost.mistake else ''}{'; '.join(facts)}"
