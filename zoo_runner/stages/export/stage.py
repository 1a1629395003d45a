"""Stage ``export``: the checkpoint becomes an ONNX model that computes the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.job.journal import StageNote
from zoo_runner.job.key_parts import remember
from zoo_runner.job.options import Stage
from zoo_runner.stages.export.declared import NONE, WHY, require_runnable, unchecked
from zoo_runner.stages.export.differences import UNCOMPARED
from zoo_runner.stages.export.given import given_parts
from zoo_runner.stages.export.model import ModelFile, export_model, export_parts, given_model, published_model
from zoo_runner.stages.export.published import NOT_COMPARED, missing_packages, not_compared
from zoo_runner.stages.export.safe_norms import BEFORE
from zoo_runner.stages.fetch.code_tree import CodeTree, code_tree
from zoo_runner.stages.fetch.trust import in_use
from zoo_runner.stages.steps import shown_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo_runner.job.job import Job
    from zoo_runner.stages.fetch.stage import ModelFiles
    from zoo_runner.stages.fetch.trust import Fetched


def export(job: Job, files: Mapping[str, ModelFiles]) -> Mapping[str, ModelFile]:
    """Export each network with its weights, or find the models that were exported before.

    Args:
        job: The run.
        files: Of each network by name: the weights, and the export that is run in place of an own one.

    Returns:
        The models by the same names.

    Raises:
        StageError: Weights do not fit, an exported model computes something else, or a published one is of another
            origin.
    """
    with job.journal.stage(Stage.EXPORT) as note, shown_by(job.journal.track):
        makes = any(_makes(alone, files[name]) for name, alone in job.models.items())
        code = code_tree(job) if makes else None
        if code is not None:
            job.journal.artifact("code", code.path, sha256=code.archive.sha256, origin=code.archive.origin)
        found = {name: _exported(alone, files[name], code) for name, alone in job.models.items()}
        notes = {name: said for name, (_, said) in found.items()}
        note.why, note.skipped = joined(notes)
    return {name: model for name, (model, _) in found.items()}


def joined(notes: Mapping[str, StageNote]) -> tuple[str, bool]:
    """Return what a stage says of several networks, and whether it had nothing to do for any of them."""
    texts = [f"{name}: {note.why}" if name else note.why for name, note in notes.items() if note.why]
    return "; ".join(texts), all(note.skipped for note in notes.values())


def _makes(job: Job, files: ModelFiles) -> bool:
    """Say whether a network is made here: not where it is given, or nothing can be exported."""
    replaced = files.published is not None or job.options.accept_unstamped
    return not job.recipe.given_onnx and not (replaced and missing_packages(job.recipe))


def _exported(job: Job, files: ModelFiles, code: CodeTree | None) -> tuple[ModelFile, StageNote]:
    """Export one network, and say of it what the stage says."""
    weights, published, note = files.weights, files.published, StageNote()
    if job.options.accept_unstamped and published is None and missing_packages(job.recipe):
        note.skip("nothing is converted, and nothing can be exported here to compare the given model with")
        file, sha256 = weights.file, weights.sha256
        return ModelFile(path=file.path, sha256=file.sha256, reused=True, differences={}, weights=sha256), note
    model, origin = _model(job, weights, published, code)
    for script in job.recipe.transforms:
        job.journal.artifact(job.recipe.named("transform"), script.path, sha256=script.sha256, origin=script.key)
    job.journal.artifact(job.recipe.named("onnx"), model.path, sha256=model.sha256, origin=origin)
    check = job.recipe.manifest.onnx.check
    if check == NONE:
        note.why = "; ".join([WHY, *model.notes])
        _unchecked(job, model)
    elif job.recipe.given_onnx:
        note.why = "the ONNX file was given; it has the manifest's tensors, and nothing was exported"
    elif published is not None and (missing := missing_packages(job.recipe)):
        note.why = not_compared(missing)
        job.journal.remarks.append(NOT_COMPARED)
    else:
        worst, others = max(model.differences.values(), default=0.0), "a new export" if published else "torch"
        ours = "the published ONNX" if published else "ONNX Runtime"
        note.why = "; ".join([f"{others} and {ours} differ by at most {worst:.1e} (relative)", *model.notes])
    job.journal.remarks += [text for text in model.notes if UNCOMPARED in text]
    if job.recipe.manifest.onnx.safe_l2_norm is not None:
        job.journal.note(f"{job.recipe.named('onnx')}: {_proven(job, weights, model, published, code)}")
    for text in model.notes:
        job.journal.note(f"{job.recipe.named('weights')}: {text}")
    if model.reused:
        note.skip(f"unchanged; {note.why}")
    elif published is not None or job.recipe.given_onnx or check == NONE:
        job.journal.note(f"export: {job.recipe.name}{': ' if job.recipe.name else ''}{note.why}")
    return model, note


def _proven(job: Job, weights: Fetched, model: ModelFile, published: Fetched | None, code: CodeTree | None) -> str:
    """Prove that scaled L2 norms changed no bit; of a published export, where one can be made here."""
    from zoo_runner.stages.export.norm_proof import prove  # noqa: PLC0415 - few manifests ask for it

    before = model.path.with_name(BEFORE)
    if published is not None and not job.recipe.given_onnx:
        if missing_packages(job.recipe):
            text = "onnx.safe_l2_norm: nothing can be exported here to prove the published ONNX with"
            job.journal.remarks.append(text)
            return text
        own = export_model(job.recipe, weights, job.store_for(Stage.EXPORT), job.journal.warn, code)
        before = own.path.with_name(BEFORE)
    return f"onnx.safe_l2_norm: {prove(job, before, model.path)}"


def _unchecked(job: Job, model: ModelFile) -> None:
    """Say beside the verdict that a graph was not run; where ONNX Runtime is what runs it, it must be able to."""
    job.journal.remarks += [text for text in unchecked(job.recipe) if text not in job.journal.remarks]
    if isinstance(job.backend, OnnxRuntimeBackend):
        require_runnable(job.recipe, model.path)


def _model(job: Job, weights: Fetched, published: Fetched | None, code: CodeTree | None) -> tuple[ModelFile, str]:
    """Return the model, and where it came from; keep what its key is made of."""
    recipe, store, warn = job.recipe, job.store_for(Stage.EXPORT), job.journal.warn
    with in_use(weights):
        if recipe.given_onnx:
            model, parts = given_model(recipe, weights, store, job.journal), given_parts(recipe, weights.sha256)
        elif published is not None:
            model, parts = published_model(recipe, weights, published, store, warn, code)
        else:
            model, parts = export_model(recipe, weights, store, warn, code), export_parts(recipe, weights.sha256, code)
    remember(recipe, job.store, "onnx", parts)
    return model, published.origin if published else weights.file.origin if recipe.given_onnx else ""
