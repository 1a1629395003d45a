"""What a server may send at most, and how slowly: beyond it is refused, and nothing of it is kept."""

from __future__ import annotations

import errno
import gzip
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from file_site import BODY, QUICK, SHA256, Handler, Log, Reply, Site, get, normal, part, site, status, store
from places import ROOT
from zoo_runner.errors import FetchError, IntegrityError
from zoo_runner.stages.fetch import limits
from zoo_runner.stages.fetch.pace import within
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.store.store import Store

__all__ = ["site", "store"]  # fixtures

SHORT = replace(QUICK, attempts=2, window_s=0.3)


def endless(handler: Handler) -> None:
    """Send without a length, for as long as somebody listens."""
    handler.head(200, {})
    try:
        for _ in range(10_000):  # far more than any bound below
            handler.wfile.write(BODY)
    except OSError:
        handler.close_connection = True


def encoded(body: bytes) -> Reply:
    def reply(handler: Handler) -> None:
        data = gzip.compress(body)
        handler.head(200, {"Content-Encoding": "gzip", "Content-Length": str(len(data))})
        handler.wfile.write(data)

    return reply


def dribble(start: bytes) -> Reply:
    """Send the start at once, and then a byte now and then, for twenty seconds at most."""

    def reply(handler: Handler) -> None:
        try:
            handler.wfile.write(start)
            for _ in range(400):
                if handler.server.go.wait(0.05):
                    return
                handler.wfile.write(b"0")
        except OSError:
            handler.close_connection = True

    return reply


def leftovers(store: Store) -> list[str]:
    return [path.name for path in (store.root / "partial").iterdir()]


def test_a_body_without_a_length_ends_at_the_size_of_the_manifest(site: Site, store: Store) -> None:
    site.replies = [endless] * 9
    with pytest.raises(IntegrityError, match=f"expected size {len(BODY)}\n  got      more than {len(BODY):,} bytes"):
        get(site, store, size=len(BODY))
    assert len(site.seen) == 1
    assert leftovers(store) == []


def test_never_a_byte_more_than_the_size_is_written(site: Site, store: Store) -> None:
    resource_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(BODY), resource_limit[1]))  # of a longer file, writing fails
    site.replies = [endless]
    try:
        with pytest.raises(IntegrityError, match="got      more than"):
            get(site, store, size=len(BODY))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, resource_limit)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        pytest.param(endless, "found more than 1,000 bytes", id="without a length"),
        pytest.param(normal(), f"found {len(BODY):,} announced by the server", id="with a length"),
        pytest.param(encoded(BODY), "and more than 1,000 bytes when decoded", id="when decoded"),
    ],
)
def test_without_a_size_there_is_a_bound_that_can_be_raised(
    reply: Reply, found: str, site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_RUNNER_DOWNLOAD_LIMIT", "1kB")
    if "decoded" in found:
        assert len(gzip.compress(BODY)) < 10_000
        monkeypatch.setenv("ZOO_RUNNER_DOWNLOAD_LIMIT", "10kB")
        found = found.replace("1,000", "10,000")
    site.replies = [reply]
    with pytest.raises(FetchError, match=found) as caught:
        get(site, store)
    assert "set ZOO_RUNNER_DOWNLOAD_LIMIT to accept more" in str(caught.value)
    assert leftovers(store) == []
    monkeypatch.setenv("ZOO_RUNNER_DOWNLOAD_LIMIT", str(len(BODY)))
    assert get(site, store).sha256 == SHA256


def test_a_size_in_the_manifest_is_the_only_bound(site: Site, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_RUNNER_DOWNLOAD_LIMIT", "1")
    assert get(site, store, size=len(BODY)).sha256 == SHA256


@pytest.mark.parametrize("size", [len(BODY), len(BODY) - 1])
def test_a_body_that_was_encoded_has_the_size_when_decoded(size: int, site: Site, store: Store) -> None:
    site.replies = [encoded(BODY)]
    if size == len(BODY):
        assert get(site, store, size=size).path.read_bytes() == BODY
        return
    with pytest.raises(IntegrityError, match=f"more than {size:,} bytes when decoded"):
        get(site, store, size=size)
    assert leftovers(store) == []


@pytest.mark.parametrize(
    ("start", "text"),
    [
        pytest.param(b"", "no answer within 0.3 s", id="the head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", "no answer within 0.3 s", id="a header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", "too slow: less than 1,000 bytes a second over 0.3 s", id="the body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 307200\r\n\r\n" + BODY[:20_000], "too slow", id="after a quick start"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "too slow", id="the length of a chunk"),
    ],
)
def test_a_byte_now_and_then_is_too_slow(start: bytes, text: str, site: Site, store: Store) -> None:
    site.replies = [dribble(start)] * 2
    begun = time.monotonic()
    with pytest.raises(FetchError, match=f"gave up after 2 attempts; the last one: {text}") as caught:
        fetch(FileSource(url=site.url, base=Path()), store, Log(), retry=SHORT)
    assert "ZOO_RUNNER_DOWNLOAD_TIMEOUT sets another time" in str(caught.value)
    assert time.monotonic() - begun < 30  # without the bound it never ends
    assert store.lookup("download", part(site, store).stem) is None


def test_how_slow_is_too_slow_is_set_by_the_environment(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.PATIENCE, "0.2")
    site.replies = [dribble(b"HTTP/1.1 200 OK\r\n\r\n")] * 3
    with pytest.raises(FetchError, match=r"too slow: less than 1,000 bytes a second over 0\.2 s"):
        get(site, store)


def test_a_pause_in_a_quick_transfer_is_not_too_slow(site: Site, store: Store) -> None:
    def pausing(handler: Handler) -> None:
        handler.head(200, {"Content-Length": str(len(BODY))})
        for start in range(0, len(BODY), 16384):
            handler.wfile.write(BODY[start : start + 16384])
            time.sleep(0.05)

    site.replies = [pausing]
    assert fetch(FileSource(url=site.url, base=Path()), store, Log(), retry=SHORT).sha256 == SHA256


def test_what_returns_too_late_is_given_back() -> None:
    go, late = threading.Event(), threading.Event()
    with pytest.raises(TimeoutError):
        within(0.05, lambda: go.wait(30), lambda _: late.set())
    go.set()
    assert late.wait(30)


def test_an_error_in_time_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        within(30, lambda: 1 // 0, print)


def test_redirects_end(site: Site, store: Store) -> None:
    site.replies = [status(302, Location=site.url)] * 50
    with pytest.raises(FetchError, match=f"Exceeded {limits.REDIRECTS} redirects"):
        get(site, store)
    assert len(site.seen) == limits.REDIRECTS + 1


def test_long_names_and_answers_are_shown_by_their_ends(site: Site, store: Store) -> None:
    def talkative(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 404 " + b"x" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n")

    site.replies = [talkative]
    url = site.url.partition("?")[0] + "y" * 50_000
    with pytest.raises(FetchError, match="the server answered 404 xxx") as caught:
        fetch(FileSource(url=url, base=Path()), store, Log(), retry=QUICK)
    assert len(str(caught.value)) < 2000


def test_a_version_of_any_length_is_no_version(site: Site, store: Store) -> None:
    site.facts.headers = {"ETag": f'"{"x" * 60_000}"'}
    site.replies = [normal(cut=1000), status(500), status(500)]
    with pytest.raises(FetchError, match="gave up"):
        get(site, store, sha256=SHA256)
    assert part(site, store).with_suffix(".json").stat().st_size < 1000
    assert get(site, store, sha256=SHA256).sha256 == SHA256


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_what_took_the_place_of_a_part_is_not_written_to(kind: str, site: Site, store: Store, tmp_path: Path) -> None:
    site.replies = [normal(cut=1000), status(500), status(500)]
    with pytest.raises(FetchError, match="gave up"):
        get(site, store, sha256=SHA256)
    strange, path = tmp_path / "strange", part(site, store)
    strange.write_bytes(BODY[:1000])
    path.unlink()
    os.mkfifo(path) if kind == "fifo" else path.symlink_to(strange)
    assert get(site, store, sha256=SHA256).sha256 == SHA256
    assert strange.read_bytes() == BODY[:1000]


SCRIPT = """
import resource, sys
from pathlib import Path
from file_site import BODY, QUICK, SHA256, Handler, Log, Reply, Site, get, normal, part, site, status, store
from zoo_runner.errors import FetchError
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.store.store import Store

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    fetch(FileSource(url=sys.argv[1], base=Path()), Store(Path(sys.argv[2])), Log(), retry=QUICK)
except FetchError as error:
    print(error)
"""


def test_the_disk_is_named_for_what_is_the_disks(site: Site, store: Store) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, site.url, str(store.root)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert f"{part(site, store)}: cannot write the download into: {os.strerror(errno.EFBIG)}" in done.stdout, (
        done.stderr
    )
    assert "ulimit -f" in done.stdout
