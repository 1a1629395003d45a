"""Notes which files a plugin's code has opened: tables, shared libraries, sources that it runs as text.

If a module reads a threshold from a file, that file is as much a part of the code as the module is. Python reports
every opened file to audit hooks (:pep:`578`), and the stack at that moment shows whose code opened it. A file counts
if a plugin's code, or other code that is not installed, opened it for reading. Python does not report files that C
code opens itself.
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
"""Flags of ``open`` for a file that is written."""
SYSTEM: Final = ("/proc/", "/sys/", "/dev/", "/etc/", "/run/")
"""Folders of the operating system; files in them do not count."""
RUNNER: Final = os.path.join(*zoo_runner.__path__, "")  # noqa: PTH118 - ends in a separator
OPENERS: Final = os.path.join(RUNNER, "files", "")  # noqa: PTH118 - likewise
"""The runner's package that opens files for its callers, as a library does. The caller counts as the opener."""
ANYONE: Final = ""
"""Stands for the calling module of the runner if there is none: during an import, or in a thread of a plugin's."""
READS_SAMPLES: Final = "zoo_runner.stages.fetch.locate"
"""The module of the runner that reads the samples of data sets."""
ALWAYS: Final = frozenset(
    {
        ANYONE,
        "zoo_runner.plugin.loading",
        "zoo_runner.job.recipe",
        "zoo_runner.manifest.load",
        READS_SAMPLES,
    }
)
"""Modules of the runner that ask plugins for parts and samples. What plugins open for them counts in every step."""


@dataclass(slots=True)
class Opening:
    """A file that was opened for reading.

    Attributes:
        state: Its state when it was first opened.
        callers: Modules of the runner that called the code that opened it.
    """

    state: State
    callers: set[str] = field(default_factory=set)


_opened: dict[str, Opening] = {}
_apart: set[str] = set()
"""Paths that do not count: files of samples, and files that a plugin wrote itself."""
_roots: set[str] = set()
"""Root folders of the data set; its own code reads files below them that do not count."""
_packages: set[str] = set()
"""Top-level packages of plugins; files that their code opens count, also if they are installed."""
_state = {"watching": False}


def watch(package: str) -> None:
    """Note from now on which files are opened by this package, and by code that is not installed."""
    if package not in _packages:
        _packages.add(package)
        _kind.cache_clear()
    if not _state["watching"]:
        _state["watching"] = True
        sys.addaudithook(_audit_hook)


def set_apart(path: Path) -> None:
    """Do not count a file as code: its content is already in the keys of what is made from it, as a sample's is."""
    _apart.add(os.path.abspath(path))  # noqa: PTH100 - Path's costs more, and this is done for every sample
    if path.is_symlink() or _real(str(path.parent)) != str(path.parent):
        _apart.add(os.path.realpath(path))


def set_apart_below(folder: Path) -> None:
    """Do not count files below a data set's root that it reads for its samples: the samples' facts are in the keys."""
    real = os.path.realpath(folder)
    _roots.clear()  # below the root of an earlier manifest, this data set may read files that count
    _roots.update({os.path.join(os.path.abspath(folder), ""), os.path.join(real, "")})  # noqa: PTH100, PTH118 - end in a separator


def opened(callers: frozenset[str]) -> dict[str, State]:
    """Return the files that count for a step, with their states when they were first opened, by path.

    Args:
        callers: The runner's modules that carry the step out.
    """
    counted = callers | ALWAYS
    return {path: each.state for path, each in list(_opened.items()) if not counted.isdisjoint(each.callers)}


def altered(path: str) -> bool:
    """Say whether a file has changed since it was first opened; ``False`` if it was not opened."""
    before = _opened.get(path)
    try:
        return before is not None and State.of(os.stat(path)) != before.state  # noqa: PTH116 - half the time of Path's
    except OSError:
        return True


def count() -> int:
    """Return the number of pairs of a file and a caller; it grows with every new pair."""
    return sum(len(each.callers) for each in list(_opened.values()))


def _audit_hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note that a file is about to be opened."""
    if event not in EVENTS or not isinstance(arguments[0], (str, bytes)):
        return
    name = os.fsdecode(arguments[0])
    if event == "ctypes.dlopen" and os.sep not in name:  # the system finds it, as it finds its own libraries
        return
    path = os.path.abspath(name)  # noqa: PTH100 - Path's costs more
    if path in _apart or path.startswith(SYSTEM) or is_installed(path) or is_standard(path):
        return
    made = event == "open" and bool(arguments[2] & MADE)
    if machine_code.is_kept(path):
        machine_code.refuse_outdated(path, made=made)
        return
    caller = _caller(sys._getframe(1))  # noqa: SLF001 - the only fast way to the stack
    if caller == READS_SAMPLES and path.startswith(tuple(_roots)):
        return
    if caller is not None and made and path not in _opened:
        _apart.add(path)
    elif caller is not None:
        _note(path, caller)


def _note(path: str, caller: str) -> None:
    """Note that a regular file was opened for reading."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path's
    except (OSError, ValueError):  # the file is absent, so that opening it fails, too
        return
    if stat.S_ISREG(found.st_mode):
        _opened.setdefault(path, Opening(State.of(found))).callers.add(caller)


def _caller(frame: FrameType | None) -> str | None:
    """Return which module of the runner called the plugin's code that is running.

    Args:
        frame: The top of the stack.

    Returns:
        Name of the module; :data:`ANYONE` if there is none; ``None`` if no code of a plugin is running.
    """
    own = False
    while frame is not None:
        code, name = frame.f_code, str(frame.f_globals.get("__name__"))
        kind = _kind(code.co_filename, name)
        if kind == "runner":
            return name if own else None
        if kind == "import" and code.co_name == "get_code":  # Python itself reads a module's file
            return None
        if kind == "own":
            own = True
            if code.co_name == "<module>":
                return ANYONE
        frame = frame.f_back
    return ANYONE if own and threading.current_thread() is not threading.main_thread() else None


@lru_cache(maxsize=4096)
def _kind(path: str, module: str) -> str:
    """Say whose code is in a file: ``runner``, ``import`` (the import system), ``own`` (it counts) or ``library``."""
    if path.startswith(OPENERS):
        return "library"
    if path.startswith(RUNNER):
        return "runner"
    if path.startswith("<frozen "):
        return "import"
    if module.partition(".")[0] in _packages:
        return "own"
    if path.startswith("<"):  # code from a text, not from a file
        return "library"
    path = os.path.abspath(path)  # noqa: PTH100 - Path's costs more
    return "library" if is_installed(path) or is_standard(path) else "own"


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)
