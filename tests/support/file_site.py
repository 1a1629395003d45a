"""A loopback server of one file that misbehaves as told, and downloads from it."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from zoo_runner.stages.fetch.download import RetryPolicy
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import Fetched, in_use
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import Store

BODY = bytes(range(256)) * 1200  # several pieces of the transfer
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
HALF = len(BODY) // 2
QUICK = RetryPolicy(attempts=3, backoff_s=0.001, longest_s=0.002, timeout_s=30)
Reply: TypeAlias = Callable[["Handler"], None]
Pins: TypeAlias = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        site = self.server
        with site.lock:
            site.seen.append(dict(self.headers))
            reply = site.replies.pop(0) if site.replies else normal()
        reply(self)

    def log_message(self, *_: object) -> None:
        pass

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@dataclass
class Facts:
    body: bytes = BODY
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"v1"'})


class Site(ThreadingHTTPServer):
    """A server that answers with ``replies``, one each, and then normally."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.seen: list[dict[str, str]] = []
        self.replies: list[Reply] = []
        self.facts = Facts()
        self.go = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models/net%20v1.pth?x=1"

    @property
    def shown(self) -> str:
        return self.url.replace("x=1", "x=***")

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for headers in self.seen]


def normal(*, cut: int | None = None, length: int | None = None, heed_range: bool = True) -> Reply:
    """Serve the file, ranges included; ``cut`` bytes at most are sent, ``length`` is announced."""

    def reply(handler: Handler) -> None:
        facts = handler.server.facts
        versions = {facts.headers.get("ETag"), facts.headers.get("Last-Modified")}
        asked = handler.headers.get("Range")
        fits = "If-Range" not in handler.headers or handler.headers["If-Range"] in versions
        start = int(asked[len("bytes=") : -1]) if asked and fits and heed_range else 0
        rest, total = facts.body[start:], len(facts.body)
        if start and start >= total:
            handler.head(416, {"Content-Range": f"bytes */{total}", "Content-Length": "0"})
            return
        span = {"Content-Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
        size = {"Content-Length": str(len(rest) if length is None else length)}
        handler.head(206 if start else 200, {**facts.headers, **span, **size})
        handler.wfile.write(rest[:cut])

    return reply


def status(code: int, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.head(code, {**named, "Content-Length": "0"})


def chunked(*, cut: bool) -> Reply:
    def reply(handler: Handler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.close_connection = True
        handler.head(200, {"Transfer-Encoding": "chunked"})
        for part in (BODY[:HALF], BODY[HALF:]):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            if cut:
                return
        handler.wfile.write(b"0\r\n\r\n")

    return reply


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def stall(handler: Handler) -> None:
    """Send half of the file and the rest only when the test says so."""
    handler.head(200, {**handler.server.facts.headers, "Content-Length": str(len(BODY))})
    handler.wfile.write(BODY[:HALF])
    handler.wfile.flush()
    handler.server.go.wait(60)
    try:
        handler.wfile.write(BODY[HALF:])
    except OSError:  # the client was killed
        handler.close_connection = True


class Log:
    """A progress display that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.bars: list[tuple[str, int | None, int]] = []

    @contextmanager
    def track(self, label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        assert unit == "B"
        counts: list[int] = []
        yield counts.append
        self.bars.append((label, total, sum(counts)))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@contextmanager
def serving() -> Iterator[Site]:
    """Serve the file while the block runs."""
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.go.set()
            server.shutdown()
            thread.join(30)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def get(
    site: Site, store: Store, log: Log | None = None, *, used: bool = True, refetch: bool = False, **pins: Any
) -> Fetched:
    """Fetch the site's file and, unless told otherwise, use it with success."""
    source = FileSource(url=site.url, base=Path("/nowhere"), **pins)
    got = fetch(source, store, log or Log(), refetch=refetch, retry=QUICK)
    with in_use(got, last=used):
        return got


def part(site: Site, store: Store) -> Path:
    return store.root / "partial" / f"{fingerprint(site.url)}.part"


PINNED: Pins = {"sha256": SHA256}
