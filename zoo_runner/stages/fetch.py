"""Obtain one file from the network, the disk or an installed package, and never a wrong one.

A download goes to a ``.part`` file that outlives the process, is resumed with ``Range``, and gets
its final name in the store only once its size and hash are verified.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from zoo_runner.artifacts import Built, Store, file_digest, fingerprint, write_durably
from zoo_runner.errors import FetchError, IntegrityError, did_you_mean
from zoo_runner.interfaces import Progress

if TYPE_CHECKING:
    import requests

SCHEMES = ("http", "https", "file", "package")
_NETWORK = ("http", "https")
_CHUNK = 1 << 16
_OWN_FILE = "A file you already have is taken with --weights PATH|URL; a data set with --data FOLDER"
_TRANSIENT = frozenset({408, 425, 429})


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a file comes from, and how to know it is the right one.

    Attributes:
        url: ``http(s):`` or ``file:`` URL, plain path, or ``package:<package>/<path>``.
        base: Folder that relative paths start from.
        sha256: Expected hex digest. Without any digest the file is trusted on first use.
        md5: Likewise, where a publisher gives nothing better.
        size: Expected bytes.
    """

    url: str
    base: Path
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A verified file.

    Attributes:
        path: Where it is; files and package resources are used in place.
        sha256: Hex digest of its content.
        size: Bytes.
        reused: Whether nothing had to be transferred.
        origin: The URL asked for.
        pinned: Whether a digest in the manifest confirmed it; otherwise it was trusted on first use.
    """

    path: Path
    sha256: str
    size: int
    reused: bool
    origin: str
    pinned: bool


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


def fetch(
    source: Source,
    store: Store,
    progress: Progress,
    *,
    require_hash: bool = False,
    retry: RetryPolicy = RetryPolicy(),
) -> Fetched:
    """Return the file that ``source`` describes; one that is already here costs only its verification.

    Raises:
        FetchError: It cannot be obtained.
        IntegrityError: It has another size or digest than the manifest, or an earlier download, says;
            or ``require_hash`` is set and the manifest has no digest (then nothing is transferred).
    """
    scheme = _scheme(source.url)
    pinned = source.sha256 is not None or source.md5 is not None
    if require_hash and not pinned:
        raise IntegrityError(
            f"{source.url}: expected a sha256 in the manifest (--require-hash), found none. Take it from the "
            "publisher, or run once without --require-hash: the run prints the line to paste"
        )
    if scheme in _NETWORK:
        trust = store.root / "trust" / f"{fingerprint(source.url)}.json"
        built = _Download(source, _expected(source, trust), trust, store, progress, retry).run()
        (file,) = built.files
        path, sha256, reused = built.path / file.path, file.sha256, built.reused
    else:
        path, reused = _local(source.url, source.base), True
        if not path.is_file():
            raise FetchError(f"{source.url}: expected a file at {path}, found none. {_OWN_FILE}")
        sha256 = file_digest(path)
        if wrong := _mismatch(source, path, sha256):
            raise IntegrityError(_refusal(source.url, path, wrong, "the file was left as it is"))
    size = path.stat().st_size
    if not pinned:
        progress.warn(
            f"{source.url} has no hash in the manifest and is trusted on first use. To pin it, paste:\n"
            f"  sha256: {sha256}\n  size: {size}"
        )
    return Fetched(path=path, sha256=sha256, size=size, reused=reused, origin=source.url, pinned=pinned)


def resource_folder(url: str, base: Path) -> Path | None:
    """Return the existing folder that a ``package:`` or ``file:`` URL or a plain path names.

    Returns:
        ``None`` when the URL names a file or a network address, which :func:`fetch` is for.

    Raises:
        FetchError: The scheme is unknown, or there is nothing of that name.
    """
    if _scheme(url) in _NETWORK:
        return None
    path = _local(url, base)
    if not path.exists():
        raise FetchError(f"{url}: expected a folder or file at {path}, found none. {_OWN_FILE}")
    return path if path.is_dir() else None


def _scheme(url: str) -> str:
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url)
    scheme = match[1].lower() if match else "file"
    if scheme not in SCHEMES:
        raise FetchError(
            f"{url}: expected a plain path or one of the schemes {', '.join(SCHEMES)}; found {scheme!r}"
            f"{did_you_mean(scheme, SCHEMES)}. A path with a colon is written ./{url}"
        )
    return scheme


def _local(url: str, base: Path) -> Path:
    if url[:8].lower() == "package:":
        return _in_package(url)
    if url[:5].lower() != "file:":
        return base / url
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        raise FetchError(f"{url}: expected file:///PATH on this machine, found the host {parts.netloc!r}")
    return base / unquote(parts.path)


def _in_package(url: str) -> Path:
    package, _, inner = url[8:].partition("/")
    parts = PurePosixPath(inner).parts
    if not package.isidentifier() or not parts or ".." in parts or inner.startswith("/"):
        raise FetchError(f"{url}: expected package:<package>/<path inside it>, without '..'")
    spec = find_spec(package)
    if spec is None:
        raise FetchError(f"{url}: expected the package {package!r} to be installed, found none")
    for root in map(Path, spec.submodule_search_locations or ()):
        path = (root / inner).resolve()
        if path.exists() and path.is_relative_to(root.resolve()):
            return path
    raise FetchError(f"{url}: expected {inner!r} inside the package {package!r}, found nothing there")


def _mismatch(source: Source, path: Path, sha256: str) -> str:
    """Say what is expected and what was got; nothing when the file is right."""
    rows = [("size", source.size, path.stat().st_size), ("sha256", source.sha256, sha256)]
    if source.md5 is not None:
        rows.append(("md5", source.md5, file_digest(path, "md5")))
    wrong = [row for row in rows if row[1] is not None and str(row[1]).lower() != str(row[2])]
    return "".join(f"\n  expected {name} {want}\n  got      {name} {got}" for name, want, got in wrong)


def _refusal(url: str, path: Path, wrong: str, done: str) -> str:
    return f"{url}: the file is not the expected one.{wrong}\n  file: {path}\n  done: {done}"


def _expected(source: Source, trust: Path) -> Source:
    """Complete an unpinned source with the hash that its first download left behind."""
    if source.sha256 is not None or source.md5 is not None or not trust.exists():
        return source
    try:
        return replace(source, sha256=str(json.loads(trust.read_bytes())["sha256"]))
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise IntegrityError(
            f"{source.url}: expected the hash of an earlier download in {trust}, found something unreadable "
            f"({problem}). Delete that file to trust the next download anew"
        ) from problem


class _Interrupted(Exception):  # noqa: N818 - not an error yet: the request is made again
    """A request failed in a way that may pass; ``wait_s`` is what the server asked for."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


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

    @property
    def hashed(self) -> bool:
        return self.expected.sha256 is not None or self.expected.md5 is not None

    def run(self) -> Built:
        url = self.source.url
        built = self.store.build(
            "download",
            fingerprint(url),
            self._make,
            accept=self._right,
            on_wait=lambda: self.progress.note(f"{url}: waiting for another process that downloads it"),
        )
        if not self.hashed:
            (file,) = built.files
            when = datetime.now(timezone.utc).isoformat(timespec="seconds")
            record = {"url": url, "sha256": file.sha256, "size": file.size, "when": when}
            write_durably(self.trust, json.dumps(record, indent=2).encode())
        return built

    def _right(self, built: Built) -> bool:
        return not any(_mismatch(self.expected, built.path / file.path, file.sha256) for file in built.files)

    def _make(self, folder: Path) -> None:
        resumed, data = self._receive(), self.part.data
        wrong = _mismatch(self.expected, data, file_digest(data))
        if wrong and resumed:
            self.progress.note(f"{self.source.url}: the resumed file is wrong; downloading it from the start")
            self.part.clear()
            self._receive()
            wrong = _mismatch(self.expected, data, file_digest(data))
        if wrong:
            raise self._wrong_file(wrong, "downloaded once more from the start" if resumed else "downloaded")
        data.replace(folder / _file_name(self.source.url))
        self.part.clear()

    def _wrong_file(self, wrong: str, done: str) -> IntegrityError:
        self.part.clear()
        remedy = "If the publisher changed the file on purpose, correct the manifest"
        if self.expected != self.source:
            remedy = f"An earlier download's hash is recorded; to accept the change, delete {self.trust}"
        return IntegrityError(_refusal(self.source.url, self.part.data, wrong, f"{done}, and discarded. {remedy}"))

    def _receive(self) -> bool:
        """Bring the partial file to its full length; say whether parts of different requests are in it."""
        import requests  # noqa: PLC0415 - runs that download nothing need not load it

        failures = 0
        with requests.Session() as session:
            while True:
                offset, version, total = self.part.state()
                if version is None and not self.hashed:
                    offset = 0  # nothing could tell a changed file from the rest of this one
                if offset and offset == total:
                    return True
                try:
                    kept = self._transfer(session, offset, version)
                except _Interrupted as why:
                    failures += 1
                    self._pause(why, failures)
                else:
                    if kept is not None:
                        return kept > 0
                    self.part.clear()

    def _pause(self, why: _Interrupted, failures: int) -> None:
        url, retry = self.source.url, self.retry
        if failures >= retry.attempts:
            raise FetchError(
                f"{url}: gave up after {failures} attempts; the last one: {why}. What arrived is kept, and "
                f"running again goes on from there where the server allows it. {_OWN_FILE}"
            ) from why
        pause = min(max(retry.backoff_s * 2 ** (failures - 1), why.wait_s), retry.longest_s)
        self.progress.note(f"{url}: {why}; trying again in {pause:g} s ({failures} of {retry.attempts})")
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
        with _request(session, self.source.url, headers, self.retry.timeout_s) as response:
            now = _version(response)
            if response.status_code == HTTPStatus.PARTIAL_CONTENT and offset:
                start, total = _content_range(response)
                if start != offset or (version and now and version != now):
                    return None
            elif response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
                return None
            elif response.status_code == HTTPStatus.OK:
                offset, total = 0, _number(response.headers.get("Content-Length"))
                self.part.start(now, total)
            else:
                raise _failure(self.source.url, response)
            if total is not None:
                self._check_total(total, offset)
            self._append(response, offset, total)
        return offset

    def _check_total(self, total: int, offset: int) -> None:
        size = self.source.size
        if size is not None and size != total:
            wrong = f"\n  expected size {size}\n  got      size {total} announced by the server"
            raise self._wrong_file(wrong, "not downloaded")
        self.store.require_space(total - offset, self.source.url)

    def _append(self, response: requests.Response, offset: int, total: int | None) -> None:
        data, label = self.part.data, _file_name(self.source.url)
        try:
            with data.open("ab") as file, self.progress.track(label, total, "B") as advance:
                advance(offset)
                for piece in _pieces(response):
                    file.write(piece)
                    advance(len(piece))
        except OSError as problem:
            raise FetchError(f"{self.source.url}: cannot write {data}: {problem}") from problem
        size = data.stat().st_size
        if total is not None and size != total:
            raise _Interrupted(f"{size:,} of {total:,} bytes arrived")


def _request(session: requests.Session, url: str, headers: dict[str, str], timeout_s: float) -> requests.Response:
    import requests  # noqa: PLC0415 - loaded already by the caller

    try:
        return session.get(url, headers=headers, stream=True, timeout=timeout_s)
    except requests.exceptions.SSLError as problem:
        raise FetchError(f"{url}: no trustworthy connection: {problem}") from problem
    except (requests.ConnectionError, requests.Timeout) as problem:
        raise _Interrupted(f"no connection: {problem}") from problem
    except requests.RequestException as problem:
        raise FetchError(f"{url}: expected an address that can be requested: {problem}") from problem


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Read the body as it was sent, without decoding."""
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with requests

    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except (HTTPError, OSError) as problem:
        raise _Interrupted(f"the connection broke: {problem}") from problem


def _failure(url: str, response: requests.Response) -> Exception:
    """Tell a failure that may pass from one that will not."""
    status, answer = response.status_code, f"the server answered {response.status_code} {response.reason}"
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _Interrupted(answer, _retry_after(response.headers.get("Retry-After", "")))
    return FetchError(f"{url}: {answer}. Check the address in the manifest. {_OWN_FILE}")


def _retry_after(text: str) -> float:
    """Read ``Retry-After``: seconds or an HTTP date; 0 when it says nothing."""
    seconds = _number(text)
    if seconds is not None:
        return float(seconds)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,19}", text) else None


def _version(response: requests.Response) -> str | None:
    """Return what identifies the content: a strong ETag, or else the modification time."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """Return where a partial answer starts, and the size of the whole file."""
    match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
    return (int(match[1]), _number(match[2])) if match else (None, None)


def _file_name(url: str) -> str:
    """Make a plain, short file name of a URL's last path component."""
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", PurePosixPath(unquote(urlsplit(url).path)).name)
    return name.lstrip(".-")[-100:] or "download"
