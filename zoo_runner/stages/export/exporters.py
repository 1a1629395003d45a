"""The tools that make an ONNX model: torch's two exporters and onnxsim, called without their chatter."""

from __future__ import annotations

import inspect
import logging
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ExportError, PrerequisiteError
from zoo_runner.plugin.interfaces import BATCH

if TYPE_CHECKING:
    import onnx
    import torch
    from numpy.typing import NDArray

    from zoo_runner.manifest.schema import OnnxOptions
    from zoo_runner.plugin.interfaces import Network, TensorSpec

RETRY: Final = "try another onnx.exporter or onnx.opset, or onnx.simplify: false"
NOTICES: Final = (
    # The manifest chose this exporter, and the newer one begins at opset 18.
    (r"You are using the legacy TorchScript-based ONNX export", DeprecationWarning),
    # The same exporter calls a helper that torch deprecated.
    (r"The feature will be removed\. Please remove usage of this function", DeprecationWarning),
    # The newer exporter copies tree specifications through a check that torch deprecated.
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning),
    # Several inputs share one batch axis on purpose; the newer exporter names it after the first.
    (r"# The axis name: batch will not be used, since it shares", UserWarning),
    # torch 2.4 asks onnxscript for what later releases of both replaced.
    (r"'onnxscript\.values\.\w+\.param_schemas' is deprecated", FutureWarning),
)
"""Warnings that torch's exporters cause by themselves, with any network."""
REMARKS: Final[Mapping[str, str]] = {
    # Operators of a package that the network does not use.
    "torch.onnx._internal.exporter._registration": r"torchvision is not installed",
    # How an opset below 18 is reached; that it was reached is checked afterwards.
    "torch.onnx._internal.exporter._compat": r"Setting ONNX exporter to use operator set version",
    "onnxscript.version_converter": r"The model version conversion is not supported",
}
"""Log lines of the newer exporter that leave nothing to do, by logger."""


def packages(options: OnnxOptions) -> tuple[str, ...]:
    """Return the packages that an export with these options uses."""
    onnxscript = ("onnxscript",) if options.exporter == "dynamo" else ()
    onnxsim = ("onnxsim",) if options.simplify else ()
    return "torch", "onnx", *onnxscript, *onnxsim


def convert(
    module: torch.nn.Module, examples: Sequence[NDArray[Any]], network: Network, options: OnnxOptions
) -> onnx.ModelProto:
    """Export a network with its weights inside the model.

    Args:
        module: The network, in evaluation mode.
        examples: One array per input, in the order of ``network.inputs``.
        network: Gives inputs and outputs their names, and says which have a batch axis.
        options: Choose the exporter, its opset, and whether the batch axis is dynamic.

    Raises:
        PrerequisiteError: torch is too old for the chosen exporter.
        ExportError: The exporter failed, or gave another opset than asked for.
    """
    import torch  # noqa: PLC0415 - torch is an optional extra

    tensors = tuple(torch.from_numpy(array) for array in examples)
    exporter = _torchscript if options.exporter == "torchscript" else _dynamo
    try:
        with torch.no_grad(), _quiet():
            model = exporter(module, tensors, network, options)
    except PrerequisiteError:
        raise
    except Exception as error:  # an exporter raises whatever the network's code or its own internals raise
        msg = (
            f"torch {torch.__version__} could not export the network with onnx.exporter: {options.exporter} "
            f"and onnx.opset: {options.opset}: {type(error).__name__}: {str(error).strip()[:1000]}\n"
            f"Correct the network, or {RETRY}."
        )
        raise ExportError(msg) from error
    opset = next((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), None)
    if opset != options.opset:
        msg = (
            f"asked for opset {options.opset}, but onnx.exporter: {options.exporter} of torch "
            f"{torch.__version__} gave {opset}; set onnx.opset: {opset}, or try another onnx.exporter"
        )
        raise ExportError(msg)
    return model


def simplify(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fold constants and fuse nodes with onnxsim; symbolic axes stay symbolic.

    onnxsim's own comparison (``check_n``) is not asked for: it knows neither the network nor several batch
    sizes, both of which the export compares on the simplified model.

    Raises:
        ExportError: onnxsim failed.
    """
    import onnxsim  # noqa: PLC0415 - onnxsim is an optional extra

    try:
        simplified, same = onnxsim.simplify(model)
    except Exception as error:  # errors of its C++ core arrive as several types
        msg = f"onnxsim {onnxsim.__version__} failed: {error}; set onnx.simplify: false"
        raise ExportError(msg) from error
    if not same:
        msg = f"onnxsim {onnxsim.__version__} changed what the model computes; set onnx.simplify: false"
        raise ExportError(msg)
    result: onnx.ModelProto = simplified
    return result


def _torchscript(
    module: torch.nn.Module, tensors: tuple[torch.Tensor, ...], network: Network, options: OnnxOptions
) -> onnx.ModelProto:
    """Export by tracing."""
    import onnx  # noqa: PLC0415 - onnx is an optional extra
    import torch  # noqa: PLC0415 - torch is an optional extra

    specs = (*network.inputs, *network.outputs)
    dynamic = {spec.name: axes for spec in specs if (axes := _open_axes(spec, options))}
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        file = f"{folder}/model.onnx"
        torch.onnx.export(
            module,
            tensors,
            file,
            dynamo=False,
            verbose=False,
            input_names=[spec.name for spec in network.inputs],
            output_names=[spec.name for spec in network.outputs],
            opset_version=options.opset,
            dynamic_axes=dynamic or None,
        )
        return onnx.load(file)


def _dynamo(
    module: torch.nn.Module, tensors: tuple[torch.Tensor, ...], network: Network, options: OnnxOptions
) -> onnx.ModelProto:
    """Export through ``torch.export``.

    The first releases that have this exporter may fail, or fall back to a fixed batch, for networks that later
    ones export well; the comparison that follows an export finds the latter.
    """
    import torch  # noqa: PLC0415 - torch is an optional extra

    if "dynamic_shapes" not in inspect.signature(torch.onnx.export).parameters:
        msg = f"onnx.exporter: dynamo needs torch 2.5 or newer, found {torch.__version__}; use torchscript"
        raise PrerequisiteError(msg)
    opened = [_open_axes(spec, options) for spec in network.inputs]
    axes = {name: torch.export.Dim(name) for each in opened for name in each.values()}
    shapes = tuple({place: axes[name] for place, name in each.items()} or None for each in opened)
    program = torch.onnx.export(
        module,
        tensors,
        dynamo=True,
        verbose=False,
        input_names=[spec.name for spec in network.inputs],
        output_names=[spec.name for spec in network.outputs],
        opset_version=options.opset,
        dynamic_shapes=shapes if axes else None,
    )
    if program is None:  # only when torch wrote a file instead, which it was not asked to
        msg = "torch.onnx.export returned no program"
        raise TypeError(msg)
    model: onnx.ModelProto = program.model_proto
    return model


def _open_axes(spec: TensorSpec, options: OnnxOptions) -> dict[int, str]:
    """Return the axes whose size the graph leaves open, by their place."""
    names = (*spec.axes, *([BATCH] if options.dynamic_batch else []))
    return {place: str(size) for place, size in enumerate(spec.shape) if size in names}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence exactly ``NOTICES`` and ``REMARKS``."""
    filters = {name: _Without(pattern) for name, pattern in REMARKS.items()}
    for name, without in filters.items():
        logging.getLogger(name).addFilter(without)
    try:
        with warnings.catch_warnings():
            for message, category in NOTICES:
                warnings.filterwarnings("ignore", message, category)
            yield
    finally:
        for name, without in filters.items():
            logging.getLogger(name).removeFilter(without)


class _Without(logging.Filter):
    """Drops records whose message begins with a pattern."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = re.compile(pattern)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to keep the record."""
        return not self._pattern.match(record.getMessage())
