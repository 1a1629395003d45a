"""Lists what a store has, by kind, with size and age, for ``cache list``, ``cache prune`` and ``cache clear``."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.store.entries import STAMP, remove
from zoo_runner.store.locks import remove_unlocked

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES: Final = frozenset({"checks", "code", "keys"})
"""Folders of small files about entries. They can be removed: runs write them again."""
UNFINISHED: Final = "partial"
"""Folder of incomplete downloads; the next run continues them."""
DAY_S: Final = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An entry of the store, a table or an incomplete download.

    Attributes:
        kind: Name of its folder in the store, such as ``onnx``.
        path: The folder or file.
        size: Total size of its files, in bytes.
        used: When it was made or last reused, in seconds since 1970.
    """

    kind: str
    path: Path
    size: int
    used: float

    def days(self) -> float:
        """Return how many days ago it was last used."""
        return (time.time() - self.used) / DAY_S

    def discard(self) -> int:
        """Remove it, unless a process is making it at the moment; return the number of bytes removed."""
        if self.kind in TABLES or self.kind == UNFINISHED:
            remove(self.path)
        else:
            remove_unlocked(self.path, self.path.with_name(f".{self.path.name}.lock"))
        return 0 if os.path.lexists(self.path) else self.size


def contents(root: Path) -> Iterator[Kept]:
    """Yield what can be removed from the store at ``root``, by kind; files that are not the store's are left out.

    The history of runs and the hashes that were trusted on first use are left out, too: no run could make them again.
    """
    for folder in sorted(_inside(root)):
        if folder.is_symlink() or not folder.is_dir():
            continue
        for path in sorted(_inside(folder)):
            own = folder.name in TABLES or folder.name == UNFINISHED or (path / STAMP).is_file()
            if own and not path.name.startswith("."):
                with suppress(FileNotFoundError):  # another process has just removed it
                    used = path.lstat().st_mtime
                    yield Kept(kind=folder.name, path=path, size=_size(path), used=used)


def touch(entry: Path) -> None:
    """Record that an entry was used now; in a store that is read-only, do nothing."""
    with suppress(OSError):
        os.utime(entry)


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _size(path: Path) -> int:
    """Return the total size of a file, or of all files below a folder, in bytes; links are not followed."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    sizes = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                sizes += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - thousands of samples
    return sizes
