"""Which runs leave a replay file, and which samples are in it."""

from __future__ import annotations

import random
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from zoo_runner.replay.record import MOST_SAMPLES
from zoo_runner.report.gallery import worth_a_look
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.report.model import Report

AT_RANDOM: Final = MOST_SAMPLES // 4
"""Samples that are drawn, so that what is true of the worst ones can be told from what is true of all."""
_OPEN: Final = frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE})


def wanted(report: Report) -> bool:
    """Say whether a run's accuracy gate is red or inconclusive.

    A run that is red for its throughput alone has nothing to replay. One that is inconclusive as a whole has, unless
    all of its lines of accuracy passed and a timing did not.
    """
    if report.verdict not in _OPEN:
        return False
    if any(metric.verdict in _OPEN for metric in report.metrics):
        return True
    return not any(timing.verdict in _OPEN for timing in report.performance)


def chosen(report: Report, samples: Sequence[Sample]) -> list[tuple[int, str]]:
    """Return the places of the samples to keep and why each, the most telling first; every fourth is drawn at random.

    Args:
        report: Finished; its diagnosis and its comparison say which samples are worth a look.
        samples: Those that were scored.
    """
    places = {sample.index: place for place, sample in enumerate(samples)}
    worst = list(dict.fromkeys(places[index] for index in worth_a_look(report) if index in places))
    others = [place for place in range(len(samples)) if place not in set(worst[: MOST_SAMPLES - AT_RANDOM])]
    drawn = random.Random(report.manifest.digest).sample(others, min(len(others), MOST_SAMPLES))  # noqa: S311 - no secret
    rest, order = iter(drawn), list[tuple[int, str]]()
    for number, place in enumerate(worst, start=1):  # of a file that takes fewer, both kinds are in it
        order.append((place, "worst"))
        order += [(each, "random") for each in islice(rest, int(number % 3 == 0))]
    found = dict[int, str]()
    for place, why in chain(order, ((each, "random") for each in rest)):
        found.setdefault(place, why)
    return list(found.items())[:MOST_SAMPLES]
