"""The proof of ``onnx.safe_l2_norm``: on real inputs, every output has the same bits as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.errors import ExportError
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import BATCH, SessionRequest
from zoo_runner.stages.fetch.locate import find_data, read_samples
from zoo_runner.statistics.groups import picked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo_runner.job.job import Job
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays, Sample

SAMPLES: Final = 8
"""Inputs of the proof, evenly over the data set."""


def prove(job: Job, before: Path, after: Path) -> str:
    """Compare two graphs on real inputs.

    Returns:
        What was found, for people.

    Raises:
        DatasetError: There is no data set here to take inputs of.
        ExportError: A bit differs, or the manifest has several networks, whose inputs nobody but its plugin knows.
    """
    recipe = job.recipe
    where = f"{recipe.loaded.locate(('onnx', 'safe_l2_norm'))}: onnx.safe_l2_norm"
    if recipe.name:
        raise ExportError(
            f"{where}: expected a manifest with one network, found several: real inputs prove it; remove it"
        )
    data = find_data(recipe, job.options, job.store, job.journal)
    samples = read_samples(recipe, data.path)
    chosen = picked(samples, slice(None, None, max(1, len(samples) // SAMPLES)))[:SAMPLES]
    for sample, inputs in _inputs(recipe, chosen):
        expected, found = _outputs(recipe, before, inputs), _outputs(recipe, after, inputs)
        for name, array in expected.items():
            if array.tobytes() != found[name].tobytes():
                count = f"{int((array != found[name]).sum())} of {array.size} numbers"
                raise ExportError(
                    f"{where}: expected outputs with the same bits as without it, found others: output {name!r} of "
                    f"sample {sample.id!r} differs in {count}; take another exponent, or remove it"
                )
    return f"the outputs have the same bits as without it on {len(chosen)} real inputs"


def _inputs(recipe: Recipe, samples: Any) -> Iterator[tuple[Sample, Arrays]]:
    """Yield a full batch of each sample alone."""
    batch = 1 if recipe.manifest.onnx.dynamic_batch else recipe.manifest.infer.batch
    whole = {spec.name for spec in recipe.manifest.input_specs if BATCH not in spec.shape}
    for sample in samples if recipe.fan_out is None else list(recipe.fan_out.of(samples))[:SAMPLES]:
        with calling("zoo_preprocess", sample):
            arrays = recipe.preprocess(sample)
        yield sample, {name: array if name in whole else np.stack([array] * batch) for name, array in arrays.items()}


def _outputs(recipe: Recipe, model: Path, inputs: Arrays) -> Mapping[str, NDArray[Any]]:
    manifest = recipe.manifest
    request = SessionRequest(
        model=model,
        inputs=manifest.input_specs,
        outputs=manifest.output_specs,
        batch=1 if manifest.onnx.dynamic_batch else manifest.infer.batch,
        shapes=recipe.shapes,
    )
    session = OnnxRuntimeBackend().open(request)
    try:
        return session.infer(inputs)
    finally:
        session.close()
