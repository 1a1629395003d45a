"""Archives that would take too much, hold what cannot be written, or meet a disk that refuses: a message each."""

from __future__ import annotations

import gzip
import io
import os
import resource
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zoo_runner.errors import FetchError
from zoo_runner.stages.fetch import limits
from zoo_runner.stages.fetch.archive import extract
from zoo_runner.stages.fetch.tar_stream import HEADER
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import Store


class Quiet:
    """A progress display that shows nothing."""

    @contextmanager
    def track(self, *_: object) -> Iterator[Callable[[int], None]]:
        yield lambda _: None

    def note(self, text: str) -> None:
        raise AssertionError(text)

    warn = note


def unpack(archive: Path, tmp_path: Path) -> Path:
    return extract(archive, file_digest(archive), Store(tmp_path / "store"), Quiet())


def refusal(archive: Path, tmp_path: Path) -> str:
    with pytest.raises(FetchError) as caught:
        unpack(archive, tmp_path)
    entries = [path for path in (tmp_path / "store" / "dataset").iterdir() if path.suffix != ".lock"]
    assert entries == []
    assert len(str(caught.value)) < 3000
    str(caught.value).encode()
    return str(caught.value)


def tar_of(path: Path, *infos: tarfile.TarInfo, mode: str = "w:") -> Path:
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload] # a literal in each call
        for info in infos:
            tar.addfile(info, io.BytesIO(b"0" * info.size))
    return path


def info_of(name: str, size: int = 1, **headers: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.pax_headers = size, headers
    return info


def zip_of(path: Path, members: dict[str, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, size in members.items():
            pack.writestr(name, b"0" * size)
    return path


def many(kind: str, path: Path, count: int) -> Path:
    names = [f"f/{number}" for number in range(count)]
    if kind == "zip":
        return zip_of(path, dict.fromkeys(names, 1))
    return tar_of(path, *map(info_of, names), mode="w:gz")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_members_are_counted(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = many(kind, tmp_path / "a", 21)
    monkeypatch.setenv(limits.MEMBERS.variable, "20")
    assert "expected at most 20 members, found more. If that is right, set ZOO_RUNNER_MEMBERS_LIMIT to" in refusal(
        archive, tmp_path
    )
    monkeypatch.setenv(limits.MEMBERS.variable, "21")
    assert len(list((unpack(archive, tmp_path) / "f").iterdir())) == 21


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_unpacked_bytes_are_counted(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = many(kind, tmp_path / "a", 21)
    monkeypatch.setenv(limits.UNPACKED.variable, "20")
    text = refusal(archive, tmp_path)
    assert "expected at most 20 bytes unpacked, found more. If that is right, set ZOO_RUNNER_UNPACKED_LIMIT" in text
    monkeypatch.setenv(limits.UNPACKED.variable, "21")
    unpack(archive, tmp_path)


def bomb(kind: str, path: Path, size: int) -> Path:
    """An archive that says that it unpacks to so many zeros; of the tar file, the end is missing."""
    if kind == "zip":
        zip_of(path, {"zeros": 1 << 24})
        raw = path.read_bytes()
        path.write_bytes(raw.replace((1 << 24).to_bytes(4, "little"), size.to_bytes(4, "little")))
        return path
    header = info_of("zeros", size).tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(gzip.compress(header + bytes(1 << 20)))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_bomb_is_refused_by_its_ratio(kind: str, tmp_path: Path) -> None:
    archive = bomb(kind, tmp_path / "a", limits.RATIO_FREE + 1)
    packed = archive.stat().st_size
    text = refusal(archive, tmp_path)
    assert f"expected at most 1,000,000,000 bytes unpacked from {packed:,} bytes, found more" in text
    assert "set ZOO_RUNNER_RATIO_LIMIT to accept more" in text


def test_what_a_bomb_holds_behind_its_first_members_is_not_decompressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.MEMBERS.variable, "2")
    infos = [info_of(str(number)) for number in range(4)]
    archive = tar_of(tmp_path / "a", *infos, mode="w:gz")
    raw = archive.read_bytes()
    archive.write_bytes(raw[:-20])  # reading to the end would fail
    assert "at most 2 members" in refusal(archive, tmp_path)


def raw_tar(path: Path, *blocks: bytes) -> Path:
    path.write_bytes(gzip.compress(b"".join(blocks) + bytes(10240)))
    return path


def header(name: str, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        pytest.param(tarfile.XHDTYPE, HEADER * 4, id="pax"),
        pytest.param(tarfile.GNUTYPE_LONGNAME, HEADER * 4, id="long name"),
        pytest.param(tarfile.GNUTYPE_LONGNAME, 1 << 60, id="longest name"),
        pytest.param(tarfile.XHDTYPE, -512, id="below 0"),
    ],
)
def test_headers_that_take_memory_are_refused(kind: bytes, size: int, tmp_path: Path) -> None:
    first = header("first", tarfile.REGTYPE, 0)
    archive = raw_tar(tmp_path / "a", first, header("x", kind, size), bytes(HEADER * 2))
    assert "the header of a member has more than 16,777,216 bytes, or fewer than 0" in refusal(archive, tmp_path)


def test_a_size_below_0_is_refused(tmp_path: Path) -> None:
    archive = raw_tar(tmp_path / "a", header("first", tarfile.REGTYPE, -512), header("x", tarfile.REGTYPE, 0))
    assert "member 'first' has a size below 0" in refusal(archive, tmp_path)


def test_a_damaged_header_between_members_is_not_the_end(tmp_path: Path) -> None:
    blocks = [header(name, tarfile.REGTYPE, 0) for name in "abc"]
    archive = raw_tar(tmp_path / "a", blocks[0], blocks[1].replace(b"ustar", b"xstar"), blocks[2])
    assert "a damaged header at byte 512" in refusal(archive, tmp_path)


@pytest.mark.parametrize(
    ("info", "text"),
    [
        pytest.param(info_of("t", mtime="1e300"), "member 't': ", id="time that overflows"),
        pytest.param(info_of("t", mtime="99999999999999999999"), "member 't': ", id="time beyond 64 bits"),
        pytest.param(info_of("t", mtime="nan"), "member 't': ", id="time that is no number"),
        pytest.param(info_of("t", mtime="inf"), "member 't': ", id="endless time"),
        pytest.param(info_of("t", path="a\0b"), "member 'a\\x00b': ", id="NUL"),
        pytest.param(info_of("t", path="n" * 1_000_000), "has a name of more than 1,024 characters", id="1 MB"),
        pytest.param(info_of("t", path="n/" * 500 + "n"), "or 64 parts", id="deep"),
        pytest.param(info_of("t", path="n" * 300), "File name too long", id="longer than the disk allows"),
    ],
)
def test_what_no_system_can_write(info: tarfile.TarInfo, text: str, tmp_path: Path) -> None:
    assert text in refusal(tar_of(tmp_path / "a", info), tmp_path)


@pytest.mark.parametrize("name", ["\udcff", "\u202e", "\n", "-rf", "a\\b", "C:x", "\ufeff", "é"])
def test_odd_names_are_names(name: str, tmp_path: Path) -> None:
    info = tarfile.TarInfo(name)
    with tarfile.open(tmp_path / "a", "w:", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
        tar.addfile(info)
    assert [path.name for path in unpack(tmp_path / "a", tmp_path).iterdir()] == [name]


def test_a_file_system_that_allows_no_such_file_is_named(tmp_path: Path) -> None:
    archive, before = zip_of(tmp_path / "a", {"large": 1 << 20}), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, before[1]))
    try:
        text = refusal(archive, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot unpack member 'large' into: File too large; the file system, or a limit (ulimit -f)" in text
    assert "or set ZOO_RUNNER_CACHE to a folder on another disk" in text
    assert "intact" not in text


def test_too_many_open_files_are_no_fault_of_the_archive(tmp_path: Path) -> None:
    archive, before = zip_of(tmp_path / "a", {"x": 1}), resource.getrlimit(resource.RLIMIT_NOFILE)
    digest, store = file_digest(archive), Store(tmp_path / "store")
    store.build("dataset", "warm", lambda folder: (folder / "x").touch())  # loads what it needs
    free = [os.open(os.devnull, os.O_RDONLY) for _ in ("the lock", "the archive")]
    for descriptor in free:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(free) + 1, before[1]))
    try:
        with pytest.raises(FetchError) as caught:
            extract(archive, digest, store, Quiet())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert "Too many open files" in str(caught.value)
    assert "ulimit -n" in str(caught.value)


def test_an_archive_of_many_members(tmp_path: Path) -> None:
    folder = unpack(many("tar", tmp_path / "a", 3000), tmp_path)
    assert sum(1 for _ in (folder / "f").iterdir()) == 3000
