"""The folder of downloads: found by name, believed by hash, and before the network is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from file_site import BODY, MD5, PINNED, QUICK, SHA256, Log, Pins, Site, site, status, store
from zoo_runner.errors import FetchError, IntegrityError, UsageError
from zoo_runner.stages.fetch.downloads import found, listing, names
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import Fetched, Trust, in_use
from zoo_runner.store.store import Store

__all__ = ["site", "store"]  # fixtures

OTHER = BODY[::-1]
NAME = "net_v1.pth"
APART = f"{SHA256[:12]}-{NAME}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "downloads"
    path.mkdir()
    return path


def get(
    site: Site, store: Store, folder: Path, log: Log | None = None, *, refetch: bool = False, **pins: object
) -> Fetched:
    source = FileSource(url=site.url, base=Path("/nowhere"), **pins)  # type: ignore[arg-type] # as the table has them
    got = fetch(source, store, log or Log(), refetch=refetch, downloads=folder, retry=QUICK)
    with in_use(got):
        return got


@pytest.mark.parametrize("pins", [PINNED, {"md5": MD5}, {"sha256": SHA256, "size": len(BODY)}])
def test_a_file_of_the_name_and_hash_is_taken(pins: Pins, site: Site, store: Store, folder: Path) -> None:
    (folder / NAME).write_bytes(BODY)
    log = Log()
    got = get(site, store, folder, log, **pins)
    assert (got.path, got.origin) == (folder / NAME, str(folder / NAME))
    assert (got.sha256, got.size, got.reused, got.pinned) == (SHA256, len(BODY), True, True)
    assert (site.seen, log.warnings, store.root.exists()) == ([], [], False)
    assert get(site, store.frozen("--from infer"), folder, **pins).path == folder / NAME


def test_another_file_of_the_name_is_an_error(site: Site, store: Store, folder: Path) -> None:
    get(site, store, folder, **PINNED)  # that the right one was downloaded before does not matter
    (folder / NAME).write_bytes(OTHER)
    asked = len(site.seen)
    with pytest.raises(IntegrityError) as caught:
        get(site, store, folder, **PINNED)
    text = str(caught.value)
    assert f"\n  expected sha256 {SHA256}\n  got      sha256 " in text
    assert f"\n  file: {folder / NAME}\n  done: the file was left as it is. Put the right one in its place" in text
    assert text.endswith(f"If both are needed, call the right one {APART}.")
    assert (len(site.seen), (folder / NAME).read_bytes()) == (asked, OTHER)
    (folder / APART).write_bytes(BODY)
    assert get(site, store, folder, **PINNED).path == folder / APART
    (folder / APART).write_bytes(OTHER)
    with pytest.raises(IntegrityError, match=APART):
        get(site, store, folder, **PINNED)


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling"])
def test_what_is_no_file(kind: str, site: Site, store: Store, folder: Path) -> None:
    path = folder / NAME
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("gone")
    with pytest.raises(FetchError, match=f"found a {kind}" if kind != "dangling" else "found none"):
        get(site, store, folder, **PINNED)
    assert site.seen == []


def test_what_is_not_there_is_downloaded(site: Site, store: Store, folder: Path) -> None:
    (folder / "unlike.pth").write_bytes(OTHER)
    got = get(site, store, folder, **PINNED)
    assert (got.origin, got.reused) == (site.shown, False)
    site.replies = [status(404)]
    with pytest.raises(FetchError) as caught:
        get(site, store, folder, refetch=True, **PINNED)
    assert str(caught.value).endswith(f"\nIn the folder {folder} (--downloads) there is no {APART} or {NAME}")


def test_without_a_hash_the_first_file_is_trusted(site: Site, store: Store, folder: Path) -> None:
    (folder / NAME).write_bytes(BODY)
    log = Log()
    first = get(site, store, folder, log)
    assert (first.path, first.pinned, site.seen) == (folder / NAME, False, [])
    (warning,) = log.warnings
    assert f"has no hash in the manifest and is trusted on first use. To pin it, paste:\n  sha256: {SHA256}" in warning
    (folder / NAME).write_bytes(OTHER)
    with pytest.raises(IntegrityError, match=f"expected sha256 {SHA256}\n.*got(.*\n)+.*--refetch accepts the change"):
        get(site, store, folder)
    assert get(site, store, folder, refetch=True).path == folder / NAME
    (folder / NAME).write_bytes(BODY)
    with pytest.raises(IntegrityError, match="expected sha256"):
        get(site, store, folder)


def test_a_file_without_a_hash_must_be_what_was_downloaded(site: Site, store: Store, folder: Path) -> None:
    get(site, store, folder)
    assert Trust.of(FileSource(url=site.url, base=Path()), store).sha256() == SHA256
    (folder / NAME).write_bytes(OTHER)
    with pytest.raises(IntegrityError, match=f"expected sha256 {SHA256}"):
        get(site, store, folder)


def test_a_page_in_place_of_a_file_without_a_hash(site: Site, store: Store, folder: Path) -> None:
    (folder / NAME).write_bytes(b"<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(IntegrityError, match="found    a web page"):
        get(site, store, folder)


def test_require_hash_comes_first(site: Site, store: Store, folder: Path) -> None:
    (folder / NAME).write_bytes(BODY)
    with pytest.raises(IntegrityError, match=r"expected a sha256 in the manifest \(--require-hash\), found none"):
        fetch(FileSource(url=site.url, base=Path()), store, Log(), require_hash=True, downloads=folder)


def test_a_folder_that_is_not_there(site: Site, store: Store, tmp_path: Path) -> None:
    with pytest.raises(
        FetchError, match=r"^--downloads \(or \$ZOO_RUNNER_DOWNLOADS\): expected a folder .* no folder "
    ):
        get(site, store, tmp_path / "gone", **PINNED)
    (tmp_path / "own.pth").write_bytes(BODY)
    own = FileSource(url="own.pth", base=tmp_path, sha256=SHA256)
    assert fetch(own, store, Log(), downloads=tmp_path / "gone").path == tmp_path / "own.pth"


def of(*urls: str, sha256: str | None = SHA256, md5: str | None = None, size: int | None = None) -> FileSource:
    first, *others = urls
    return FileSource(url=first, mirrors=tuple(others), base=Path(), sha256=sha256, md5=md5, size=size)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(of("own.pth"), (), id="path"),
        pytest.param(of("package:p/w.pth"), (), id="package"),
        pytest.param(of("http://h/a/w.pth", sha256=None), ("w.pth",), id="no-hash"),
        pytest.param(of("HTTPS://h/a/w.pth?t=1#x"), (f"{SHA256[:12]}-w.pth", "w.pth"), id="sha256"),
        pytest.param(of("http://h/w.tar", sha256=None, md5=MD5), (f"{MD5[:12]}-w.tar", "w.tar"), id="md5"),
        pytest.param(of("http://h/%2E%2E%2Fetc/", sha256=None), ("etc",), id="dots"),
        pytest.param(of("http://h", sha256=None), ("download",), id="no-name"),
        pytest.param(
            of("w.pth", "http://h/a.pth", "http://i/b.pth", "http://j/a.pth"),
            (f"{SHA256[:12]}-a.pth", f"{SHA256[:12]}-b.pth", "a.pth", "b.pth"),
            id="mirrors",
        ),
    ],
)
def test_names(source: FileSource, expected: tuple[str, ...], folder: Path) -> None:
    assert names(source) == expected
    assert found(source, folder) is None
    for name in reversed(expected):
        (folder / name).touch()
        assert found(source, folder) == folder / name


def test_a_listing_has_each_file_once() -> None:
    one, other = "a" * 64, "b" * 64
    files = listing(
        [
            ("own", of("own.pth")),
            ("a", of("http://h/w.pth", sha256=one)),
            ("b", of("http://i/w.pth", "http://h/w.pth", sha256=one, size=7)),
            ("c", of("http://h/only.tar", sha256=None)),
            ("d", of("http://h/v/w.pth", sha256=other)),
            ("e", of("http://h/x/w.pth", sha256=None)),
        ]
    )
    rows = [(each.name, each.purposes, each.source.url, each.source.mirrors, each.source.size) for each in files]
    assert rows == [
        (f"{one[:12]}-w.pth", ("a", "b"), "http://h/w.pth", ("http://i/w.pth",), 7),
        ("only.tar", ("c",), "http://h/only.tar", (), None),
        (f"{other[:12]}-w.pth", ("d",), "http://h/v/w.pth", (), None),
        ("w.pth", ("e",), "http://h/x/w.pth", (), None),
    ]
    assert [each.name in names(each.source) for each in files] == [True] * 4
    assert listing([]) == ()


def test_files_that_cannot_be_told_apart() -> None:
    with pytest.raises(
        UsageError, match=r"^a and b: expected a sha256, as these files are all called w.pth, found none$"
    ):
        listing([("a", of("http://h/1/w.pth", sha256=None)), ("b", of("http://h/2/w.pth", sha256=None))])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "missing"),
        (BODY, ""),
        (OTHER, f"{NAME} is another file:\n  expected sha256 {SHA256}\n  got      sha256 "),
    ],
)
def test_what_is_wrong_with_a_file_of_the_folder(content: bytes | None, expected: str, folder: Path) -> None:
    (download,) = listing([("weights", of(f"http://h/{NAME}"))])
    if content is not None:
        (folder / NAME).write_bytes(content)
    fault = download.fault(folder)
    assert fault.startswith(expected)
    assert bool(fault) is bool(expected)


def test_a_folder_in_the_place_of_a_file(folder: Path) -> None:
    (folder / NAME).mkdir()
    (download,) = listing([("weights", of(f"http://h/{NAME}"))])
    assert download.fault(folder).startswith("cannot be read: expected a regular file, found a folder")
