"""A view of the store that finds an entry only if the code that made it is unchanged.

The records of a step's code are in ``<root>/code/<step>/<digest>``. After an entry was made, the record of the used
code is taken, and its digest becomes part of the entry's key. So two states of the code never share an entry. To find
an entry, the view tries every record that matches the present code. If no record matches, it finds nothing.
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
"""How many records of a step are kept; older ones are removed."""


@dataclass
class StepCode:
    """The records of a step's code: those that match the present code, and the one of this run. Threads may share it.

    Attributes:
        step: The step.
        root: The store's folder.
        warn: Called with a text if results cannot be kept because code changed during the run.
        disk: The files on the disk. The steps of a run share it, so that each file is read once.
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
        """The folder with the step's records."""
        return self.root / KIND / f"{self.step.name}-{fingerprint(*self.step.packages)[:16]}"

    def known(self, *, again: bool = False) -> Iterator[str]:
        """Yield the digests of the records that match the present code, the latest first. Each is read when needed.

        Args:
            again: Whether to read the disk again, to find records that another process has added.
        """
        with self._lock:
            if self._trees is None:
                self._trees = trees_of(self.step, self.disk)
            if self._unread is None or again:
                disk = Disk(by_content=self.disk.by_content) if again else self.disk
                self._known, self._unread = [], self._matching(disk)
        index = 0
        while (digest := self._digest_at(index)) is not None:
            yield digest
            index += 1

    def _digest_at(self, index: int) -> str | None:
        """Return the digest with this index among those of matching records; ``None`` if there are fewer."""
        with self._lock:
            if index == len(self._known) and self._unread is not None:
                self._known.extend(itertools.islice(self._unread, 1))
            return self._known[index] if index < len(self._known) else None

    def _matching(self, disk: Disk) -> Iterator[str]:
        """Yield the digests of the records without differences from the disk and from what this process runs."""
        return (digest for digest, record in self.records() if next(differences(record, disk), None) is None)

    def records(self) -> Iterator[tuple[str, Record]]:
        """Yield the step's records with their digests, the latest first; records that cannot be read are left out."""
        for path in self._files()[:KEPT]:
            with suppress(OSError, ValueError):
                yield path.name, Record.decoded(path.read_bytes(), path.name)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[!.]*"), key=_age)

    def settle(self) -> str:
        """Take and keep the record of the code that this process has used so far; return its digest.

        If code changed during the run, nobody can know what was used. Then ``warn`` is called, and the digest is a
        random one that no later run finds.

        Raises:
            PluginError: A package that the plugin declares cannot be found.
        """
        with self._lock:
            state = loaded_state()
            if state != self._state:
                self._digest, self._state = self._take_record(), state
            return self._digest

    def _take_record(self) -> str:
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
    """A view of a store that finds only entries that the present code has made.

    Args:
        store: The store.
        code: The records of the code that makes the entries.
    """

    def __init__(self, store: Store, code: StepCode) -> None:
        super().__init__(store.root)
        self._store = store
        self._code = code
        self.read_only = store.read_only

    def build(self, kind: str, key: str, make: Callable[[Path], None], *terms: Any, **options: Any) -> Built:
        """Return the entry as :meth:`Store.build` does; its key includes the digest of the code that ``make`` used."""
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
        """Return the content folder of an entry as :meth:`Store.lookup` does."""
        named = self._find(kind, key)
        return self._store.lookup(kind, named, *terms, **options) if named else None

    def announce(self, kind: str, keys: Sequence[str], why_not: str = "") -> Collection[str]:
        """Announce the entries as :meth:`Store.announce` does."""
        named = {name: key for key in keys if (name := self._find(kind, key))}
        return {named[name] for name in self._store.announce(kind, list(named), why_not) if name in named}

    def has(self, kind: str, key: str) -> bool:
        """Say whether an entry that this code made is there; it may be damaged."""
        return self._find(kind, key) is not None

    def discard(self, kind: str, key: str) -> None:
        """Remove the entry that this code made, if there is one."""
        for digest in self._code.known(again=True):
            self._store.discard(kind, fingerprint(key, digest))

    def _find(self, kind: str, key: str, *, again: bool = False) -> str | None:
        """Return the full key of an entry that this code made, or ``None`` if there is none."""
        candidates = (fingerprint(key, digest) for digest in self._code.known(again=again))
        return next((each for each in candidates if self._store.has(kind, each)), None)


def differences(record: Record, disk: Disk) -> Iterator[str]:
    """Yield one text for each difference of a record from the disk, or from the code that this process runs."""
    yield from disk.differences(record)
    yield from others_loaded(record, disk)


def _move(source: Path, target: Path) -> None:
    for path in list(source.iterdir()):
        shutil.move(path, target / path.name)


def _age(path: Path) -> float:
    """Return a sort key: smaller for a file that was changed later."""
    try:
        return -path.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0
