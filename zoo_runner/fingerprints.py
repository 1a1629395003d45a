"""Names for content and computations: equal inputs have equal names, on every machine."""

from __future__ import annotations

import hashlib
import json
import math
from importlib.util import find_spec
from pathlib import Path

from zoo_runner.errors import PluginError

_CHUNK = 1 << 20


def fingerprint(*parts: object) -> str:
    """Name a computation by its inputs: SHA-256 hex over their canonical JSON.

    Args:
        parts: Values of JSON types. A tuple counts as a list; order of dictionary keys does not count.

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
    """Return the hex digest of a file, read in pieces."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def source_fingerprint(package: str) -> str:
    """Digest the Python source of an installed package, so that edited code makes new artifacts.

    Args:
        package: Importable name. Of a dotted name the whole top-level package counts, because
            its modules use each other. Nothing is imported.

    Raises:
        PluginError: There is no such package, or it has no source files.
    """
    top = package.partition(".")[0]
    try:
        spec = find_spec(top)
    except ValueError:  # a module that was made at run time has no spec
        spec = None
    if spec is None:
        raise PluginError(f"expected an importable package {top!r}, found none; is it installed?")
    roots = [Path(root) for root in spec.submodule_search_locations or ()]
    sources = [(root, path) for root in roots for path in sorted(root.rglob("*.py")) if path.is_file()]
    rows = [[path.relative_to(root).as_posix(), file_digest(path)] for root, path in sources]
    if not roots and spec.origin is not None and Path(spec.origin).is_file():
        rows = [[Path(spec.origin).name, file_digest(Path(spec.origin))]]
    if not rows:
        raise PluginError(f"expected Python source files of {top!r}, found none at {spec.origin or roots}")
    return fingerprint(top, rows)
