from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from zoo_runner.store.durable import SUFFIX, remove_unheld, write_durably


def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_durably(target, b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (target / "inside").is_dir()


def test_a_file_that_nobody_is_writing_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f".x.0{SUFFIX}"
    left.write_bytes(b"half")
    remove_unheld(left)
    assert list(tmp_path.iterdir()) == []
    remove_unheld(left)  # another run was faster


def test_a_file_that_is_being_written_stays(tmp_path: Path) -> None:
    busy = tmp_path / f".x.0{SUFFIX}"
    with busy.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remove_unheld(busy)
        assert busy.exists()


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    """Opening it would wait for a writer; the one here keeps a failing test from waiting."""
    pipe = tmp_path / f".x{SUFFIX}"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    try:
        remove_unheld(pipe)
    finally:
        os.close(writer)
    assert pipe.exists()
