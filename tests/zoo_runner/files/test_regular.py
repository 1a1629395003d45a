"""Only regular files are opened, and read up to a bound; everything else is refused at once, by its kind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.files.regular import (
    OversizedFileError,
    SpecialFileError,
    kind,
    open_regular,
    read_regular,
    require_regular,
)


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bound_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return path


def circle(path: Path) -> Path:
    path.symlink_to(path.name)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def device(_: Path) -> Path:
    return Path("/dev/zero")


def linked_fifo(path: Path) -> Path:
    os.mkfifo(path.with_name("behind"))
    path.symlink_to("behind")
    return path


SPECIAL = [
    pytest.param(fifo, "expected a regular file, found a pipe (fifo)", id="fifo"),
    pytest.param(linked_fifo, "expected a regular file, found a pipe (fifo)", id="link to a fifo"),
    pytest.param(bound_socket, "expected a regular file, found a socket", id="socket"),
    pytest.param(device, "expected a regular file, found a character device", id="device"),
    pytest.param(circle, "expected a regular file, found symbolic links that lead in a circle", id="circle"),
    pytest.param(folder, "expected a regular file, found a folder", id="folder"),
]


@pytest.mark.parametrize("call", [require_regular, open_regular, lambda path: read_regular(path, 10)])
@pytest.mark.parametrize(("make", "text"), SPECIAL)
def test_what_is_no_regular_file_is_refused_by_its_kind(
    make: Callable[[Path], Path], text: str, call: Callable[[Path], object], tmp_path: Path
) -> None:
    path = make(tmp_path / "it")
    with pytest.raises((SpecialFileError, IsADirectoryError)) as caught:
        call(path)
    assert caught.value.strerror == text
    assert caught.value.filename == str(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("a\0b", "expected the name of a file, found a NUL character in it", id="NUL"),
        pytest.param(
            "a\ud800b", "expected the name of a file, found 'utf-8' codec can't encode", id="half a character"
        ),
    ],
)
def test_a_name_that_no_file_can_have_is_refused(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(SpecialFileError) as caught:
        open_regular(tmp_path / name)
    assert str(caught.value.strerror).startswith(text)
    assert "\0" not in str(caught.value)
    str(caught.value).encode()


def test_an_absent_file_is_absent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 10)


def test_a_special_file_that_takes_the_place_of_a_checked_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, pipe = tmp_path / "plain", fifo(tmp_path / "pipe")
    plain.write_bytes(b"x")
    seen = os.stat(plain)  # noqa: PTH116 - what is replaced
    monkeypatch.setattr(os, "stat", lambda _: seen)
    with pytest.raises(SpecialFileError, match=r"found a pipe \(fifo\)"):
        open_regular(pipe)


@pytest.mark.parametrize("size", [0, 1, 9, 10])
def test_a_file_within_the_bound_is_read_whole(size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert read_regular(path, 10) == b"x" * size


def test_a_file_over_the_bound_is_refused_with_the_bound_and_how_to_raise_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1001)
    with pytest.raises(OversizedFileError, match=r"expected at most 1,000 bytes, found 1,001; set IT to allow more"):
        read_regular(path, 1000, "set IT to allow more")


def test_a_file_that_hides_its_size_is_read_no_further_than_the_bound() -> None:
    assert len(read_regular(Path("/proc/self/status"), 1 << 20)) > 100
    with pytest.raises(OversizedFileError, match=r"expected at most 10 bytes, found more: "):
        read_regular(Path("/proc/self/status"), 10)


def test_kinds_are_named(tmp_path: Path) -> None:
    assert kind(tmp_path.stat().st_mode) == "a folder"
    assert kind(Path(__file__).stat().st_mode) == "a regular file"
    assert kind(0) == "another kind"
