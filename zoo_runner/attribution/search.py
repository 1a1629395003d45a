"""After a red gate: each stage against its reference on some samples, and what the difference costs."""

from __future__ import annotations

import time
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Final

from zoo_runner.attribution.chain import MEMORY, Graph, carried_out, plain_of, size_of, why_not
from zoo_runner.attribution.choosing import SEED, choose
from zoo_runner.attribution.deadline import LIMIT_S, Deadline, OutOfTimeError
from zoo_runner.attribution.earlier import against_baseline
from zoo_runner.attribution.golden import against_golden, golden_bundle
from zoo_runner.attribution.stages import Look, against_plain
from zoo_runner.attribution.wording import ORDER, findings, named
from zoo_runner.causes import Cause
from zoo_runner.golden.staleness import other_data
from zoo_runner.report.attribution import AttributionRecord
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from zoo_runner.attribution.seen import Seen
    from zoo_runner.job.job import Job
    from zoo_runner.plugin.plain import Plain
    from zoo_runner.report.model import Report

MANY: Final = 48
"""Samples that are looked at, if time and memory allow."""
FEWEST: Final = 4
"""Samples below which nothing is concluded."""
PASSES: Final = 4
"""Times that a sample goes through the stages, and what is made of it is scored, in all."""
ABOUT_ACCURACY: Final = frozenset({"", Cause.UNSURE.value, Cause.TOO_GOOD.value})
"""Causes of an inconclusive line that a look at the stages may clear up."""


def asked_for(job: Job, report: Report) -> bool:
    """Say whether this verdict is followed by a search."""
    if job.options.explain != "auto":
        return job.options.explain == "always"
    if any(doubt.cause is Cause.EQUAL_RESULTS for doubt in job.journal.doubts):
        return True
    lines = [line for line in report.metrics if line.expected is not None]
    unclear = [line for line in lines if line.verdict is Verdict.INCONCLUSIVE and line.cause in ABOUT_ACCURACY]
    return any(line.verdict is Verdict.FAIL for line in lines) or bool(unclear)


def search(job: Job, seen: Seen) -> AttributionRecord | None:
    """Return what the stages cost; ``None`` where nothing can be said, of which the journal has the reason.

    Raises:
        ZooError: A stage or its reference cannot be carried out again.
    """
    start, deadline = time.monotonic(), Deadline.of(job.options.explain, LIMIT_S)
    if reason := why_not(job):
        job.journal.note(f"no search for the stage at fault: {reason}")
        return None
    try:
        found = _searched(job, seen, deadline)
    except OutOfTimeError:
        job.journal.note(f"not explained: it would have taken longer than {LIMIT_S:.0f} s; run with --explain always")
        return None
    return found and found.model_copy(update={"seconds": time.monotonic() - start})


def _searched(job: Job, seen: Seen, deadline: Deadline) -> AttributionRecord | None:
    plain, engine = plain_of(job.recipe), seen.engine
    graph = None if engine is None else Graph(job, engine)
    with nullcontext() if graph is None else closing(graph):
        most = _affordable(job, seen, plain, graph, deadline)
        places = choose(seen.report, seen.samples, most)
        if len(places) < FEWEST:
            if len(seen.samples) >= FEWEST:
                raise OutOfTimeError
            job.journal.note(
                f"no search for the stage at fault: the run has {len(seen.samples)} {job.recipe.noun}, "
                f"expected at least {FEWEST}"
            )
            return None
        samples, kept = [seen.samples[place] for place in places], [seen.predictions[place] for place in places]
        chain = carried_out(job, seen.dataset, samples, kept, engine, graph, deadline)
        look = Look(job=job, plain=plain, chain=chain, graph=graph, deadline=deadline)
        stages = against_plain(look)
        if (bundle := golden_bundle(job)) and not other_data(bundle, seen.dataset):
            stages += against_golden(look, bundle, seen, stages)
        if job.baseline is not None:
            stages += against_baseline(look, job.baseline, seen, stages)
    ordered = tuple(sorted(stages, key=lambda each: ORDER.index(each.stage)))
    return AttributionRecord(
        stage_named=named(ordered),
        findings=findings(ordered, job.recipe.noun, len(samples)),
        stages=ordered,
        samples=len(samples),
        seed=SEED,
    )


def _affordable(job: Job, seen: Seen, plain: Plain, graph: Graph | None, deadline: Deadline) -> int:
    """Return how many samples can be looked at in the time that there is, from how long the first one takes."""
    most = min(MANY, len(seen.samples), max(0, MEMORY // max(size_of(job), 1)))
    if deadline.end is None or graph is None or not most:
        return most
    sample, start = seen.samples[0], time.monotonic()
    outputs = graph(job.recipe.preprocess(sample))
    job.recipe.postprocess(outputs, sample)
    if plain.preprocess:
        plain.preprocess(sample)
    if plain.postprocess:
        plain.postprocess(outputs, sample)
    return min(most, int(max(deadline.left, 0) / (PASSES * max(time.monotonic() - start, 1e-6))))
