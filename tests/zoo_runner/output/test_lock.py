"""One run at a time: the second one is told of the first, and a killed one keeps nobody out."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zoo_runner.errors import PrerequisiteError, UsageError
from zoo_runner.output.lock import held
from zoo_runner.output.names import LOCK

HOLD = """
import sys
from pathlib import Path
from zoo_runner.output.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_of_the_first(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        signed = json.loads((tmp_path / LOCK).read_bytes())
        assert (signed["pid"], signed["host"]) == (first.pid, socket.gethostname())
        with pytest.raises(PrerequisiteError) as caught, held(tmp_path):
            pytest.fail("it was not refused")
        assert str(caught.value) == (
            f"--output {tmp_path}: another run writes to it (process {first.pid} on {signed['host']}, started "
            f"{signed['started']}); wait for its end, or choose another --output"
        )
        assert caught.value.exit_code == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"pid": "x"}', b"\xff" * 10_000])
def test_also_where_that_one_has_not_signed(tmp_path: Path, content: bytes) -> None:
    with holder(tmp_path):
        (tmp_path / LOCK).write_bytes(content)
        with pytest.raises(PrerequisiteError, match="a process that has only just started"), held(tmp_path):
            pytest.fail("it was not refused")


def test_one_that_was_killed_keeps_nobody_out(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert (tmp_path / LOCK).exists()
        with held(tmp_path) as warning:
            assert warning == ""
            assert json.loads((tmp_path / LOCK).read_bytes())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_one_process_may_hold_it_twice(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with held(tmp_path):
        with held(tmp_path / "link"):
            pass
        assert (tmp_path / LOCK).exists()
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_what_is_no_lock_is_left_alone(tmp_path: Path, kind: str) -> None:
    make: dict[str, Callable[[Path], None]] = {
        "folder": Path.mkdir,
        "link": lambda path: path.symlink_to("elsewhere"),
        "fifo": os.mkfifo,
    }
    path = tmp_path / LOCK
    make[kind](path)
    with pytest.raises(UsageError, match=f"{LOCK} in it is no lock of zoo-run's; remove it, or"), held(tmp_path):
        pytest.fail("it was not refused")
    assert [each.name for each in tmp_path.iterdir()] == [LOCK]


def test_where_there_are_no_locks_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_number: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with held(tmp_path) as warning:
        assert warning.startswith(f"--output {tmp_path}: its file system has no locks (No locks available): nothing")
    assert list(tmp_path.iterdir()) == []
