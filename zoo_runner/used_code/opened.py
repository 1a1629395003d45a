"""What files the code of plugins has opened: tables, libraries of machine code, sources that it runs as text.

A module that reads a threshold from a file computes with it as with a line of its own. Python reports every opening of
a file to audit hooks (:pep:`578`), and the stack at that moment says for whom: only files count that code from source,
or a plugin's, opens to read them. What C code opens by itself, Python does not hear of.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import zoo_runner
from zoo_runner.store.snapshots import State
from zoo_runner.used_code import machine_code
from zoo_runner.used_code.executed import is_installed, is_standard

if TYPE_CHECKING:
    from types import FrameType

EVENTS: Final = ("open", "ctypes.dlopen")
MADE: Final = os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_WRONLY
"""Flags with which a file is opened that the process makes."""
SYSTEM: Final = ("/proc/", "/sys/", "/dev/", "/etc/", "/run/")
"""Folders that are about the machine."""
RUNNER: Final = os.path.join(*zoo_runner.__path__, "")  # noqa: PTH118 - ends in a separator
OPENERS: Final = os.path.join(RUNNER, "files", "")  # noqa: PTH118 - likewise
"""Opens files for whoever calls it, as a library does: what a plugin opens with it, the plugin opened."""
ANYONE: Final = ""
"""Stands for the runner's module where there is none: a module is being loaded, or a thread is a plugin's own."""
READS_SAMPLES: Final = "zoo_runner.stages.fetch.locate"
"""The module of the runner that asks data sets for their samples."""
ALWAYS: Final = frozenset(
    {
        ANYONE,
        "zoo_runner.plugin.loading",
        "zoo_runner.job.recipe",
        "zoo_runner.manifest.load",
        READS_SAMPLES,
    }
)
"""Modules of the runner that ask plugins for their parts and samples; what these read then takes part in every step."""


@dataclass(slots=True)
class Opening:
    """A file that was opened to be read.

    Attributes:
        state: What the file system said of it then.
        callers: Modules of the runner that had called the code that opened it.
    """

    state: State
    callers: set[str] = field(default_factory=set)


_opened: dict[str, Opening] = {}
_apart: set[str] = set()
_roots: set[str] = set()
_packages: set[str] = set()
_state = {"watching": False}


def watch(package: str) -> None:
    """Note from now on what code from source and the code of a package open."""
    if package not in _packages:
        _packages.add(package)
        _kind.cache_clear()
    if not _state["watching"]:
        _state["watching"] = True
        sys.addaudithook(_audit_hook)


def set_apart(path: Path) -> None:
    """Say that the content of a file is in the keys of what is made of it, as that of a sample's image is."""
    _apart.add(os.path.abspath(path))  # noqa: PTH100 - Path's costs more, and this is done for every sample
    if path.is_symlink() or _real(str(path.parent)) != str(path.parent):
        _apart.add(os.path.realpath(path))


def set_apart_below(folder: Path) -> None:
    """Say that what a data set reads below a folder, its root, is in the keys of samples: as what it says of them."""
    real = os.path.realpath(folder)
    _roots.clear()  # a root of another manifest may hold what this data set reads as a table
    _roots.update({os.path.join(os.path.abspath(folder), ""), os.path.join(real, "")})  # noqa: PTH100, PTH118 - end in a separator


def opened(callers: frozenset[str]) -> dict[str, State]:
    """Return the files that count for a step, with what the file system said of them when they were opened first.

    Args:
        callers: The runner's modules that carry the step out.
    """
    counted = callers | ALWAYS
    return {path: each.state for path, each in list(_opened.items()) if not counted.isdisjoint(each.callers)}


def altered(path: str) -> bool:
    """Say whether a file was changed after it was opened; one that was not opened was not."""
    before = _opened.get(path)
    try:
        return before is not None and State.of(os.stat(path)) != before.state  # noqa: PTH116 - half the time of Path's
    except OSError:
        return True


def count() -> int:
    """Return what grows with every file that was not opened before, or not by the same caller."""
    return sum(len(each.callers) for each in list(_opened.values()))


def _audit_hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note that a file is about to be opened."""
    if event not in EVENTS or not isinstance(arguments[0], (str, bytes)):
        return
    name = os.fsdecode(arguments[0])
    if event == "ctypes.dlopen" and os.sep not in name:  # found by the system, as its own libraries are
        return
    path = os.path.abspath(name)  # noqa: PTH100 - Path's costs more
    if path in _apart or path.startswith(SYSTEM) or is_installed(path) or is_standard(path):
        return
    made = event == "open" and bool(arguments[2] & MADE)
    if machine_code.is_kept(path):
        machine_code.refuse_outdated(path, made=made)
        return
    caller = _caller(sys._getframe(1))  # noqa: SLF001 - the only way to the stack that costs little
    if caller == READS_SAMPLES and path.startswith(tuple(_roots)):
        return
    if caller is not None and made and path not in _opened:
        _apart.add(path)
    elif caller is not None:
        _note(path, caller)


def _note(path: str, caller: str) -> None:
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path's
    except (OSError, ValueError):  # it is not there, and opening it fails
        return
    if stat.S_ISREG(found.st_mode):
        _opened.setdefault(path, Opening(State.of(found))).callers.add(caller)


def _caller(frame: FrameType | None) -> str | None:
    """Return the runner's module that called the code of a plugin that is running; ``None`` if none of it is."""
    own = False
    while frame is not None:
        code, name = frame.f_code, str(frame.f_globals.get("__name__"))
        kind = _kind(code.co_filename, name)
        if kind == "runner":
            return name if own else None
        if kind == "import" and code.co_name == "get_code":  # Python reads a module
            return None
        if kind == "own":
            own = True
            if code.co_name == "<module>":
                return ANYONE
        frame = frame.f_back
    return ANYONE if own and threading.current_thread() is not threading.main_thread() else None


@lru_cache(maxsize=4096)
def _kind(path: str, module: str) -> str:
    """Say whose code a file has: the runner's, the import system's, code that counts, or that of libraries."""
    if path.startswith(OPENERS):
        return "library"
    if path.startswith(RUNNER):
        return "runner"
    if path.startswith("<frozen "):
        return "import"
    if module.partition(".")[0] in _packages:
        return "own"
    if path.startswith("<"):  # text that something runs
        return "library"
    path = os.path.abspath(path)  # noqa: PTH100 - Path's costs more
    return "library" if is_installed(path) or is_standard(path) else "own"


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)
