"""Download one file: resumed where it broke off, repeated where that can help, verified before it counts.

A download goes to a ``.part`` file that outlives the process, is resumed with ``Range``, and gets
its final name in the store only once its size and hash are verified.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zoo_runner.errors import FetchError, IntegrityError
from zoo_runner.files.remedies import refused
from zoo_runner.plugin.interfaces import Progress
from zoo_runner.process import seconds_from
from zoo_runner.stages.fetch import http_request
from zoo_runner.stages.fetch.content_coding import COMPRESSED, check_coding, decode
from zoo_runner.stages.fetch.http_request import Interrupted
from zoo_runner.stages.fetch.kept import Kept
from zoo_runner.stages.fetch.limits import DOWNLOAD, PATIENCE, PATIENCE_S
from zoo_runner.stages.fetch.names import file_name
from zoo_runner.stages.fetch.partial import Partial
from zoo_runner.stages.fetch.source import OWN_FILE, FileSource, mismatch
from zoo_runner.store.fingerprints import file_digest, fingerprint
from zoo_runner.store.store import ELSEWHERE, Built, Store

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
        window_s: Time after which a transfer that is too slow is ended; ``None`` for what the environment says.
    """

    attempts: int = 5
    backoff_s: float = 0.5
    longest_s: float = 60.0
    timeout_s: float = 30.0
    window_s: float | None = None


PATIENT = RetryPolicy()


def download(
    source: FileSource, store: Store, progress: Progress, retry: RetryPolicy, *, refetch: bool = False
) -> Built:
    """Return the store's entry that holds the file, downloading it when it is not there or not right.

    Without a digest the file must have the hash of an earlier one that was used with success. A read-only store is
    only searched: then nothing is requested or made.

    Raises:
        FetchError: It cannot be obtained.
        IntegrityError: It has another size or digest than the manifest, or an earlier download, says; or no digest
            says what it must be, and it is known to be no such file; or the record of an earlier download is damaged.
    """
    kept = Kept.of(source, store, refetch=refetch)
    return kept.build(store, _Download(kept, store, progress, retry).make, progress)


@dataclass(frozen=True)
class _Download:
    """One URL on its way into the store."""

    kept: Kept
    store: Store
    progress: Progress
    retry: RetryPolicy

    @property
    def source(self) -> FileSource:
        return self.kept.source

    @property
    def expected(self) -> FileSource:
        return self.kept.expected

    @property
    def part(self) -> Partial:
        return Partial.at(self.store.root / "partial" / fingerprint(self.source.url))

    @property
    def window_s(self) -> float:
        return self.retry.window_s or seconds_from(PATIENCE) or PATIENCE_S

    def make(self, folder: Path) -> None:
        if self.kept.refetch:
            self.part.clear()
        resumed = self._receive()
        target, wrong = self._whole()
        if wrong and resumed:
            self.progress.note(f"{self.source.shown}: the resumed file is wrong; downloading it from the start")
            self.part.clear()
            self._receive()
            target, wrong = self._whole()
        if wrong:
            raise self._wrong_file(wrong, "downloaded once more from the start" if resumed else "downloaded")
        target.replace(folder / file_name(self.source.url))
        self.part.clear()
        self.kept.trust.failed.unlink(missing_ok=True)

    def _whole(self) -> tuple[Path, str]:
        """Return the file that arrived, decoded where the server encoded it, and what is wrong with it."""
        data, coding = self.part.data, self.part.coding()
        wrong = mismatch(self.expected, data, file_digest(data))
        named = urlsplit(self.source.url).path.lower().endswith(COMPRESSED)
        if not coding or (not wrong and (self.expected.hashed or named)):
            return data, wrong
        decoded = self.part.decoded
        size, more = self.source.size, ""
        limit = min(DOWNLOAD.value, shutil.disk_usage(data.parent).free) if size is None else size
        if size is None:
            more = f" ({DOWNLOAD.remedy})"
        try:
            problem = decode(data, decoded, limit)
        except OSError as error:
            raise self._not_written(error, "decode the download into", decoded, size) from error
        if problem:
            return data, f"\n  got      Content-Encoding {coding}, and {problem}{more}{wrong}"
        return decoded, mismatch(self.expected, decoded, file_digest(decoded))

    def _wrong_file(self, wrong: str, done: str) -> IntegrityError:
        self.part.clear()
        return self.kept.wrong_file(self.part.data, wrong, done)

    def _receive(self) -> bool:
        """Bring the partial file to its full length; say whether parts of different requests are in it."""
        failures = 0
        while True:
            offset, version, total = self.part.state()
            if version is None and not self.expected.hashed:
                offset = 0  # nothing could tell a changed file from the rest of this one
            if offset and offset == total:
                return True
            try:
                kept = self._transfer(offset, version)
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

    def _transfer(self, offset: int, version: str | None) -> int | None:
        """Make one request for what is missing.

        Returns:
            How many of the ``offset`` bytes are part of the now complete file; ``None`` when they do
            not belong to what the server has now.
        """
        headers = {"Accept-Encoding": "identity"}  # lengths and ranges then count the bytes of the file
        if offset:
            headers["Range"] = f"bytes={offset}-"
            headers |= {"If-Range": version} if version else {}
        with http_request.request(self.source.url, headers, self.retry.timeout_s, self.window_s) as response:
            now, coding = http_request.version(response), http_request.coding(response)
            if response.status_code == HTTPStatus.PARTIAL_CONTENT and offset:
                start, total = http_request.content_range(response)
                if start != offset or (version and now and version != now) or coding != self.part.coding():
                    return None
            elif response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
                return None
            elif response.status_code == HTTPStatus.OK:
                check_coding(self.source.shown, coding)
                offset, total = 0, http_request.length(response)
                self.part.start(now, total, coding)
            else:
                raise http_request.failure(self.source.url, response)
            most = self._most(coding)
            if total is not None:
                self._check_total(total, offset, coding, most)
            self._append(response, offset, total, most)
        return offset

    def _most(self, coding: str) -> int:
        """Return how many bytes may be transferred."""
        size = self.source.size
        if size is None:
            return DOWNLOAD.value
        return size + size // 1000 + 1024 if coding else size  # gzip makes what it cannot compress a little longer

    def _check_total(self, total: int, offset: int, coding: str, most: int) -> None:
        size = self.source.size
        if size is not None and size != total and not coding:
            wrong = f"\n  expected size {size}\n  got      size {total} announced by the server"
            raise self._wrong_file(wrong, "not downloaded")
        if total > most:
            raise self._too_much(f"{total:,} announced by the server", most)
        self.store.require_space(total - offset, self.source.shown)

    def _too_much(self, found: str, most: int) -> FetchError:
        if self.source.size is not None:
            wrong = f"\n  expected size {self.source.size}\n  got      {found}"
            return self._wrong_file(wrong, "stopped there")
        self.part.clear()
        return FetchError(
            f"{self.source.shown}: expected at most {most:,} bytes where the manifest gives no size, found {found}. "
            f"Nothing of it is kept; give the size in the manifest, or {DOWNLOAD.remedy}"
        )

    def _append(self, response: requests.Response, offset: int, total: int | None, most: int) -> None:
        data, label, size = self.part.data, file_name(self.source.url), offset
        try:
            with data.open("ab") as file, self.progress.track(label, total, "B") as advance:
                advance(offset)
                for piece in http_request.pieces(response, self.window_s):
                    size += len(piece)
                    if size > most:
                        raise self._too_much(f"more than {most:,} bytes", most)
                    file.write(piece)
                    advance(len(piece))
        except OSError as problem:
            left = None if total is None else total - size
            raise self._not_written(problem, "write the download into", data, left) from problem
        size = data.stat().st_size
        if total is not None and size != total:
            raise Interrupted(f"{size:,} of {total:,} bytes arrived")

    def _not_written(self, problem: OSError, doing: str, path: Path, needed: int | None) -> FetchError:
        return FetchError(f"{self.source.shown}: {refused(problem, doing, path, needed=needed, instead=ELSEWHERE)}")
