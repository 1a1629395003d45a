"""Outputs of parts -> predictions of samples, joined as they come: no sample's outputs are in memory together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.errors import InferenceError, PluginError
from zoo_runner.job.part_samples import PARTS
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.parts import JoiningPostprocess
from zoo_runner.stages.fetch.sample_keys import facts
from zoo_runner.stages.iterators import closed
from zoo_runner.stages.predict.pipeline import warm
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from zoo_runner.job.part_samples import PartInputs, PartSample
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays, Progress, Sample
    from zoo_runner.plugin.parts import Joiner
    from zoo_runner.stages.predict.clocks import Clocks
    from zoo_runner.stages.predict.pipeline import OutputSource


@dataclass(kw_only=True)
class JoinedOutputs:
    """What is joined of the outputs of each sample's parts: its prediction.

    Attributes:
        source: Has the outputs of parts.
        inputs: Says which parts samples have.
        postprocess: Joins them.
        clocks: Told how long ``postprocess`` was busy.
    """

    source: OutputSource
    inputs: PartInputs
    postprocess: JoiningPostprocess
    clocks: Clocks

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the source's for all parts, and what is known of the samples that they are of."""
        parts = tuple(self.inputs.of(samples))
        known = [[facts(sample) for sample in samples], [part.count for part in parts if part.last]]
        return fingerprint("joined", known, self.source.identity(parts))

    def check(self, samples: Sequence[Sample]) -> None:
        """Do what the source does, for the parts."""
        self.source.check(tuple(self.inputs.of(samples)))

    def warm(self, samples: int) -> None:
        """Pass on how much is coming at least."""
        warm(samples, self.source, self.postprocess)

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield each sample's prediction.

        Raises:
            InferenceError: The source has outputs of fewer parts, or of more, than it was asked for.
            PluginError: The postprocessing's ``finish`` returned no prediction.
        """
        asked: deque[PartSample] = deque()
        joiner: Joiner | None = None
        with closed(self.source.outputs(self._noted(samples, asked))) as found:
            for outputs in found:
                if not asked:
                    raise InferenceError("outputs of parts: expected none after the last part, found more; report this")
                part = asked.popleft()
                with self.clocks.measure("postprocess"), calling("zoo_postprocess", part, outputs):
                    joiner = self.postprocess.start(part.whole, part.count) if joiner is None else joiner
                    joiner.add(outputs)
                    prediction = joiner.finish() if part.last else None
                if part.last:
                    joiner = None
                    if not isinstance(prediction, Mapping):
                        kind = type(prediction).__name__
                        raise PluginError(f"finish() of {part.whole.id!r} returned {kind}, expected arrays by name")
                    yield prediction
        if asked:
            raise InferenceError(f"outputs of {asked[0].id!r}: expected as many as there are parts, found none")

    def _noted(self, samples: Iterable[Sample], asked: deque[PartSample]) -> Iterator[Sample]:
        for part in self.inputs.of(samples):
            asked.append(part)
            yield part


def parts_of(recipe: Recipe, samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the parts of samples that have several; else the samples."""
    return samples if recipe.fan_out is None else tuple(recipe.fan_out.of(samples))


def joined(recipe: Recipe, source: OutputSource, clocks: Clocks) -> OutputSource:
    """Return what joins the outputs of parts; of samples without parts, the outputs as they are."""
    fan_out, postprocess = recipe.fan_out, recipe.parts.postprocess
    if fan_out is None or not isinstance(postprocess, JoiningPostprocess):
        return source
    return JoinedOutputs(source=source, inputs=fan_out, postprocess=postprocess, clocks=clocks)


def note_parts(recipe: Recipe, samples: Sequence[Sample], progress: Progress) -> None:
    """Say how many inferences samples take, where each takes several."""
    if recipe.fan_out is not None:
        progress.note(f"{len(samples)} {recipe.noun} take {len(parts_of(recipe, samples))} {PARTS}")
