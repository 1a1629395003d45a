"""The stages of a run against a golden bundle: data set, network and weights, and pre- and postprocessing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.attribution.chain import predicted
from zoo_runner.attribution.nearness import GOLDEN, INPUTS, OTHER_CHIP, alike, apart
from zoo_runner.attribution.stages import DATA, NETWORK, WEIGHTS, of_inputs, predictions_like
from zoo_runner.attribution.support import changes_of, support_of
from zoo_runner.errors import ZooError
from zoo_runner.golden.comparing import input_hash
from zoo_runner.golden.file import read_bundle
from zoo_runner.golden.mistakes import output_mistake
from zoo_runner.golden.recording import annotations_digest, as_used, file_hashes
from zoo_runner.job.options import Stage
from zoo_runner.report.attribution import StageCost
from zoo_runner.report.ground_truth import sample_digest
from zoo_runner.stages.fetch.locate import fetch_golden

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.attribution.chain import Graph
    from zoo_runner.attribution.seen import Seen
    from zoo_runner.attribution.stages import Look
    from zoo_runner.golden.bundle import GoldenBundle, GoldenSample
    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Arrays, Sample

    Known = list[tuple[GoldenSample, Sample]]

RECORD: Final = "the golden bundle"


def golden_bundle(job: Job) -> GoldenBundle | None:
    """Return the bundle that the manifest names; ``None`` without one of this plugin with these outputs.

    One of other weights or of another network is a reference all the same: that it is one is what is looked for.
    """
    recipe = job.recipe
    if recipe.manifest.golden is None:
        return None
    try:
        found = fetch_golden(recipe, job.options, job.store, job.journal)
        bundle = None if found is None else read_bundle(found.path)
    except ZooError as error:
        job.journal.note(f"the search for the stage at fault goes without the golden bundle: {error}")
        return None
    names = {spec.name for spec in recipe.manifest.output_specs}
    if bundle is None or bundle.provenance.plugin != recipe.manifest.plugin.name:
        return None
    return bundle if all(each.outputs.keys() == names for each in bundle.samples) else None


def against_golden(look: Look, bundle: GoldenBundle, seen: Seen, before: Sequence[StageCost]) -> list[StageCost]:
    """Return a line for each stage that the bundle is a reference of.

    Args:
        look: What is looked at.
        bundle: The bundle.
        seen: The run.
        before: Lines of stages that differ from other references: these are not looked at again.
    """
    own = {sample.id: sample for sample in seen.dataset}
    known = [(each, own[each.id]) for each in bundle.samples if each.id in own]
    same = [(each, sample) for each, sample in known if each.files == file_hashes(sample)]
    told = {each.stage for each in before if each.differs}
    found = [_data(look, bundle, seen, known, len(known) - len(same))]
    if look.graph is not None and same:
        if Stage.PREPROCESS.value not in told:
            found += _preprocess(look, same)
        if NETWORK not in told:
            found += _network(look, look.graph, bundle, same)
    if Stage.POSTPROCESS.value not in told and known:
        found.append(_postprocess(look, known))
    return found


def _data(look: Look, bundle: GoldenBundle, seen: Seen, known: Known, files: int) -> StageCost:
    """Compare the whole data set's annotations, and the files of the golden samples."""
    texts = []
    digests = {annotations_digest(seen.dataset), annotations_digest(seen.samples)}
    if bundle.annotations not in digests:
        now = support_of(look.job.recipe.parts.metric, seen.dataset, seen.predictions)
        texts.append(changes_of(bundle.support, now) or "annotations changed")
    told = sum(each.annotations != sample_digest(sample).hex() for each, sample in known)
    if told:
        texts.append(f"those of {told} of {len(known)} golden {look.job.recipe.noun} are other ones")
    if files:
        texts.append(f"files of {files} of {len(known)} golden {look.job.recipe.noun} are other ones")
    if gone := len(bundle.samples) - len(known):
        texts.append(f"{gone} of {len(bundle.samples)} golden {look.job.recipe.noun} are gone")
    return StageCost(stage=DATA, against=f"{RECORD}'s", differs=int(bool(texts)), samples=1, mistake="; ".join(texts))


def _preprocess(look: Look, known: Known) -> list[StageCost]:
    """Compare inputs with the recorded ones; where only the hash is known, only an equal one says something."""
    inputs = [look.job.recipe.preprocess(sample) for _, sample in look.deadline.over(known)]
    pairs, samples = [], []
    equal = 0
    for (golden, sample), found in zip(known, inputs, strict=True):
        recorded = _recorded(golden, found)
        if {name: input_hash(array) for name, array in found.items()} == golden.hashes:
            equal += 1
        elif recorded:
            pairs.append((found, recorded))
            samples.append(sample)
    differing = [place for place, pair in enumerate(pairs) if not apart(*pair) <= INPUTS]
    if not equal and not pairs:
        return []
    mistake = ""
    if differing:
        others, right = ([pairs[place][side] for place in differing] for side in (0, 1))
        mistake = of_inputs(look, [samples[place] for place in differing], others, right)
    cost = StageCost(
        stage=Stage.PREPROCESS.value,
        against=f"{RECORD}'s inputs",
        differs=len(differing),
        samples=equal + len(pairs),
        mistake=mistake,
    )
    return [cost]


def _recorded(golden: GoldenSample, like: Arrays) -> Arrays:
    """Return the recorded inputs in the types that the network takes; none where they are not all there."""
    if golden.inputs.keys() != like.keys():
        return {}
    return {name: np.asarray(array).astype(like[name].dtype) for name, array in golden.inputs.items()}


def _network(look: Look, graph: Graph, bundle: GoldenBundle, known: Known) -> list[StageCost]:
    """Give the graph the right inputs, and compare its outputs with the recorded ones."""
    specs, plain = look.job.recipe.manifest.output_specs, look.plain.preprocess
    pairs: list[tuple[Arrays, Arrays]] = []
    differing = []
    for golden, sample in look.deadline.over(known):
        own = look.job.recipe.preprocess(sample)
        right, limit = _recorded(golden, own), GOLDEN
        if not right and {name: input_hash(array) for name, array in own.items()} == golden.hashes:
            right = own
        elif not right and plain is not None:
            right, limit = plain(sample), OTHER_CHIP
        if not right:
            continue
        pair = (graph(right), as_used(look.job.recipe, golden.outputs))
        if not apart(*pair) <= limit:
            differing.append(len(pairs))
        pairs.append(pair)
    if not pairs:
        return []
    found, expected = ([pairs[place][side] for place in differing] for side in (0, 1))
    shaped = all(
        one[name].shape == other[name].shape for one, other in zip(found, expected, strict=True) for name in one
    )
    cost = StageCost(
        stage=_of_network(look.job, bundle) if differing else NETWORK,
        against=f"{RECORD}'s outputs",
        differs=len(differing),
        samples=len(pairs),
        mistake=output_mistake(specs, found, expected) if found and shaped else "",
    )
    return [cost]


def _of_network(job: Job, bundle: GoldenBundle) -> str:
    """Say what outputs that differ are the fault of: what is another one than the bundle's, or else the code."""
    weights = {each.sha256 for each in job.journal.artifacts if each.name == WEIGHTS and each.sha256}
    if bundle.provenance.network != job.recipe.network:
        return NETWORK
    if weights and bundle.provenance.weights not in weights:
        return WEIGHTS
    environment, name = job.journal.environment, "onnxruntime"
    now = environment.packages.get(name) if environment else None
    return Stage.INFER.value if now and bundle.provenance.versions.get(name, now) != now else NETWORK


def _postprocess(look: Look, known: Known) -> StageCost:
    """Give the postprocessing the recorded outputs, and compare its predictions with the recorded ones."""
    samples = [sample for _, sample in known]
    given = [as_used(look.job.recipe, golden.outputs) for golden, _ in known]
    found = predicted(look.job, samples, given, look.deadline)
    differing = [place for place, (golden, _) in enumerate(known) if not alike(found[place], golden.prediction)]
    some = [(given[place], samples[place]) for place in differing]
    return StageCost(
        stage=Stage.POSTPROCESS.value,
        against=f"{RECORD}'s predictions",
        differs=len(differing),
        samples=len(known),
        mistake=predictions_like(look, some, [found[place] for place in differing]) if some else "",
    )
