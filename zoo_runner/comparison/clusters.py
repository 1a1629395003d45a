"""What the lost samples, and the lost annotated things in them, have in common."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.plugin.targets import Targets, TargetScore
from zoo_runner.report.changes import Cluster

if TYPE_CHECKING:
    from zoo_runner.comparison.pairs import ScoredPairs
    from zoo_runner.comparison.placements import Placement
    from zoo_runner.plugin.interfaces import Sample

FEWEST: Final = 5
"""Lost ones that something in common is looked for: of fewer anything is true."""
CHANCE: Final = 1e-3
"""How probable what is called in common may be if chance alone chose what is lost, over all values looked at."""
SHOWN: Final = 12
"""Clusters that are kept, the most telling first."""
FORMAT, DEVICE, ROW = "file type", "device", "place in batch"


def clusters(
    scored: ScoredPairs, lower: Sequence[bool], placements: Mapping[int, Placement], noun: str
) -> tuple[Cluster, ...]:
    """Find what is in common to the lost, and is rarer among all.

    Args:
        scored: Both predictions of every sample.
        lower: Of each sample, whether its own score is worse than before.
        placements: Where this run's outputs of samples come from, by the sample's index, as far as it is known.
        noun: What the samples are called, in the plural.
    """
    samples = scored.pairs.samples
    found = [*_of_samples(samples, lower, placements, noun), *_of_targets(scored, placements)]
    tried = max(len(found), 1)
    telling = [(chance, each) for chance, each in found if chance * tried <= CHANCE]
    telling.sort(key=lambda pair: (pair[0], pair[1].of, pair[1].trait, pair[1].value))
    return tuple(each for _, each in telling[:SHOWN])


def _of_samples(
    samples: Sequence[Sample], lower: Sequence[bool], placements: Mapping[int, Placement], noun: str
) -> Iterator[tuple[float, Cluster]]:
    for trait, values in _traits(samples, placements).items():
        yield from _tables(noun, trait, values, lower)


def _of_targets(scored: ScoredPairs, placements: Mapping[int, Placement]) -> Iterator[tuple[float, Cluster]]:
    if not isinstance(scored.before, TargetScore) or not isinstance(scored.after, TargetScore):
        return
    before, after = scored.before.targets(), scored.after.targets()
    if not _same_things(before, after):
        return
    lost = [bool(each) for each in before.found & ~after.found]
    for trait in after.traits:
        yield from _tables(after.noun, trait.name, [trait.values[code] for code in trait.codes], lost)
    homes = [scored.pairs.samples[place] for place in after.samples]
    for name, values in _traits(homes, placements).items():
        yield from _tables(after.noun, name, values, lost)


def _same_things(before: Targets, after: Targets) -> bool:
    """Say whether both have the same things in the same order, which a metric promises."""
    return len(before.found) == len(after.found) and np.array_equal(before.samples, after.samples)


def _traits(samples: Sequence[Sample], placements: Mapping[int, Placement]) -> dict[str, list[str]]:
    """Return what the runner itself knows of samples: one value for each; empty where it is unknown."""
    homes = [placements.get(sample.index) for sample in samples]
    devices = [None if home is None else home.device for home in homes]
    rows = [None if home is None else home.row for home in homes]
    return {
        FORMAT: [sample.path.suffix.lower() for sample in samples],
        DEVICE: ["" if device is None else str(device) for device in devices],
        ROW: ["" if row is None else str(row) for row in rows],
    }


def _tables(of: str, trait: str, values: Sequence[str], lost: Sequence[bool]) -> Iterator[tuple[float, Cluster]]:
    """Hold the share of each value among the lost against its share among all."""
    every = Counter(values)
    gone = Counter(value for value, is_lost in zip(values, lost, strict=True) if is_lost)
    total, all_lost = len(values), sum(gone.values())
    if all_lost < FEWEST:
        return
    for value, count in gone.items():
        if value and count / all_lost > every[value] / total:
            cluster = Cluster(
                of=of, trait=trait, value=value, lost=count, all_lost=all_lost, here=every[value], all_here=total
            )
            yield tail(count, all_lost, every[value], total), cluster


def tail(count: int, drawn: int, marked: int, total: int) -> float:
    """Return how probable at least ``count`` marked ones are among some that were drawn without putting back.

    The upper tail of the hypergeometric distribution: the one-sided test of Fisher (1935, "The Design of
    Experiments", section 11).

    Args:
        count: Marked ones among those drawn.
        drawn: How many were drawn.
        marked: How many are marked in all.
        total: How many there are.
    """
    whole = _log_choose(total, drawn)
    most = min(drawn, marked)
    logs = [_log_choose(marked, k) + _log_choose(total - marked, drawn - k) - whole for k in range(count, most + 1)]
    return min(1.0, math.fsum(math.exp(each) for each in logs))


def _log_choose(items: int, chosen: int) -> float:
    if chosen < 0 or chosen > items:
        return -math.inf
    return math.lgamma(items + 1) - math.lgamma(chosen + 1) - math.lgamma(items - chosen + 1)
