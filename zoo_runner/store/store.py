"""The store: it keeps what a step made, and returns it when the step has the same inputs again.

An entry is made in a temporary folder. It gets a stamp with the size and SHA-256 of every file, and is then renamed
into place. So a process that is killed leaves a complete entry or none. A damaged entry is made again.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from zoo_runner.errors import FetchError, StageError
from zoo_runner.files.named_errors import naming
from zoo_runner.store.contents import touch
from zoo_runner.store.durable import SUFFIX, remove_unheld, sync, write_durably
from zoo_runner.store.entries import CONTENT, STAMP, DamagedError, StampedFile, Verify, check, make_stamp, remove
from zoo_runner.store.locks import locked, remove_unlocked
from zoo_runner.store.root import ELSEWHERE, WRITABLE, default_root, disk_errors, unwritable

__all__ = ["ELSEWHERE", "Built", "DamagedError", "Store", "Terms", "Verify", "default_root"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_MANY_FILES = 64
"""From more files than this, all are written to the disk with one call."""
_NEW, _OLD, _MADE = ".new", ".old", ".made"
CHECKED: Final = ".check"
"""Suffix of the folder in which an audit makes an entry again."""
_UNFINISHED: Final = (_NEW, _OLD, _MADE, CHECKED)
"""Suffixes of temporary folders; a process uses them only while it has the lock of the entry."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """When an entry may be reused, and how an audit compares it.

    Attributes:
        verify: How the entry is checked.
        needs: Names of files that it must have.
        pinned: Whether the manifest has the hash of its content. Then it is reused even with ``--no-cache``.
        repeats: Where making it again gives the same bytes: ``everywhere``, ``here`` (on the same type of processor)
            or ``never`` (not for certain).
        varies: Names of files that may differ when it is made again.
    """

    verify: Verify = "hash"
    needs: tuple[str, ...] = ()
    pinned: bool = False
    repeats: Literal["everywhere", "here", "never"] = "here"
    varies: tuple[str, ...] = ()


HASHED: Final = Terms()
"""The default: every file is hashed before the entry is reused."""


@dataclass(frozen=True)
class Built:
    """A complete entry.

    Attributes:
        path: Folder with the files that ``make`` wrote.
        reused: Whether it was in the store already. ``False`` also if it was damaged, and was made again.
        files: The files, with their hashes.
    """

    path: Path
    reused: bool
    files: tuple[StampedFile, ...]

    def sha256(self, name: str) -> str:
        """Return the hash of a file of the entry, by its path."""
        return next(file.sha256 for file in self.files if file.path == name)


class Store:
    """Entries in folders ``<root>/<kind>/<key>/content``. Several processes may use it at the same time.

    Attributes:
        root: The store's folder.
        read_only: Whether this object writes nothing below ``root``; true for :meth:`frozen`.
    """

    read_only: bool = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tell: Callable[[str], None] = lambda _: None

    def build(
        self,
        kind: str,
        key: str,
        make: Callable[[Path], None],
        terms: Terms = HASHED,
        *,
        accept: Callable[[Built], bool] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> Built:
        """Return an entry; if it is absent, damaged or not accepted, make it first.

        Args:
            kind: Kind of the entry, such as ``onnx``.
            key: Fingerprint of everything that the content depends on.
            make: Is called with an empty folder, and writes the files into it. If it raises, an earlier entry stays
                as it was. Only one process at a time makes an entry.
            terms: When an entry that is there may be reused.
            accept: Is called with an entry that is there and undamaged, and says whether it may be reused. It may
                raise :class:`DamagedError`.
            on_wait: Is called once if another process is making the entry.

        Raises:
            StageError: The disk is full or fails, or the store is read-only and does not have the entry.
        """
        entry = self._entry(kind, key)
        if why := unwritable(entry.parent):
            found_only = _FrozenStore(self.root, f"the store cannot be written to: {why}", remedy=WRITABLE)
            found = found_only.build(kind, key, make, terms, accept=accept)
            with disk_errors(f"make what is kept ({kind}) again beside", entry):
                self._confirm(entry, make, terms)
            return found
        fresh, old = entry.with_name(f".{key}{_NEW}"), entry.with_name(f".{key}{_OLD}")
        with disk_errors(f"make what is kept ({kind})", entry), locked(entry.with_name(f".{key}.lock"), on_wait):
            for leftover in (fresh, old):  # killed processes left them; this one has the lock, so no other uses them
                remove(leftover)
            if (usable := self._usable(entry, terms, accept)) is not None:
                self._confirm(entry, make, terms)
                return usable
            try:
                (fresh / CONTENT).mkdir(parents=True)
                make(fresh / CONTENT)
                files = _stamp(fresh, key)
            except BaseException:
                remove(fresh)
                raise
            if os.path.lexists(entry):
                entry.rename(old)
            fresh.rename(entry)
            sync(entry.parent)
            remove(old)
        return Built(path=entry / CONTENT, reused=False, files=files)

    def _usable(self, entry: Path, terms: Terms, accept: Callable[[Built], bool] | None) -> Built | None:
        """Return the entry if it may be reused, otherwise ``None``; if it is damaged, tell the user why."""
        try:
            found = _found(entry, terms, refresh=True)
            if found is None or not (accept is None or accept(found)):
                return None
            touch(entry)
            return found  # noqa: TRY300 - errors that accept raises are caught, too
        except DamagedError as why:
            self._tell(f"{entry}: damaged, and made again: {why}")
            return None

    def _confirm(self, entry: Path, make: Callable[[Path], None], terms: Terms) -> None:
        """Check an entry that is about to be reused. A plain store accepts it; an audit may make it again."""

    def announce(
        self,
        kind: str,  # noqa: ARG002 - audits use it
        keys: Sequence[str],  # noqa: ARG002 - likewise
        why_not: str = "",  # noqa: ARG002 - likewise
    ) -> Collection[str]:
        """Announce the entries that a run is about to look up, so that an audit can choose some to make again.

        Args:
            kind: Kind of the entries.
            keys: Their keys.
            why_not: Why none of them can be made again with the same bytes; empty if they can.

        Returns:
            The keys that an audit chose: :meth:`lookup` does not find them. A plain store chooses none.
        """
        return ()

    def telling(self, tell: Callable[[str], None]) -> Store:
        """Return a copy of the store that calls ``tell`` with one line for each damaged entry."""
        store = copy.copy(self)
        store._tell = tell  # noqa: SLF001 - of the same class
        return store

    def frozen(self, reason: str) -> Store:
        """Return a view of the store that finds entries and makes none.

        Args:
            reason: Why it makes none, such as ``--from infer``; the error for a missing entry begins with it.
        """
        return _FrozenStore(self.root, reason)

    def renewing(self) -> Store:
        """Return a view of the store for ``--no-cache``: it reuses only pinned entries, and those that it has made."""
        store = _RenewingStore(self.root)
        store._tell = self._tell  # noqa: SLF001 - of the same class
        return store

    def lookup(self, kind: str, key: str, terms: Terms = HASHED) -> Path | None:
        """Return the content folder of an entry, or ``None`` if it is absent or damaged; nothing is made or removed."""
        try:
            found = _found(self._entry(kind, key), terms, refresh=False)
        except DamagedError:  # build tells the user
            return None
        return None if found is None else found.path

    def has(self, kind: str, key: str) -> bool:
        """Say whether an entry is there; it may be damaged."""
        return os.path.lexists(self._entry(kind, key))

    @contextmanager
    def workshop(self, kind: str, key: str, on_wait: Callable[[], None] | None = None) -> Iterator[Path]:
        """Yield an empty folder in which an entry is made whose key is known only afterwards; then remove the folder.

        Only one process at a time gets the folder of a kind and key; ``on_wait`` is called once if another has it.

        Raises:
            StageError: The store cannot be written to.
        """
        entry = self._entry(kind, key)
        if why := unwritable(entry.parent):
            raise StageError(
                f"the store cannot be written to: {why}: expected what an earlier run made ({kind}), found none in "
                f"{self.root} for exactly these inputs; {WRITABLE}"
            )
        folder = entry.with_name(f".{key}{_MADE}")
        with locked(entry.with_name(f".{key}.lock"), on_wait):
            remove(folder)  # a killed process may have left it
            folder.mkdir(parents=True)
            try:
                yield folder
            finally:
                remove(folder)

    def discard(self, kind: str, key: str) -> None:
        """Remove an entry; it may be incomplete or absent."""
        entry = self._entry(kind, key)
        if os.path.lexists(entry):
            with locked(entry.with_name(f".{key}.lock"), None):
                remove(entry)

    def clear_remains(self) -> None:
        """Remove the temporary files and folders of killed processes; those in use stay."""
        with suppress(OSError):  # from a read-only store, nothing can be removed
            for path in [*self.root.glob("*/.*"), *self.root.glob(f"*/*/.*{SUFFIX}")]:
                name, _, kind = path.name[1:].rpartition(".")
                if path.name.endswith(SUFFIX):
                    remove_unheld(path)
                elif f".{kind}" in _UNFINISHED:
                    remove_unlocked(path, path.with_name(f".{name}.lock"))

    def require_space(self, size: int, purpose: str) -> None:
        """Check that ``size`` more bytes fit on the store's disk.

        Args:
            size: Size in bytes.
            purpose: What the space is for; the error begins with it.

        Raises:
            FetchError: They do not fit.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free
        if size > free:
            raise FetchError(
                f"{purpose}: expected {size:,} bytes of free disk at {self.root}, found {free:,}. "
                "Free some space, or set ZOO_RUNNER_CACHE to a folder on a larger disk"
            )

    def _entry(self, kind: str, key: str) -> Path:
        for name in (kind, key):
            if not _NAME.fullmatch(name):
                raise ValueError(f"expected a plain file name for kind and key, found {name!r}")
        return self.root / kind / key


class _RenewingStore(Store):
    """A store that makes each entry again once, unless it is pinned."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._made: set[Path] = set()

    def build(
        self,
        kind: str,
        key: str,
        make: Callable[[Path], None],
        terms: Terms = HASHED,
        *,
        accept: Callable[[Built], bool] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> Built:
        entry = self._entry(kind, key)
        again = not terms.pinned and entry not in self._made
        built = super().build(kind, key, make, terms, accept=_nothing if again else accept, on_wait=on_wait)
        self._made.add(entry)
        return built

    def lookup(self, kind: str, key: str, terms: Terms = HASHED) -> Path | None:
        return super().lookup(kind, key, terms) if terms.pinned or self._entry(kind, key) in self._made else None

    def frozen(self, reason: str) -> Store:
        return _FrozenStore(self.root, reason, pinned_only=True)


def _nothing(_: Built) -> bool:
    """Accept no entry."""
    return False


class _FrozenStore(Store):
    """A store whose ``build`` makes no entries; its error begins with ``reason`` and ends with ``remedy``."""

    read_only = True

    def __init__(
        self, root: Path, reason: str, *, pinned_only: bool = False, remedy: str = "run once without it"
    ) -> None:
        super().__init__(root)
        self.reason = reason
        self.remedy = remedy
        self.pinned_only = pinned_only

    def build(
        self,
        kind: str,
        key: str,
        make: Callable[[Path], None],  # noqa: ARG002 - the signature is that of Store
        terms: Terms = HASHED,
        *,
        accept: Callable[[Built], bool] | None = None,
        on_wait: Callable[[], None] | None = None,  # noqa: ARG002 - likewise
    ) -> Built:
        entry, found, what = self._entry(kind, key), None, "none"
        if self.pinned_only and not terms.pinned:
            raise StageError(
                f"{self.reason}: expected to need no results of earlier runs, as --no-cache forbids them, found that "
                f"one is needed ({kind}); give the data set with --data FOLDER, or drop --no-cache"
            )
        try:
            found = _found(entry, terms, refresh=False)
            usable = found is not None and (accept is None or accept(found))
        except DamagedError as why:
            usable, what = False, f"a damaged one ({why})"
        if found is None or not usable:
            raise StageError(
                f"{self.reason}: expected what an earlier run made ({kind}), found {what} in {self.root} for exactly "
                f"these inputs; {self.remedy}"
            )
        return found


def _stamp(fresh: Path, key: str) -> tuple[StampedFile, ...]:
    """Write the stamp of a finished entry, and write all its files from memory to the disk."""
    stamp = make_stamp(fresh / CONTENT, key)
    files = stamp.files
    with naming(fresh / STAMP):
        (fresh / STAMP).write_bytes(stamp.encoded())
    if len(files) > _MANY_FILES:
        os.sync()  # one call for all files: a call for each of thousands would take minutes on a slow disk
        return files
    for path in [*fresh.rglob("*"), fresh]:
        if not path.is_symlink():
            sync(path)
    return files


def _found(entry: Path, terms: Terms, *, refresh: bool) -> Built | None:
    """Return a complete entry, or ``None`` if there is none.

    Args:
        entry: The entry's folder.
        terms: How it is checked, and which files it must have.
        refresh: Whether the stamp may be written again with the present inodes and times, to read less next time.

    Raises:
        DamagedError: The entry is there, but it differs from its stamp, or lacks a file that it must have.
    """
    if not os.path.lexists(entry):
        return None
    stamp, better = check(entry, terms.verify)
    if absent := [name for name in terms.needs if all(file.path != name for file in stamp.files)]:
        raise DamagedError(f"it has no {', '.join(absent)}")
    if better and refresh and terms.verify == "stat":
        with suppress(OSError):  # a read-only store: the next check reads the same files again
            write_durably(entry / STAMP, stamp.encoded())
    return Built(path=entry / CONTENT, reused=True, files=stamp.files)
