"""Downloads from real loopback servers that misbehave: the right bytes or a clear error, and no secret told."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
from pathlib import Path

import pytest

from file_site import (
    BODY,
    HALF,
    MD5,
    PINNED,
    QUICK,
    SHA256,
    Facts,
    Handler,
    Log,
    Pins,
    Reply,
    Site,
    chunked,
    get,
    hang_up,
    normal,
    part,
    site,
    status,
    store,
)
from zoo_runner.errors import ExitCode, FetchError, IntegrityError, StageError
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import Store

__all__ = ["site", "store"]  # fixtures

CASES: dict[str, tuple[list[Reply], Pins, list[str | None]]] = {
    "plain": ([], PINNED, [None]),
    "all-pins": ([], {"sha256": SHA256.upper(), "md5": MD5, "size": len(BODY)}, [None]),
    "md5": ([], {"md5": MD5}, [None]),
    "unpinned": ([], {}, [None]),
    "chunked": ([chunked(cut=False)], {}, [None]),
    "chunked-cut-unversioned": ([chunked(cut=True)], {}, [None, None]),
    "chunked-cut-pinned": ([chunked(cut=True)], PINNED, [None, f"bytes={HALF}-"]),
    "cut": ([normal(cut=HALF)], {}, [None, f"bytes={HALF}-"]),
    "cut-twice": ([normal(cut=5), normal(cut=7)], {}, [None, "bytes=5-", "bytes=12-"]),
    "cut-at-once": ([normal(cut=0)], PINNED, [None, None]),
    "no-ranges": ([normal(cut=HALF), normal(heed_range=False)], {}, [None, f"bytes={HALF}-"]),
    "busy": ([status(503), status(429, Retry_After="7200")], PINNED, [None, None, None]),
    "hang-up": ([hang_up], PINNED, [None, None]),
    "refused-range": ([normal(cut=HALF), status(416)], PINNED, [None, f"bytes={HALF}-", None]),
    "odd-range": (
        [normal(cut=HALF), status(206, Content_Range="bytes 1-2/3")],
        PINNED,
        [None, f"bytes={HALF}-", None],
    ),
    "short-range": (
        [normal(cut=HALF), status(206, Content_Range=f"bytes {HALF}-{HALF}/{len(BODY)}")],
        PINNED,
        [None, f"bytes={HALF}-", f"bytes={HALF}-"],
    ),
    "other-version": (
        [normal(cut=HALF), status(206, ETag='"v2"', Content_Range=f"bytes {HALF}-{len(BODY) - 1}/{len(BODY)}")],
        PINNED,
        [None, f"bytes={HALF}-", None],
    ),
}


@pytest.mark.parametrize(("replies", "pins", "ranges"), CASES.values(), ids=CASES.keys())
def test_download(replies: list[Reply], pins: Pins, ranges: list[str | None], site: Site, store: Store) -> None:
    site.replies, log = replies, Log()
    got = get(site, store, log, **pins)
    assert got.path.read_bytes() == BODY
    assert got.path.name == "net_v1.pth"
    assert (got.sha256, got.size, got.reused, got.origin) == (SHA256, len(BODY), False, site.shown)
    assert got.pinned == bool(pins)
    assert site.ranges() == ranges
    assert log.bars[-1][2] == len(BODY)
    assert list((store.root / "partial").iterdir()) == []
    again = get(site, store, **pins)
    assert (again.reused, again.path) == (True, got.path)
    assert len(site.seen) == len(ranges)


def test_an_empty_file(site: Site, store: Store) -> None:
    site.facts.body = b""
    got = get(site, store, size=0)
    assert (got.size, got.sha256) == (0, hashlib.sha256(b"").hexdigest())


@pytest.mark.parametrize(
    ("headers", "if_range"),
    [
        pytest.param({"ETag": '"v1"', "Last-Modified": "then"}, '"v1"', id="strong-etag"),
        pytest.param({"ETag": 'W/"v1"', "Last-Modified": "then"}, "then", id="weak-etag"),
        pytest.param({"Last-Modified": "then"}, "then", id="time"),
    ],
)
def test_resuming_names_the_version(headers: dict[str, str], if_range: str, site: Site, store: Store) -> None:
    site.facts.headers, site.replies = headers, [normal(cut=HALF)]
    get(site, store)
    assert [seen.get("If-Range") for seen in site.seen] == [None, if_range]


@pytest.mark.parametrize(
    ("pins", "ranges"),
    [
        pytest.param({}, [None, None], id="unpinned-starts-over"),
        pytest.param({"size": len(BODY)}, [None, None], id="a-size-is-no-hash"),
        pytest.param(PINNED, [None, f"bytes={HALF}-"], id="pinned-resumes"),
    ],
)
def test_a_server_without_versions(pins: Pins, ranges: list[str | None], site: Site, store: Store) -> None:
    site.facts.headers, site.replies = {"ETag": 'W/"weak"'}, [normal(cut=HALF)]
    assert get(site, store, **pins).sha256 == SHA256
    assert site.ranges() == ranges


def test_the_file_changes_between_two_requests(site: Site, store: Store) -> None:
    def cut_then_change(handler: Handler) -> None:
        normal(cut=HALF)(handler)
        handler.server.facts = Facts(BODY[::-1], {"ETag": '"v2"'})

    site.replies = [cut_then_change]
    assert get(site, store).path.read_bytes() == BODY[::-1]
    assert site.ranges() == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize("cured", [True, False], ids=["cured", "still-wrong"])
def test_a_wrong_resumed_file_is_downloaded_once_more(cured: bool, site: Site, store: Store) -> None:
    wrong, good = BODY[:HALF] + bytes(HALF), Facts()

    def end_wrong(handler: Handler) -> None:
        handler.server.facts = Facts(wrong)
        normal()(handler)
        if cured:
            handler.server.facts = good

    site.replies, log = [normal(cut=HALF), end_wrong], Log()
    if cured:
        assert get(site, store, log, sha256=SHA256).path.read_bytes() == BODY
    else:
        with pytest.raises(IntegrityError, match="downloaded once more from the start, and discarded"):
            get(site, store, log, sha256=SHA256)
    assert site.ranges() == [None, f"bytes={HALF}-", None]
    assert any("the resumed file is wrong" in note for note in log.notes)


def test_a_complete_part_is_verified_without_the_network(site: Site, store: Store) -> None:
    site.replies = [normal(cut=HALF), *[status(500)] * 2]
    with pytest.raises(FetchError):
        get(site, store)
    with part(site, store).open("ab") as file:
        file.write(BODY[HALF:])
    before = len(site.seen)
    assert get(site, store).path.read_bytes() == BODY
    assert len(site.seen) == before


@pytest.mark.parametrize("sidecar", [None, "{", "[]", '{"version": "x"}'], ids=["gone", "cut", "list", "short"])
def test_a_part_of_unknown_origin_is_not_used(sidecar: str | None, site: Site, store: Store) -> None:
    path = part(site, store)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"junk")
    if sidecar is not None:
        path.with_suffix(".json").write_text(sidecar)
    assert get(site, store, sha256=SHA256).path.read_bytes() == BODY
    assert site.ranges() == [None]


def test_a_part_longer_than_the_file_starts_over(site: Site, store: Store) -> None:
    path = part(site, store)
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY + b"x")
    path.with_suffix(".json").write_text(json.dumps({"version": '"v1"', "total": len(BODY)}))
    assert get(site, store).path.read_bytes() == BODY
    assert site.ranges() == [f"bytes={len(BODY) + 1}-", None]


FAILURES: dict[str, tuple[list[Reply], int, str]] = {
    "404": ([status(404)], 1, "the server answered 404 Not Found.*--weights PATH|URL"),
    "403": ([status(403)], 1, "the server answered 403 Forbidden.*--data FOLDER"),
    "204": ([status(204)], 1, "the server answered 204 No Content"),
    "206-unasked": ([status(206)], 1, "the server answered 206"),
    "elsewhere": ([status(302, Location="ftp://host/x")], 1, "expected an address that can be requested"),
    "nowhere": (
        [status(302, Location="http://host:x/")],
        1,
        r"expected an address .*: http\(s\)://HOST/PATH, here and",
    ),
    "500": ([status(500)] * 9, 3, "gave up after 3 attempts; the last one: the server answered 500"),
    "hang-up": ([hang_up] * 9, 3, "the last one: no connection to 127.0.0.1: Remote end closed connection without"),
    "too-long": ([normal(length=len(BODY) + 1)] * 9, 5, "gave up after 3 attempts"),
    "always-cut": ([normal(cut=9, heed_range=False)] * 9, 3, "What arrived is kept.*running again goes on"),
}


@pytest.mark.parametrize(("replies", "requests", "text"), FAILURES.values(), ids=FAILURES.keys())
def test_download_failures(replies: list[Reply], requests: int, text: str, site: Site, store: Store) -> None:
    site.replies = replies
    with pytest.raises(FetchError, match=text) as caught:
        get(site, store, sha256=SHA256)
    assert str(caught.value).startswith(f"{site.shown}: ")
    assert len(site.seen) == requests
    assert store.lookup("download", fingerprint(site.url)) is None


@pytest.mark.parametrize(
    ("pins", "replies", "texts"),
    [
        pytest.param(
            {"sha256": "0" * 64}, [], [f"expected sha256 {'0' * 64}", f"got      sha256 {SHA256}"], id="sha256"
        ),
        pytest.param({"md5": "0" * 32}, [], [f"expected md5 {'0' * 32}", f"got      md5 {MD5}"], id="md5"),
        pytest.param(
            {"size": 5}, [], ["expected size 5", f"got      size {len(BODY)} announced", "not downloaded"], id="size"
        ),
        pytest.param(
            {"size": 5},
            [chunked(cut=False)],
            ["expected size 5", "got      more than 5 bytes", "stopped there, and"],
            id="size-unannounced",
        ),
        pytest.param(PINNED, [normal(length=9)], ["got      sha256"], id="announced-too-short"),
    ],
)
def test_not_the_file_of_the_manifest(
    pins: Pins, replies: list[Reply], texts: list[str], site: Site, store: Store
) -> None:
    site.replies = replies
    with pytest.raises(IntegrityError) as caught:
        get(site, store, **pins)
    for text in [*texts, site.shown, "file: ", "discarded", "correct the manifest"]:
        assert text in str(caught.value)
    assert caught.value.exit_code == ExitCode.STAGE_FAILED
    assert list((store.root / "partial").iterdir()) == []
    assert store.lookup("download", fingerprint(site.url)) is None


def test_no_server(store: Store) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/x"
        with pytest.raises(FetchError, match=r"last one: no connection to 127\.0\.0\.1: Connection refused\. What"):
            fetch(FileSource(url=url, base=Path()), store, Log(), retry=QUICK)


def test_where_a_redirect_leads_to_no_server_that_one_is_named(site: Site, store: Store) -> None:
    site.replies = [status(302, Location="http://127.0.0.2:9/x?key=hidden")] * 3
    with pytest.raises(FetchError, match=r"the last one: no connection to 127\.0\.0\.2: Connection refused") as caught:
        get(site, store)
    assert "hidden" not in str(caught.value)
    assert "urllib3" not in str(caught.value)
    assert "Max retries" not in str(caught.value)


def test_a_full_disk_is_seen_before_the_download(site: Site, store: Store) -> None:
    site.replies = [normal(length=1 << 60)]
    with pytest.raises(FetchError, match="bytes of free disk"):
        get(site, store, size=1 << 60)


def test_a_frozen_store_keeps_off_the_network_and_the_disk(site: Site, store: Store) -> None:
    text = f"{site.shown}: --from infer: expected what an earlier run made (download), found none in {store.root}"
    with pytest.raises(FetchError, match=re.escape(text) + ".*run once without it") as caught:
        get(site, store.frozen("--from infer"))
    assert caught.value.exit_code == ExitCode.STAGE_FAILED
    assert site.seen == []
    assert not store.root.exists()


@pytest.mark.parametrize("pins", [{}, PINNED], ids=["trusted", "pinned"])
def test_a_frozen_store_reuses_a_download(pins: Pins, site: Site, store: Store) -> None:
    first = get(site, store, **pins)
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*")}
    again = get(site, store.frozen("--from infer"))  # also where nothing is recorded to trust it by
    assert (again.path, again.sha256, again.reused) == (first.path, SHA256, True)
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*")} == before
    assert len(site.seen) == 1


def test_a_frozen_store_refuses_another_file_than_the_manifests(site: Site, store: Store) -> None:
    get(site, store)
    with pytest.raises(FetchError, match=r"--from infer: expected .* for exactly these inputs"):
        get(site, store.frozen("--from infer"), sha256="0" * 64)
    assert get(site, store.frozen("--from infer")).reused
    assert len(site.seen) == 1


def test_a_failure_of_a_download_is_not_reworded(site: Site, store: Store) -> None:
    site.replies = [status(404)]
    with pytest.raises(StageError) as caught:
        get(site, store)
    assert str(caught.value).count(site.shown) == 1


SECRETS = ("us3r", "p4ss", "t0ken", "s1gned", "fr4gment")
SECRET_CASES: dict[str, tuple[list[Reply], Pins]] = {
    "right": ([], PINNED),
    "trusted": ([normal(cut=HALF)], {}),
    "busy": ([status(503)], PINNED),
    "broken": ([hang_up] * 9, {}),
    "absent": ([status(404)], {}),
    "wrong": ([], {"sha256": "0" * 64}),
    "wrong-size": ([], {"size": 5}),
    "resumed-wrong": ([normal(cut=HALF)], {"sha256": "0" * 64}),
    "full-disk": ([normal(length=1 << 60)], {}),
    "elsewhere": ([status(302, Location="ftp://us3r:p4ss@host/x?sig=s1gned")], {}),
    "redirected": ([status(302, Location="http://127.0.0.1:1/x?sig=s1gned")] * 9, {}),
    "redirected-nowhere": ([status(302, Location="http://us3r:p4/ss@host/x?sig=s1gned")], {}),
    "redirected-oddly": ([status(302, Location="http://127.0.0.1:x/x?sig=s1gned")], {}),
}


@pytest.mark.parametrize(("replies", "pins"), SECRET_CASES.values(), ids=SECRET_CASES.keys())
def test_secrets_are_sent_and_not_told(replies: list[Reply], pins: Pins, site: Site, store: Store) -> None:
    site.replies, log = replies, Log()
    url = f"http://us3r:p4ss@127.0.0.1:{site.server_port}/net.pth?token=t0ken&sig=s1gned#fr4gment"
    shown = f"http://***@127.0.0.1:{site.server_port}/net.pth?token=***&sig=***#***"
    told: list[str] = []
    for _ in range(2):
        try:
            told.append(fetch(FileSource(url=url, base=Path(), **pins), store, log, retry=QUICK).origin)
        except FetchError as error:
            told.append(str(error))
    assert all(shown in text for text in told)
    assert site.seen[0]["Authorization"] == f"Basic {base64.b64encode(b'us3r:p4ss').decode()}"
    files = [path for path in store.root.rglob("*") if path.is_file() and path.name != "net.pth"]
    written = [str(files), *(path.read_text() for path in files if path.suffix != ".part")]
    everything = "\n".join([*told, *written, *log.notes, *log.warnings, *(label for label, *_ in log.bars)])
    assert [secret for secret in SECRETS if secret in everything] == []
