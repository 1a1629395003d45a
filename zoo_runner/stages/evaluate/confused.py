"""The most frequent confusions of a score that counts them: bounded, however many classes there are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.evidence import ConfusedScore
from zoo_runner.report.evidence import ConfusionRecord, ConfusionsRecord

if TYPE_CHECKING:
    from zoo_runner.plugin.evidence import Confusions
    from zoo_runner.plugin.scoring import Scored

LARGEST: Final = 50
"""Confusions that are listed."""
WHOLE: Final = 12
"""Names up to which all counts are there: a table of more is not read."""


def confusions_record(scored: Scored) -> ConfusionsRecord | None:
    """Return what was taken for what; ``None`` of a score that does not say, or of nothing."""
    if not isinstance(scored, ConfusedScore):
        return None
    with calling("zoo_metric"):
        found = scored.confusions()
        counts = {(str(truth), str(name)): int(count) for (truth, name), count in found.counts.items() if count}
    if not counts:
        return None
    labels = _labels(found)
    of = Counter[str]()
    for (truth, _), count in counts.items():
        of[truth] += count
    wrong = {pair: count for pair, count in counts.items() if pair[0] != pair[1]}
    order = sorted(wrong, key=lambda pair: (-wrong[pair], pair))
    return ConfusionsRecord(
        noun=found.noun,
        total=sum(counts.values()),
        wrong=sum(wrong.values()),
        pairs=len(wrong),
        largest=tuple(
            ConfusionRecord(truth=truth, found=name, count=wrong[truth, name], of=of[truth] if truth else 0)
            for truth, name in order[:LARGEST]
        ),
        labels=labels,
        counts=tuple(tuple(counts.get((truth, name), 0) for name in labels) for truth in labels),
    )


def _labels(found: Confusions) -> tuple[str, ...]:
    """Return the names in the order in which they come, those that were there first; none where they are many."""
    names = dict.fromkeys(str(name) for side in (0, 1) for name in (pair[side] for pair in found.counts))
    return tuple(names) if len(names) <= WHOLE else ()
