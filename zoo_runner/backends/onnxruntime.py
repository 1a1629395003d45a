"""The backend ``onnxruntime``: ONNX models on the host's CPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import InferenceError, PrerequisiteError, did_you_mean
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import BATCH, Prerequisite, SessionRequest, TensorSpec, Timings
from zoo_runner.plugin.tensors import array_texts, batch_texts, bound, declared_texts, mismatch, sizes_of, tensor_text

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from zoo_runner.plugin.interfaces import Arrays

PROVIDER: Final = "CPUExecutionProvider"
REMEDY: Final = "pip install onnxruntime"
CORRECT: Final = "correct the manifest, or export again with these sizes"
CORRECT_INPUTS: Final = "give what the manifest declares as inputs"
FATAL: Final = 4
"""Log severity: errors come back as exceptions, so that the library need not also print them."""
DTYPES: Final[Mapping[str, str]] = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
"""ONNX Runtime's type names, and NumPy's."""


class OnnxRuntimeBackend:
    """Runs ONNX models with ONNX Runtime's CPU provider."""

    name = "onnxruntime"
    bit_stable = True

    def prerequisites(self) -> tuple[Prerequisite, ...]:
        """Say whether ONNX Runtime can be imported."""
        try:
            module = _onnxruntime()
        except PrerequisiteError as error:
            return (Prerequisite(name=self.name, ok=False, found=str(error), remedy=REMEDY),)
        return (Prerequisite(name=self.name, ok=True, found=module.__version__),)

    def chip(self) -> str:
        """Return ``cpu``."""
        return "cpu"

    def version(self) -> str:
        """Return the library's name and version.

        Raises:
            PrerequisiteError: It cannot be imported.
        """
        return f"onnxruntime {_onnxruntime().__version__}"

    def open(self, request: SessionRequest) -> OnnxRuntimeSession:
        """Load an ONNX model.

        Raises:
            PrerequisiteError: ONNX Runtime cannot be imported.
            InferenceError: The file is not a loadable ONNX model, or lacks a requested input or output or has
                it with another dtype or shape.
        """
        return OnnxRuntimeSession(_onnxruntime(), request)


class OnnxRuntimeSession:
    """A loaded ONNX model.

    A model with a symbolic batch axis takes any batch from 1 to the requested one; a model with a fixed batch
    takes exactly that, and is refused on opening if it is not the requested one. The model may have more
    outputs than requested; they are not returned. Calls from several threads are safe.

    ``threads`` bounds the threads of one call; by default there is one per core. They wait for work asleep, not
    spinning: spinning slows down whatever shares the cores, such as the decoding of the next images. Measured
    at batch 8, with a VGG detector of 1/8 width at 320 px and another process busy on the same two cores:
    25 to 28 ms an image with spinning and 19 to 22 ms without, on two threads; 18 to 19 ms on one, either way.
    """

    def __init__(self, runtime: ModuleType, request: SessionRequest) -> None:
        options = runtime.SessionOptions()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if request.threads is not None:
            options.intra_op_num_threads = request.threads
        self._request = request
        self._names = [spec.name for spec in request.outputs]
        self._session: Any = _load(runtime, request.model, options)
        inputs = self._session.get_inputs()
        _check_signature(request, "input", request.inputs, inputs)
        if extra := sorted({node.name for node in inputs} - {spec.name for spec in request.inputs}):
            msg = f"{request.model} also takes {', '.join(extra)}; name every input in the manifest"
            raise InferenceError(msg)
        _check_signature(request, "output", request.outputs, self._session.get_outputs())
        batched = {spec.name for spec in request.inputs if BATCH in spec.shape}
        self._fixed = any(node.name in batched and isinstance(node.shape[0], int) for node in inputs)

    def infer(self, inputs: Arrays) -> Arrays:
        """Run up to one full batch.

        Args:
            inputs: Arrays by input name, batch axis first, all with the same batch size.

        Returns:
            New arrays by output name, batch axis first.

        Raises:
            InferenceError: An input does not fit, the run failed, or an output has the wrong shape or dtype
                or holds values that are not finite.
        """
        batch = self._checked_batch(inputs)
        outputs = dict(zip(self._names, self._runner(inputs)(), strict=True))
        sizes, shapes = sizes_of(self._request.inputs, inputs), self._request.shapes
        for spec in self._request.outputs:
            array = outputs[spec.name]
            _check_output(bound(spec, array, sizes, shapes.most) if shapes else spec, array, batch)
            sizes = {**sizes_of([spec], {spec.name: array}), **sizes}  # axes of one name have one size
        return outputs

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times and return the wall-clock times of the last ``loop``.

        Raises:
            InferenceError: An input does not fit, or a run failed.
        """
        self._checked_batch(inputs)
        run = self._runner(inputs)
        for _ in range(warmup):
            run()
        times = []
        for _ in range(loop):
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1000)
        return Timings(compute_ms=tuple(times))

    def close(self) -> None:
        """Release the model. Calling it again does nothing."""
        self._session = None

    def _runner(self, inputs: Arrays) -> Callable[[], list[Any]]:
        """Return a call that runs the model once on these inputs."""
        session, names, feed = self._session, self._names, dict(inputs)
        if session is None:
            msg = f"the session of {self._request.model} is closed; open it again"
            raise InferenceError(msg)

        def run() -> list[Any]:
            try:
                results: list[Any] = session.run(names, feed)
            except Exception as error:  # ONNX Runtime's exceptions have no common base
                msg = f"ONNX Runtime failed while running {self._request.model}: {_one_line(error)}"
                raise InferenceError(msg) from error
            return results

        return run

    def _checked_batch(self, inputs: Arrays) -> int:
        """Return the batch size of inputs that fit the request."""
        request = self._request
        if inputs.keys() != {spec.name for spec in request.inputs}:
            raise InferenceError(
                mismatch("inputs", declared_texts(request.inputs), array_texts(inputs), CORRECT_INPUTS)
            )
        batch = next(
            (inputs[spec.name].shape[0] for spec in request.inputs if BATCH in spec.shape and inputs[spec.name].ndim),
            request.batch,
        )
        if not 1 <= batch <= request.batch or (self._fixed and batch != request.batch):
            takes = f"exactly {request.batch}" if self._fixed else f"1 to {request.batch}"
            msg = f"the session of {request.model} takes {takes} samples a call, found {batch}"
            raise InferenceError(msg)
        sizes = sizes_of(request.inputs, inputs)
        for declared in request.inputs:
            array, spec = inputs[declared.name], declared.at(sizes)
            if array.dtype.name != spec.dtype or spec.axes or array.shape != spec.sized(batch):
                expected, found = batch_texts([spec], batch), array_texts({spec.name: array})
                raise InferenceError(mismatch("an input", expected, found, CORRECT_INPUTS))
        return batch


@hookimpl
def zoo_backend() -> OnnxRuntimeBackend:
    """Offer this backend to the runner."""
    return OnnxRuntimeBackend()


def _onnxruntime() -> ModuleType:
    """Import the library, or say how to get it."""
    try:
        import onnxruntime  # noqa: PLC0415 - costs a quarter of a second that listing backends need not pay
    except ImportError as error:
        msg = f"onnxruntime cannot be imported ({error}); {REMEDY}"
        raise PrerequisiteError(msg) from error
    module: ModuleType = onnxruntime
    return module


def _load(runtime: ModuleType, model: Path, options: Any) -> Any:
    """Load a model.

    Raises:
        InferenceError: It cannot be loaded.
    """
    options.log_severity_level = FATAL
    try:
        return runtime.InferenceSession(model, options, providers=[PROVIDER])
    except Exception as error:  # ONNX Runtime's exceptions have no common base
        msg = (
            f"ONNX Runtime {runtime.__version__} cannot load {model}: {_one_line(error)}; "
            "expected an ONNX model it supports: export again, or lower onnx.opset"
        )
        raise InferenceError(msg) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _check_signature(request: SessionRequest, kind: str, specs: Sequence[TensorSpec], nodes: Sequence[Any]) -> None:
    """Compare the model's own description of its inputs or outputs with the request."""
    known = {node.name: node for node in nodes}
    for spec in specs:
        node = known.get(spec.name)
        if node is None:
            hint = did_you_mean(spec.name, known)
            msg = f"{request.model} has no {kind} {spec.name!r}, only {', '.join(known)}{hint}"
            raise InferenceError(msg)
        dtype = DTYPES.get(node.type, node.type)
        sizes = [request.batch if size == BATCH else size for size in spec.shape]
        # A symbolic size, or one that shape inference could not tell, is checked on the arrays.
        fits = len(node.shape) == len(sizes) and all(
            found == size for found, size in zip(node.shape, sizes, strict=True) if isinstance(found, int)
        )
        if dtype != spec.dtype or not fits:
            found = tensor_text(node.name, dtype, node.shape)
            where = f"an {kind} of {request.model}"
            raise InferenceError(mismatch(where, batch_texts([spec], request.batch), [found], CORRECT))


def _check_output(spec: TensorSpec, array: Any, batch: int) -> None:
    """Refuse an output that cannot be scored."""
    import numpy as np  # noqa: PLC0415 - listing backends stays free of numpy

    if array.dtype.name != spec.dtype or spec.axes or array.shape != spec.sized(batch):
        wrong = mismatch("an output", batch_texts([spec], batch), array_texts({spec.name: array}), CORRECT)
        raise InferenceError(wrong)
    if np.issubdtype(array.dtype, np.floating) and not (finite := np.isfinite(array)).all():
        msg = (
            f"output {spec.name!r}: {array.size - int(finite.sum())} of {array.size} values are not finite; "
            "check the weights and the preprocessing"
        )
        raise InferenceError(msg)
