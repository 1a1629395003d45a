"""Which samples a bundle has: few that are unlike each other, one with nothing in it and one with very much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from zoo_runner.plugin.targets import Targets

COUNT: Final = 8


def chosen(samples: int, targets: Targets | None, count: int = COUNT) -> list[int]:
    """Choose samples.

    Where a metric tells of the annotated things, the first sample without any is chosen, the first with most, and then
    whichever has the most traits (classes, sizes, places) that no chosen one has. Else they are spread over the set.

    Args:
        samples: How many there are.
        targets: The annotated things; ``None`` where the metric does not tell.
        count: How many to choose.

    Returns:
        Places of the samples, ascending.
    """
    count = min(count, samples)
    if targets is None or not len(targets.samples):
        return sorted({round(place) for place in np.linspace(0, samples - 1, count)}) if count else []
    held = np.bincount(targets.samples, minlength=samples)
    picked = [int(held.argmax())]
    if count > 1 and not held.min():
        picked.append(int(held.argmin()))
    traits = _traits(samples, targets)
    covered = set().union(*(traits[place] for place in picked))
    while len(picked) < count:
        left = [place for place in range(samples) if place not in picked]
        best = max(left, key=lambda place: (len(traits[place] - covered), -place))
        if not traits[best] - covered:
            covered = set()  # each trait once more
            if not any(traits[place] for place in left):
                picked += left[: count - len(picked)]
                break
            best = max(left, key=lambda place: (len(traits[place]), -place))
        picked.append(best)
        covered |= traits[best]
    return sorted(picked)


def _traits(samples: int, targets: Targets) -> list[set[tuple[str, int]]]:
    found: list[set[tuple[str, int]]] = [set() for _ in range(samples)]
    for trait in targets.traits:
        for sample, code in zip(targets.samples.tolist(), trait.codes.tolist(), strict=True):
            found[sample].add((trait.name, code))
    return found
