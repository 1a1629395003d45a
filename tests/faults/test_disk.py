"""A disk that fails where the program opens, writes, syncs or renames: an error that says what, or the right result."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable

import pytest

from disk_points import Point, read_points
from fault_world import LONG, Reference, World, check_it_goes_on, check_it_is_an_answer

pytestmark = pytest.mark.slow
ERRORS = {
    "open": (errno.EACCES, errno.EMFILE, errno.EROFS, errno.ENOSPC, errno.EIO),
    "write": (errno.ENOSPC, errno.EIO),
    "sync": (errno.EIO, errno.ENOSPC),
    "rename": (errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EIO),
    "mkdir": (errno.ENOSPC, errno.EACCES, errno.EROFS),
    "remove": (errno.EACCES, errno.EROFS),
    "rmdir": (errno.EACCES,),
    "connect": (errno.EMFILE,),
    "truncate": (errno.EIO,),
    "link": (errno.EACCES,),
    "symlink": (errno.EACCES,),
}
STATES = ("without predictions", "full")
SITES = 12
"""Tried by the short form in each state of the store, of all there are."""
LIMITS = (3000, 4096, 5000, 8192, 16_384, 20_000, 30_000, 65_536) if LONG else (3000, 20_000)


def cases(world: World) -> list[tuple[Point, int, bool]]:
    """Return lines of the program that change files, each with an error and whether that is there to stay.

    In the long form all lines, each with every error that it may get; every other error stays.
    """
    ended = world.run(log="points")
    assert ended.code == 0, ended.stderr
    firsts: dict[tuple[str, str], Point] = {}
    for point in read_points(world.log()):
        firsts.setdefault((point.site, point.kind), point)
    pairs = [(point, error) for point in firsts.values() for error in ERRORS[point.kind]]
    random.Random(len(pairs)).shuffle(pairs)  # noqa: S311 - no secret
    found = [(point, error, LONG and number % 2 == 1) for number, (point, error) in enumerate(pairs)]
    if LONG:
        return found
    chosen: dict[tuple[str, str], tuple[Point, int, bool]] = {}
    for case in found:
        chosen.setdefault((case[0].site, case[0].kind), case)
    return list(chosen.values())[:SITES]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.long_rows("full")
def test_a_call_that_fails(
    state: str, new_world: Callable[[str], World], reference: Reference, count: Callable[[str, int], None]
) -> None:
    found = cases(new_world(state))
    for point, error, lasting in found:
        world = new_world(state)
        ended = world.run(fail_at=point.number, error=error, lasting=lasting, log="points")
        case = (point, errno.errorcode[error], lasting)
        check_it_is_an_answer(world, ended, reference, case)
        if ended.code:
            named = (str(world.folder), "--output out", "'out/")
            said = ended.stdout + ended.stderr
            assert any(name in said for name in named), (case, said)
        check_it_goes_on(world, reference, (case, ended))
    count("faulty disk", len(found))


@pytest.mark.parametrize("limit", LIMITS)
def test_a_disk_with_little_room(
    limit: int, new_world: Callable[[str], World], reference: Reference, count: Callable[[str, int], None]
) -> None:
    """No file can grow past the limit, also not those that libraries in C write; what is printed is shorter."""
    world = new_world("half filled")
    ended = world.run(file_limit=limit)
    check_it_is_an_answer(world, ended, reference, limit)
    check_it_goes_on(world, reference)
    count("faulty disk", 1)
