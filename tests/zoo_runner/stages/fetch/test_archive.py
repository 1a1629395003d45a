"""Unpacking: every kind of archive comes out whole, and every trap is refused before anything is written."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from places import ROOT
from zoo_runner.errors import ChangedError, FetchError
from zoo_runner.stages.fetch.archive import extract
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import Store, Terms

FILES = {"VOCdevkit/VOC2007/a.xml": b"<a/>", "VOCdevkit/VOC2007/b.jpg": b"\xff\xd8" * 999, "empty": b""}


class Log:
    """A progress display that remembers."""

    def __init__(self) -> None:
        self.totals: list[int | None] = []
        self.done = 0

    @contextmanager
    def track(self, label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        assert label.startswith("unpack ")
        assert unit == "B"
        self.totals.append(total)
        yield self._advance

    def _advance(self, count: int) -> None:
        self.done += count

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def warn(self, text: str) -> None:
        raise AssertionError(text)


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def make_tar(path: Path, *infos: tarfile.TarInfo, mode: str = "w:") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload] # the modes of the table below are literals
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in infos:
            tar.addfile(info)
    return path


def make_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("VOCdevkit/", b"")
        for name, data in FILES.items():
            pack.writestr(name, data)
    return path


def unpack(archive: Path, tmp_path: Path, log: Log | None = None) -> Path:
    return extract(archive, file_digest(archive), Store(tmp_path / "store"), log or Log())


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize("kind", ["w:", "w:gz", "w:xz", "w:bz2", "zip"])
def test_unpacks_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    archive, log = make_zip(path) if kind == "zip" else make_tar(path, mode=kind), Log()
    folder = unpack(archive, tmp_path, log)
    assert content(folder) == FILES
    assert log.totals == [log.done] == [sum(map(len, FILES.values()))]
    assert unpack(archive, tmp_path, log) == folder
    assert len(log.totals) == 1
    (folder / "empty").unlink()
    assert content(unpack(archive, tmp_path, log)) == FILES


def test_harmless_links_folders_and_modes(tmp_path: Path) -> None:
    archive = make_tar(
        tmp_path / "a.tar",
        entry("./", tarfile.DIRTYPE),
        entry("VOCdevkit/", tarfile.DIRTYPE),
        entry("VOCdevkit", tarfile.DIRTYPE),
        entry("VOCdevkit/same", tarfile.LNKTYPE, "VOCdevkit/VOC2007/a.xml"),
        entry("VOCdevkit/up", tarfile.SYMTYPE, "../empty"),
        entry("VOCdevkit/near", tarfile.SYMTYPE, "VOC2007/./a.xml"),
    )
    folder = unpack(archive, tmp_path)
    assert (folder / "VOCdevkit" / "same").read_bytes() == b"<a/>"
    assert (folder / "VOCdevkit" / "up").read_bytes() == b""
    assert (folder / "VOCdevkit" / "near").read_bytes() == b"<a/>"
    assert unpack(archive, tmp_path) == folder


SYM, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
OUTSIDE = "names a place outside the folder"
LINK = "outside, or through another link"
TRAPS: dict[str, tuple[list[tarfile.TarInfo], str]] = {
    "dots": ([entry("../evil")], f"member '../evil' {OUTSIDE}"),
    "dots-inside": ([entry("a/../../evil")], OUTSIDE),
    "dots-only": ([entry("..", tarfile.DIRTYPE)], OUTSIDE),
    "absolute": ([entry("/tmp/evil")], f"member '/tmp/evil' {OUTSIDE}"),  # noqa: S108 - never written
    "no-name": ([entry("")], OUTSIDE),
    "device": ([entry("null", tarfile.CHRTYPE)], "member 'null' is a special file"),
    "block-device": ([entry("disk", tarfile.BLKTYPE)], "is a special file"),
    "pipe": ([entry("pipe", tarfile.FIFOTYPE)], "is a special file"),
    "double": ([entry("empty")], "member 'empty' appears twice"),
    "double-spelling": ([entry("./VOCdevkit//VOC2007/a.xml")], "appears twice"),
    "folder-over-file": ([entry("empty", tarfile.DIRTYPE)], "appears twice"),
    "link-over-folder": ([entry("d", tarfile.DIRTYPE), entry("d", SYM, "empty")], "appears twice"),
    "below-file": ([entry("empty/x")], "member 'empty/x' lies below 'empty'"),
    "link-absolute": ([entry("l", SYM, "/etc/passwd")], f"'/etc/passwd': {LINK}"),
    "link-up": ([entry("l", SYM, "../x")], LINK),
    "link-up-deep": ([entry("VOCdevkit/l", SYM, "../../x")], LINK),
    "link-empty": ([entry("l", SYM, "")], LINK),
    "link-below-link": ([entry("l", SYM, "VOCdevkit"), entry("l/x")], "member 'l/x' lies below 'l'"),
    "link-after-below": ([entry("l/x"), entry("l", SYM, "VOCdevkit")], "member 'l/x' lies below 'l'"),
    "link-through-link": ([entry("l", SYM, "VOCdevkit"), entry("m", SYM, "l/VOC2007")], LINK),
    "link-through-dots": ([entry("l", SYM, "VOCdevkit/../../x")], LINK),
    "hard-outside": ([entry("h", HARD, "../x")], "is a hard link to '../x'"),
    "hard-absolute": ([entry("h", HARD, "/etc/passwd")], "is a hard link to '/etc/passwd'"),
    "hard-of-link": ([entry("l", SYM, "empty"), entry("h", HARD, "l")], "no earlier file of the archive"),
    "hard-of-nothing": ([entry("h", HARD, "absent")], "no earlier file of the archive"),
}


@pytest.mark.parametrize(("infos", "text"), TRAPS.values(), ids=TRAPS.keys())
def test_tar_traps(infos: list[tarfile.TarInfo], text: str, tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "trap.tar", *infos)
    with pytest.raises(FetchError) as caught:
        unpack(archive, tmp_path)
    assert text in str(caught.value)
    assert f"{archive}: refusing to unpack, nothing was written" in str(caught.value)
    assert "--data FOLDER" in str(caught.value)
    assert content(tmp_path).keys() - {"trap.tar"} <= {f"store/dataset/.{file_digest(archive)}.lock"}


def zip_trap(path: Path, name: str, mode: int = 0, flags: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as pack:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        pack.writestr("good", b"x")
        pack.writestr(info, b"/etc/passwd")
    if flags:  # in the central directory, where readers look
        raw = bytearray(path.read_bytes())
        raw[raw.rindex(b"PK\x01\x02") + 8] |= flags
        path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "flags", "text"),
    [
        pytest.param("../evil", 0, 0, OUTSIDE, id="dots"),
        pytest.param("/evil", 0, 0, OUTSIDE, id="absolute"),
        pytest.param("link", 0o120777, 0, "member 'link' is a special file", id="symlink"),
        pytest.param("secret", 0, 1, "member 'secret' is a encrypted file", id="encrypted"),
        pytest.param("./good", 0, 0, "appears twice", id="double"),
    ],
)
def test_zip_traps(name: str, mode: int, flags: int, text: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=text):
        unpack(zip_trap(tmp_path / "trap.zip", name, mode, flags), tmp_path)


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path: Path) -> None:
    pack = make_zip(tmp_path / "inner.zip")
    with tarfile.open(tmp_path / "outer.tar", "w") as tar:
        tar.add(pack, "inner.zip")
    assert list(content(unpack(tmp_path / "outer.tar", tmp_path))) == ["inner.zip"]


def no_members(path: Path) -> None:
    with tarfile.open(path, "w"):
        pass


def cut_tar(path: Path) -> None:
    make_tar(path)
    path.write_bytes(path.read_bytes()[:2000])


def cut_gzip(path: Path) -> None:
    make_tar(path, mode="w:gz")
    path.write_bytes(path.read_bytes()[:-40])


def flipped_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr("a", b"intact")
    path.write_bytes(path.read_bytes().replace(b"intact", b"broken"))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(Path.touch, r"expected a tar archive \(plain, gz, xz, bz2\) or a zip", id="empty-file"),
        pytest.param(lambda path: path.write_text("<html>"), "expected a tar archive", id="web-page"),
        pytest.param(no_members, "it holds no files", id="no-members"),
        pytest.param(cut_tar, "cannot be unpacked: .*fetch it again", id="cut-tar"),
        pytest.param(cut_gzip, "cannot be unpacked: .*fetch it again", id="cut-gzip"),
        pytest.param(flipped_zip, "cannot be unpacked: member 'a': Bad CRC-32.*fetch it again", id="flipped-zip"),
    ],
)
def test_not_an_intact_archive(make: Callable[[Path], None], text: str, tmp_path: Path) -> None:
    make(tmp_path / "x.tar")
    with pytest.raises(FetchError, match=text):
        unpack(tmp_path / "x.tar", tmp_path)
    assert Store(tmp_path / "store").lookup("dataset", file_digest(tmp_path / "x.tar")) is None


def test_too_large_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_RUNNER_UNPACKED_LIMIT", "9000000TB")
    monkeypatch.setenv("ZOO_RUNNER_RATIO_LIMIT", "9000000TB")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("bomb", b"0" * 1000)
    raw = bytearray((tmp_path / "bomb.zip").read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    extra = (1).to_bytes(2, "little") + (8).to_bytes(2, "little") + (1 << 60).to_bytes(8, "little")
    raw[at + 24 : at + 28] = b"\xff" * 4  # the size is in the extra field that zip64 adds
    raw[at + 30 : at + 32] = len(extra).to_bytes(2, "little")
    name_end = at + 46 + len("bomb")
    raw[name_end:name_end] = extra
    end = raw.rindex(b"PK\x05\x06")
    size = int.from_bytes(raw[end + 12 : end + 16], "little") + len(extra)
    raw[end + 12 : end + 16] = size.to_bytes(4, "little")
    (tmp_path / "bomb.zip").write_bytes(raw)
    with pytest.raises(FetchError, match=r"unpacking .*bomb\.zip: expected 1,152,921,.* bytes of free disk"):
        unpack(tmp_path / "bomb.zip", tmp_path)


def test_without_the_data_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(FetchError, match=r"data filter, which this Python lacks; expected Python 3\.10\.12"):
        unpack(make_tar(tmp_path / "a.tar"), tmp_path)


def test_killed_while_unpacking(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar")
    script = (
        "import os, signal, sys, contextlib; from pathlib import Path\n"
        "from zoo_runner.store.store import Store, Terms; from zoo_runner.store.fingerprints import file_digest\n"
        "from zoo_runner.stages.fetch.archive import extract\n"
        "class Kill:\n"
        "    def track(self, *_):\n"
        "        return contextlib.nullcontext(lambda _: os.kill(os.getpid(), signal.SIGKILL))\n"
        "archive = Path(sys.argv[1])\n"
        "extract(archive, file_digest(archive), Store(archive.parent / 'store'), Kill())"
    )
    done = subprocess.run([sys.executable, "-c", script, archive], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert Store(tmp_path / "store").lookup("dataset", file_digest(archive), Terms(verify="stat")) is None
    assert content(unpack(archive, tmp_path)) == FILES


@pytest.mark.parametrize("mode", ["w:", "w:gz"])
def test_an_archive_replaced_before_it_is_unpacked_leaves_nothing(tmp_path: Path, mode: str) -> None:
    archive = make_tar(tmp_path / "a.tar", mode=mode)
    digest, store = file_digest(archive), Store(tmp_path / "store")
    make_tar(archive, tarfile.TarInfo("another"), mode=mode)
    for content in (archive.read_bytes(), b"no archive at all"):
        archive.write_bytes(content)
        with pytest.raises(ChangedError, match=rf"^{archive}: changed .*\n  expected sha256 {digest}"):
            extract(archive, digest, store, Log())
        assert store.lookup("dataset", digest, Terms(verify="stat")) is None


def change_a_digit(folder: Path) -> None:
    (folder / "VOCdevkit/VOC2007/a.xml").write_bytes(b"<b/>")


def change_a_digit_and_set_the_time_back(folder: Path) -> None:
    path = folder / "VOCdevkit/VOC2007/a.xml"
    found = path.stat()
    path.write_bytes(b"<b/>")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def cut_an_image(folder: Path) -> None:
    os.truncate(folder / "VOCdevkit/VOC2007/b.jpg", 100)


def lose_a_file(folder: Path) -> None:
    (folder / "empty").unlink()


@pytest.mark.parametrize("damage", [change_a_digit, change_a_digit_and_set_the_time_back, cut_an_image, lose_a_file])
def test_a_damaged_data_set_is_unpacked_again(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    archive, log = make_tar(tmp_path / "a.tar"), Log()
    unpack(archive, tmp_path)
    damage(unpack(archive, tmp_path, log))
    assert log.totals == []
    assert content(unpack(archive, tmp_path, log)) == FILES
    assert len(log.totals) == 1
    unpack(archive, tmp_path, log)
    assert len(log.totals) == 1


NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", "l"]), min_size=1, max_size=5).map("/".join)


@settings(max_examples=50)
@given(path=st.sampled_from(["l", "a/l", "a/b/l"]), target=NAMES)
def test_a_link_that_is_let_through_stays_inside(path: str, target: str) -> None:
    with TemporaryDirectory() as folder:
        archive = make_tar(Path(folder, "a.tar"), entry(path, tarfile.SYMTYPE, target))
        try:
            unpacked = unpack(archive, Path(folder)).resolve()
        except FetchError as error:
            assert "outside, or through another link" in str(error)  # noqa: PT017 - it may also be let through
        else:
            assert (unpacked / path).is_symlink()
            landed = os.path.normpath(unpacked / Path(path).parent / target)
            assert Path(landed).is_relative_to(unpacked)
