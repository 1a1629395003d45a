"""The hash of a first download is recorded, and a later download must have it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from file_site import (
    BODY,
    MD5,
    QUICK,
    SHA256,
    Facts,
    Log,
    Site,
    get,
    site,
    store,
)
from zoo_runner.errors import IntegrityError
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import in_use
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import Store

__all__ = ["site", "store"]  # fixtures


def test_trust_on_first_use(site: Site, store: Store) -> None:
    log = Log()
    first = get(site, store, log)
    record = store.root / "trust" / f"{fingerprint(site.url)}.json"
    facts = json.loads(record.read_text())
    assert (facts["url"], facts["sha256"], facts["size"]) == (site.shown, SHA256, len(BODY))
    assert [f"  sha256: {SHA256}\n  size: {len(BODY)}" in text for text in log.warnings] == [True]
    assert get(site, store, log).reused
    assert (len(log.warnings), len(site.seen)) == (2, 1)

    assert get(site, store, log, sha256=SHA256).reused  # the line was pasted
    assert len(log.warnings) == 2

    first.path.write_bytes(b"damaged")
    site.facts.body = b"another file"
    with pytest.raises(
        IntegrityError, match="An earlier download's hash is recorded; to accept the change, use --refetch"
    ) as caught:
        get(site, store)
    assert f"delete {record}" in str(caught.value)
    record.unlink()
    assert get(site, store).path.read_bytes() == b"another file"


def broken_link(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        pytest.param(lambda path: path.write_text("{"), "it is no record", id="cut"),
        pytest.param(lambda path: path.write_text("[1]"), "it is no record", id="list"),
        pytest.param(lambda path: path.write_bytes(b"\xff\0"), "it is no record", id="bytes"),
        pytest.param(lambda path: path.write_text("[" * 60_000), "it is no record", id="deep"),
        pytest.param(lambda path: path.write_text('{"sha256": "0"}'), "it has no hash", id="no hash"),
        pytest.param(lambda path: path.write_bytes(bytes(1 << 17)), "expected at most 65,536 bytes", id="large"),
        pytest.param(os.mkfifo, "expected a regular file, found a pipe", id="fifo"),
        pytest.param(broken_link, "expected a regular file, found symbolic links that lead in a circle", id="circle"),
        pytest.param(Path.mkdir, "expected a regular file, found a folder", id="folder"),
        pytest.param(lambda path: path.symlink_to("none"), "it is a link to nothing", id="link to nothing"),
    ],
)
@pytest.mark.parametrize("refetch", [False, True])
@pytest.mark.parametrize("stored", [True, False])
def test_a_damaged_record_of_trust_refuses_the_file_until_it_is_deleted_or_the_hash_given(
    damage: Callable[[Path], object], why: str, stored: bool, refetch: bool, site: Site, store: Store
) -> None:
    record = store.root / "trust" / f"{fingerprint(site.url)}.json"
    if stored:
        get(site, store)
        record.unlink()
    record.parent.mkdir(parents=True, exist_ok=True)
    damage(record)
    before, requests = record.lstat(), len(site.seen)
    with pytest.raises(IntegrityError) as caught:
        get(site, store, refetch=refetch)
    text = str(caught.value)
    assert text.startswith(f"{site.shown}: the hash of an earlier download is damaged ({why}")
    assert text.endswith(f"Give its sha256 in the manifest, or delete {record} to trust the file anew")
    assert (record.lstat().st_ino, record.lstat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(site.seen) == requests
    assert get(site, store, sha256=SHA256).sha256 == SHA256
    record.rmdir() if record.is_dir() else record.unlink()
    get(site, store)
    assert json.loads(record.read_text())["sha256"] == SHA256


def test_a_record_that_is_damaged_during_the_run_is_not_replaced(site: Site, store: Store) -> None:
    record = store.root / "trust" / f"{fingerprint(site.url)}.json"
    got = get(site, store)
    record.write_text("{")
    with pytest.raises(IntegrityError, match=r"is damaged \(it is no record\)"), in_use(got):
        pass
    assert record.read_text() == "{"


def test_a_frozen_store_refuses_by_a_damaged_record_too(site: Site, store: Store) -> None:
    get(site, store)
    record = store.root / "trust" / f"{fingerprint(site.url)}.json"
    record.write_text("{")
    with pytest.raises(IntegrityError, match=r"is damaged \(it is no record\)"):
        get(site, store.frozen("--from infer"))
    assert record.read_text() == "{"


def test_a_pin_that_the_stored_file_does_not_meet(site: Site, store: Store) -> None:
    get(site, store)
    with pytest.raises(IntegrityError, match="correct the manifest"):
        get(site, store, sha256="0" * 64)
    assert get(site, store).reused  # the good file was not given up for a failed attempt
    site.facts = Facts(b"new", {})
    assert get(site, store, sha256=hashlib.sha256(b"new").hexdigest()).path.read_bytes() == b"new"


def test_require_hash_comes_before_the_network(site: Site, store: Store) -> None:
    source = FileSource(url=site.url, base=Path(), size=len(BODY))
    with pytest.raises(
        IntegrityError, match=r"expected a sha256 in the manifest \(--require-hash\).*run once"
    ) as caught:
        fetch(source, store, Log(), require_hash=True)
    assert caught.value.exit_code == 3
    assert site.seen == []
    md5_only = FileSource(url=site.url, base=Path(), md5=MD5)
    assert fetch(md5_only, store, Log(), require_hash=True).pinned


def test_what_is_trusted_is_the_whole_address(site: Site, store: Store) -> None:
    one, other = f"{site.url}&token=one", f"{site.url}&token=other"
    for url in (one, other):
        got = fetch(FileSource(url=url, base=Path()), store, Log(), retry=QUICK)
        assert not got.reused
        with in_use(got):
            pass
    records = {url: store.root / "trust" / f"{fingerprint(url)}.json" for url in (one, other)}
    assert {json.loads(record.read_text())["url"] for record in records.values()} == {f"{site.shown}&token=***"}
