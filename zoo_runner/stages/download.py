"""Download one file: resumed where it broke off, repeated where that can help, verified before it counts.

A download goes to a ``.part`` file that outlives the process, is resumed with ``Range``, and gets
its final name in the store only once its size and hash are verified.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from zoo_runner.artifacts import Built, Store, write_durably
from zoo_runner.errors import FetchError, IntegrityError, StageError
from zoo_runner.fingerprints import file_digest, fingerprint
from zoo_runner.interfaces import Progress
from zoo_runner.stages import http_request
from zoo_runner.stages.http_request import Interrupted
from zoo_runner.stages.source import OWN_FILE, Source, mismatch, refusal

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How patiently a download is repeated.

    Attributes:
        attempts: Requests that may fail before giving up.
        backoff_s: Pause after the first failure; each further one doubles it.
        longest_s: Cap of a pause, also when the server asks for more with ``Retry-After``.
        timeout_s: Longest silence of the server.
    """

    attempts: int = 5
    backoff_s: float = 0.5
    longest_s: float = 60.0
    timeout_s: float = 30.0


PATIENT = RetryPolicy()


def download(source: Source, store: Store, progress: Progress, retry: RetryPolicy) -> Built:
    """Return the store's entry that holds the file, downloading it when it is not there or not right.

    Without a digest the hash of the first download is recorded, and later ones must have the same. A
    read-only store is only searched: then nothing is requested, made or recorded.

    Raises:
        FetchError: It cannot be obtained.
        IntegrityError: It has another size or digest than the manifest, or an earlier download, says.
    """
    trust = store.root / "trust" / f"{fingerprint(source.url)}.json"
    return _Download(source, _expected(source, trust), trust, store, progress, retry).run()


def _expected(source: Source, trust: Path) -> Source:
    """Complete an unpinned source with the hash that its first download left behind."""
    if source.hashed or not trust.exists():
        return source
    try:
        return replace(source, sha256=str(json.loads(trust.read_bytes())["sha256"]))
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise IntegrityError(
            f"{source.shown}: expected the hash of an earlier download in {trust}, found something unreadable "
            f"({problem}). Delete that file to trust the next download anew"
        ) from problem


@dataclass(frozen=True)
class _Partial:
    """An unfinished download, and beside it what the server said about it."""

    data: Path
    facts: Path

    def start(self, version: str | None, total: int | None) -> None:
        self.clear()
        write_durably(self.facts, json.dumps({"version": version, "total": total}).encode())

    def clear(self) -> None:
        self.data.unlink(missing_ok=True)
        self.facts.unlink(missing_ok=True)

    def state(self) -> tuple[int, str | None, int | None]:
        """Return bytes present, the server's version of the file, and its total size."""
        try:
            facts = json.loads(self.facts.read_bytes())
            return self.data.stat().st_size, facts["version"], facts["total"]
        except (OSError, ValueError, KeyError, TypeError):  # nothing there, or not to be relied on
            return 0, None, None


@dataclass(frozen=True)
class _Download:
    """One URL on its way into the store.

    ``expected`` is ``source`` with the hash recorded in ``trust`` on first use, if there is one.
    """

    source: Source
    expected: Source
    trust: Path
    store: Store
    progress: Progress
    retry: RetryPolicy

    @property
    def part(self) -> _Partial:
        stem = self.store.root / "partial" / fingerprint(self.source.url)
        return _Partial(stem.with_suffix(".part"), stem.with_suffix(".json"))

    def run(self) -> Built:
        shown, key = self.source.shown, fingerprint(self.source.url)
        try:
            built = self.store.build(
                "download",
                key,
                self._make,
                accept=self._right,
                on_wait=lambda: self.progress.note(f"{shown}: waiting for another process that downloads it"),
            )
        except StageError as refused:
            if self.store.read_only:
                raise FetchError(f"{shown}: {refused}") from refused
            raise
        if not self.expected.hashed and not self.store.read_only:
            (file,) = built.files
            when = datetime.now(timezone.utc).isoformat(timespec="seconds")
            record = {"url": shown, "sha256": file.sha256, "size": file.size, "when": when}
            write_durably(self.trust, json.dumps(record, indent=2).encode())
        return built

    def _right(self, built: Built) -> bool:
        return not any(mismatch(self.expected, built.path / file.path, file.sha256) for file in built.files)

    def _make(self, folder: Path) -> None:
        resumed, data = self._receive(), self.part.data
        wrong = mismatch(self.expected, data, file_digest(data))
        if wrong and resumed:
            self.progress.note(f"{self.source.shown}: the resumed file is wrong; downloading it from the start")
            self.part.clear()
            self._receive()
            wrong = mismatch(self.expected, data, file_digest(data))
        if wrong:
            raise self._wrong_file(wrong, "downloaded once more from the start" if resumed else "downloaded")
        data.replace(folder / _file_name(self.source.url))
        self.part.clear()

    def _wrong_file(self, wrong: str, done: str) -> IntegrityError:
        self.part.clear()
        remedy = "If the publisher changed the file on purpose, correct the manifest"
        if self.expected != self.source:
            remedy = f"An earlier download's hash is recorded; to accept the change, delete {self.trust}"
        return IntegrityError(refusal(self.source, self.part.data, wrong, f"{done}, and discarded. {remedy}"))

    def _receive(self) -> bool:
        """Bring the partial file to its full length; say whether parts of different requests are in it."""
        import requests  # noqa: PLC0415 - runs that download nothing need not load it

        failures = 0
        with requests.Session() as session:
            while True:
                offset, version, total = self.part.state()
                if version is None and not self.expected.hashed:
                    offset = 0  # nothing could tell a changed file from the rest of this one
                if offset and offset == total:
                    return True
                try:
                    kept = self._transfer(session, offset, version)
                except Interrupted as why:
                    failures += 1
                    self._pause(why, failures)
                else:
                    if kept is not None:
                        return kept > 0
                    self.part.clear()

    def _pause(self, why: Interrupted, failures: int) -> None:
        shown, retry = self.source.shown, self.retry
        if failures >= retry.attempts:
            raise FetchError(
                f"{shown}: gave up after {failures} attempts; the last one: {why}. What arrived is kept, and "
                f"running again goes on from there where the server allows it. {OWN_FILE}"
            ) from why
        pause = min(max(retry.backoff_s * 2 ** (failures - 1), why.wait_s), retry.longest_s)
        self.progress.note(f"{shown}: {why}; trying again in {pause:g} s ({failures} of {retry.attempts})")
        time.sleep(pause)

    def _transfer(self, session: requests.Session, offset: int, version: str | None) -> int | None:
        """Make one request for what is missing.

        Returns:
            How many of the ``offset`` bytes are part of the now complete file; ``None`` when they do
            not belong to what the server has now.
        """
        headers = {"Accept-Encoding": "identity"}  # lengths and ranges then count the bytes of the file
        if offset:
            headers["Range"] = f"bytes={offset}-"
            headers |= {"If-Range": version} if version else {}
        with http_request.request(session, self.source.url, headers, self.retry.timeout_s) as response:
            now = http_request.version(response)
            if response.status_code == HTTPStatus.PARTIAL_CONTENT and offset:
                start, total = http_request.content_range(response)
                if start != offset or (version and now and version != now):
                    return None
            elif response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
                return None
            elif response.status_code == HTTPStatus.OK:
                offset, total = 0, http_request.length(response)
                self.part.start(now, total)
            else:
                raise http_request.failure(self.source.url, response)
            if total is not None:
                self._check_total(total, offset)
            self._append(response, offset, total)
        return offset

    def _check_total(self, total: int, offset: int) -> None:
        size = self.source.size
        if size is not None and size != total:
            wrong = f"\n  expected size {size}\n  got      size {total} announced by the server"
            raise self._wrong_file(wrong, "not downloaded")
        self.store.require_space(total - offset, self.source.shown)

    def _append(self, response: requests.Response, offset: int, total: int | None) -> None:
        data, label = self.part.data, _file_name(self.source.url)
        try:
            with data.open("ab") as file, self.progress.track(label, total, "B") as advance:
                advance(offset)
                for piece in http_request.pieces(response):
                    file.write(piece)
                    advance(len(piece))
        except OSError as problem:
            raise FetchError(f"{self.source.shown}: cannot write {data}: {problem}") from problem
        size = data.stat().st_size
        if total is not None and size != total:
            raise Interrupted(f"{size:,} of {total:,} bytes arrived")


def _file_name(url: str) -> str:
    """Make a plain, short file name of a URL's last path component."""
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", PurePosixPath(unquote(urlsplit(url).path)).name)
    return name.lstrip(".-")[-100:] or "download"
