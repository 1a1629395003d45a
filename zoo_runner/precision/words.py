"""What an emulation comes to: "breaks" or "no break seen", and never that a card will do well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.causes import Doubt
from zoo_runner.errors import ExitCode
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.scales import scale_of
from zoo_runner.plugin.evidence import Scale
from zoo_runner.stages.gate.fitting import fitted
from zoo_runner.stages.gate.targets import accuracy_targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import MetricValue, Sample
    from zoo_runner.precision.emulation import Emulation, Outcome

BREAKS: Final = "breaks"
UNBROKEN: Final = "no break seen"
UNKNOWN: Final = "cannot be said"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How far from fp32 a value may be.

    Attributes:
        line: METRIC/PROTOCOL.
        reference: What fp32 scores on the same samples.
        margin: The manifest's tolerance, in the value's unit.
        unit: Of all of them.
        direction: Which side is the wrong one.
    """

    line: str
    reference: float
    margin: float
    unit: str
    direction: Direction

    def broken(self, value: float) -> bool:
        """Say whether a value is farther from fp32 than the tolerance, on the wrong side; what is no number is."""
        if self.direction is Direction.WITHIN:
            return not abs(value - self.reference) <= self.margin
        return not self.direction.gain(self.reference, value) >= -self.margin


@dataclass(frozen=True, kw_only=True)
class Band:
    """What the variants of a mode score on one line.

    Attributes:
        limit: What it is held against.
        least: The least value of the variants that could be scored.
        greatest: The greatest.
        broken: Names of the variants that break, each with its value.
    """

    limit: Limit
    least: float
    greatest: float
    broken: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is said of a mode.

    Attributes:
        mode: Its name.
        word: :data:`BREAKS`, :data:`UNBROKEN` or :data:`UNKNOWN`.
        bands: By line of the manifest.
        why: What there is beside the bands, for people.
    """

    mode: str
    word: str
    bands: tuple[Band, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with where this is the mode that the manifest asks for."""
        return {BREAKS: ExitCode.GATE_FAILED, UNBROKEN: ExitCode.PASS}.get(self.word, ExitCode.INCONCLUSIVE)


def limits_of(job: Job, samples: Sequence[Sample], fp32: Outcome) -> tuple[tuple[Limit, ...], tuple[str, ...]]:
    """Return what values are held against: fp32 on the same samples, with the manifest's tolerance.

    Returns:
        The limits, and for each line that the manifest expects and that cannot be held, why.
    """
    targets = accuracy_targets(job.recipe.loaded, job.scope(samples, samples))
    limits, left = [], []
    for line, target in targets.items():
        value = fp32.values.get(line)
        if value is None:
            left.append(f"{line}: the metric does not give it")
            continue
        asked = fitted(target, _scale(job, value))
        if isinstance(asked, Doubt):
            left.append(f"{line}: {asked.text}")
            continue
        direction = asked.direction or Direction.of(higher_is_better=value.higher_is_better)
        margin = float(asked.band.margin)
        limits.append(Limit(line=line, reference=value.value, margin=margin, unit=value.unit, direction=direction))
    return tuple(limits), tuple(left)


def _scale(job: Job, value: MetricValue) -> Scale:
    known = scale_of(job.recipe.parts.metric, value.name, value.protocol)
    return known or Scale(unit=value.unit, higher_is_better=value.higher_is_better)


def answer_of(emulation: Emulation, limits: Sequence[Limit], left: Sequence[str]) -> Answer:
    """Say what a mode's variants come to: it breaks where one of them does."""
    refused = [f"{variant.name}: {each.refused}" for variant, each in emulation.outcomes.items() if each.refused]
    scored = {variant.name: each.values for variant, each in emulation.outcomes.items() if not each.refused}
    bands = tuple(_bands(scored, limits))
    unbroken = UNKNOWN if left or not bands else UNBROKEN
    word = BREAKS if refused or any(band.broken for band in bands) else unbroken
    why = [*refused, *left, *emulation.notes]
    if not limits and not left:
        why.append("the manifest expects no accuracy, so that there is no tolerance to hold against")
    return Answer(mode=emulation.mode, word=word, bands=bands, why=tuple(why))


def _bands(scored: Mapping[str, Mapping[str, MetricValue]], limits: Sequence[Limit]) -> Iterable[Band]:
    for limit in limits:
        values = {name: found[limit.line].value for name, found in scored.items()}
        if values:
            broken = tuple(f"{name}: {value:.4g}" for name, value in values.items() if limit.broken(value))
            yield Band(limit=limit, least=min(values.values()), greatest=max(values.values()), broken=broken)
