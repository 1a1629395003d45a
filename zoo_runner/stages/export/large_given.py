"""A given ONNX file that keeps tensors in other files, as models of more than 2 GB must: all of them in one archive."""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ExportError, shortened
from zoo_runner.stages.export.external_data import external_files
from zoo_runner.stages.fetch.archive import extract
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.stages.fetch.trust import Fetched
    from zoo_runner.store.store import Store

HASHES: Final = "zoo_runner.external_data"
"""Entry of the model's metadata with the hash of each file: the hash of the model covers them."""
_METADATA: Final = 14
"""Number of the field ``metadata_props`` (onnx.proto3)."""
_BYTES: Final = 2


def take_others(recipe: Recipe, weights: Fetched, target: Path, store: Store, progress: Progress) -> None:
    """Put the files beside a model in which it keeps tensors, and write their hashes into the model.

    Args:
        recipe: The run's recipe.
        weights: The archive, with the model as its member.
        target: The model's copy.
        store: Where the archive is unpacked.
        progress: Shown while it is.

    Raises:
        ExportError: The model is in no archive, or a file is not in it, or not below the model's folder.
    """
    member = recipe.manifest.weights.member
    where = f"{recipe.loaded.locate(('weights', 'url'))}: {recipe.loaded.shown(('weights', 'url'))}"
    if member is None:
        raise ExportError(
            f"{where}: {weights.file.origin} keeps tensors in other files, which weights.sha256 would not cover; put "
            "all of them into one archive, and name the model in it as weights.member"
        )
    folder = (extract(weights.path, weights.sha256, store, progress) / member).parent
    hashes: dict[str, str] = {}
    for name in external_files(target):
        source = _beside(folder, name, f"{where}: the tensors of {weights.file.origin}")
        copy = target.parent / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        hashes[name] = file_digest(copy)
    with target.open("ab") as file:
        file.write(_entry(HASHES, json.dumps(hashes, sort_keys=True)))


def _beside(folder: Path, name: str, what: str) -> Path:
    """Return the file of a name that a model has, below the model's folder."""
    parts, path = PurePosixPath(name).parts, folder / name
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise ExportError(f"{what}: expected names of files below the model's folder, found {shortened(repr(name))}")
    inside = path.resolve().is_relative_to(folder.resolve())
    if not inside or path.is_symlink() or not path.is_file():
        raise ExportError(f"{what}: expected the file {shortened(name)!r} beside the model in the archive, found none")
    return path


def _entry(key: str, value: str) -> bytes:
    """Return one entry of a model's metadata as protobuf has it: what is appended to a message is one more field."""
    inner = b"".join(_field(number, text.encode()) for number, text in ((1, key), (2, value)))
    return _field(_METADATA, inner)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - a digit has seven bits
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
