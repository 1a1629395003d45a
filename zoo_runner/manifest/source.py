"""Manifest files -> one tree: reading, and ``extends``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zoo_runner.errors import ManifestError
from zoo_runner.manifest.tree import Node, Origin, merge, plain
from zoo_runner.manifest.wording import found
from zoo_runner.manifest.yaml_text import YamlProblems, parse

MAX_BYTES: Final = 1 << 20
EXTENDS: Final = "extends"
_SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest with everything it extends.

    Attributes:
        tree: The merged values.
        files: The files read, the manifest first.
    """

    tree: Node
    files: tuple[Path, ...]


def read(path: Path) -> Source:
    """Read a manifest and what it extends.

    Args:
        path: The manifest, shown in errors as given.

    Raises:
        ManifestError: A file is missing, unreadable, too large, not UTF-8 or not plain YAML, or the
            ``extends`` chain leads nowhere or in a circle.
    """
    return _read(path, ())


def _read(path: Path, chain: tuple[Path, ...]) -> Source:
    chain = (*chain, path)
    tree = _parse(path)
    entries = dict(tree.value) if isinstance(tree.value, Mapping) else {}
    base_node = entries.pop(EXTENDS, None)
    own = Node(entries, tree.origin)
    if base_node is None:
        return Source(own, (path,))
    base_path = _base_path(path, base_node, chain)
    base = _read(base_path, chain)
    return Source(merge(base.tree, own), (path, *base.files))


def _base_path(path: Path, node: Node, chain: tuple[Path, ...]) -> Path:
    where, value = f"{node.origin}: {EXTENDS}", node.value
    if not isinstance(value, str) or not value:
        wanted = "expected the path of one manifest, relative to this file"
        raise ManifestError(f"{where}: {wanted}, found {found(plain(node))}")
    if "://" in value:
        raise ManifestError(f"{where}: expected a local path, found {value!r}; download it and name the file")
    base = path.parent / value
    known = [seen.resolve() for seen in chain]
    if base.resolve() in known:
        circle = [*chain[known.index(base.resolve()) :], base]
        raise ManifestError(f"{where}: leads in a circle: {' -> '.join(str(step) for step in circle)}")
    _check_file(base, f"{where}: ")
    return base


def _parse(path: Path) -> Node:
    _check_file(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ManifestError(f"{path}: expected a manifest of at most 1 MiB, found more; is this the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"found byte 0x{data[error.start]:02x}"
        raise ManifestError(f"{path}:{line}: expected UTF-8 text, {byte}; is this the right file?") from None
    try:
        tree = parse(text, lambda line: Origin(str(path), line, path.parent))
    except YamlProblems as error:
        lines = [f"{path}:{line}:{column}: {problem}" for line, column, problem in error.problems]
        raise ManifestError("\n".join(lines)) from None
    if tree is None or tree.value is None:
        raise ManifestError(f"{path}: is empty; expected a manifest")
    if not isinstance(tree.value, Mapping):
        raise ManifestError(f"{path}:1: expected a mapping at the top, found {found(plain(tree))}")
    return tree


def _check_file(path: Path, where: str = "") -> None:
    if path.is_file():
        return
    if path.is_dir():
        names = _manifests(path)
        hint = f"; name a file in it: {', '.join(names)}" if names else ""
        raise ManifestError(f"{where}{path}: expected a manifest, found a folder{hint}")
    if path.exists():
        raise ManifestError(f"{where}{path}: expected a manifest, found something that is not a regular file")
    if not path.parent.is_dir():
        raise ManifestError(f"{where}{path}: there is no folder {path.parent}")
    raise ManifestError(f"{where}{path}: no such file{_nearby(path)}")


def _nearby(path: Path) -> str:
    names = _manifests(path.parent)
    # `model` is often written for `model.yaml`, and only stems show how near they are.
    stems = difflib.get_close_matches(path.stem, [Path(name).stem for name in names], n=1)
    nearest = next((f"; did you mean {name!r}?" for name in names if Path(name).stem in stems), "")
    return nearest or (f"; the folder has {', '.join(names)}" if names else "")


def _manifests(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if entry.suffix in _SUFFIXES)
    except OSError:
        return []
