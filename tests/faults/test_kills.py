"""A run that is killed at any change of a file: the same command then gives the same bytes, and redoes nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from disk_points import read_points
from fault_world import LONG, Reference, World, check_it_goes_on, spread

pytestmark = pytest.mark.slow
STATES = ("without predictions", "half filled", "full")
KILLS = {"alone": 50 if LONG else 12, "two at once": 30 if LONG else 4}
"""In each state of the store."""


def moments(new_world: Callable[[str], World], state: str, count: int) -> list[int]:
    world = new_world(state)
    assert world.run(log="points").code == 0
    return spread(len(read_points(world.log())), count, state)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.long_rows("without predictions", "full")
def test_alone(
    state: str, new_world: Callable[[str], World], reference: Reference, count: Callable[[str, int], None]
) -> None:
    chosen = moments(new_world, state, KILLS["alone"])
    for number in chosen:
        world = new_world(state)
        ended = world.run(kill_at=number, log="points")
        assert ended.code == -signal.SIGKILL, (number, ended)
        assert not (world.folder / "out" / "report.json").exists() or killed_last(world)
        check_it_goes_on(world, reference)
    count("kill anywhere", len(chosen))


def killed_last(world: World) -> bool:
    """Whether the run had written its report already: only the ledger and the screen come after it."""
    points = read_points(world.log())
    return any(point.target.endswith("/report.json") for point in points[:-1])


@pytest.mark.parametrize("state", STATES)
@pytest.mark.long
def test_beside_another_run(
    state: str, new_world: Callable[[str], World], reference: Reference, count: Callable[[str, int], None]
) -> None:
    chosen = moments(new_world, state, KILLS["two at once"])
    for number in chosen:
        world = new_world(state)
        killed, other = world.server(world.call(kill_at=number), world.call(output="other", log="others"))
        assert killed.code in {-signal.SIGKILL, 0}, killed  # the other may have done the rest of its work
        assert (other.code, "Traceback" in other.stderr) == (0, False), other.stderr
        assert world.predictions("other") == reference.predictions
        assert world.figures("other") == reference.figures
        check_it_goes_on(world, reference)
    count("kill anywhere, two at once", len(chosen))
