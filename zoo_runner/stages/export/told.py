"""Tell a postprocessing what a model that is given as ONNX says of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.model_texts import ToldPostprocess
from zoo_runner.stages.export.metadata import model_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_runner.job.job import Job


def told(job: Job, model: Path) -> Job:
    """Return the job with a postprocessing that knows the model's metadata, where it asks for them.

    Args:
        job: The run.
        model: The graph, as its scripts left it.

    Raises:
        ExportError: The file is no ONNX model.
        PluginError: The postprocessing does not find there what it needs.
    """
    recipe = job.recipe
    postprocess = recipe.parts.postprocess
    if not recipe.given_onnx or not isinstance(postprocess, ToldPostprocess):
        return job
    metadata = model_metadata(model)
    with calling("zoo_postprocess"):
        bound = postprocess.told(metadata)
    return replace(job, recipe=replace(recipe, parts=replace(recipe.parts, postprocess=bound)))
