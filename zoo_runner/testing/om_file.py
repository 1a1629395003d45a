"""The stand-in's .om file: a header that says what it is, a JSON description, and the compiled ONNX graph."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

MAGIC: Final = b"STAND-IN OM 1: runs in zoo_runner.testing only, no NPU can load it\n"
_LENGTH_BYTES: Final = 8

FORMAT_NCHW: Final = 0
FORMAT_NHWC: Final = 1
FORMAT_ND: Final = 2
"""ACL's numbers of the tensor formats."""


class OmError(ValueError):
    """A file is not a whole stand-in .om."""


@dataclass(frozen=True, kw_only=True)
class OmTensor:
    """One input or output of a compiled model.

    Attributes:
        name: Name that the runtime reports.
        tensor: Name of the tensor in the ONNX graph.
        dtype: NumPy dtype name.
        shape: Static shape.
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
    """

    soc_version: str
    cann: str
    inputs: tuple[OmTensor, ...]
    outputs: tuple[OmTensor, ...]
    flags: dict[str, str]
    aipp: dict[str, str]
    onnx: bytes


def write_om(path: Path, model: OmModel) -> None:
    """Write a compiled model."""
    path.write_bytes(om_bytes(model))


def om_bytes(model: OmModel) -> bytes:
    """Return the content of the model's file."""
    description = asdict(model)
    description["onnx"] = len(model.onnx)
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
        )
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} is a damaged stand-in .om: {error}"
        raise OmError(msg) from error


def _tensor(fields: dict[str, Any]) -> OmTensor:
    return OmTensor(**{**fields, "shape": tuple(fields["shape"])})
