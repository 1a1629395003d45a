"""Entries of the store, and what may happen to their files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from zoo_runner.store.store import Terms


def two_files(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "model.bin").write_bytes(b"weights")
    (folder / "empty").touch()
    (folder / "link").symlink_to("sub")


def many_files(folder: Path) -> None:
    for number in range(100):
        (folder / str(number)).touch()


def turn_link(content: Path) -> None:
    (content / "link").unlink()
    (content / "link").symlink_to("xyz")


def put_a_folder_in_the_place_of_a_file(content: Path) -> None:
    (content / "empty").unlink()
    (content / "empty").mkdir()


def put_a_link_of_the_same_size_in_the_place_of_a_file(content: Path) -> None:
    (content / "sub" / "model.bin").rename(content.parent / "moved")
    (content / "sub" / "model.bin").symlink_to("weights")  # the hash of a link is that of its target's name


def put_a_pipe_in_the_place_of_a_file(content: Path) -> None:
    (content / "empty").unlink()
    os.mkfifo(content / "empty")  # reading it would wait for ever


def put_a_file_in_the_place_of(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")


def put_a_folder_in_the_place_of_the_stamp(content: Path) -> None:
    (content.parent / "stamp.json").unlink()
    (content.parent / "stamp.json").mkdir()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (
        lambda content: (content / "sub" / "model.bin").write_bytes(b"WEIGHTS"),
        "sub/model.bin has another content: expected sha256 ",
    ),
    "shortened": (
        lambda content: (content / "sub" / "model.bin").write_bytes(b"wei"),
        "sub/model.bin has 3 bytes, expected 7",
    ),
    "removed": (lambda content: (content / "empty").rename(content.parent / "moved"), "missing: empty"),
    "added": (lambda content: (content / "extra").touch(), "added: extra"),
    "folder-added": (lambda content: (content / "new").mkdir(), "added folder: new"),
    "folder-for-file": (put_a_folder_in_the_place_of_a_file, "missing: empty"),
    "link-for-file": (put_a_link_of_the_same_size_in_the_place_of_a_file, "sub/model.bin is a symbolic link now"),
    "pipe-for-file": (put_a_pipe_in_the_place_of_a_file, "empty is a pipe (fifo) now"),
    "link-turned": (turn_link, "link has another content"),
    "all-added": (many_files, "added: 0, 1, 10 and 97 more"),
    "content-gone": (shutil.rmtree, "its content is no folder"),
    "content-a-file": (put_a_file_in_the_place_of, "its content is no folder"),
    "entry-a-file": (lambda content: put_a_file_in_the_place_of(content.parent), "its stamp.json cannot be read (Not"),
    "stamp-cut": (
        lambda content: (content.parent / "stamp.json").write_text('{"files": [{"path"'),
        "its stamp.json cannot be read (JSONDecodeError",
    ),
    "stamp-empty": (
        lambda content: (content.parent / "stamp.json").write_text("{}"),
        "its stamp.json cannot be read (KeyError: 'files')",
    ),
    "stamp-of-something-else": (
        lambda content: (content.parent / "stamp.json").write_text('{"files": [{"path": 1, "size": 1, "sha256": ""}]}'),
        "its stamp.json cannot be read (TypeError",
    ),
    "stamp-a-list": (lambda content: (content.parent / "stamp.json").write_text("[]"), "its stamp.json cannot be read"),
    "stamp-gone": (
        lambda content: (content.parent / "stamp.json").unlink(),
        "its stamp.json cannot be read (No such file or directory)",
    ),
    "stamp-a-folder": (
        put_a_folder_in_the_place_of_the_stamp,
        "its stamp.json cannot be read (expected a regular file, found a folder)",
    ),
}
STAT = Terms(verify="stat")
