"""What a mode scores: its variants run over samples on ONNX Runtime, beside fp32 on the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from zoo_runner.errors import StageError
from zoo_runner.manifest.scales import as_numbers
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.scoring import score
from zoo_runner.precision.rounding import Variant, rounded_graph
from zoo_runner.precision.session import opened
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.joining import joined
from zoo_runner.stages.predict.output_checks import fault
from zoo_runner.stages.predict.output_rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import onnx

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays, MetricValue, Progress, Sample
    from zoo_runner.precision.dtypes import Dtypes
    from zoo_runner.precision.graph import FloatGraph
    from zoo_runner.stages.predict.inference import ModelOutputs


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a graph made of the samples.

    Attributes:
        values: Of the metric, as METRIC/PROTOCOL; nothing where the outputs cannot be scored.
        refused: Why they cannot be: what would end a run.
    """

    values: Mapping[str, MetricValue] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class Emulation:
    """What a mode scores.

    Attributes:
        mode: Its name.
        outcomes: By variant.
        notes: What was asked for and cannot be done.
    """

    mode: str
    outcomes: Mapping[Variant, Outcome]
    notes: tuple[str, ...] = ()


def emulate(
    recipe: Recipe,
    graph: FloatGraph,
    dtypes: Dtypes,
    variants: Sequence[Variant],
    samples: Sequence[Sample],
    progress: Progress,
    *,
    mode: str,
) -> Emulation:
    """Run the samples in each of a mode's variants."""
    outcomes = {
        variant: outcome(recipe, rounded_graph(graph, dtypes, variant), samples, progress, f"{mode} ({variant.name})")
        for variant in variants
    }
    return Emulation(mode=mode, outcomes=outcomes, notes=dtypes.notes)


class _RefusedError(StageError):
    """Outputs that would end a run."""


def outcome(
    recipe: Recipe, model: onnx.ModelProto, samples: Sequence[Sample], progress: Progress, label: str
) -> Outcome:
    """Run the samples through a graph of the network, and score them.

    Raises:
        InferenceError: ONNX Runtime cannot run it.
        StageError: The plugin cannot score what it makes.
    """
    predictions: list[Arrays] = []
    with opened(recipe, model) as source, progress.track(label, len(samples), recipe.noun) as advance:
        checked = _Checked(source, recipe)
        outputs = joined(recipe, checked, Clocks()).outputs(samples)
        try:
            for sample, made in zip(samples, outputs, strict=True):
                with calling("zoo_postprocess", sample, made):
                    predictions.append(recipe.postprocess(made, sample))
                advance(1)
        except _RefusedError as error:
            return Outcome(refused=str(error))
    with calling("zoo_metric"):
        values = as_numbers(score(recipe.parts.metric, samples, predictions).values)
    return Outcome(values={f"{value.name}/{value.protocol}": value for value in values})


@dataclass
class _Checked:
    """Outputs of which those end the emulation that would end a run."""

    source: ModelOutputs
    recipe: Recipe

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return nothing: no prediction is kept."""
        del samples
        return ""

    def check(self, samples: Sequence[Sample]) -> None:
        """Do nothing, for the same reason."""

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield each sample's outputs.

        Raises:
            _RefusedError: They are not finite, or not of the kind that the manifest says.
        """
        rules = rules_of(self.recipe.manifest)
        for number, outputs in enumerate(self.source.outputs(samples), start=1):
            for name, array in outputs.items():
                if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
                    raise _RefusedError(
                        f"{array.size - int(finite.sum())} of {array.size} numbers of output {name!r} are not finite "
                        f"(number {number} of the {self.recipe.inferred_noun})"
                    )
            if found := fault(rules, outputs, number):
                raise _RefusedError(found)
            yield outputs
