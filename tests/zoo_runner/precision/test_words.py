"""What an emulation comes to."""

from __future__ import annotations

import math

import pytest

from zoo_runner.errors import ExitCode
from zoo_runner.manifest.direction import Direction
from zoo_runner.plugin.interfaces import MetricValue
from zoo_runner.precision.ascend import Overflow
from zoo_runner.precision.emulation import Emulation, Outcome
from zoo_runner.precision.rounding import Variant
from zoo_runner.precision.words import BREAKS, UNBROKEN, UNKNOWN, Answer, Limit, answer_of

LINE = "map/own"
INF, SATURATING = (Variant(overflow=rule) for rule in Overflow)
LEAST, MOST, WITHIN = Direction.AT_LEAST, Direction.AT_MOST, Direction.WITHIN


def limit(direction: Direction) -> Limit:
    return Limit(line=LINE, reference=80.0, margin=0.5, unit="percent", direction=direction)


def scored(value: float) -> Outcome:
    return Outcome(values={LINE: MetricValue(name="map", protocol="own", value=value, unit="percent")})


@pytest.mark.parametrize(
    ("direction", "value", "broken"),
    [
        (LEAST, 79.5, False),
        (LEAST, 79.49, True),
        (LEAST, 90.0, False),
        (LEAST, math.nan, True),
        (MOST, 80.5, False),
        (MOST, 80.51, True),
        (MOST, 10.0, False),
        (MOST, math.nan, True),
        (WITHIN, 80.51, True),
        (WITHIN, 79.49, True),
        (WITHIN, 79.6, False),
        (WITHIN, math.nan, True),
    ],
)
def test_what_breaks(direction: Direction, value: float, broken: bool) -> None:
    assert limit(direction).broken(value) is broken


def answer(*outcomes: Outcome, left: tuple[str, ...] = (), limits: tuple[Limit, ...] | None = None) -> Answer:
    made = Emulation(
        mode="force_fp16", outcomes=dict(zip((INF, SATURATING), outcomes, strict=False)), notes=("a note",)
    )
    return answer_of(made, (limit(LEAST),) if limits is None else limits, left)


def test_no_break_is_seen() -> None:
    found = answer(scored(80.0), scored(79.8))
    (band,) = found.bands
    assert (found.word, found.exit_code, found.why) == (UNBROKEN, ExitCode.PASS, ("a note",))
    assert (band.least, band.greatest, band.broken) == (79.8, 80.0, ())


def test_one_variant_is_enough_to_break() -> None:
    found = answer(scored(80.0), scored(10.0))
    assert (found.word, found.exit_code) == (BREAKS, ExitCode.GATE_FAILED)
    assert found.bands[0].broken == ("saturating, each operator alone: 10",)


def test_outputs_that_would_end_a_run_break() -> None:
    found = answer(scored(80.0), Outcome(refused="3 of 4 numbers are not finite"))
    assert (found.word, found.bands[0].least) == (BREAKS, 80.0)
    assert found.why[0] == "saturating, each operator alone: 3 of 4 numbers are not finite"
    alone = answer(Outcome(refused="x"), Outcome(refused="x"))
    assert (alone.word, alone.bands) == (BREAKS, ())


def test_without_a_tolerance_nothing_is_unbroken() -> None:
    found = answer(scored(80.0), limits=())
    assert (found.word, found.exit_code) == (UNKNOWN, ExitCode.INCONCLUSIVE)
    assert found.why[-1].startswith("the manifest expects no accuracy")
    partly = answer(scored(80.0), left=("top5/own: the metric does not give it",))
    assert (partly.word, partly.exit_code) == (UNKNOWN, ExitCode.INCONCLUSIVE)
    assert answer(scored(10.0), left=("top5/own: the metric does not give it",)).word == BREAKS
