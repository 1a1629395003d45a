"""The store by the code that was used: what was made is found again while some record of that code holds.

A step's records are in ``<root>/code/<step>/<digest>``. The key of an entry ends in the digest of the record that
was taken after the entry was made, so that two states of the code never share an entry. An entry is looked for under
all records that hold; without one, or where none can be read, nothing is found.
"""

from __future__ import annotations

import itertools
import shutil
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.store.durable import write_durably
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import Store
from zoo_runner.used_code.collecting import Step, alterations, collect, loaded_state, others_loaded, trees_of
from zoo_runner.used_code.record import Disk, FileFact, Record

if TYPE_CHECKING:
    from zoo_runner.store.store import Built

KIND: Final = "code"
KEPT: Final = 16
"""Records of a step that are looked at, the latest first; older ones are removed."""


@dataclass
class StepCode:
    """The code of a step: what is known of it, and what is used of it now. Threads may share it.

    Attributes:
        step: The step.
        root: The store's folder.
        warn: Told when results cannot be kept, because code was changed under the run.
        disk: What the disk holds; steps of one run share it, so that a file is looked at once.
    """

    step: Step
    root: Path
    warn: Callable[[str], None]
    disk: Disk = field(default_factory=Disk)
    _known: list[str] = field(default_factory=list, repr=False)
    _unread: Iterator[str] | None = field(default=None, repr=False)
    _trees: Mapping[str, Mapping[str, FileFact]] | None = field(default=None, repr=False)
    _state: object = field(default=None, repr=False)
    _digest: str = field(default="", repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def folder(self) -> Path:
        """Where the records are."""
        return self.root / KIND / f"{self.step.name}-{fingerprint(*self.step.packages)[:16]}"

    def known(self, *, again: bool = False) -> Iterator[str]:
        """Yield the digests of the records that hold, the latest first; a record is read when it is asked for.

        Args:
            again: Whether to look at the disk again, for what another process has added.
        """
        with self._lock:
            if self._trees is None:
                self._trees = trees_of(self.step, self.disk)
            if self._unread is None or again:
                self._known, self._unread = (
                    [],
                    self._holding(Disk(by_content=self.disk.by_content) if again else self.disk),
                )
        place = 0
        while (digest := self._at(place)) is not None:
            yield digest
            place += 1

    def _at(self, place: int) -> str | None:
        """Return the digest at a place among those that hold, or ``None`` behind the last one."""
        with self._lock:
            if place == len(self._known) and self._unread is not None:
                self._known.extend(itertools.islice(self._unread, 1))
            return self._known[place] if place < len(self._known) else None

    def _holding(self, disk: Disk) -> Iterator[str]:
        return (digest for digest, record in self.records() if next(differences(record, disk), None) is None)

    def records(self) -> Iterator[tuple[str, Record]]:
        """Yield the records that can be read, with their digests, the latest first."""
        for path in self._files()[:KEPT]:
            with suppress(OSError, ValueError):
                yield path.name, Record.decoded(path.read_bytes(), path.name)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[!.]*"), key=_age)

    def settle(self) -> str:
        """Return the digest of what this process used so far; its record is kept.

        Where it cannot be known what was used, the digest is one that is never found again, and ``warn`` is told.
        """
        with self._lock:
            state = loaded_state()
            if state != self._state:
                self._digest, self._state = self._taken(), state
            return self._digest

    def _taken(self) -> str:
        disk = Disk()
        try:
            record = collect(self.step, disk)
            why = next(alterations(record, disk, self._trees or {}), None)
        except OSError as error:
            why = str(error)
        if why is not None:
            self.warn(f"{self.step.name}: {why}; what was made now is not kept for later runs")
            return f"not-kept-{uuid.uuid4()}"
        path = self.folder / record.digest
        write_durably(path, record.encoded())
        for old in self._files()[KEPT:]:
            old.unlink(missing_ok=True)
        if self._unread is not None and record.digest not in self._known:
            self._known.insert(0, record.digest)
        return record.digest


class CodedStore(Store):
    """A view of a store in which entries are found by the code they were made with.

    Args:
        store: The store.
        code: What makes the entries.
    """

    def __init__(self, store: Store, code: StepCode) -> None:
        super().__init__(store.root)
        self._store = store
        self._code = code
        self.read_only = store.read_only

    def build(self, kind: str, key: str, make: Callable[[Path], None], *terms: Any, **options: Any) -> Built:
        """Return the entry as :meth:`Store.build` does; its key is completed by the code that ``make`` used."""
        store = self._store
        if (named := self._find(kind, key)) or store.read_only:
            return store.build(kind, named or key, make, *terms, **options)
        with store.workshop(kind, key, options.get("on_wait")) as folder:
            if named := self._find(kind, key, again=True):
                return store.build(kind, named, make, *terms, **options)
            make(folder)
            named = fingerprint(key, self._code.settle())
            return store.build(kind, named, partial(_move, folder), *terms, **options)

    def lookup(self, kind: str, key: str, *terms: Any, **options: Any) -> Path | None:
        """Return the folder of an entry as :meth:`Store.lookup` does."""
        named = self._find(kind, key)
        return self._store.lookup(kind, named, *terms, **options) if named else None

    def announce(self, kind: str, keys: Sequence[str], why_not: str = "") -> Collection[str]:
        """Draw from the entries as :meth:`Store.announce` does."""
        named = {name: key for key in keys if (name := self._find(kind, key))}
        return {named[name] for name in self._store.announce(kind, list(named), why_not) if name in named}

    def has(self, kind: str, key: str) -> bool:
        """Say whether an entry is there that this code made, whole or damaged."""
        return self._find(kind, key) is not None

    def discard(self, kind: str, key: str) -> None:
        """Remove the entry that this code made, if there is one."""
        for digest in self._code.known(again=True):
            self._store.discard(kind, fingerprint(key, digest))

    def _find(self, kind: str, key: str, *, again: bool = False) -> str | None:
        candidates = (fingerprint(key, digest) for digest in self._code.known(again=again))
        return next((each for each in candidates if self._store.has(kind, each)), None)


def differences(record: Record, disk: Disk) -> Iterator[str]:
    """Yield what keeps a record from holding: what the disk has, or this process runs, is something else."""
    yield from disk.differences(record)
    yield from others_loaded(record, disk)


def _move(source: Path, target: Path) -> None:
    for path in list(source.iterdir()):
        shutil.move(path, target / path.name)


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0
