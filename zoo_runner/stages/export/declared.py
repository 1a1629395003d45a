"""Tensors of a graph as its file declares them, for graphs that ONNX Runtime cannot run (``onnx.check: none``).

Operators are not looked at: only the target knows them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.errors import ExportError, InferenceError, PrerequisiteError, did_you_mean, installing
from zoo_runner.plugin.interfaces import BATCH, SessionRequest, TensorSpec
from zoo_runner.plugin.tensors import mismatch, tensor_text

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.manifest.schema import Manifest

NONE: Final = "none"
UNCHECKED: Final = "the ONNX graph was not run in ONNX Runtime (onnx.check: none)"
"""What stands beside the verdict."""
NOT_RUN: Final = "not run in ONNX Runtime (onnx.check: none)"
"""What plans say of it."""
WHY: Final = (
    "onnx.check is none: names, types and shapes of the tensors are the manifest's, as far as the file tells them; "
    "what the graph computes was not compared"
)
_CORRECT: Final = "correct the manifest, or the graph"


def unchecked(recipe: Recipe) -> tuple[str, ...]:
    """Return what stands beside the verdict where a graph of the recipe is not run to check it."""
    return (UNCHECKED,) if any(each.manifest.onnx.check == NONE for each in recipe.models.values()) else ()


def check_declared(manifest: Manifest, graph: Path, origin: str) -> None:
    """Hold what a graph says of its inputs and outputs against the manifest.

    A size that the file leaves open, or does not tell, fits; so does a type that it does not tell.

    Args:
        manifest: The manifest, or that of one model.
        graph: The file.
        origin: What errors call it.

    Raises:
        PrerequisiteError: onnx is not installed.
        ExportError: The file is no model, or has other tensors than the manifest says.
    """
    model = _loaded(graph, origin)
    constants = {tensor.name for tensor in model.initializer}
    inputs = {each.name: each for each in model.input if each.name not in constants}
    outputs = {each.name: each for each in model.output}
    batch = None if manifest.onnx.dynamic_batch else manifest.infer.batch
    problems = [
        *(problem for spec in manifest.input_specs if (problem := _problem("input", spec, inputs, batch))),
        *(problem for spec in manifest.output_specs if (problem := _problem("output", spec, outputs, batch))),
    ]
    if extra := sorted(inputs.keys() - {spec.name for spec in manifest.input_specs}):
        problems.append(f"it also takes {', '.join(extra)}; name every input in the manifest")
    if problems:
        raise ExportError(f"{origin} does not fit the manifest: " + "; ".join(problems))


def require_runnable(recipe: Recipe, graph: Path) -> None:
    """Load a graph that was not checked in ONNX Runtime, which is to run it now.

    Raises:
        ExportError: ONNX Runtime cannot.
    """
    manifest = recipe.manifest
    request = SessionRequest(
        model=graph,
        inputs=manifest.input_specs,
        outputs=manifest.output_specs,
        batch=manifest.infer.batch,
        shapes=recipe.shapes,
    )
    try:
        OnnxRuntimeBackend().open(request).close()
    except InferenceError as error:
        where = f"{recipe.loaded.locate(('onnx', 'check'))}: onnx.check: none"
        raise ExportError(
            f"{where} is for graphs that only the target runs, and the backend onnxruntime cannot run this one: "
            f"{error}; give the target's --backend"
        ) from error


def _loaded(graph: Path, origin: str) -> Any:
    if find_spec("onnx") is None:
        raise PrerequisiteError(f"{origin}: reading its tensors (onnx.check: none) needs onnx: {installing('export')}")
    import onnx  # noqa: PLC0415 - an optional extra
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # noqa: PLC0415 - comes with onnx

    try:
        model = onnx.load(graph, load_external_data=False)
    except (OSError, DecodeError, ValueError) as error:
        raise ExportError(f"{origin}: expected an ONNX model, found a file that is none ({error})") from error
    if not model.graph.output:
        raise ExportError(f"{origin}: expected an ONNX model, found a file without outputs")
    return model.graph


def _problem(kind: str, spec: TensorSpec, known: dict[str, Any], batch: int | None) -> str:
    """Say how a tensor differs from what the manifest says of it; nothing where it does not.

    Args:
        kind: What it is.
        spec: The manifest's.
        known: The graph's, by name.
        batch: The fixed batch size; ``None`` where that is to be open.
    """
    import onnx  # noqa: PLC0415 - an optional extra

    if spec.name not in known:
        return f"it has no {kind} {spec.name!r}, only {', '.join(known) or 'none'}{did_you_mean(spec.name, known)}"
    declared = known[spec.name].type.tensor_type
    told = onnx.helper.tensor_dtype_to_np_dtype(declared.elem_type).name if declared.elem_type else spec.dtype
    sizes = [_size(dim) for dim in declared.shape.dim] if declared.HasField("shape") else list(spec.shape)
    fits = len(sizes) == len(spec.shape) and all(
        not isinstance(size, int) or size == (batch if wanted == BATCH else wanted)
        for size, wanted in zip(sizes, spec.shape, strict=True)
    )
    if fits and told == spec.dtype:
        return ""
    expected = tensor_text(spec.name, spec.dtype, [batch or size if size == BATCH else size for size in spec.shape])
    return mismatch(f"an {kind}", [expected], [tensor_text(spec.name, told, sizes)], _CORRECT)


def _size(dim: Any) -> int | str:
    return int(dim.dim_value) if dim.HasField("dim_value") else str(dim.dim_param or "?")
