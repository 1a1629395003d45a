"""Content-addressed store: what was made once from the same inputs is found again, or made anew.

An entry is made in a temporary folder, stamped with the size and SHA-256 of every file,
and renamed into place, so that being killed leaves either nothing or a complete entry. A damaged one is made again.
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
_NEW, _OLD, _MADE = ".new", ".old", ".made"
CHECKED: Final = ".check"
_UNFINISHED: Final = (_NEW, _OLD, _MADE, CHECKED)
"""How the names of folders end that are only there while a process holds the lock of the entry."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On what terms an entry is reused.

    Attributes:
        verify: How a present entry is checked.
        needs: Files without which it is no entry of its kind.
        pinned: Whether a hash in the manifest says what its content must be, so that it may be reused also where
            nothing of the store is to be.
        repeats: Where making it again gives the same bytes: on every machine, on the type of processor that made it,
            or perhaps not at all.
        varies: Files of which that is not asked.
    """

    verify: Verify = "hash"
    needs: tuple[str, ...] = ()
    pinned: bool = False
    repeats: Literal["everywhere", "here", "never"] = "here"
    varies: tuple[str, ...] = ()


HASHED: Final = Terms()


@dataclass(frozen=True)
class Built:
    """A complete entry.

    Attributes:
        path: Folder with the files that ``make`` wrote.
        reused: Whether it was there before; ``False`` also when it was damaged and made anew.
        files: What.
    """

    path: Path
    reused: bool
    files: tuple[StampedFile, ...]

    def sha256(self, name: str) -> str:
        """Return the digest that a file of the entry was found to have."""
        return next(file.sha256 for file in self.files if file.path == name)


class Store:
    """Artifacts as folders ``<root>/<kind>/<key>/content``; processes may share it at the same time.

    Attributes:
        root: The folder.
        read_only: Whether nothing may be written below ``root``, as in what :meth:`frozen` returns.
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
        """Return the entry, making it when it is absent, damaged or not accepted.

        Args:
            kind: Family of artifacts, such as ``onnx``.
            key: Fingerprint of everything the result depends on.
            make: Writes the files into the empty folder it is given. When it raises, an earlier
                entry stays as it was. Only one process at a time is in ``make`` for an entry.
            terms: On what terms a present entry is reused.
            accept: Has the last word on whether a present, undamaged entry may be reused. It may raise
                :class:`DamagedError`.
            on_wait: Called once when another process is busy with the entry.
        """
        entry = self._entry(kind, key)
        if why := unwritable(entry.parent):
            found_only = _FrozenStore(self.root, f"the store cannot be written to: {why}", remedy=WRITABLE)
            there = found_only.build(kind, key, make, terms, accept=accept)
            with disk_errors(f"make what is kept ({kind}) again beside", entry):
                self._confirm(entry, make, terms)
            return there
        fresh, old = entry.with_name(f".{key}{_NEW}"), entry.with_name(f".{key}{_OLD}")
        with disk_errors(f"make what is kept ({kind})", entry), locked(entry.with_name(f".{key}.lock"), on_wait):
            for remains in (fresh, old):  # of builds that were killed: the lock says that no process is in them
                remove(remains)
            found = self._usable(entry, terms, accept)
            if found is not None:
                self._confirm(entry, make, terms)
                return found
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
        """Return an entry that may be reused, and say of one that is damaged what is wrong with it."""
        try:
            found = _found(entry, terms, refresh=True)
            if found is None or not (accept is None or accept(found)):
                return None
            touch(entry)
            return found  # noqa: TRY300 - what accept raises is caught too
        except DamagedError as why:
            self._tell(f"{entry}: damaged, and made again: {why}")
            return None

    def _confirm(self, entry: Path, make: Callable[[Path], None], terms: Terms) -> None:
        """Have the last word on an entry that is about to be reused; a store in doubt makes it again."""

    def announce(
        self,
        kind: str,  # noqa: ARG002 - of stores in doubt
        keys: Sequence[str],  # noqa: ARG002 - likewise
        why_not: str = "",  # noqa: ARG002 - likewise
    ) -> Collection[str]:
        """Name the entries of a kind that a run is about to look up, for a store in doubt to draw from.

        Args:
            kind: Their kind.
            keys: Their keys.
            why_not: Why none can be made again with the same bytes; empty when they can.

        Returns:
            The keys that are drawn, and not found until they were made again; of this store none.
        """
        return ()

    def telling(self, tell: Callable[[str], None]) -> Store:
        """Return the same store; ``tell`` is given a line about every entry that is found damaged."""
        store = copy.copy(self)
        store._tell = tell  # noqa: SLF001 - of the same class
        return store

    def frozen(self, reason: str) -> Store:
        """Return a view of the store in which nothing is made, only found.

        Args:
            reason: Why, for the error when something is not there; such as ``--from infer``.
        """
        return _FrozenStore(self.root, reason)

    def renewing(self) -> Store:
        """Return a view of the store in which nothing is reused that it did not make itself, or that is not pinned."""
        store = _RenewingStore(self.root)
        store._tell = self._tell  # noqa: SLF001 - of the same class
        return store

    def lookup(self, kind: str, key: str, terms: Terms = HASHED) -> Path | None:
        """Return the folder of a complete and undamaged entry, or ``None``; nothing is made or removed."""
        try:
            found = _found(self._entry(kind, key), terms, refresh=False)
        except DamagedError:  # build says so
            return None
        return None if found is None else found.path

    def has(self, kind: str, key: str) -> bool:
        """Say whether an entry is there, whole or damaged."""
        return os.path.lexists(self._entry(kind, key))

    @contextmanager
    def workshop(self, kind: str, key: str, on_wait: Callable[[], None] | None = None) -> Iterator[Path]:
        """Give an empty folder in which to make an entry whose key is known when it is made; it is removed afterwards.

        Only one process at a time gets the folder of a key.
        """
        entry = self._entry(kind, key)
        if why := unwritable(entry.parent):
            raise StageError(
                f"the store cannot be written to: {why}: expected what an earlier run made ({kind}), found none in "
                f"{self.root} for exactly these inputs; {WRITABLE}"
            )
        folder = entry.with_name(f".{key}{_MADE}")
        with locked(entry.with_name(f".{key}.lock"), on_wait):
            remove(folder)  # of a process that was killed
            folder.mkdir(parents=True)
            try:
                yield folder
            finally:
                remove(folder)

    def discard(self, kind: str, key: str) -> None:
        """Remove an entry, complete or not; where there is none, nothing is done."""
        entry = self._entry(kind, key)
        if os.path.lexists(entry):
            with locked(entry.with_name(f".{key}.lock"), None):
                remove(entry)

    def clear_remains(self) -> None:
        """Remove what processes that were killed left half made; what is being made now stays."""
        with suppress(OSError):  # of a store that cannot be written to nothing can be removed
            for path in [*self.root.glob("*/.*"), *self.root.glob(f"*/*/.*{SUFFIX}")]:
                name, _, kind = path.name[1:].rpartition(".")
                if path.name.endswith(SUFFIX):
                    remove_unheld(path)
                elif f".{kind}" in _UNFINISHED:
                    remove_unlocked(path, path.with_name(f".{name}.lock"))

    def require_space(self, size: int, purpose: str) -> None:
        """Check that ``size`` more bytes fit on the store's disk.

        Raises:
            FetchError: They do not.
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
    """A store whose entries of earlier runs are made again, each once."""

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
    """A store whose ``build`` refuses to make anything."""

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
        make: Callable[[Path], None],  # noqa: ARG002 - the signature is the store's
        terms: Terms = HASHED,
        *,
        accept: Callable[[Built], bool] | None = None,
        on_wait: Callable[[], None] | None = None,  # noqa: ARG002 - likewise
    ) -> Built:
        entry, found, what = self._entry(kind, key), None, "none"
        if self.pinned_only and not terms.pinned:
            raise StageError(
                f"{self.reason}: expected that nothing of the store is needed, as --no-cache says, found that what an "
                f"earlier run made is ({kind}); give the data set with --data FOLDER, or drop --no-cache"
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
    """Write the stamp of a finished entry and bring all of it to the disk."""
    stamp = make_stamp(fresh / CONTENT, key)
    files = stamp.files
    with naming(fresh / STAMP):
        (fresh / STAMP).write_bytes(stamp.encoded())
    if len(files) > _MANY_FILES:
        os.sync()  # once for all: thousands of single calls would take minutes on a slow disk
        return files
    for path in [*fresh.rglob("*"), fresh]:
        if not path.is_symlink():
            sync(path)
    return files


def _found(entry: Path, terms: Terms, *, refresh: bool) -> Built | None:
    """Return a complete entry, or ``None`` if there is none.

    Args:
        entry: Its folder.
        terms: On what terms it may be reused.
        refresh: Whether what is known of its files now may be written down, for the next check to read less.

    Raises:
        DamagedError: It is there, and not what its stamp says or its kind needs.
    """
    if not os.path.lexists(entry):
        return None
    stamp, better = check(entry, terms.verify)
    if absent := [name for name in terms.needs if all(file.path != name for file in stamp.files)]:
        raise DamagedError(f"it has no {', '.join(absent)}")
    if better and refresh and terms.verify == "stat":
        with suppress(OSError):  # a store that cannot be written to is as good
            write_durably(entry / STAMP, stamp.encoded())
    return Built(path=entry / CONTENT, reused=True, files=stamp.files)
