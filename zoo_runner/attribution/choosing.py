"""The samples that a search looks at: those that did worst, and a random part of the others."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.report.model import Report

SEED: Final = 17
"""Of the random part: the same run looks at the same samples again."""


def choose(report: Report, samples: Sequence[Sample], most: int) -> list[int]:
    """Return the places of at most so many samples, ascending: half of them the worst, as the diagnosis has them.

    Args:
        report: Of the run.
        samples: Those that were scored.
        most: How many.
    """
    places = {sample.id: place for place, sample in enumerate(samples)}
    listed = report.diagnosis.worst if report.diagnosis else ()
    worst = [places[each.id] for each in listed if each.id in places][: most // 2]
    others = sorted(set(range(len(samples))) - set(worst))
    drawn = random.Random(SEED).sample(others, min(most - len(worst), len(others)))  # noqa: S311 - no secret
    return sorted((*worst, *drawn))
