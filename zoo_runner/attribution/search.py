"""After a red gate: each stage against its reference on some samples, and what the difference costs."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.attribution.chain import MEMORY, Graph, carried_out, plain_of, predicted, size_of, why_not
from zoo_runner.attribution.choosing import SEED, choose
from zoo_runner.attribution.costs import gained
from zoo_runner.attribution.mistakes import MOST, input_mistake, output_mistake
from zoo_runner.attribution.nearness import INPUTS, OTHER_CHIP, SAME_CHIP, alike, apart
from zoo_runner.attribution.wording import findings, named
from zoo_runner.causes import Cause
from zoo_runner.errors import interrupted
from zoo_runner.job.job import CPU
from zoo_runner.job.options import Stage
from zoo_runner.plugin.interfaces import DeviceArrays
from zoo_runner.report.attribution import AttributionRecord, StageCost
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zoo_runner.attribution.chain import Chain
    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.plain import Plain
    from zoo_runner.report.model import Report
    from zoo_runner.stages.convert.engine import Engine

MANY: Final = 48
"""Samples that are looked at, if time and memory allow."""
TRIED: Final = 12
"""Differing samples that the usual mistakes are tried on."""
FEWEST: Final = 4
"""Samples below which nothing is concluded."""
LIMIT_S: Final = 30.0
"""Seconds that a search may be expected to take which nobody asked for."""
PASSES: Final = 4
"""Times that a sample goes through the stages, and what is made of it is scored, in all."""
ABOUT_ACCURACY: Final = frozenset({"", Cause.UNSURE.value, Cause.TOO_GOOD.value})
"""Causes of an inconclusive line that a look at the stages may clear up."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What is left of a run when its verdict is there.

    Attributes:
        report: Its report.
        dataset: All samples of the data set.
        samples: Those that were scored.
        predictions: One for each of them.
        engine: The model; ``None`` where results came from files.
    """

    report: Report
    dataset: Sequence[Sample]
    samples: Sequence[Sample]
    predictions: Sequence[Arrays]
    engine: Engine | None


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
    start = time.monotonic()
    if reason := why_not(job):
        job.journal.note(f"no search for the stage at fault: {reason}")
        return None
    plain, engine = plain_of(job.recipe), seen.engine
    graph = None if engine is None else Graph(job, engine)
    with nullcontext() if graph is None else closing(graph):
        most = _affordable(job, seen, plain, graph)
        places = choose(seen.report, seen.samples, most)
        if len(places) < FEWEST:
            job.journal.note(
                f"no search for the stage at fault: in {LIMIT_S:.0f} s there is time for {most} of {len(seen.samples)} "
                f"{job.recipe.noun}, expected at least {FEWEST}; --explain always takes the time"
            )
            return None
        samples, kept = [seen.samples[place] for place in places], [seen.predictions[place] for place in places]
        chain = carried_out(job, seen.dataset, samples, kept, engine, graph)
        stages = _stages(job, plain, chain, graph)
    return AttributionRecord(
        stage_named=named(stages),
        findings=findings(stages, job.recipe.noun, len(samples)),
        stages=stages,
        samples=len(samples),
        seed=SEED,
        seconds=time.monotonic() - start,
    )


def _affordable(job: Job, seen: Seen, plain: Plain, graph: Graph | None) -> int:
    """Return how many samples can be looked at in the time that there is, from how long the first one takes."""
    most = min(MANY, len(seen.samples), max(0, MEMORY // max(size_of(job), 1)))
    if job.options.explain == "always" or graph is None or not most:
        return most
    sample, start = seen.samples[0], time.monotonic()
    outputs = graph(job.recipe.preprocess(sample))
    job.recipe.postprocess(outputs, sample)
    if plain.preprocess:
        plain.preprocess(sample)
    if plain.postprocess:
        plain.postprocess(outputs, sample)
    return min(most, int(LIMIT_S / (PASSES * max(time.monotonic() - start, 1e-6))))


def _stages(job: Job, plain: Plain, chain: Chain, graph: Graph | None) -> tuple[StageCost, ...]:
    found: list[StageCost] = []
    if graph is not None:
        right = _references(plain.preprocess, chain.samples) if plain.preprocess else None
        if right is not None:
            found.append(_preprocess(job, plain, chain, graph, right))
        found.append(_infer(job, chain))
    if plain.postprocess is not None:
        found.append(_postprocess(job, plain, chain))
    found.append(_kept(job, chain))
    return tuple(found)


def _references(made: Callable[[Sample], Arrays], samples: Sequence[Sample]) -> list[Arrays]:
    return [made(sample) for sample in samples]


def _preprocess(job: Job, plain: Plain, chain: Chain, graph: Graph, right: Sequence[Arrays]) -> StageCost:
    pairs = list(zip(chain.inputs, right, strict=True))
    differing = [place for place, pair in enumerate(pairs) if not apart(*pair) <= INPUTS]
    cost = StageCost(
        stage=Stage.PREPROCESS.value,
        against="the plugin's plain implementation",
        differs=len(differing),
        samples=len(chain.samples),
    )
    if not differing:
        return cost
    some = differing[:TRIED]
    mistake = input_mistake([chain.inputs[place] for place in some], [right[place] for place in some])
    mistake = mistake or _inputs_like(plain, chain, some)
    if any(apart(*pair) == float("inf") for pair in pairs):
        return cost.model_copy(update={"mistake": mistake})
    before, after = (predicted(job, chain.samples, outs) for outs in (chain.graph, [graph(each) for each in right]))
    return _priced(job, chain, cost, before, after, mistake)


def _inputs_like(plain: Plain, chain: Chain, differing: Sequence[int]) -> str:
    """Return the plugin's mistake that gives the inputs which were found."""

    def fits(name: str) -> float:
        made = [plain.input_mistakes[name](chain.samples[place]) for place in differing]
        near = [apart(chain.inputs[place], each) <= INPUTS for place, each in zip(differing, made, strict=True)]
        return sum(near) / len(near)

    return _best(plain.input_mistakes, fits)


def _infer(job: Job, chain: Chain) -> StageCost:
    limit = SAME_CHIP if job.chip == CPU else OTHER_CHIP
    pairs = list(zip(chain.outputs, chain.graph, strict=True))
    differing = [place for place, pair in enumerate(pairs) if not apart(*pair) <= limit]
    cost = StageCost(
        stage=Stage.INFER.value,
        against="the exported graph in ONNX Runtime",
        differs=len(differing),
        samples=len(pairs),
        where=_where(chain.outputs, differing),
    )
    if not differing:
        return cost
    specs = job.recipe.manifest.output_specs
    mistake = output_mistake(specs, *([pairs[place][side] for place in differing[:TRIED]] for side in (0, 1)))
    return _priced(job, chain, cost, chain.predictions, predicted(job, chain.samples, chain.graph), mistake)


def _where(outputs: Sequence[Arrays], differing: Sequence[int]) -> str:
    """Say on which devices, or in which rows of a batch, all of the difference is; empty if it is everywhere."""
    known = [each for each in outputs if isinstance(each, DeviceArrays)]
    if not differing or len(known) < len(outputs):
        return ""
    for word, places in (("device", [each.device for each in known]), ("row", [each.row for each in known])):
        every, wrong = Counter(places), Counter(places[place] for place in differing)
        if len(wrong) < len(every) and None not in every:
            some = ", ".join(sorted(map(str, wrong)))
            return f"{word}{'s'[: len(wrong) > 1]} {some}: {len(differing)} of {sum(every[each] for each in wrong)}"
    return ""


def _postprocess(job: Job, plain: Plain, chain: Chain) -> StageCost:
    right = _plain_predictions(plain.postprocess, chain)
    pairs = list(zip(chain.predictions, right, strict=True))
    differing = [place for place, pair in enumerate(pairs) if not alike(*pair)]
    cost = StageCost(
        stage=Stage.POSTPROCESS.value,
        against="the plugin's plain implementation",
        differs=len(differing),
        samples=len(pairs),
    )
    if not differing:
        return cost
    some = differing[:TRIED]

    def fits(name: str) -> float:
        made = _plain_predictions(plain.prediction_mistakes[name], chain, some)
        near = [alike(chain.predictions[place], each) for place, each in zip(some, made, strict=True)]
        return sum(near) / len(near)

    return _priced(job, chain, cost, chain.predictions, right, _best(plain.prediction_mistakes, fits))


def _plain_predictions(
    made: Callable[[Arrays, Sample], Arrays] | None, chain: Chain, places: Sequence[int] | None = None
) -> list[Arrays]:
    chosen = range(len(chain.samples)) if places is None else places
    return [] if made is None else [made(chain.outputs[place], chain.samples[place]) for place in chosen]


def _kept(job: Job, chain: Chain) -> StageCost:
    """Compare what the run scored with what its own stages make now."""
    pairs = list(zip(chain.kept, chain.predictions, strict=True))
    cost = StageCost(
        stage="reuse",
        against="the same stages once more",
        differs=sum(not alike(*pair) for pair in pairs),
        samples=len(pairs),
    )
    return _priced(job, chain, cost, chain.kept, chain.predictions, "") if cost.differs else cost


def _best(mistakes: Mapping[str, object], fits: Callable[[str], float]) -> str:
    """Return the mistake that explains most of the differing samples, and enough of them; empty if none does."""
    tried: dict[str, float] = {}
    for name in mistakes:
        try:
            tried[name] = fits(name)
        except Exception as error:
            if interrupted(error):
                raise
            continue  # a mistake need not fit these samples, and whatever it raises is not the run's
    best = max(tried, key=lambda name: tried[name], default="")
    return best if best and tried[best] >= MOST else ""


def _priced(
    job: Job, chain: Chain, cost: StageCost, before: Sequence[Arrays], after: Sequence[Arrays], mistake: str
) -> StageCost:
    """Add what a stage costs."""
    uncertainty = job.recipe.manifest.uncertainty
    points, interval = gained(job.recipe.parts.metric, chain.samples, before, after, uncertainty)
    return cost.model_copy(update={"points": points, "interval": interval, "mistake": mistake})
