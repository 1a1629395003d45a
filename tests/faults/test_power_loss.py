"""The power fails at any change of a file: what was written and not synced is lost, what was renamed is not."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from disk_points import Point, read_points
from fault_world import LONG, Reference, World, check_it_goes_on, spread

pytestmark = pytest.mark.slow
LOSSES = 40 if LONG else 5


def unsynced(points: Sequence[Point]) -> set[Path]:
    """Return the files that were written since they were last synced, by the names they have now."""
    dirty: set[str] = set()
    for point in points:
        if point.kind in {"open", "write"}:
            dirty.add(point.path)
        elif point.kind == "sync":
            dirty = dirty - {point.path} if point.path else set()
        elif point.kind == "remove":
            dirty.discard(point.path)
        elif point.kind == "rename":
            dirty = {moved(path, point) for path in dirty if path != point.target}
    return {Path(path) for path in dirty if not path.endswith(".lock")}


def moved(path: str, point: Point) -> str:
    inside = path == point.path or path.startswith(f"{point.path}/")
    return point.target + path[len(point.path) :] if inside else path


@pytest.mark.parametrize("keep", [0.0, 0.5], ids=["nothing is left", "half is left"])
@pytest.mark.parametrize("state", ["without predictions", "full"])
@pytest.mark.long_rows("without predictions-nothing is left", "full-half is left", "full-nothing is left")
def test_what_was_not_synced_is_lost(
    state: str,
    keep: float,
    new_world: Callable[[str], World],
    reference: Reference,
    count: Callable[[str, int], None],
) -> None:
    whole = new_world(state)
    assert whole.run(log="points").code == 0
    chosen = spread(len(read_points(whole.log())), LOSSES, f"{state}{keep}")
    for number in chosen:
        world = new_world(state)
        killed = world.run(kill_at=number, log="points")
        assert killed.code == -signal.SIGKILL, killed
        for path in unsynced(read_points(world.log())[:-1]):
            if path.is_file():
                with path.open("r+b") as file:
                    file.truncate(int(keep * path.stat().st_size))
        check_it_goes_on(world, reference)
    count("power loss", len(chosen))
