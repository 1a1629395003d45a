"""What the installed distributions register in the runner's group of entry points."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import metadata

from zoo_runner.plugin import hookspecs


def points() -> tuple[metadata.EntryPoint, ...]:
    """Return the group's entry points by name; what is the same in two distributions counts once.

    They are read once for an import path: the more is installed, the longer it takes, and a run asks several times.
    """
    return _points_on(tuple(sys.path))


def origin(point: metadata.EntryPoint) -> str:
    """Return name and version of the distribution that registers an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"


@lru_cache(maxsize=1)
def _points_on(_path: tuple[str, ...]) -> tuple[metadata.EntryPoint, ...]:
    found = {(point.name, point.value): point for point in metadata.entry_points(group=hookspecs.PROJECT)}
    return tuple(found[key] for key in sorted(found))
