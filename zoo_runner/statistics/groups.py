"""Samples that belong together: drawn, chosen and compared as one, as they are no independent observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Sample


def groups_of(samples: Sequence[Sample]) -> NDArray[np.intp] | None:
    """Return the number of each sample's group, counted from 0 in the order in which groups begin: intp [N].

    A sample that names none is a group of its own. ``None`` where no sample names one.
    """
    if not any(sample.group for sample in samples):
        return None
    known: dict[tuple[str, int], int] = {}
    keys = ((sample.group, 0) if sample.group else ("", place) for place, sample in enumerate(samples, start=1))
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.intp)


def group_count(samples: Sequence[Sample]) -> int | None:
    """Return how many groups there are; ``None`` where no sample names one."""
    groups = groups_of(samples)
    return None if groups is None else int(groups.max()) + 1


def picked(samples: Sequence[Sample], places: slice) -> Sequence[Sample]:
    """Return the samples at some places; where there are groups, all samples of the groups at these places.

    They stay in the order of the data set, whether or not a group's samples lie side by side there.
    """
    groups = groups_of(samples)
    if groups is None:
        return samples[places]
    chosen = set(range(int(groups.max()) + 1)[places])
    return [sample for sample, group in zip(samples, groups.tolist(), strict=True) if group in chosen]


def whole_groups(samples: Sequence[Sample], known: Sequence[bool]) -> list[bool]:
    """Say of each sample whether it is known, and with it all samples of its group.

    Args:
        samples: N of them.
        known: Of each, whether it is.
    """
    groups = groups_of(samples)
    if groups is None:
        return list(known)
    cut = {group for group, there in zip(groups.tolist(), known, strict=True) if not there}
    return [group not in cut for group in groups.tolist()]
