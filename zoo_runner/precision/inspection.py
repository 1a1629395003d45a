"""``zoo-run precision``: from a manifest to what lower precision does to its network. It makes no verdict of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import StageError, UsageError
from zoo_runner.job.journal import Journal
from zoo_runner.job.recipe import resolve
from zoo_runner.plugin.nouns import own_noun
from zoo_runner.precision.ascend import overflow_rules
from zoo_runner.precision.dtypes import dtypes_of
from zoo_runner.precision.emulation import emulate, outcome
from zoo_runner.precision.findings import findings_of
from zoo_runner.precision.graph import read_float_graph
from zoo_runner.precision.modes import EMULATED, asked_mode, meant, unemulated
from zoo_runner.precision.probe import require_emulation
from zoo_runner.precision.rounding import Variant
from zoo_runner.precision.scan import scan
from zoo_runner.precision.side_files import read_wishes
from zoo_runner.precision.words import UNKNOWN, Answer, answer_of, limits_of
from zoo_runner.runner import open_job
from zoo_runner.stages.export.stage import export
from zoo_runner.stages.export.told import told
from zoo_runner.stages.fetch.stage import fetch
from zoo_runner.stages.threads import one_thread_a_call
from zoo_runner.statistics.groups import group_count, picked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.job.options import RunOptions
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Progress, Sample
    from zoo_runner.precision.findings import Findings
    from zoo_runner.precision.graph import FloatGraph
    from zoo_runner.precision.modes import Asked
    from zoo_runner.precision.scan import Ranges
    from zoo_runner.precision.side_files import Wishes
    from zoo_runner.store.store import Store

SCANNED: Final = 16
"""Samples of a range scan, where nobody says how many."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a manifest.

    Attributes:
        samples: How many samples are looked at; ``None`` for 16 in the scan, and all in the emulation.
        emulate: Whether modes are emulated too.
        modes: Which; none for all that can be, and the manifest's own.
    """

    samples: int | None = None
    emulate: bool = False
    modes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found.

    Attributes:
        name: Of the manifest.
        noun: What the samples are called.
        chip: The chip whose rule of overflow was taken; empty if it is unknown.
        asked: The mode that the manifest asks for.
        graph: The network.
        ranges: What its tensors held.
        findings: What that means.
        wishes: What the manifest's files ask for.
        emulated: How many samples were emulated; 0 where that was not asked for.
        answers: By mode: in the order in which they were asked for.
    """

    name: str
    noun: str
    chip: str
    asked: Asked
    graph: FloatGraph
    ranges: Ranges
    findings: Findings
    wishes: Wishes
    emulated: int = 0
    answers: tuple[Answer, ...] = ()

    @property
    def own_answer(self) -> Answer | None:
        """What is said of the mode that the manifest asks for; ``None`` where it was not emulated."""
        return next((each for each in self.answers if each.mode == self.asked.mode), None)


def inspect(
    loaded: LoadedManifest, options: RunOptions, question: Question, *, store: Store, progress: Progress
) -> Inspection:
    """Fetch and export as a run would, and look at the network's numbers.

    Args:
        loaded: The manifest.
        options: Of a run on ONNX Runtime.
        question: What is asked.
        store: Has what was made before.
        progress: Is told what happens.

    Raises:
        UsageError: The manifest has several networks.
        ZooError: As a run would be refused; or the network, or a file beside the manifest, cannot be read.
    """
    job, samples, graph = prepared(loaded, options, store, progress)
    recipe, chip = job.recipe, options.soc or loaded.manifest.atc.soc_version or ""
    asked = asked_mode(recipe.loaded)
    wishes = read_wishes(recipe.loaded, graph, chip, recipe.manifest.infer.batch)
    if question.emulate:
        require_emulation()  # before minutes of work
    looked_at = spread(samples, question.samples or SCANNED)
    ranges = scan(recipe, graph, looked_at, progress)
    found = Inspection(
        name=recipe.manifest.name,
        noun=recipe.noun,
        chip=chip,
        asked=asked,
        graph=graph,
        ranges=ranges,
        findings=findings_of(graph, ranges),
        wishes=wishes,
    )
    return found if not question.emulate else _emulated(job, found, question, samples)


def prepared(
    loaded: LoadedManifest, options: RunOptions, store: Store, progress: Progress
) -> tuple[Job, Sequence[Sample], FloatGraph]:
    """Fetch and export as a run would.

    Returns:
        The run, the samples that it is about, and the network.

    Raises:
        UsageError: The manifest has several networks.
        ZooError: As a run would be refused, or the network cannot be read.
    """
    if several := loaded.manifest.models:
        raise UsageError(f"{loaded.path}: expected one network to look at, found models {', '.join(several)}")
    recipe = resolve(loaded, options)
    journal = Journal(loaded=recipe.loaded, progress=progress, noun=own_noun(recipe.parts.dataset))
    job = open_job(recipe, options, store, journal)
    inputs = fetch(job)
    if not inputs.models:
        raise StageError("expected weights to look at, found none")
    ((_, model),) = export(job, inputs.models).items()
    one_thread_a_call()
    return told(job, model.path), job.chosen(inputs.samples), read_float_graph(model.path)


def spread(samples: Sequence[Sample], count: int) -> Sequence[Sample]:
    """Return about so many of the samples, evenly over all of them; groups are not cut."""
    groups = group_count(samples) or len(samples)
    return samples if count >= groups else picked(samples, slice(None, None, -(-groups // count)))


def _emulated(job: Job, found: Inspection, question: Question, samples: Sequence[Sample]) -> Inspection:

    recipe, progress = job.recipe, job.journal.progress
    if question.samples:
        samples = spread(samples, question.samples)
    fp32 = outcome(recipe, found.graph.model, samples, progress, "fp32")
    if fp32.refused:
        raise StageError(f"fp32 itself: {fp32.refused}")
    limits, left = limits_of(job, samples, fp32)
    variants = [
        Variant(overflow=rule, joined=joined) for rule in overflow_rules(found.chip) for joined in (False, True)
    ]
    answers = []
    for mode in dict.fromkeys([*map(meant, question.modes or EMULATED), found.asked.mode]):
        if reason := unemulated(mode, found.chip):
            answers.append(Answer(mode=mode, word=UNKNOWN, why=(reason,)))
            continue
        dtypes = dtypes_of(found.graph, mode, found.wishes, found.chip)
        made = emulate(recipe, found.graph, dtypes, variants, samples, progress, mode=mode)
        answers.append(answer_of(made, limits, left))
    return replace(found, emulated=len(samples), answers=tuple(answers))
