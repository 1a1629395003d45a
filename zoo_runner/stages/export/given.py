"""An ONNX file that is given as the weights: used as it is, once it is shown to have the manifest's tensors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.errors import ExportError, InferenceError, PrerequisiteError
from zoo_runner.plugin.interfaces import SessionRequest
from zoo_runner.plugin.tensors import declared_texts
from zoo_runner.stages.export.compared_sizes import calls, compared_sizes
from zoo_runner.stages.export.declared import check_declared
from zoo_runner.stages.export.external_data import has_external_data
from zoo_runner.stages.export.foreign_imports import imports_of
from zoo_runner.stages.export.large_given import take_others
from zoo_runner.stages.export.origin import options_of
from zoo_runner.stages.export.published import copy_checked
from zoo_runner.stages.export.random_inputs import random_inputs
from zoo_runner.used_code.libraries import EXPORTING, PREDICTING, versions

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.stages.fetch.trust import Fetched
    from zoo_runner.store.store import Store

BATCHES = (1, 3)
"""A batch size that is baked into the graph shows at one of them."""


def given_parts(recipe: Recipe, weights_sha256: str) -> dict[str, object]:
    """Return what the key of a given model is made of: the file, and what it is held against."""
    manifest = recipe.manifest
    return {
        "given": weights_sha256,
        "member": manifest.weights.member,
        "inputs": declared_texts(manifest.input_specs),
        "outputs": declared_texts(manifest.output_specs),
        "onnx": options_of(recipe),
        "libraries": dict(versions(PREDICTING)),
        **(_of_scripts(recipe) if recipe.transforms else {}),
    }


def _of_scripts(recipe: Recipe) -> dict[str, object]:
    imports = imports_of(recipe.transforms, recipe.disk)
    return {"imports of scripts": imports, "libraries of scripts": dict(versions(EXPORTING))}


def take_given(recipe: Recipe, weights: Fetched, target: Path, store: Store, progress: Progress) -> None:
    """Copy a given file, and the files beside it in which it keeps tensors.

    Args:
        recipe: The run's recipe.
        weights: The file, or the archive with it.
        target: Where the copy goes: with nothing beside it that takes no part.
        store: Where an archive is unpacked.
        progress: Shown while it is.

    Raises:
        ChangedError: It is not what it was when it was hashed.
        ExportError: It keeps tensors in other files, and they are not in one archive with it.
    """
    copy_checked(weights.file, target)
    if has_external_data(target):
        take_others(recipe, weights, target, store, progress)


def check_given(recipe: Recipe, weights: Fetched, target: Path) -> None:
    """Run a graph that was given at two batch sizes, and at the ends of every open axis.

    With ``onnx.check: none`` only what the file says of its tensors is looked at.

    Args:
        recipe: The run's recipe.
        weights: The file that it comes from, for messages.
        target: The graph, as the manifest's scripts left it.

    Raises:
        ExportError: It is no model, or has other tensors than the manifest says.
    """
    manifest = recipe.manifest
    if manifest.onnx.check == "none":
        check_declared(manifest, target, weights.origin)
        return
    batches = BATCHES if manifest.onnx.dynamic_batch else (manifest.infer.batch,)
    request = SessionRequest(
        model=target,
        inputs=manifest.input_specs,
        outputs=manifest.output_specs,
        batch=max(batches),
        shapes=recipe.shapes,
    )
    try:
        session = OnnxRuntimeBackend().open(request)
        for batch, sizes in calls(batches, compared_sizes(recipe.shapes)):
            session.infer(random_inputs(manifest.input_specs, batch, sizes))
        session.close()
    except PrerequisiteError as error:
        raise PrerequisiteError(f"{error}; a given ONNX file is run once to see that it fits the manifest") from error
    except InferenceError as error:
        text = str(error).replace(str(target), weights.origin)
        batch_of = re.search(r"expected \S+ \w+\[(\d+)[,\]].*found \S+ \w+\[(\d+)[,\]]", text)
        fixed = batch_of is not None and manifest.onnx.dynamic_batch and batch_of[1] != batch_of[2]
        hint = "; its batch size is fixed: set onnx.dynamic_batch: false, and infer.batch to that" if fixed else ""
        raise ExportError(f"the given ONNX does not fit the manifest: {text}{hint}") from error
