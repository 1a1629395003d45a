"""Average precision at 101 recalls, of many groups at once: classes, or the classes of each image.

(Reference: ``COCOeval.accumulate`` of pycocotools.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.coco.matching import CocoMatches

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

RECALLS: Final = np.linspace(0.0, 1.0, 101)
"""In the reference's floats."""
TINY: Final = float(np.spacing(1))
"""Added to what precision is divided by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranked:
    """Detections of some groups, group by group, and within one from the best score down.

    Attributes:
        matches: What became of them.
        groups: Integer [D], of each detection.
        order: Integer [D], the detections in that order.
        places: Integer [H], where in the order each of ``matches.hits`` is.
        by_place: Integer [H], ``matches.hits`` in that order.
        objects: Integer [G], of each object.
        count: How many groups there are, C.
    """

    matches: CocoMatches
    groups: Indices
    order: Indices
    places: Indices
    by_place: Indices
    objects: Indices
    count: int

    @classmethod
    def of(cls, matches: CocoMatches, groups: Indices, objects: Indices, count: int) -> Ranked:
        """Sort detections; equal scores stay in the order that they have."""
        order = np.lexsort((-matches.scores, groups))
        where = np.empty(len(order), dtype=np.intp)
        where[order] = np.arange(len(order))
        by_place = np.argsort(where[matches.hits])
        places = where[matches.hits][by_place]
        return cls(
            matches=matches,
            groups=groups,
            order=order,
            places=places,
            by_place=by_place,
            objects=objects,
            count=count,
        )

    @property
    def unmatched(self) -> NDArray[np.bool_]:
        """Bool [D, A], in that order: found nothing at any overlap, and counts as false."""
        false = ~self.matches.outside[self.order]
        false[self.places] = False
        return false

    def false_hits(self, area: int, overlap: int) -> NDArray[np.bool_]:
        """Bool [H], in that order: found something elsewhere, but here nothing, and counts as false."""
        rows = self.matches.hits[self.by_place]
        false: NDArray[np.bool_] = ~self.matches.found[self.by_place, area, overlap] & ~self.matches.outside[rows, area]
        return false

    def true_hits(self, area: int, overlap: int) -> NDArray[np.bool_]:
        """Bool [H], in that order: found an object that counts."""
        found, ignored = self.matches.found, self.matches.ignored
        true: NDArray[np.bool_] = found[self.by_place, area, overlap] & ~ignored[self.by_place, area, overlap]
        return true

    def positives(self, area: int) -> Indices:
        """How many objects [C] count in each group."""
        return np.bincount(self.objects[self.matches.counted[:, area]], minlength=self.count)


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Where recall rises, of all groups at one area range and overlap: T points.

    Attributes:
        groups: Integer [T], ascending.
        precision: Float64 [T], the best at that recall or beyond.
        levels: Integer [T], how many of ``RECALLS`` this recall reaches, and none before it in its group.
        positives: Integer [C].
    """

    groups: Indices
    precision: Floats
    levels: Indices
    positives: Indices

    def averages(self) -> Floats:
        """Average precision [C] in 0..1; NaN for a group without objects that count."""
        sums = np.bincount(self.groups, weights=self.precision * self.levels, minlength=len(self.positives))
        return np.where(self.positives > 0, sums / len(RECALLS), np.nan)

    def level_precision(self, group: int) -> Floats:
        """Precision [101] at each of ``RECALLS`` of one group; 0 where none reaches it."""
        own = self.groups == group
        reached = np.repeat(self.precision[own], self.levels[own])
        return np.concatenate((reached, np.zeros(len(RECALLS) - len(reached))))


def points(ranked: Ranked, area: int) -> Iterator[Points]:
    """Find the points of an area range, one record for each overlap."""
    positives = ranked.positives(area)
    unmatched = np.cumsum(ranked.unmatched[:, area])
    groups = ranked.groups[ranked.order]
    starts = np.searchsorted(groups, np.arange(ranked.count))
    own = groups[ranked.places]
    before = np.append(0, unmatched)
    base = before[ranked.places] - before[starts][own]
    first = np.searchsorted(own, np.arange(ranked.count))
    for overlap in range(ranked.matches.found.shape[2]):
        false = np.append(0, np.cumsum(ranked.false_hits(area, overlap)))
        true = np.flatnonzero(ranked.true_hits(area, overlap))
        group = own[true]
        rank = (np.arange(len(true)) - np.searchsorted(group, group) + 1).astype(np.float64)
        wrong = (base[true] + false[true] - false[first][group]).astype(np.float64)
        reached = np.searchsorted(RECALLS, rank / positives[group], side="right")
        fresh = np.diff(group, prepend=-1) > 0
        levels = np.where(fresh, reached, np.diff(reached, prepend=0))
        precision = best_beyond(rank / (wrong + rank + TINY), group)
        yield Points(groups=group, precision=precision, levels=levels, positives=positives)


def best_beyond(precision: Floats, groups: Indices) -> Floats:
    """The largest precision [T] from each place to the end of its group; groups [T] ascend."""
    order = np.argsort(precision, kind="stable")
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    # The running maximum is taken of whole numbers that hold group and rank, so that one pass serves all groups.
    lifted = (groups.max(initial=0) - groups) * len(order)
    best = np.maximum.accumulate((lifted + rank)[::-1])[::-1] - lifted
    beyond: Floats = precision[order[best]]
    return beyond
