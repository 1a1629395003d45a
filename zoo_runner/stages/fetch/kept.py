"""Files from the network as the store keeps them: each in an entry of its own, found by its address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import FetchError, IntegrityError, StageError
from zoo_runner.stages.fetch.source import FileSource, mismatch, refusal
from zoo_runner.stages.fetch.trust import Trust
from zoo_runner.stages.fetch.wrong_content import wrong_content
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import Built, DamagedError, Store, Terms

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Progress


@dataclass(frozen=True)
class Kept:
    """One file from the network, and what it must be.

    Attributes:
        source: What is asked for.
        expected: The same, with the hash recorded in ``trust`` if there is one.
        trust: The record of an earlier file from the same address.
        refetch: Whether a file that is there is not taken.
    """

    source: FileSource
    expected: FileSource
    trust: Trust
    refetch: bool

    @classmethod
    def of(cls, source: FileSource, store: Store, *, refetch: bool) -> Kept:
        """Return what is known of a source.

        Raises:
            IntegrityError: The record of an earlier file is damaged.
        """
        trust = Trust.of(source, store)
        # with refetch too: what is damaged is not replaced unseen
        known = None if source.hashed else recorded(trust, source)
        expected = source if known is None or refetch else replace(source, sha256=known)
        return cls(source, expected, trust, refetch)

    def build(self, store: Store, make: Callable[[Path], None], progress: Progress) -> Built:
        """Return the store's entry with the file; if it is not there or not right, make it first.

        Raises:
            FetchError: It cannot be obtained.
        """
        shown = self.source.shown
        try:
            return store.build(
                "download",
                fingerprint(self.source.url),
                make,
                Terms(repeats="never", pinned=self.source.hashed),
                accept=self._right,
                on_wait=lambda: progress.note(f"{shown}: waiting for another process that downloads it"),
            )
        except StageError as why:
            if store.read_only:
                raise FetchError(f"{shown}: {why}") from why
            raise

    def _right(self, built: Built) -> bool:
        if len(built.files) != 1:
            raise DamagedError(f"expected one file in it, found {len(built.files)}")
        if self.refetch or (not self.source.hashed and self.trust.failed.exists()):
            return False
        (file,) = built.files
        if not self.source.hashed and wrong_content(built.path / file.path):
            return False
        return not any(mismatch(self.expected, built.path / file.path, file.sha256) for file in built.files)

    def wrong_file(self, path: Path, wrong: str, done: str) -> IntegrityError:
        """Phrase that another file came.

        Args:
            path: The file.
            wrong: What differs.
            done: What became of the file.
        """
        remedy = "If the publisher changed the file on purpose, correct the manifest"
        if self.expected != self.source:
            remedy = (
                "An earlier download's hash is recorded; to accept the change, use --refetch or "
                f"delete {self.trust.record}"
            )
        return IntegrityError(refusal(self.source, path, wrong, f"{done}, and discarded. {remedy}"))


def recorded(trust: Trust, source: FileSource) -> str | None:
    """Return the hash of an earlier file from the same address; ``None`` where there is none.

    Raises:
        IntegrityError: The record is damaged.
    """
    try:
        return trust.sha256()
    except IntegrityError as why:
        raise IntegrityError(f"{source.shown}: {why}") from why
