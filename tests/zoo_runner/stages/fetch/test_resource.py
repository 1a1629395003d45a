"""Fetching: which kinds of address there are, and files on the disk; the right bytes or a clear error."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from zoo_runner.errors import FetchError, IntegrityError
from zoo_runner.stages.fetch.resource import fetch, resource_folder
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.store.store import Store

BODY = bytes(range(256)) * 1200
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()


class Log:
    """A progress display that remembers."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def track(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Callable[[int], None]]:
        raise AssertionError(label)

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret").write_bytes(BODY)
    package = tmp_path / "lib" / "bundle_xyz"
    (package / "sample").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "sample" / "a b.pth").write_bytes(BODY)
    (package / "sample" / "escape").symlink_to(tmp_path / "other")
    os.mkfifo(package / "pipe")
    (package / "circle").symlink_to("circle")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    return package


@pytest.mark.parametrize(
    "url",
    ["sample/a b.pth", "./sample/a b.pth", "file:sample/a%20b.pth", "FILE:{base}/sample/a%20b.pth",
     "file://{base}/sample/a%20b.pth", "file://localhost{base}/sample/a%20b.pth", "{base}/sample/a b.pth",
     "package:bundle_xyz/sample/a b.pth"],
)  # fmt: skip
def test_local_files_are_used_in_place(url: str, folder: Path, store: Store) -> None:
    log = Log()
    source = FileSource(url=url.format(base=folder), base=folder, sha256=SHA256, md5=MD5, size=len(BODY))
    got = fetch(source, store, log, require_hash=True)
    assert got.path.samefile(folder / "sample" / "a b.pth")
    assert (got.sha256, got.size, got.reused, got.pinned) == (SHA256, len(BODY), True, True)
    assert not store.root.exists()
    unpinned = fetch(FileSource(url=source.url, base=folder), store, log)
    assert not unpinned.pinned
    assert len(log.warnings) == 1


@pytest.mark.parametrize(
    ("url", "text"),
    [
        pytest.param("absent.pth", r"expected a file at .*absent.pth, found none\. .*--weights", id="absent"),
        pytest.param("sample/a c.pth", r"c.pth, found none; did you mean 'a b.pth'\? A file", id="near"),
        pytest.param("sample", r"^sample: expected a file, found a folder; name a file in it: a b.pth", id="folder"),
        pytest.param("pipe", "cannot read: expected a regular file, found a pipe", id="pipe"),
        pytest.param("file:pipe", "cannot read: expected a regular file, found a pipe", id="pipe-url"),
        pytest.param("file:///dev/zero", "cannot read: expected a regular file, found a character dev", id="device"),
        pytest.param("circle", "found symbolic links that lead in a circle", id="circle"),
        pytest.param("package:bundle_xyz/circle", "expected 'circle' inside the package", id="circle-in-package"),
        pytest.param("package:bundle_xyz/a\0b", r"expected 'a\\x00b' inside the package", id="NUL-in-package"),
        pytest.param("package:__main__/x", "'__main__' to be installed, found none|inside the package", id="main"),
        pytest.param("a\0b", "cannot read: expected the name of a file, found a NUL character in it", id="NUL"),
        pytest.param("n" * 1_000_000, r"nnn\.\.\.nnn.* cannot read: File name too long.*a shorter name", id="long"),
        pytest.param("__init__.py/x", "cannot read: Not a directory; a part of the path is a file", id="below-a-file"),
        pytest.param("file://[x/y", "expected file:///PATH on this machine, found Invalid IPv6 URL", id="brackets"),
        pytest.param("file://server/x", "found the host 'server'", id="host"),
        pytest.param("htps://x/y", "found 'htps'; did you mean 'https'", id="scheme"),
        pytest.param("s3://x/y", "one of the schemes http, https, file, package, pypi; found 's3'", id="s3"),
        pytest.param("package:bundle_xyz/../bundle_xyz/sample/a b.pth", r"without '\.\.'", id="dots"),
        pytest.param("package:bundle_xyz//etc/passwd", "expected package:<package>/<path", id="absolute"),
        pytest.param("package:bundle_xyz", "expected package:<package>/<path", id="no-path"),
        pytest.param("package:../lib/x", "expected package:<package>/<path", id="no-name"),
        pytest.param("package:bundle_xyz/sample/escape/secret", "found nothing there", id="link-out"),
        pytest.param("package:bundle_xyz/absent", "expected 'absent' inside the package", id="absent-inside"),
        pytest.param("package:no_such_xyz/x", "'no_such_xyz' to be installed, found none", id="no-package"),
        pytest.param("package:sys/x", "expected 'x' inside the package 'sys'", id="built-in"),
    ],
)
def test_local_failures(url: str, text: str, folder: Path, store: Store) -> None:
    with pytest.raises(FetchError, match=text):
        fetch(FileSource(url=url, base=folder), store, Log())


def test_a_wrong_local_file_is_left_alone(folder: Path, store: Store) -> None:
    source = FileSource(url="sample/a b.pth", base=folder, sha256="f" * 64)
    with pytest.raises(
        IntegrityError, match=r"expected sha256 ffff.*\n.*\n.*\n.*the file was left as it is. Give the file"
    ):
        fetch(source, store, Log())
    assert (folder / "sample" / "a b.pth").exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("package:bundle_xyz/sample", "sample", id="package"),
        pytest.param("sample", "sample", id="plain"),
        pytest.param("file:sample", "sample", id="file-url"),
        pytest.param("file:sample/a%20b.pth", None, id="a-file"),
        pytest.param("https://host/archive.tar", None, id="network"),
    ],
)
def test_resource_folder(url: str, expected: str | None, folder: Path) -> None:
    assert resource_folder(url, folder) == (folder / expected if expected else None)


@pytest.mark.parametrize("url", ["absent", "ftp://x/y", "package:bundle_xyz/absent"])
def test_resource_folder_failures(url: str, folder: Path) -> None:
    with pytest.raises(FetchError, match="expected"):
        resource_folder(url, folder)
