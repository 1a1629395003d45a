"""Many runs at once on one store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fault_world import Reference, World

pytestmark = pytest.mark.slow
AT_ONCE = 8


@pytest.mark.parametrize("state", ["without predictions", "full"])
@pytest.mark.long_rows("full")
def test_all_come_to_the_same(
    state: str, new_world: Callable[[str], World], reference: Reference, count: Callable[[str, int], None]
) -> None:
    world = new_world(state)
    names = [f"out{number}" for number in range(AT_ONCE)]
    ended = world.server(*(world.call(output=name, log=name) for name in names))
    assert [(each.code, "Traceback" in each.stderr) for each in ended] == [(0, False)] * AT_ONCE, ended
    assert {world.predictions(name) for name in names} == {reference.predictions}
    assert all(world.figures(name) == reference.figures for name in names)
    assert world.left_over() == []
    listed = world.command("history", "trial", "--json")
    assert listed.code == 0, listed.stderr
    count("load", AT_ONCE)
