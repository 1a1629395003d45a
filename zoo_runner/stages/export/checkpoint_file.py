"""Reading of a checkpoint file: within bounds, and tensors and plain containers only."""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
import zipfile
from pathlib import Path
from typing import Final

from zoo_runner.errors import ExportError, PrerequisiteError, installing, shortened
from zoo_runner.files.bounds import Bound
from zoo_runner.files.regular import read_regular
from zoo_runner.job.given_graph import SUFFIX
from zoo_runner.stages.export.resaving import RESAVE, Resaving, resaving, resaving_script
from zoo_runner.store.snapshots import changed

LARGEST: Final = Bound("ZOO_RUNNER_CHECKPOINT_LIMIT", 8 * 10**9)
"""Bytes of a checkpoint, in the file and unpacked: all of it is in memory at once, and detectors have under 2 GB."""
RATIO: Final = 4
"""Bytes unpacked for one byte of the file: torch stores tensors as they are, and trained ones hardly shrink."""
RATIO_FREE: Final = 10**8
"""Bytes that may be unpacked at any ratio: no harm is done with them."""
ZIP_MAGIC: Final = b"PK\x03\x04"
FETCH_AGAIN: Final = "fetch it again and compare its SHA-256 with the publisher's"
ONNX: Final = "an ONNX model"
NAMED: Final = 5
"""Names of code that are shown."""
OTHERS: Final = (
    (rb"\s*<(!doctype html|html|head)", "a web page"),
    (rb"version https://git-lfs", "a Git LFS pointer (git lfs pull brings the file)"),
    (rb"\x1f\x8b", "a gzip file; unpack it, or name the file in an archive with weights.member"),
    (rb"\xfd7zXZ", "an xz file; unpack it, or name the file in an archive with weights.member"),
    (rb"BZh", "a bzip2 file; unpack it, or name the file in an archive with weights.member"),
    (rb"7z\xbc\xaf", "a 7-Zip archive; unpack it"),
    (rb"Rar!", "a RAR archive; unpack it"),
    (rb"\x89HDF", "an HDF5 file, as Keras writes it"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"(?s)....TFL3", "a TensorFlow Lite model"),
    (rb"IMOD", "an .om model, which --om takes"),
    (rb"%PDF", "a PDF"),
    (rb"\xff\xd8\xff|\x89PNG", "a picture"),
    (rb"\x7fELF", "a program"),
    (rb"(?s).{257}ustar", "a tar archive; name the file in it with weights.member"),
)
"""What files begin with that are taken for checkpoints now and then."""


def read_checkpoint(path: Path, sha256: str | None = None) -> object:
    """Read a checkpoint: what ``torch.save`` or safetensors wrote.

    Raises:
        ChangedError: Its content is not the one expected.
        PrerequisiteError: The package for safetensors is not installed.
        ExportError: It cannot be read, is too large, would run code on loading, or is something else.
    """
    try:
        data = read_regular(path, LARGEST.value, LARGEST.remedy)
    except OSError as error:
        msg = f"checkpoint {path} cannot be read: {error.strerror or error}"
        raise ExportError(msg) from error
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise changed(path, sha256, found)
    if not data:
        msg = f"checkpoint {path} is empty; {FETCH_AGAIN}"
        raise ExportError(msg)
    if _is_safetensors(data):
        return _safetensors(data, path)
    if data.startswith(ZIP_MAGIC):
        _check_archive(data, path)
    elif other := _other(data):
        named = f"; one whose name ends in {SUFFIX} is run as it is" if other == ONNX else ""
        msg = f"{path} is {other}; expected a checkpoint (a state_dict saved by torch.save, or safetensors){named}"
        raise ExportError(msg)
    return _unpickled(data, path)


def _unpickled(data: bytes, path: Path) -> object:
    """Unpickle the file's content, allowing tensors and plain containers only."""
    import torch  # noqa: PLC0415 - torch is an optional extra

    try:
        with warnings.catch_warnings():
            # Goes before files that load well; where one does not, torch's error follows.
            warnings.filterwarnings("ignore", r"Detected pickle protocol \d+ in the checkpoint", UserWarning)
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged pickle makes of torch's reader is anybody's guess
        raise ExportError(_unreadable(data, path, str(error) or type(error).__name__)) from error


def _check_archive(data: bytes, path: Path) -> None:
    """Refuse archives that are no checkpoints, and those that would fill the memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise ExportError(_unreadable(data, path, str(error))) from error
    names = [member.filename for member in members]
    if any(name.endswith("/constants.pkl") for name in names):  # which torch.load of some releases would run
        msg = f"checkpoint {path} is a TorchScript archive, expected a state_dict; {resaving_script(path)}"
        raise ExportError(msg)
    if not any(name.endswith("data.pkl") for name in names):
        first = ", ".join(shortened(name, 80) for name in names[:5]) or "nothing"
        msg = (
            f"{path} is a zip archive of {len(names)} files ({first}) and no checkpoint; name the file in it that is "
            f"one, as in weights: {{member: {json.dumps(names[0] if names else 'model.pth')}}}"
        )
        raise ExportError(msg)
    unpacked = sum(member.file_size for member in members)
    limit = LARGEST.value
    if unpacked > limit:
        msg = f"checkpoint {path}: expected at most {limit:,} bytes unpacked, found {unpacked:,}; {LARGEST.remedy}"
        raise ExportError(msg)
    if unpacked > max(RATIO * len(data), RATIO_FREE):
        msg = (
            f"checkpoint {path}: expected at most {RATIO} bytes unpacked for each of its {len(data):,}, found "
            f"{unpacked:,} in all; {RESAVE}, which stores tensors as they are"
        )
        raise ExportError(msg)


def _is_safetensors(data: bytes) -> bool:
    """Whether it begins as safetensors do: the length of a header, and the header, a JSON object."""
    length = int.from_bytes(data[:8], "little")
    return data[8:9] == b"{" and len("{}") <= length <= len(data) - 8


def _safetensors(data: bytes, path: Path) -> object:
    try:
        from safetensors import SafetensorError  # noqa: PLC0415 - an optional extra
        from safetensors.torch import load  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        msg = f"{path} is a safetensors file, which needs the package safetensors: {installing('export')}"
        raise PrerequisiteError(msg) from error
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError) as error:
        msg = f"checkpoint {path} is a damaged safetensors file ({_first_line(str(error))}); {FETCH_AGAIN}"
        raise ExportError(msg) from error


def _other(data: bytes) -> str:
    """Name what a file is that is certainly no checkpoint."""
    head = data[:512]
    known = next((name for start, name in OTHERS if re.match(start, head, re.IGNORECASE)), "")
    # An ONNX model is a protobuf message: its version, then who made it or the graph.
    return known or (ONNX if re.match(rb"(?s)\x08[\x01-\x20](\x12.[\x20-\x7e]|\x3a)", head) else "")


def _unreadable(data: bytes, path: Path, reason: str) -> str:
    """Say why torch could not read the file, and what to do."""
    head = data[:24]
    found = resaving(data, path)
    if found.code:
        return (
            f"checkpoint {path} refers to Python code ({_named(found)}) that would run on loading, "
            f"expected tensors only; {found.lines}"
        )
    if head.startswith(ZIP_MAGIC) and "Unsupported operand" in reason:
        return f"checkpoint {path} was pickled in a form that torch does not load safely; {found.lines}"
    if head.startswith(ZIP_MAGIC):
        return f"checkpoint {path} is damaged or incomplete ({_first_line(reason)}); {FETCH_AGAIN}"
    return (
        f"{path} is not a torch checkpoint, or a damaged one ({_first_line(reason)}); "
        f"it begins with {head!r}; {FETCH_AGAIN}"
    )


def _named(found: Resaving) -> str:
    """Name the code that a file refers to; of much of it, the first."""
    more = f", and {len(found.code) - NAMED} more" if len(found.code) > NAMED else ""
    return ", ".join(shortened(name, 80) for name in found.code[:NAMED]) + more


def _first_line(text: str) -> str:
    return re.split(r"\n|(?<=\.)\s", text.strip(), maxsplit=1)[0][:200]
