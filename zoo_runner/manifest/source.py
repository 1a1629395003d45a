"""Manifest files -> one tree: reading, and ``extends``."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zoo_runner.errors import LISTED, ManifestError, shortened
from zoo_runner.files.regular import OversizedFileError, SpecialFileError, read_regular, require_regular
from zoo_runner.known_secrets import learn
from zoo_runner.manifest.tree import Node, Origin, merge, plain
from zoo_runner.manifest.wording import found, lines_shown
from zoo_runner.manifest.yaml_text import YamlProblems, parse

MAX_BYTES: Final = 1 << 20
MAX_FILES: Final = 50
"""How many manifests one may be made of, each extending the next: reading takes a second for the largest."""
EXTENDS: Final = "extends"
STANDARD_INPUT: Final = Path("-")
"""What is written for a manifest that another program writes."""
_SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """A manifest with everything it extends.

    Attributes:
        tree: The merged values.
        files: The files read, the manifest first.
    """

    tree: Node
    files: tuple[Path, ...]


def read(path: Path) -> ManifestSource:
    """Read a manifest and what it extends.

    Args:
        path: The manifest, shown in errors as given; ``-`` is standard input, and what it names lies in the current
            folder.

    Raises:
        ManifestError: A file is missing, unreadable, too large, not UTF-8 or not plain YAML, or the
            ``extends`` chain leads nowhere, in a circle or through too many files.
    """
    return _read(path, ())


def entries(path: Path) -> Mapping[str | int, object]:
    """Return what stands at the top of one file, without what it extends.

    Raises:
        ManifestError: As from :func:`read`, of this file alone.
    """
    return dict(plain(_parse(path, _content(path))))


def base_of(path: Path) -> Path | None:
    """Return the file that a manifest extends, if it says so and that file is there."""
    value = entries(path).get(EXTENDS)
    base = path.parent / value if isinstance(value, str) and value else None
    return base if base is not None and base.is_file() else None


def _read(path: Path, chain: tuple[Path, ...]) -> ManifestSource:
    chain = (*chain, path)
    tree = _parse(path, _content(path))
    entries = dict(tree.value) if isinstance(tree.value, Mapping) else {}
    base_node = entries.pop(EXTENDS, None)
    own = Node(entries, tree.origin)
    if base_node is None:
        return ManifestSource(own, (path,))
    base_path = _base_path(path, base_node, chain)
    base = _read(base_path, chain)
    return ManifestSource(merge(base.tree, own), (path, *base.files))


def _base_path(path: Path, node: Node, chain: tuple[Path, ...]) -> Path:
    where, value = f"{node.origin}: {EXTENDS}", node.value
    if not isinstance(value, str) or not value:
        wanted = "expected the path of one manifest, relative to this file"
        raise ManifestError(f"{where}: {wanted}, found {found(plain(node))}")
    if "://" in value:
        raise ManifestError(f"{where}: expected a local path, found {shortened(repr(value))}; download and name it")
    base = path.parent / value
    _check_file(base, f"{where}: ")
    known = [seen.resolve() for seen in chain]
    if base.resolve() in known:
        circle = [*chain[known.index(base.resolve()) :], base]
        raise ManifestError(f"{where}: leads in a circle: {' -> '.join(str(step) for step in circle)}")
    if len(chain) >= MAX_FILES:
        raise ManifestError(f"{where}: expected at most {MAX_FILES} manifests in all, each extending the next")
    return base


def _content(path: Path) -> bytes:
    """Return what a manifest's file holds."""
    large = ManifestError(f"{path}: expected a manifest of at most 1 MiB, found more; is this the right file?")
    if path == STANDARD_INPUT:
        return _standard_input(large)
    _check_file(path)
    try:
        return read_regular(path, MAX_BYTES)
    except OversizedFileError:
        raise large from None
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}") from None


def _standard_input(large: ManifestError) -> bytes:
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin else b""
    except OSError as error:
        raise ManifestError(f"{STANDARD_INPUT}: standard input cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise large
    return data


def _parse(path: Path, data: bytes) -> Node:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"found byte 0x{data[error.start]:02x}"
        raise ManifestError(f"{path}:{line}: expected UTF-8 text, {byte}; is this the right file?") from None
    learn(text)
    try:
        tree = parse(text, lambda line: Origin(str(path), line, path.parent))
    except YamlProblems as error:
        lines = [f"{path}:{line}:{column}: {problem}" for line, column, problem in error.problems]
        raise ManifestError(lines_shown(lines)) from None
    if tree is None or tree.value is None:
        raise ManifestError(f"{path}: is empty; expected a manifest")
    if not isinstance(tree.value, Mapping):
        raise ManifestError(f"{path}:1: expected a mapping at the top, found {found(plain(tree))}")
    return tree


def _check_file(path: Path, where: str = "") -> None:
    """Refuse what is no regular file, by its kind."""
    shown = f"{where}{shortened(str(path))}"
    try:
        require_regular(path)
    except IsADirectoryError:
        names = _manifests(path)
        hint = f"; name a file in it: {_some(names)}" if names else ""
        raise ManifestError(f"{shown}: expected a manifest, found a folder{hint}") from None
    except SpecialFileError as error:
        raise ManifestError(f"{shown}: {error.strerror}") from None
    except (FileNotFoundError, NotADirectoryError):
        if not path.parent.is_dir():
            raise ManifestError(f"{shown}: there is no folder {shortened(str(path.parent))}") from None
        if path.is_symlink():
            target = shortened(os.readlink(path))  # noqa: PTH115 - as it is written, not as Path would have it
            raise ManifestError(f"{shown}: is a link to {target}, which is not there{_nearby(path)}") from None
        raise ManifestError(f"{shown}: no such file{_nearby(path)}") from None
    except OSError as error:
        raise ManifestError(f"{shown}: cannot be read: {error.strerror}") from None


def _nearby(path: Path) -> str:
    names = _manifests(path.parent)
    # `model` is often written for `model.yaml`, and only stems show how near they are.
    stems = difflib.get_close_matches(path.stem, [Path(name).stem for name in names], n=1)
    nearest = next((f"; did you mean {name!r}?" for name in names if Path(name).stem in stems), "")
    return nearest or _below(path) or (f"; the folder has {_some(names)}" if names else "")


def _below(path: Path) -> str:
    """Suggest a manifest of that very name one folder further down: the name alone is often given."""
    try:
        folders = sorted(entry for entry in path.parent.iterdir() if not _is_hidden(entry) and entry.is_dir())
    except OSError:
        return ""
    same = (folder / name for folder in folders for name in _manifests(folder) if Path(name).stem == path.stem)
    return next((f"; did you mean {str(each)!r}?" for each in same), "")


def _manifests(folder: Path) -> list[str]:
    """Name what may be manifests in a folder; hidden files are settings of others, links to nothing are none."""
    try:
        found = [each for each in folder.iterdir() if each.suffix in _SUFFIXES and not _is_hidden(each)]
        return sorted(each.name for each in found if not each.is_symlink() or each.exists())
    except OSError:
        return []


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _some(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
