"""The stages of a run and their references, carried out on some samples."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import PluginError
from zoo_runner.job.options import Stage
from zoo_runner.manifest.load import load
from zoo_runner.manifest.whole_tensors import whole_tensors
from zoo_runner.plugin import loading
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import DeviceArrays
from zoo_runner.plugin.plain import Plain
from zoo_runner.stages.iterators import closed
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.reference_outputs import repeated
from zoo_runner.stages.predict.stage import source_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.attribution.deadline import Deadline
    from zoo_runner.job.job import Job
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays, Sample, Session
    from zoo_runner.stages.convert.engine import Engine

MEMORY: Final = 1 << 29
"""Bytes of inputs and outputs that a search keeps at a time."""


def plain_of(recipe: Recipe) -> Plain:
    """Return what the plugin offers to hold its stages against, for the manifest as its files have it.

    Values of ``--set`` are left out: what they changed differs then.

    Raises:
        PluginError: The hook fails, or returns something else.
        ManifestError: The manifest's files are not valid without the values of ``--set``.
    """
    plugin = loading.load(recipe.manifest.plugin.name)
    config = recipe.config
    if recipe.loaded.overrides and config is not None:
        written = load(recipe.loaded.path).manifest.plugin.config
        config = type(config).model_validate(written)
    made = plugin.plain(config, recipe.parts.network)
    if made is None:
        return Plain()
    if not isinstance(made, Plain):
        raise PluginError(f"plugin {plugin.name!r}: zoo_plain() returned {type(made).__name__}, expected a Plain")
    return made


@dataclass(frozen=True, kw_only=True, eq=False)
class Chain:
    """What each stage makes of each sample.

    Attributes:
        samples: The samples.
        inputs: Of the network; none where results were scored that came from files.
        outputs: Of the run's backend, or of the files.
        graph: Outputs of the exported graph in ONNX Runtime, of the same inputs.
        predictions: Of ``outputs``.
        kept: What the run scored.
        batch: Samples of a call, where one device had all in their order; ``None`` where that is not known.
    """

    samples: Sequence[Sample]
    inputs: Sequence[Arrays]
    outputs: Sequence[Arrays]
    graph: Sequence[Arrays]
    predictions: Sequence[Arrays]
    kept: Sequence[Arrays]
    batch: int | None = None


class Graph:
    """The exported graph in ONNX Runtime, one sample at a time.

    Args:
        job: The run.
        engine: Its model.
    """

    def __init__(self, job: Job, engine: Engine) -> None:
        self._inputs, self._batch = job.recipe.manifest.input_specs, engine.graph_batch
        self._whole = whole_tensors(job.recipe.manifest)
        self._session: Session = engine.open_graphs(self._batch)

    def __call__(self, inputs: Arrays) -> Arrays:
        """Return the outputs of one sample, without batch axis."""
        batch = {spec.name: repeated(spec, inputs[spec.name], self._batch) for spec in self._inputs}
        found = self._session.infer(batch)
        return {name: array if name in self._whole else array[0] for name, array in found.items()}

    def close(self) -> None:
        """Release the graph."""
        self._session.close()


def carried_out(
    job: Job,
    dataset: Sequence[Sample],
    samples: Sequence[Sample],
    kept: Sequence[Arrays],
    engine: Engine | None,
    graph: Graph | None,
    deadline: Deadline,
) -> Chain:
    """Carry out the run's own stages once more, on these samples."""
    outputs: list[Arrays] = []
    with ExitStack() as cleanup:
        source = source_of(job, dataset, samples, engine, Clocks(), cleanup)
        with closed(source.outputs(samples)) as stream:
            outputs += [_owned(each) for each in deadline.over(stream)]
    inputs = [] if graph is None else [job.recipe.preprocess(sample) for sample in deadline.over(samples)]
    return Chain(
        samples=samples,
        inputs=inputs,
        outputs=outputs,
        graph=[] if graph is None else [graph(each) for each in deadline.over(inputs)],
        predictions=predicted(job, samples, outputs, deadline),
        kept=kept,
        batch=None if engine is None or len(job.options.devices) > 1 else job.recipe.manifest.infer.batch,
    )


def predicted(job: Job, samples: Sequence[Sample], outputs: Sequence[Arrays], deadline: Deadline) -> list[Arrays]:
    """Return the predictions that the plugin makes of outputs."""
    found = []
    for sample, each in deadline.over(zip(samples, outputs, strict=True)):
        with calling("zoo_postprocess", sample, each):
            found.append(job.recipe.postprocess(each, sample))
    return found


def _owned(arrays: Arrays) -> Arrays:
    copies: dict[str, Any] = {name: np.array(array) for name, array in arrays.items()}
    return DeviceArrays(copies, arrays.device, arrays.row) if isinstance(arrays, DeviceArrays) else copies


def size_of(job: Job) -> int:
    """Return the bytes of one sample's inputs and outputs."""
    manifest = job.recipe.manifest
    specs = (*manifest.input_specs, *manifest.output_specs)
    return sum(int(np.prod(spec.sample_shape())) * np.dtype(spec.dtype).itemsize for spec in specs)


def why_not(job: Job) -> str:
    """Say why no stage of this run can be exchanged; empty if some can."""
    recipe = job.recipe
    if recipe.manifest.models:
        return "the manifest has several models"
    if recipe.fan_out is not None:
        return "samples take several inferences each"
    if recipe.shapes is not None:
        return "the model has open axes"
    if not job.options.runs(Stage.POSTPROCESS):
        return "no predictions were made"
    return ""
