"""An ONNX file on this machine's processor, one sample after the other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import InferenceError, UsageError
from zoo_runner.manifest.whole_tensors import whole_tensors
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.interfaces import SessionRequest
from zoo_runner.replay.remaking import inputs_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zoo_runner.plugin.interfaces import Arrays, Sample, Session
    from zoo_runner.replay.record import SampleRecord
    from zoo_runner.replay.restoring import Restored

_BACKEND: Final = "onnxruntime"


class GraphRun(AbstractContextManager["GraphRun"]):
    """A loaded ONNX file.

    Args:
        restored: What is replayed.
        path: The file.

    Raises:
        UsageError: The manifest has several models.
        PrerequisiteError: ONNX Runtime cannot be imported.
        InferenceError: The file is not this manifest's.
    """

    def __init__(self, restored: Restored, path: Path) -> None:
        self._restored = restored
        manifest = restored.recipe.manifest
        if manifest.models:
            raise UsageError(f"--onnx {path}: the manifest has several models, and this is one file; leave --onnx out")
        self._whole = whole_tensors(manifest)
        self._batch, self._session = self._opened(path)

    def _opened(self, path: Path) -> tuple[int, Session]:
        """Open the file; one with a batch size of its own is opened with the run's."""
        recipe, batches = self._restored.recipe, (1, self._restored.file.record.batch)
        backend = plugins.load(_BACKEND, kind="backend").backend()
        errors: list[InferenceError] = []
        for batch in dict.fromkeys(batches):
            request = SessionRequest(
                model=path,
                inputs=recipe.manifest.input_specs,
                outputs=recipe.manifest.output_specs,
                batch=batch,
                shapes=recipe.shapes,
            )
            try:
                return batch, backend.open(request)
            except InferenceError as error:
                errors.append(error)
        raise errors[-1]

    def __exit__(self, *_: object) -> None:
        """Release it."""
        self._session.close()

    def inputs(self, sample: Sample, record: SampleRecord) -> Sequence[Arrays]:
        """Return the graph's inputs: those that were recorded, or made of the files where the host fed pixels."""
        recipe = self._restored.recipe
        own = recipe.host_preprocess.identity == recipe.preprocess.identity
        if own:
            return tuple(map(self._restored.arrays, record.inputs))
        return inputs_of(recipe, sample, of_the_graph=True) if record.files else ()

    def __call__(self, inputs: Arrays) -> dict[str, Any]:
        """Return the outputs of one sample."""
        fed = {
            name: array if name in self._whole else np.repeat(np.asarray(array)[None], self._batch, axis=0)
            for name, array in inputs.items()
        }
        outputs = self._session.infer(fed)
        return {name: np.array(array if name in self._whole else array[0]) for name, array in outputs.items()}
