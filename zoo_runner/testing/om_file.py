"""The stand-in's .om file: a header that says what it is, a JSON description, and the compiled ONNX graph."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

MAGIC: Final = b"STAND-IN OM 1: runs in zoo_runner.testing only, no NPU can load it\n"
_LENGTH_BYTES: Final = 8

FORMAT_NCHW: Final = 0
FORMAT_NHWC: Final = 1
FORMAT_ND: Final = 2
"""ACL's numbers of the tensor formats."""

OPEN: Final = -1
"""Stands in a shape for a size that a gear, or each call, decides."""
BATCH_GEARS: Final = "dynamic_batch_size"
IMAGE_GEARS: Final = "dynamic_image_size"
DIMS_GEARS: Final = "dynamic_dims"
RANGES: Final = "shape ranges"
"""What can be open in a model."""


class OmError(ValueError):
    """A file is not a whole stand-in .om."""


@dataclass(frozen=True, kw_only=True)
class OmTensor:
    """One input or output of a compiled model.

    Attributes:
        name: Name that the runtime reports.
        tensor: Name of the tensor in the ONNX graph.
        dtype: NumPy dtype name.
        shape: Sizes; -1 where one is open. Of outputs of a model with gears, those at its greatest gear.
        format: ACL's number of the format.
    """

    name: str
    tensor: str
    dtype: str
    shape: tuple[int, ...]
    format: int


@dataclass(frozen=True, kw_only=True)
class OmModel:
    """A compiled model.

    Attributes:
        soc_version: Chip it was compiled for, such as ``Ascend310P3``.
        cann: CANN release of the compiler, marked as a stand-in's.
        inputs: In the order of the ONNX graph's inputs.
        outputs: In the order of ``out_nodes``.
        flags: ATC's flags.
        aipp: Settings of the built-in preprocessing, empty without one.
        onnx: The graph that computes exactly these outputs from these inputs.
        opened: What is open; empty in a model with static shapes.
        gears: The values of each gear: one batch size, height and width, or one size for each -1 of the inputs.
        bounds: The least and the greatest size of each axis, by input, of a model with ranges.
    """

    soc_version: str
    cann: str
    inputs: tuple[OmTensor, ...]
    outputs: tuple[OmTensor, ...]
    flags: dict[str, str]
    aipp: dict[str, str]
    onnx: bytes
    opened: str = ""
    gears: tuple[tuple[int, ...], ...] = ()
    bounds: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def shapes_at(self, gear: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Return the shape of each input at a gear."""
        values = list(gear)
        shapes = []
        for tensor in self.inputs:
            each = values if self.opened == DIMS_GEARS else list(gear)
            shapes.append(tuple(each.pop(0) if size == OPEN else size for size in tensor.shape))
        return tuple(shapes)

    def greatest_gear(self) -> tuple[int, ...]:
        """Return the gear whose inputs have most elements, the first of several."""
        return max(self.gears, key=lambda gear: sum(math.prod(shape) for shape in self.shapes_at(gear)))


def write_om(path: Path, model: OmModel) -> None:
    """Write a compiled model."""
    path.write_bytes(om_bytes(model))


def om_bytes(model: OmModel) -> bytes:
    """Return the content of the model's file."""
    description = asdict(model)
    description["onnx"] = len(model.onnx)
    if not model.opened:
        del description["opened"], description["gears"], description["bounds"]
    text = json.dumps(description, indent=1).encode() + b"\n"
    return MAGIC + len(text).to_bytes(_LENGTH_BYTES, "little") + text + model.onnx


def read_om(path: Path) -> OmModel:
    """Read what :func:`write_om` wrote.

    Raises:
        OmError: The file is no stand-in .om, or is cut short.
        OSError: The file cannot be read.
    """
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        msg = f"{path} is not a stand-in .om; only the stand-in's own atc makes files it can run"
        raise OmError(msg)
    start = len(MAGIC) + _LENGTH_BYTES
    end = start + int.from_bytes(content[len(MAGIC) : start], "little")
    try:
        found: dict[str, Any] = json.loads(content[start:end])
        if found["onnx"] != len(content) - end:
            msg = f"its graph has {len(content) - end} bytes of {found['onnx']}"
            raise ValueError(msg)  # noqa: TRY301 - reported below with all other damage
        return OmModel(
            soc_version=found["soc_version"],
            cann=found["cann"],
            inputs=tuple(_tensor(fields) for fields in found["inputs"]),
            outputs=tuple(_tensor(fields) for fields in found["outputs"]),
            flags=found["flags"],
            aipp=found["aipp"],
            onnx=content[end:],
            opened=found.get("opened", ""),
            gears=tuple(map(tuple, found.get("gears", ()))),
            bounds={name: tuple(map(tuple, axes)) for name, axes in found.get("bounds", {}).items()},
        )
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} is a damaged stand-in .om: {error}"
        raise OmError(msg) from error


def _tensor(fields: dict[str, Any]) -> OmTensor:
    return OmTensor(**{**fields, "shape": tuple(fields["shape"])})
