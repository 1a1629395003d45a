"""A graph of this room in ONNX Runtime: other outputs than the manifest's, and no complaint about Inf and NaN."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from zoo_runner.backends.onnxruntime import OnnxRuntimeSession
from zoo_runner.manifest.whole_tensors import whole_tensors
from zoo_runner.plugin.interfaces import SessionRequest
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.inference import ModelOutputs
from zoo_runner.stages.predict.stage import given_sizes
from zoo_runner.stages.threads import workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays


class WatchedSession(OnnxRuntimeSession):
    """A loaded graph whose outputs are given as they are, with more of them than the manifest has."""

    def __init__(self, runtime: Any, request: SessionRequest, more: Sequence[str] = ()) -> None:
        super().__init__(runtime, request)
        self._names = [*self._names, *more]

    def infer(self, inputs: Arrays) -> Arrays:
        """Run up to one full batch.

        Returns:
            Arrays by output name; numbers may be infinite or none.

        Raises:
            InferenceError: An input does not fit, or the run failed.
        """
        self._checked_batch(inputs)
        return dict(zip(self._names, self._runner(inputs)(), strict=True))


@contextmanager
def opened(recipe: Recipe, model: onnx.ModelProto, more: Sequence[str] = ()) -> Iterator[ModelOutputs]:
    """Load a graph, and give what infers samples with it; ``more`` are outputs without a batch axis.

    Raises:
        InferenceError: ONNX Runtime cannot load it.
    """
    import onnx  # noqa: PLC0415 - an optional extra
    import onnxruntime  # noqa: PLC0415 - loaded where it is needed

    manifest = recipe.manifest
    with TemporaryDirectory(prefix="zoo-precision-") as folder:
        path = Path(folder) / "model.onnx"
        try:
            onnx.save(model, path)
        except ValueError:  # more than the 2 GB that one file can have
            onnx.save(model, path, save_as_external_data=True, all_tensors_to_one_file=True, location="weights.bin")
        request = SessionRequest(
            model=path,
            inputs=manifest.input_specs,
            outputs=manifest.output_specs,
            batch=manifest.infer.batch,
            threads=manifest.infer.threads,
            shapes=recipe.shapes,
        )
        session = WatchedSession(onnxruntime, request, more)
        try:
            yield ModelOutputs(
                preprocess=recipe.preprocess,
                inputs=manifest.input_specs,
                session=lambda: session,
                batch=manifest.infer.batch,
                key="",
                workers=workers(),
                clocks=Clocks(),
                sizes=given_sizes(recipe).of,
                whole=whole_tensors(manifest) | frozenset(more),
                parts=recipe.fan_out is not None,
            )
        finally:
            session.close()
