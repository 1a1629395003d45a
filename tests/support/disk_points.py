"""The moments at which a process changes files, counted; at one of them it is killed, or the disk fails.

Python reports what it opens, renames and removes to audit hooks; what it writes and syncs is seen by standing in for
``open`` and ``os.fsync``. What libraries in C write by themselves, such as SQLite, is not seen.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NAMED: Final[Mapping[str, tuple[int, int | None]]] = {
    # event: position of the path, position of the folder it is relative to
    "os.rename": (0, 2),
    "os.remove": (0, 1),
    "os.mkdir": (0, 2),
    "os.rmdir": (0, 1),
    "os.link": (1, 3),
    "os.symlink": (1, 2),
    "os.truncate": (0, None),
}
_PACKAGES: Final = ("/zoo_runner/", "/zoo_images/", "/zoo_detection/", "/refinedet_plugin/")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to count, and what happens then.

    Attributes:
        roots: Folders below which changes count.
        log: File that gets one line of JSON for each point; must be elsewhere.
        kill_at: Number of the point at which the process ends itself; a write is cut in half then. 0 for none.
        fail_at: Number of the point that fails. 0 for none.
        error: Errno of the failure.
        lasting: Whether all points from there on fail.
    """

    roots: Sequence[str]
    log: str
    kill_at: int = 0
    fail_at: int = 0
    error: int = 0
    lasting: bool = False


@dataclass(frozen=True, kw_only=True)
class Point:
    """One change of a file.

    Attributes:
        number: From 1.
        kind: ``open``, ``write``, ``sync``, ``rename``, ``remove`` and so on.
        path: What is changed; of a rename where it comes from.
        target: Of a rename where it goes to, else empty.
        site: The line of the program that asked for it, as ``file:line``.
    """

    number: int
    kind: str
    path: str
    target: str
    site: str


def read_points(log: Path) -> list[Point]:
    """Return the points that a process wrote down, in their order."""
    return [Point(**json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]


def install(plan: Plan) -> None:
    """Count from here on in this process; this cannot be undone."""
    points = _Points(plan)
    sys.addaudithook(points.heard)
    os.fsync = points.synced(os.fsync)  # type: ignore[assignment] # a position is how it is called
    os.sync = points.all_synced(os.sync)
    opened = points.opened(io.open)
    io.open = builtins.open = opened


class _Points:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._count = 0
        self._lock = threading.RLock()
        self._roots = tuple(f"{root}/" for root in plan.roots)

    def heard(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            if isinstance(flags, int) and flags & _WRITING and isinstance(path, (str, bytes, os.PathLike)):
                self._reach("open", _absolute(path, None))
        elif event == "sqlite3.connect":
            self._reach("connect", str(given[0]))
        elif event in _NAMED:
            path_at, folder_at = _NAMED[event]
            path = _absolute(given[path_at], None if folder_at is None else given[folder_at])
            target = _absolute(given[1], given[3]) if event == "os.rename" else ""
            self._reach(event.removeprefix("os."), path, target)

    def synced(self, sync: Callable[[Any], None]) -> Callable[[Any], None]:
        def fsync(file: Any) -> None:
            self._reach("sync", _of_descriptor(file if isinstance(file, int) else file.fileno()))
            sync(file)

        return fsync

    def all_synced(self, sync: Callable[[], None]) -> Callable[[], None]:
        def sync_all() -> None:
            self._reach("sync", "")
            sync()

        return sync_all

    def opened(self, opening: Callable[..., Any]) -> Callable[..., Any]:
        def open_counted(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
            found = opening(file, mode, *more, **options)
            if set(mode) & set("wax+") and not isinstance(file, int):
                self._count_writes(found, _absolute(file, None))
            return found

        return open_counted

    def _count_writes(self, file: Any, path: str) -> None:
        write = file.write

        def written(data: Any) -> Any:
            self._reach("write", path, before_end=lambda: (write(data[: len(data) // 2]), file.flush()))
            return write(data)

        try:
            file.write = written
        except AttributeError:  # some raw files have no room for it
            return

    def _reach(self, kind: str, path: str, target: str = "", *, before_end: Callable[[], object] | None = None) -> None:
        inside = kind == "connect" or path == "" or path.startswith(self._roots) or target.startswith(self._roots)
        if not inside:
            return
        plan = self._plan
        with self._lock:
            self._count += 1
            number = self._count
            point = {"number": number, "kind": kind, "path": path, "target": target, "site": _site()}
            os.write(self._log, json.dumps(point).encode() + b"\n")
            if number == plan.kill_at:
                if before_end is not None:
                    before_end()
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)  # it is delivered before that
            if plan.fail_at and (number == plan.fail_at or (plan.lasting and number > plan.fail_at)):
                self._fail(kind, path, target)

    def _fail(self, kind: str, path: str, target: str) -> None:
        error, text = self._plan.error, os.strerror(self._plan.error)
        if kind in {"write", "sync"}:  # as the system's calls, which know a number only
            raise OSError(error, text)
        if target:
            raise OSError(error, text, path, None, target)
        raise OSError(error, text, path)


def _absolute(path: Any, folder: Any) -> str:
    if isinstance(path, int):
        return _of_descriptor(path)
    name = os.fsdecode(path)
    if not os.path.isabs(name):  # noqa: PTH117 - in every call that opens a file
        base = _of_descriptor(folder) if isinstance(folder, int) and folder >= 0 else os.getcwd()  # noqa: PTH109
        name = os.path.join(base, name)  # noqa: PTH118
    return os.path.normpath(name)


def _of_descriptor(number: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
    except OSError:
        return ""


def _site() -> str:
    """Return the innermost line of the program that led here."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        name = frame.f_code.co_filename
        for package in _PACKAGES:
            if (at := name.rfind(package)) >= 0:
                return f"{name[at + 1 :]}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
