"""A file in a wheel of a package index: by pip's own client, believed by hash, within bounds."""

from __future__ import annotations

import hashlib
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from file_site import Log, Site, site, status, store
from wheels import only_from, source_distribution, wheel
from zoo_runner.errors import FetchError, IntegrityError
from zoo_runner.manifest.wheel_address import WheelAddress, wheel_address
from zoo_runner.stages.fetch.downloads import names
from zoo_runner.stages.fetch.resource import fetch, local_file, resource_folder
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import Fetched, in_use
from zoo_runner.store.store import Store

__all__ = ["site", "store"]  # fixtures

BODY = bytes(range(256)) * 40
SHA256 = hashlib.sha256(BODY).hexdigest()
OTHER = hashlib.sha256(b"").hexdigest()
MEMBER = "pypi:toy-net==1.2/toy_net/w.pth"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, {"toy_net/w.pth": BODY})
    only_from(folder, monkeypatch)
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")  # no setting may have a source distribution built
    return folder


def get(url: str, store: Store, log: Log | None = None, **options: Any) -> Fetched:
    asked = {key: options.pop(key) for key in ("refetch", "downloads", "require_hash") if key in options}
    got = fetch(FileSource(url=url, base=Path("/nowhere"), **options), store, log or Log(), **asked)
    with in_use(got):
        return got


@pytest.mark.parametrize(
    ("url", "address", "name"),
    [
        ("pypi:a==1", WheelAddress("a", "1"), "a-1.whl"),
        ("PyPI:My.Net-x==1.0rc1+cpu/d/a b.onnx", WheelAddress("My.Net-x", "1.0rc1+cpu", "d/a b.onnx"), "a b.onnx"),
        ("pypi:My.Net-x==1!2.0", WheelAddress("My.Net-x", "1!2.0"), "my_net_x-1!2.0.whl"),
        ("pypi:a==1/-d/..b", WheelAddress("a", "1", "-d/..b"), "..b"),
        *(
            (odd, None, "")
            for odd in (
                "pypi:",
                "pypi:a",
                "pypi:a==",
                "pypi:a=1",
                "pypi:a===1",
                "pypi:a>=1",
                "pypi:a==1.*",
                "pypi:a==1,<2",
                "pypi:a[b]==1",
                "pypi:a == 1",
                "pypi:--index-url=http://x==1",
                "pypi:-r==1",
                "pypi:a==-1",
                "pypi:a==1;x",
                "pypi:a @ http://x==1",
                "pypi:https://x/a==1",
                "pypi://a==1",
                "pypi:a==1/",
                "pypi:a==1//etc/passwd",
                "pypi:a==1/../x",
                "pypi:a==1/d/../x",
                "pypi:a==1/./x",
                "pypi:a==1/.",
                "pypi:a==1/d/",
                "pypi:a==1/d\\x",
                "pypi:a==1/x?y",
                "pypi:a==1/x#y",
                "pypi:a==1/%2e%2e/x",
                "pypi:a==1/x\ny",
                "pypi:a==1\n",
                "pypi:ä==1",
                f"pypi:{'a' * 101}==1",
            )
        ),
    ],
)
def test_addresses(url: str, address: WheelAddress | None, name: str, store: Store) -> None:
    assert wheel_address(url) == address
    if address is not None:
        assert address.file_name == name
        return
    with pytest.raises(FetchError, match=r"expected pypi:NAME==VERSION, or pypi:NAME==VERSION/FILE for one file"):
        get(url, store)
    assert not store.root.exists()


@pytest.mark.usefixtures("index")
def test_a_file_of_a_wheel_is_taken_once_and_believed_by_its_hash(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = Log()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("pip.py").write_text("raise SystemExit('that of the current folder')")
    got = get(MEMBER, store, log, sha256=SHA256, size=len(BODY))
    assert (got.sha256, got.size, got.reused, got.pinned, got.origin) == (SHA256, len(BODY), False, True, MEMBER)
    assert (got.path.name, got.path.read_bytes(), log.warnings) == ("w.pth", BODY, [])
    assert [each.name for each in got.path.parent.iterdir()] == ["w.pth"]
    assert [label for label, _, _ in log.bars] == ["toy-net==1.2", "unpack toy_net/w.pth"]
    monkeypatch.setitem(sys.modules, "pip", None)
    assert get(MEMBER, store, sha256=SHA256).reused
    assert get(MEMBER, store.frozen("--from infer"), sha256=SHA256).path == got.path
    with pytest.raises(FetchError, match=rf"expected pip beside {sys.executable}.* get it with .*ensurepip"):
        get(MEMBER, store, sha256=OTHER)


def test_a_wheel_without_a_hash_is_trusted_on_first_use(index: Path, store: Store) -> None:
    log = Log()
    url = "pypi:toy-net==1.2"
    got = get(url, store, log)
    assert (got.path.name, got.pinned) == ("toy_net-1.2.whl", False)
    assert got.path.read_bytes() == (index / "toy_net-1.2-py3-none-any.whl").read_bytes()
    assert f"sha256: {got.sha256}\n  size: {got.size}" in log.warnings[0]
    wheel(index, {"toy_net/w.pth": BODY[::-1]})
    assert get(url, store).sha256 == got.sha256
    store.discard("download", got.path.parent.parent.name)
    with pytest.raises(IntegrityError, match="An earlier download's hash is recorded; to accept the change, use"):
        get(url, store)
    assert get(url, store, refetch=True).sha256 != got.sha256
    with pytest.raises(IntegrityError, match=r"expected a sha256 in the manifest \(--require-hash\), found none"):
        get(url, store, require_hash=True)


@pytest.mark.parametrize(
    ("url", "pins", "kind", "text"),
    [
        (MEMBER, {"sha256": OTHER}, IntegrityError, f"\n  expected sha256 {OTHER}\n  got      sha256 {SHA256}"),
        pytest.param(MEMBER, {"size": 7}, IntegrityError, "\n  got      size 10240", marks=pytest.mark.long),
        ("pypi:toy-net==1.2", {"size": 7}, FetchError, "expected at most 7 bytes, found more, and stopped there."),
        ("pypi:toy-net==1.2/toy_net/v.pth", {}, FetchError, "did you mean 'toy_net/w.pth'?\nName a file that is in it"),
        pytest.param("pypi:toy-net==1.2/toy_net", {}, FetchError, "'toy_net' in toy_net-1.2-", marks=pytest.mark.long),
        (
            "pypi:toy-net==1.3",
            {},
            FetchError,
            "pip found no wheel of it, or could not get it:\n  ERROR: Could not find",
        ),
        (
            "pypi:toy-source==1.2",
            {},
            FetchError,
            "ERROR: No matching distribution found for toy-source==1.2\nA file you",
        ),
    ],
)
def test_what_is_not_the_file(
    url: str, pins: dict[str, Any], kind: type[FetchError], text: str, index: Path, store: Store, tmp_path: Path
) -> None:
    marker = tmp_path / "it ran"
    source_distribution(index, marker)
    with pytest.raises(kind) as caught:
        get(url, store, **pins)
    assert text in str(caught.value)
    assert str(caught.value).startswith(url)
    assert not marker.exists()
    kept = store.root / "download"
    assert [each for each in kept.rglob("*") if each.is_file() and not each.name.endswith(".lock")] == []


def test_more_than_one_wheel_is_an_error(index: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(index, {}, "extra_net")
    more = index / "more.txt"
    more.write_text("extra-net==1.2\n")
    monkeypatch.setenv("PIP_REQUIREMENT", str(more))
    with pytest.raises(FetchError, match=r"expected one wheel of toy-net from pip, found extra_net-1.2-"):
        get(MEMBER, store)


@pytest.mark.usefixtures("index")
def test_credentials_of_an_index_are_not_shown(site: Site, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    site.replies += [status(500)] * 4 + [status(404)] * 4
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://bo:s3cretWord@127.0.0.1:{site.server_port}/simple?token=t0kenWord")
    with pytest.raises(FetchError) as caught:
        get("pypi:far-net==1.2", store)
    assert site.seen
    assert "No matching distribution found for far-net==1.2" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("s3cretWord", "t0kenWord"))


@pytest.mark.usefixtures("index")
def test_an_index_that_never_answers_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PIP_NO_INDEX", "0")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        monkeypatch.setenv("ZOO_RUNNER_DOWNLOAD_TIMEOUT", "0.1")
        with pytest.raises(FetchError, match=r"pip brought less than 100 bytes in 0.3 s, and was stopped."):
            get("pypi:far-net==1.2", store)


def test_a_folder_of_downloads_comes_first(store: Store, tmp_path: Path) -> None:
    source = FileSource(url=MEMBER, base=Path("/nowhere"), sha256=SHA256)
    assert names(source) == (f"{SHA256[:12]}-w.pth", "w.pth")
    assert (local_file(source), resource_folder(MEMBER, Path())) == (None, None)
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "w.pth").write_bytes(BODY)
    assert get(MEMBER, store, sha256=SHA256, downloads=folder).origin == str(folder / "w.pth")
    (folder / "w.pth").write_bytes(b"")
    with pytest.raises(IntegrityError, match="the file was left as it is"):
        get(MEMBER, store, sha256=SHA256, downloads=folder)
    assert not store.root.exists()
