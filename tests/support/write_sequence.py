"""The changes of files that a process asks the system for, recorded with ``strace``, and done again one by one.

Unlike ``disk_points`` this sees what libraries in C write, such as SQLite, and the bytes that are written.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CALLS: Final = (
    *("open", "openat", "creat", "close", "lseek", "write", "pwrite64", "writev", "pwritev", "sendfile"),
    *("copy_file_range", "ftruncate", "truncate", "fallocate", "rename", "renameat", "renameat2", "unlink"),
    *("unlinkat", "mkdir", "mkdirat", "rmdir", "link", "linkat", "symlink", "symlinkat", "dup", "dup2", "dup3"),
)
LONGEST: Final = 1 << 26
"""Bytes of one write that are recorded."""
_LINE: Final = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?.*")
_STARTED: Final = re.compile(r"(\d+) +(\w+\(.*?),? *<unfinished \.\.\.>")
_RESUMED: Final = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE: Final = re.compile(r"^(\w+)<([^>]*)>")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change.

    Attributes:
        kind: ``make``, ``write``, ``size``, ``rename``, ``remove``, ``mkdir``, ``rmdir``, ``link`` or ``symlink``.
        path: What is changed, below the folder that was watched; of a rename, where it comes from.
        target: Of a rename where it goes to, of a link what it leads to.
        offset: Where a write begins; the size that a file gets.
        data: What is written.
    """

    kind: str
    path: str
    target: str = ""
    offset: int = 0
    data: bytes = b""


def can_record() -> bool:
    """Whether ``strace`` is there and may watch processes."""
    if shutil.which("strace") is None:
        return False
    words = ["strace", "-o", os.devnull, "true"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def watch(pid: int, log: str) -> subprocess.Popen[bytes]:
    """Record a process and its threads from here on; ends with it."""
    words = ["strace", "-f", "-y", "-xx", "-s", str(LONGEST), "-e", f"trace={','.join(CALLS)}", "-e", "signal=none"]
    return subprocess.Popen([*words, "-o", log, "-p", str(pid)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read_changes(log: Path, root: Path) -> list[Change]:
    """Return the changes below a folder, which was the process's current one, in their order."""
    return list(_Reader(str(root)).changes(_joined(log)))


def apply(changes: Sequence[Change], root: Path) -> None:
    """Make the changes below another folder."""
    for change in changes:
        _DONE[change.kind](change, root / change.path, root)


def _joined(log: Path) -> Iterator[str]:
    """Yield the calls, each whole and at the moment it was over."""
    started: dict[str, str] = {}
    with log.open(encoding="ascii") as lines:
        for line in lines:
            if begun := _STARTED.match(line):
                started[begun[1]] = f"{begun[1]} {begun[2]}"
            elif resumed := _RESUMED.match(line):
                yield started.pop(resumed[1]) + resumed[2]
            else:
                yield line


def _decoded(text: str) -> str:
    return os.fsdecode(bytes.fromhex(text.replace("\\x", "")))


@dataclass
class _Reader:
    root: str
    positions: dict[str, int] = field(default_factory=dict)
    """Where the next write to an open file goes, by its descriptor; -1 for its end."""

    def changes(self, calls: Iterator[str]) -> Iterator[Change]:
        for line in calls:
            if (found := _LINE.fullmatch(line.rstrip("\n"))) and int(found[4]) >= 0:
                yield from self._change(found[2], found[3], int(found[4]), found[5] or "")

    def _change(self, call: str, given: str, result: int, opened: str) -> Iterator[Change]:
        if call in {"open", "openat", "creat"}:
            yield from self._opened(call, given, str(result), _decoded(opened))
        elif file := _FILE.match(given):
            path = self._inside(_decoded(file[2])) if file[2].startswith("\\x") else None
            if path is not None and file[1] != "AT_FDCWD":
                yield from self._on_open_file(call, given, result, file[1], path)
            elif call.endswith(("at", "at2")):
                yield from self._named(call, given)
        else:
            yield from self._named(call, given)

    def _opened(self, call: str, given: str, number: str, name: str) -> Iterator[Change]:
        path = self._inside(name)
        if path is None:
            return
        self.positions[number] = -1 if "O_APPEND" in given else 0
        if "O_CREAT" in given or call == "creat":
            yield Change(kind="make", path=path)
        if "O_TRUNC" in given or call == "creat":
            yield Change(kind="size", path=path)

    def _on_open_file(self, call: str, given: str, result: int, number: str, path: str) -> Iterator[Change]:
        if call == "lseek":
            self.positions[number] = result
        elif call == "write":
            at = self.positions[number]
            yield Change(kind="write", path=path, offset=at, data=_bytes(given)[:result])
            self.positions[number] = at + result if at >= 0 else -1
        elif call == "pwrite64":
            at = int(given.rpartition(",")[2])
            yield Change(kind="write", path=path, offset=at, data=_bytes(given)[:result])
        elif call == "ftruncate":
            yield Change(kind="size", path=path, offset=int(given.rpartition(",")[2]))
        elif call.endswith(("at", "at2")):
            yield from self._named(call, given)
        elif call != "close":
            raise NotImplementedError(f"{call}({given[:200]})")

    def _named(self, call: str, given: str) -> Iterator[Change]:
        """Yield a change of what is named by paths, each after the folder it is relative to."""
        names = [self._inside(name) for name in _names(given, self.root)]
        if not names or all(name is None for name in names):
            return
        first, last = names[0] or "", names[-1] or ""
        if call.startswith("rename"):
            assert all(names), f"{call}({given})"
            yield Change(kind="rename", path=first, target=last)
        elif call.startswith("symlink"):
            yield Change(kind="symlink", path=last, target=_names(given, self.root)[0])
        elif call.startswith("link"):
            yield Change(kind="link", path=last, target=first)
        elif call.startswith("mkdir"):
            yield Change(kind="mkdir", path=first)
        elif call == "rmdir" or "AT_REMOVEDIR" in given:
            yield Change(kind="rmdir", path=first)
        elif call.startswith("unlink"):
            yield Change(kind="remove", path=first)
        elif call == "truncate":
            yield Change(kind="size", path=first, offset=int(given.rpartition(",")[2]))

    def _inside(self, path: str) -> str | None:
        return path[len(self.root) + 1 :] if path.startswith(f"{self.root}/") else None


def _bytes(given: str) -> bytes:
    found = _TEXT.search(given)
    assert found, given[:200]
    return bytes.fromhex(found[1].replace("\\x", ""))


def _names(given: str, root: str) -> list[str]:
    """Return the paths of a call, each absolute."""
    found = re.finditer(r'(?:\w+<((?:\\x[0-9a-f]{2})*)>, )?"((?:\\x[0-9a-f]{2})*)"', given)
    return [os.path.normpath(os.path.join(root, _decoded(each[1] or ""), _decoded(each[2]))) for each in found]  # noqa: PTH118 - texts


def _make(_change: Change, path: Path, _root: Path) -> None:
    path.touch()


def _write(change: Change, path: Path, _root: Path) -> None:
    with path.open("r+b") as file:
        file.seek(change.offset, os.SEEK_SET) if change.offset >= 0 else file.seek(0, os.SEEK_END)
        file.write(change.data)


def _size(change: Change, path: Path, _root: Path) -> None:
    os.truncate(path, change.offset)


def _rename(change: Change, path: Path, root: Path) -> None:
    path.replace(root / change.target)


def _link(change: Change, path: Path, root: Path) -> None:
    path.hardlink_to(root / change.target)


def _symlink(change: Change, path: Path, _root: Path) -> None:
    path.symlink_to(change.target)


_DONE: Final = {
    "make": _make,
    "write": _write,
    "size": _size,
    "rename": _rename,
    "remove": lambda _change, path, _root: path.unlink(),
    "mkdir": lambda _change, path, _root: path.mkdir(),
    "rmdir": lambda _change, path, _root: path.rmdir(),
    "link": _link,
    "symlink": _symlink,
}
