"""A run against its baseline: annotations, and what is left when all other stages are as their references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.attribution.nearness import alike
from zoo_runner.attribution.stages import DATA, NETWORK, REUSE, WEIGHTS
from zoo_runner.attribution.support import changes_of
from zoo_runner.attribution.wording import SOME
from zoo_runner.job.options import Stage
from zoo_runner.report.attribution import StageCost
from zoo_runner.report.ground_truth import UNKNOWN, sample_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.attribution.seen import Seen
    from zoo_runner.attribution.stages import Look
    from zoo_runner.comparison.baseline import Baseline

OTHERS: Final = frozenset({Stage.PREPROCESS.value, Stage.INFER.value, Stage.POSTPROCESS.value, REUSE})
"""Stages that must be as their references before what is left can be named."""


def against_baseline(look: Look, baseline: Baseline, seen: Seen, before: Sequence[StageCost]) -> list[StageCost]:
    """Return a line for the annotations, and one for network or weights where nothing else can be at fault.

    Args:
        look: What is looked at.
        baseline: The earlier run.
        seen: This one.
        before: Lines of the other stages.
    """
    found = []
    if not any(each.stage == DATA for each in before) and baseline.digests:
        found.append(_data(look, baseline, seen))
    if any(each.stage in {NETWORK, WEIGHTS} for each in before):
        return found
    as_before = {each.stage for each in before} - {each.stage for each in before if each.differs > SOME * each.samples}
    if as_before >= OTHERS:
        found += _predictions(look, baseline)
    return found


def _data(look: Look, baseline: Baseline, seen: Seen) -> StageCost:
    pairs = [(baseline.digests.get(sample.id), sample_digest(sample)) for sample in seen.samples]
    known = [pair for pair in pairs if pair[0] is not None and UNKNOWN not in pair]
    changed = sum(one != other for one, other in known)
    text = ""
    if changed:
        earlier, now = baseline.report.metrics, seen.report.metrics
        if earlier and now and len(known) == len(seen.samples) == baseline.count:
            text = changes_of(earlier[0].support, now[0].support)
        text = f"{text or 'annotations changed'}; on {changed} of {len(known)} {look.job.recipe.noun}"
    return StageCost(stage=DATA, against="the baseline's", differs=int(changed > 0), samples=1, mistake=text)


def _predictions(look: Look, baseline: Baseline) -> list[StageCost]:
    """Hold predictions against the baseline's."""
    chain = look.chain
    pairs = [
        (own, earlier)
        for own, earlier in zip(chain.predictions, baseline.of(chain.samples), strict=True)
        if earlier is not None
    ]
    if not pairs:
        return []
    before, now = (
        {each.sha256 for each in artifacts if each.name == WEIGHTS and each.sha256}
        for artifacts in (baseline.report.artifacts, look.job.journal.artifacts)
    )
    cost = StageCost(
        stage=WEIGHTS if before and now and before != now else NETWORK,
        against="the baseline's predictions",
        differs=sum(not alike(*pair) for pair in pairs),
        samples=len(pairs),
    )
    return [cost]
