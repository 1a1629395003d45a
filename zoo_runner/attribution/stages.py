"""The stages of a run, each against what the plugin offers, or the exported graph, on some samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.attribution.chain import predicted
from zoo_runner.attribution.costs import gained
from zoo_runner.attribution.deadline import OutOfTimeError
from zoo_runner.attribution.nearness import INPUTS, OTHER_CHIP, SAME_CHIP, alike, apart
from zoo_runner.attribution.places import where
from zoo_runner.errors import interrupted
from zoo_runner.golden.mistakes import MOST, input_mistake, nearly, output_mistake
from zoo_runner.job.job import CPU
from zoo_runner.job.options import Stage
from zoo_runner.report.attribution import StageCost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zoo_runner.attribution.chain import Chain, Graph
    from zoo_runner.attribution.deadline import Deadline
    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.plain import Plain

TRIED: Final = 12
"""Differing samples that the usual mistakes are tried on."""
PLAIN: Final = "the plugin's plain implementation"
NETWORK, WEIGHTS, DATA, REUSE = "network", "weights", "data", "reuse"
"""What is at fault beside the stages by their names."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """What a search looks at.

    Attributes:
        job: The run.
        plain: What the plugin offers to hold its stages against.
        chain: What the run's stages make of some samples.
        graph: The exported graph; ``None`` where results came from files.
        deadline: When the search ends.
    """

    job: Job
    plain: Plain
    chain: Chain
    graph: Graph | None
    deadline: Deadline


def against_plain(look: Look) -> list[StageCost]:
    """Return a line for each stage that has a reference without any record of another run."""
    found: list[StageCost] = []
    if look.graph is not None:
        if look.plain.preprocess:
            found.append(_preprocess(look, look.graph, look.plain.preprocess))
        found.append(_infer(look))
    if look.plain.postprocess is not None:
        found.append(_postprocess(look, look.plain.postprocess))
    found.append(_kept(look))
    return found


def _preprocess(look: Look, graph: Graph, made: Callable[[Sample], Arrays]) -> StageCost:
    chain = look.chain
    right = [made(sample) for sample in look.deadline.over(chain.samples)]
    far = [apart(*pair) for pair in zip(chain.inputs, right, strict=True)]
    differing = [place for place, each in enumerate(far) if not each <= INPUTS]
    cost = StageCost(stage=Stage.PREPROCESS.value, against=PLAIN, differs=len(differing), samples=len(chain.samples))
    if not differing:
        return cost
    some = differing[:TRIED]
    samples = [chain.samples[place] for place in some]
    mistake = of_inputs(look, samples, [chain.inputs[place] for place in some], [right[place] for place in some])
    if float("inf") in far:
        return cost.model_copy(update={"mistake": mistake})
    outputs = [graph(each) for each in look.deadline.over(right)]
    before, after = (predicted(look.job, chain.samples, outs, look.deadline) for outs in (chain.graph, outputs))
    return _priced(look, cost, before, after, mistake)


def of_inputs(look: Look, samples: Sequence[Sample], found: Sequence[Arrays], right: Sequence[Arrays]) -> str:
    """Name what makes the inputs that were found of the right ones; empty where no usual mistake does."""
    return input_mistake(found, right) or _inputs_like(look, samples, found) or nearly(found, right)


def _inputs_like(look: Look, samples: Sequence[Sample], found: Sequence[Arrays]) -> str:
    """Return the plugin's mistake that gives the inputs which were found of these samples; empty if none does."""
    mistakes = look.plain.input_mistakes

    def fits(name: str) -> float:
        near = [
            apart(one, mistakes[name](sample)) <= INPUTS
            for one, sample in look.deadline.over(zip(found, samples, strict=True))
        ]
        return sum(near) / len(near)

    return _best(mistakes, fits)


def _infer(look: Look) -> StageCost:
    job, chain = look.job, look.chain
    limit = SAME_CHIP if job.chip == CPU else OTHER_CHIP
    pairs = list(zip(chain.outputs, chain.graph, strict=True))
    differing = [place for place, pair in enumerate(pairs) if not apart(*pair) <= limit]
    cost = StageCost(
        stage=Stage.INFER.value,
        against="the exported graph in ONNX Runtime",
        differs=len(differing),
        samples=len(pairs),
        where=where(chain.outputs, differing, chain.batch, job.recipe.noun),
    )
    if not differing:
        return cost
    if job.backend is not None and job.backend.name == "onnxruntime":
        # The same program computed both: the graph gives a sample other outputs beside others than beside itself.
        cost = cost.model_copy(update={"stage": NETWORK, "against": "the exported graph, each sample alone"})
    specs = job.recipe.manifest.output_specs
    mistake = output_mistake(specs, *([pairs[place][side] for place in differing[:TRIED]] for side in (0, 1)))
    right = predicted(job, chain.samples, chain.graph, look.deadline)
    return _priced(look, cost, chain.predictions, right, mistake)


def _postprocess(look: Look, made: Callable[[Arrays, Sample], Arrays]) -> StageCost:
    chain = look.chain
    given = list(zip(chain.outputs, chain.samples, strict=True))
    right = [made(*each) for each in look.deadline.over(given)]
    differing = [place for place, each in enumerate(right) if not alike(chain.predictions[place], each)]
    cost = StageCost(stage=Stage.POSTPROCESS.value, against=PLAIN, differs=len(differing), samples=len(right))
    if not differing:
        return cost
    some = differing[:TRIED]
    mistake = predictions_like(look, [given[place] for place in some], [chain.predictions[place] for place in some])
    return _priced(look, cost, chain.predictions, right, mistake)


def predictions_like(look: Look, given: Sequence[tuple[Arrays, Sample]], found: Sequence[Arrays]) -> str:
    """Return the plugin's mistake that gives the predictions which were found of these outputs; empty if none does."""
    mistakes = look.plain.prediction_mistakes

    def fits(name: str) -> float:
        near = [alike(one, mistakes[name](*each)) for one, each in look.deadline.over(zip(found, given, strict=True))]
        return sum(near) / len(near)

    return _best(mistakes, fits)


def _kept(look: Look) -> StageCost:
    """Compare what the run scored with what its own stages make now."""
    chain = look.chain
    pairs = list(zip(chain.kept, chain.predictions, strict=True))
    cost = StageCost(
        stage=REUSE,
        against="the same stages once more",
        differs=sum(not alike(*pair) for pair in pairs),
        samples=len(pairs),
    )
    return _priced(look, cost, chain.kept, chain.predictions, "") if cost.differs else cost


def _best(mistakes: Mapping[str, object], fits: Callable[[str], float]) -> str:
    """Return the mistake that explains most of the differing samples, and enough of them; empty if none does."""
    tried: dict[str, float] = {}
    for name in mistakes:
        try:
            tried[name] = fits(name)
        except OutOfTimeError:
            raise
        except Exception as error:
            if interrupted(error):
                raise
            continue  # a mistake need not fit these samples, and whatever it raises is not the run's
    best = max(tried, key=lambda name: tried[name], default="")
    return best if best and tried[best] >= MOST else ""


def _priced(look: Look, cost: StageCost, before: Sequence[Arrays], after: Sequence[Arrays], mistake: str) -> StageCost:
    """Add what a stage costs."""
    look.deadline.check()
    uncertainty = look.job.recipe.manifest.uncertainty
    points, interval = gained(look.job.recipe.parts.metric, look.chain.samples, before, after, uncertainty)
    return cost.model_copy(update={"points": points, "interval": interval, "mistake": mistake})
