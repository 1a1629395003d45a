"""Trust on first use: the hash of a file without one in the manifest, recorded once the file was used with success."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import FetchError, IntegrityError, StageError
from zoo_runner.files.regular import OversizedFileError, SpecialFileError, read_regular
from zoo_runner.files.remedies import refused
from zoo_runner.store.durable import write_durably
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.root import ELSEWHERE, unwritable

if TYPE_CHECKING:
    from zoo_runner.stages.fetch.source import FileSource
    from zoo_runner.store.store import Store

_RECORD: Final = 1 << 16


@dataclass(frozen=True)
class Trust:
    """What is recorded of one address.

    Attributes:
        record: Has the hash of the file that was used with success.
        failed: Is there when the stored file could not be used: it is fetched again.
    """

    record: Path
    failed: Path

    @classmethod
    def of(cls, source: FileSource, store: Store) -> Trust:
        """Return the record of a source's address."""
        stem = store.root / "trust" / fingerprint(source.url)
        return cls(stem.with_suffix(".json"), stem.with_suffix(".failed"))

    def sha256(self) -> str | None:
        """Return the recorded hash; ``None`` where there is none.

        Raises:
            IntegrityError: There is a record, and it is damaged or the system refuses to read it. What it said is not
                known, so no file can be trusted in its place.
        """
        try:
            said = str(json.loads(read_regular(self.record, _RECORD))["sha256"])
        except FileNotFoundError as problem:
            if self.record.is_symlink():
                raise self._damaged("it is a link to nothing") from problem
            return None
        except (SpecialFileError, OversizedFileError, IsADirectoryError) as problem:
            raise self._damaged(str(problem.strerror)) from problem
        except OSError as problem:
            raise IntegrityError(refused(problem, "read the hash of an earlier download", self.record)) from problem
        except (ValueError, KeyError, TypeError, RecursionError) as problem:
            raise self._damaged("it is no record") from problem
        if not re.fullmatch("[0-9a-f]{64}", said):
            raise self._damaged("it has no hash")
        return said

    def _damaged(self, why: str) -> IntegrityError:
        return IntegrityError(
            f"the hash of an earlier download is damaged ({why}), so nothing says whether the file is still the same. "
            f"Give its sha256 in the manifest, or delete {self.record} to trust the file anew"
        )

    def confirm(self, fetched: Fetched) -> None:
        """Record the hash of a file that was used with success; a store that cannot be written to stays as it is.

        Raises:
            FetchError: It cannot be recorded.
            IntegrityError: There is a record already, and it is damaged.
        """
        if unwritable(self.record.parent):
            return
        try:
            self.failed.unlink(missing_ok=True)
            if self.sha256() == fetched.sha256:
                return
            when = datetime.now(timezone.utc).isoformat(timespec="seconds")
            record = {"url": fetched.origin, "sha256": fetched.sha256, "size": fetched.size, "when": when}
            write_durably(self.record, json.dumps(record, indent=2).encode())
        except OSError as problem:
            raise FetchError(refused(problem, "record a hash in", self.record, instead=ELSEWHERE)) from problem

    def refuse(self) -> None:
        """Have a file fetched again that could not be used; one that was used before is not the reason."""
        if not self.record.exists() and not unwritable(self.failed.parent):
            with suppress(OSError):  # another error is on its way, and the more important one
                write_durably(self.failed, b"")


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A verified file.

    Attributes:
        path: Where it is; files and package resources are used in place.
        sha256: Hex digest of its content.
        size: Bytes.
        reused: Whether nothing had to be transferred.
        origin: The URL asked for, without the secrets in it.
        pinned: Whether a digest in the manifest confirmed it; otherwise it was trusted on first use.
        trust: Where its hash is recorded once it was used with success; ``None`` where that is not needed.
        member: The file in it that is meant, where it is an archive; ``None`` where it is meant itself.
    """

    path: Path
    sha256: str
    size: int
    reused: bool
    origin: str
    pinned: bool
    trust: Trust | None = None
    member: Fetched | None = None

    @property
    def file(self) -> Fetched:
        """What is loaded: the file itself, or of an archive the member."""
        return self if self.member is None else self.member


@contextmanager
def in_use(fetched: Fetched | None, *, last: bool = True) -> Iterator[None]:
    """Record that a file was used with success, or have it fetched again when the block that uses it fails.

    Args:
        fetched: The file; ``None`` when there is nothing to record.
        last: Whether the file was used with success when the block ends.
    """
    trust = fetched.trust if fetched is not None else None
    try:
        yield
    except StageError:
        if trust is not None:
            trust.refuse()
        raise
    if trust is not None and fetched is not None and last:
        trust.confirm(fetched)
