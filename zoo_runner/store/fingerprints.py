"""Hashes of values and of files: equal input gives an equal hash on every machine."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

from zoo_runner.files.regular import open_regular

_CHUNK = 1 << 20
"""Bytes that are read at a time."""


def fingerprint(*parts: object) -> str:
    """Return the SHA-256 of values as a hex digest, to name a computation by its inputs.

    The hash is taken over canonical JSON.

    Args:
        parts: Values of JSON types. A tuple counts as a list; the order of dictionary keys does not count.

    Raises:
        TypeError: A part has no JSON form that is the same everywhere, such as a path, an object or NaN.
    """
    for number, part in enumerate(parts, start=1):
        _require_json(part, f"part {number}")
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _require_json(value: object, where: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"fingerprint: {where} has the key {key!r}; keys must be text")
            _require_json(item, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _require_json(item, f"{where}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"fingerprint: {where} is {value}, which JSON cannot express")
    elif value is not None and not isinstance(value, (str, int, float)):
        raise TypeError(
            f"fingerprint: {where} is a {type(value).__name__}; expected text, a number, a boolean, None, "
            "or lists and dictionaries of them. Convert it to such values first"
        )


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the hash of a regular file's content as a hex digest.

    Raises:
        OSError: The file is absent, is of another kind, or cannot be read.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open_regular(path) as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()
