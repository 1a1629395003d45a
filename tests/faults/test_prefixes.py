"""Every prefix of what a run writes: the same command then gives the same bytes, and no run of the ledger is torn."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fault_world import LONG, Reference, World, check_it_goes_on, spread, tree
from write_sequence import Change, apply, can_record, read_changes
from zoo_runner.history.ledger import LEDGER, Ledger

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not can_record(), reason="there is no strace, or it may not watch")]
FEW = 4
"""Prefixes that the short form tries of each state of the store, and as many of the ledger."""


def recorded(world: World, log: Path) -> list[Change]:
    """Run, and return what was changed; what comes of doing that again is the same."""
    before = Path(shutil.copytree(world.folder, log.with_name("again")))
    (before / "tmp").mkdir()
    ended = world.run(trace=str(log))
    assert ended.code == 0, ended.stderr
    changes = read_changes(log, world.folder)
    apply(changes, before)
    assert tree(before) == tree(world.folder)
    return changes


def runs(world: World) -> list[tuple[str, int]]:
    """Return the runs in the ledger, newest first: of each the verdict, and how many lines it has."""
    return [(run.verdict, len(run.lines)) for run in Ledger(world.store / LEDGER).last("trial", 9)]


def ends(changes: Sequence[Change], state: str) -> list[int]:
    """Return the lengths to try: where store or ledger changed last, all of them or a sample."""
    kept = [number for number, change in enumerate(changes, start=1) if change.path.startswith("store/")]
    ledger = [number for number in kept if LEDGER in changes[number - 1].path]
    assert len(ledger) > FEW, "nothing is seen of what SQLite writes"
    if LONG:
        return kept
    return sorted({*(kept[number - 1] for number in spread(len(kept), FEW, state)), *ledger[:: len(ledger) // FEW]})


@pytest.mark.parametrize("state", ["without predictions", "full"])
@pytest.mark.long_rows("full")
def test_recovers(
    state: str,
    new_world: Callable[[str], World],
    reference: Reference,
    tmp_path: Path,
    count: Callable[[str, int], None],
) -> None:
    undisturbed = new_world(state)
    before = runs(undisturbed)
    changes = recorded(undisturbed, tmp_path / "calls")
    newest, *others = runs(undisturbed)
    assert others == before
    tried = ends(changes, state)
    for number in tried:
        world = new_world(state)
        apply(changes[:number], world.folder)
        report = world.folder / "out" / "report.json"
        assert not report.exists() or world.figures() == reference.figures, number
        found = runs(world)
        assert found in (before, [newest, *before]), (number, found)
        check_it_goes_on(world, reference, (number, changes[number - 1]))
        assert runs(world) == [newest, *found], number
        shutil.rmtree(world.folder)
    count("prefixes of what is written", len(tried))
