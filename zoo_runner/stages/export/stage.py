"""Stage ``export``: the checkpoint becomes an ONNX model that computes the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.job.key_parts import remember
from zoo_runner.job.options import Stage
from zoo_runner.stages.export.model import export_model, export_parts
from zoo_runner.stages.fetch.trust import in_use

if TYPE_CHECKING:
    from zoo_runner.job.job import Job
    from zoo_runner.stages.export.model import ModelFile
    from zoo_runner.stages.fetch.trust import Fetched


def export(job: Job, weights: Fetched) -> ModelFile:
    """Export the network with these weights, or find the model that was exported before.

    Raises:
        StageError: The weights do not fit, or the exported model computes something else.
    """
    with job.journal.stage(Stage.EXPORT) as note:
        with in_use(weights):
            model = export_model(job.recipe, weights, job.store_for(Stage.EXPORT), job.journal.warn)
        remember(job.recipe, job.store, "onnx", export_parts(job.recipe, weights.sha256))
        job.journal.artifact("onnx", model.path, sha256=model.sha256)
        worst = max(model.differences.values(), default=0.0)
        note.why = "; ".join([f"torch and ONNX Runtime differ by at most {worst:.1e} (relative)", *model.notes])
        for text in model.notes:
            job.journal.note(f"weights: {text}")
        if model.reused:
            note.skip(f"unchanged; {note.why}")
    return model
