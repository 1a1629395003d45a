"""Downloads without a hash, or encoded by the server: what is trusted, what is fetched again, and what is decoded."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from file_site import (
    BODY,
    HALF,
    PINNED,
    SHA256,
    Facts,
    Log,
    get,
    normal,
    part,
    site,
    store,
)
from zoo_runner.errors import ExportError, FetchError, IntegrityError, UsageError
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import in_use
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from file_site import Site
    from tests.conftest import ZooRun
    from zoo_runner.store.store import Store

pytestmark = pytest.mark.slow  # whole runs of the command

__all__ = ["site", "store"]  # fixtures
LOGIN = b"<!doctype html><title>Sign in</title>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 550000000\n"


def record(site: Site, store: Store) -> Path:
    return store.root / "trust" / f"{fingerprint(site.url)}.json"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (LOGIN, "found    a web page (text/html, title 'Sign in')"),
        (POINTER, "found    a Git LFS pointer of 550 MB: run git lfs pull"),
        (b"<Error><Code>NoSuchKey</Code></Error>", "found    an error document (XML: NoSuchKey)"),
        (b'{"message": "not yours"}', "found    an error document (JSON: not yours)"),
    ],
)
@pytest.mark.parametrize("pins", [{}, PINNED], ids=["trusted", "pinned"])
def test_wrong_content_is_named_and_fetched_again(
    body: bytes, text: str, pins: dict[str, Any], site: Site, store: Store
) -> None:
    site.facts.body = body
    with pytest.raises(IntegrityError) as caught:
        get(site, store, **pins)
    assert text in str(caught.value)
    assert not record(site, store).exists()
    assert store.lookup("download", fingerprint(site.url)) is None
    site.facts = Facts()
    assert get(site, store, **pins).sha256 == SHA256
    assert len(site.seen) == 2


def test_a_local_pointer_is_named(store: Store, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(POINTER)
    for pins in ({}, PINNED):
        with pytest.raises(IntegrityError, match="Git LFS pointer of 550 MB"):
            fetch(FileSource(url="w.pth", base=tmp_path, **pins), store, Log())
    assert (tmp_path / "w.pth").read_bytes() == POINTER


def test_a_login_page_that_was_trusted_before_is_refused(site: Site, store: Store) -> None:
    site.facts.body = LOGIN
    get(site, store, sha256=hashlib.sha256(LOGIN).hexdigest())
    with pytest.raises(IntegrityError, match="title 'Sign in'"):
        get(site, store)


def test_only_what_was_used_with_success_is_recorded(site: Site, store: Store) -> None:
    got = get(site, store, used=False)
    assert not record(site, store).exists()
    assert get(site, store, used=False).reused  # as after --until fetch
    with pytest.raises(ExportError), in_use(got):
        raise ExportError("no checkpoint")
    assert not record(site, store).exists()
    site.facts = Facts(b"the right file")
    again = get(site, store)
    assert (again.reused, again.path.read_bytes()) == (False, b"the right file")
    assert record(site, store).exists()
    with pytest.raises(ExportError), in_use(again):
        raise ExportError("another reason")
    assert get(site, store).reused  # it was right before
    assert len(site.seen) == 2


def test_a_bug_is_no_reason_to_fetch_again(site: Site, store: Store) -> None:
    got = get(site, store, used=False)
    with pytest.raises(RuntimeError), in_use(got):
        raise RuntimeError
    assert get(site, store).reused


@pytest.mark.parametrize("pins", [{}, PINNED], ids=["trusted", "pinned"])
def test_refetch(pins: dict[str, Any], site: Site, store: Store) -> None:
    get(site, store, **pins)
    again = get(site, store, refetch=True, **pins)
    assert (again.reused, again.sha256, len(site.seen)) == (False, SHA256, 2)
    site.facts.body = LOGIN
    with pytest.raises(IntegrityError, match="a web page"):
        get(site, store, refetch=True, **pins)
    assert get(site, store, **pins).reused  # what was there is kept


def test_refetch_accepts_a_change_of_what_is_trusted(site: Site, store: Store) -> None:
    get(site, store)
    site.facts = Facts(b"new", {})
    assert get(site, store, refetch=True).path.read_bytes() == b"new"
    assert get(site, store).reused


def test_refetch_fetches() -> None:
    with pytest.raises(UsageError, match="--refetch fetches again, and --from infer starts behind that; drop one"):
        RunOptions(output=Path(), refetch=True, first=Stage.INFER).check()


def deflated(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(data) + coder.flush()


CODINGS = {
    "gzip": ("gzip", gzip.compress(BODY)),
    "x-gzip": ("X-Gzip", gzip.compress(BODY)),
    "two members": ("gzip", gzip.compress(BODY[:HALF]) + gzip.compress(BODY[HALF:])),
    "deflate": ("deflate", zlib.compress(BODY)),
    "raw deflate": ("deflate", deflated(BODY)),
}


@pytest.mark.parametrize("cut", [None, 200], ids=["at once", "resumed"])
@pytest.mark.parametrize("pins", [{}, PINNED, {"sha256": SHA256, "size": len(BODY)}], ids=["trusted", "hash", "size"])
@pytest.mark.parametrize(("coding", "body"), CODINGS.values(), ids=CODINGS.keys())
def test_an_encoded_body_is_decoded(
    coding: str, body: bytes, pins: dict[str, Any], cut: int | None, site: Site, store: Store
) -> None:
    site.facts = Facts(body, {"ETag": '"v1"', "Content-Encoding": coding})
    site.replies = [normal(cut=cut)] if cut else []
    got = get(site, store, **pins)
    assert (got.path.read_bytes(), got.sha256) == (BODY, SHA256)
    assert site.ranges() == ([None, "bytes=200-"] if cut else [None])
    assert list((store.root / "partial").iterdir()) == []
    assert get(site, store, **pins).reused


def test_an_archive_that_a_server_calls_its_own_coding_stays_one(site: Site, store: Store) -> None:
    body = gzip.compress(BODY)
    site.facts = Facts(body, {"Content-Encoding": "gzip"})
    assert get(site, store, sha256=hashlib.sha256(body).hexdigest()).path.read_bytes() == body
    named = fetch(FileSource(url=site.url.replace(".pth", ".tar.gz"), base=Path()), store, Log())
    assert named.path.read_bytes() == body


BAD_CODINGS = {
    "unknown": ("br", BODY, {}, "found Content-Encoding: br, which cannot be undone here"),
    "several": ("gzip, br", BODY, {}, "found Content-Encoding: gzip, br"),
    "not encoded": ("gzip", b"no gzip" * 9, PINNED, "got      Content-Encoding gzip, and bytes that cannot be decoded"),
    "short": ("gzip", gzip.compress(BODY)[:-9], PINNED, "an end before that of the coding"),
    "too large": ("gzip", gzip.compress(BODY), {"size": 1000, "sha256": "0" * 64}, "more than 1,000 bytes"),
    "another file": ("gzip", gzip.compress(b"x"), PINNED, f"expected sha256 {SHA256}"),
    "a login page": ("gzip", gzip.compress(LOGIN), {}, "a web page (text/html, title 'Sign in')"),
}


@pytest.mark.parametrize(("coding", "body", "pins", "text"), BAD_CODINGS.values(), ids=BAD_CODINGS.keys())
def test_what_cannot_be_decoded_is_refused(
    coding: str, body: bytes, pins: dict[str, Any], text: str, site: Site, store: Store
) -> None:
    site.facts = Facts(body, {"Content-Encoding": coding})
    with pytest.raises(FetchError) as caught:
        get(site, store, **pins)
    assert text in str(caught.value)
    assert store.lookup("download", fingerprint(site.url)) is None
    assert not part(site, store).exists()


def test_a_body_whose_coding_changes_starts_over(site: Site, store: Store) -> None:
    def end_encoded(handler: Any) -> None:
        handler.server.facts = Facts(gzip.compress(BODY), {"ETag": '"v1"', "Content-Encoding": "gzip"})
        normal()(handler)

    site.replies = [normal(cut=100), end_encoded]
    assert get(site, store, **PINNED).sha256 == SHA256
    assert site.ranges() == [None, "bytes=100-", None]


def test_a_run_trusts_weights_once_they_are_loaded(trial: ZooRun, site: Site) -> None:
    run = (trial.folder / "trial.yaml", "--weights", site.url, "--until", "export", "--output", "out")
    right, folder = (trial.folder / "weights.pth").read_bytes(), trial.cache / "trust"
    site.facts = Facts(b"no checkpoint", {})
    assert trial(*run).returncode == 3
    name = fingerprint(site.url)
    assert not (folder / f"{name}.json").exists()
    site.facts = Facts(right, {})
    assert trial(*run).returncode == 0
    assert (folder / f"{name}.json").exists()
    assert len(site.seen) == 2
    assert trial(*run).returncode == 0
    assert len(site.seen) == 2
    assert trial(*run, "--refetch").returncode == 0
    assert len(site.seen) == 3
