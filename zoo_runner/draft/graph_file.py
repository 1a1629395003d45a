"""The ONNX file that a manifest is drafted from: its tensors, as a manifest has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ExportError, UsageError
from zoo_runner.files.regular import require_regular
from zoo_runner.plugin.interfaces import BATCH, TensorSpec
from zoo_runner.plugin.tensors import declared_texts, tensor_text
from zoo_runner.stages.export.metadata import model_metadata
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

TYPES: Final = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
}
"""What a manifest has as a tensor's dtype, by ONNX Runtime's word for it."""


@dataclass(frozen=True, kw_only=True)
class GraphFile:
    """What an ONNX file says of itself.

    Attributes:
        sha256: Its hash.
        size: Its bytes.
        inputs: Its inputs.
        outputs: Its outputs, in its order.
        sections: What the manifest has to say where the batch size is fixed.
        metadata: What it says of itself.
    """

    sha256: str
    size: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def require_sizes(self, path: Path) -> None:
        """Check that only the batch axis is open.

        Raises:
            UsageError: Another one is.
        """
        for spec in (*self.inputs, *self.outputs):
            if spec.axes:
                (shown,) = declared_texts([spec])
                raise UsageError(
                    f"{path}: expected tensors with a batch axis and fixed sizes, found {shown}; {_BY_HAND}"
                )


def graph_file(path: Path) -> GraphFile:
    """Read the tensors of an ONNX file.

    Raises:
        UsageError: There is no such file, or a tensor has no axis for the batch.
        ExportError: ONNX Runtime cannot load it.
    """
    try:
        size = require_regular(path).st_size
    except OSError as error:
        found = "a folder" if isinstance(error, IsADirectoryError) else f"none: {error.strerror}"
        raise UsageError(f"--weights {path}: expected an ONNX file, found {found}") from error
    import onnxruntime  # noqa: PLC0415 - takes long to load

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ExportError(f"--weights {path}: expected an ONNX model, ONNX Runtime says: {error}") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    first = {tensor.shape[0] for tensor in (*inputs, *outputs) if tensor.shape and isinstance(tensor.shape[0], int)}
    sections: dict[str, dict[str, Any]] = {}
    if first:
        (batch,) = first if len(first) == 1 else (0,)
        if not batch:
            raise UsageError(f"{path}: expected one batch size, found {', '.join(map(str, sorted(first)))}; {_BY_HAND}")
        sections = {"onnx": {"dynamic_batch": False}, "infer": {"batch": batch}, "benchmark": {"batch": [batch]}}
    return GraphFile(
        sha256=file_digest(path),
        size=size,
        inputs=_specs(path, inputs),
        outputs=_specs(path, outputs),
        sections=sections,
        metadata=model_metadata(path),
    )


_BY_HAND: Final = "write the manifest by hand: docs/manifest.md says how"


def _specs(path: Path, tensors: Sequence[Any]) -> tuple[TensorSpec, ...]:
    found = []
    for tensor in tensors:
        shown = tensor_text(tensor.name, tensor.type, tensor.shape)
        if not tensor.shape or tensor.type not in TYPES:
            raise UsageError(f"{path}: expected tensors with a batch axis and fixed sizes, found {shown}; {_BY_HAND}")
        sizes = [_size(size, place, tensor.name) for place, size in enumerate(tensor.shape[1:], start=1)]
        found.append(TensorSpec(tensor.name, TYPES[tensor.type], (BATCH, *sizes)))
    return tuple(found)


def _size(size: object, place: int, name: str) -> int | str:
    """Return the size of an axis; of an open one its name, as a manifest may have it."""
    if isinstance(size, int):
        return size
    plain = re.sub("[^a-z0-9]+", "_", str(size or f"{name}_{place}").lower()).strip("_")
    return plain if plain[:1].isalpha() and plain != BATCH else f"axis_{plain}"
