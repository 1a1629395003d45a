"""Removes outdated compiled code from ``__pycache__`` before it is read, so that it is compiled again.

Python compares the size of a source, and its time in seconds. It misses an edit within one second that keeps the size.
Numba compares the file of the compiled function only. It misses edits in the modules that the function calls. Then the
old code would run, and the record would have the new source. So Python's bytecode must not be older than its source,
and numba's index must not be older than any loaded code that is not installed.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.util import source_from_cache
from pathlib import Path
from typing import Final

from zoo_runner.used_code.executed import is_installed, is_standard
from zoo_runner.used_code.record import file_of

INDEX: Final = ".nbi"
"""Suffix of numba's index of compiled functions."""
BYTECODE: Final = ".pyc"
KEPT: Final = (INDEX, ".nbc", BYTECODE)
"""Suffixes of files with compiled code."""

_outdated: dict[str, None] = {}


def is_kept(path: str) -> bool:
    """Say whether a file has compiled code of numba's, or Python's bytecode."""
    return path.endswith(KEPT)


def refuse_outdated(path: str, *, made: bool) -> None:
    """Remove bytecode or an index that is about to be read, if it is older than the code it may have been made from.

    Args:
        path: The file that is about to be opened.
        made: Whether it is opened to be written; then it stays.
    """
    if made or not path.endswith((INDEX, BYTECODE)):
        return
    try:
        last = _last_change() if path.endswith(INDEX) else _changed(source_from_cache(path))
        if Path(path).stat().st_mtime_ns >= last:
            return
    except (OSError, ValueError):  # the file or its source is absent
        return
    try:
        Path(path).unlink()
    except OSError:  # outdated bytecode is found later, by compiling the source (executed.alteration)
        if path.endswith(INDEX):
            _outdated[path] = None


def outdated() -> tuple[str, ...]:
    """Return the paths of outdated indices that could not be removed."""
    return tuple(_outdated)


def _last_change() -> int:
    """Return when any loaded code that is not installed was last changed or moved, in ns since 1970."""
    times = [0]
    for module in list(sys.modules.values()):
        path = file_of(module)
        if not path or is_installed(path) or is_standard(path):
            continue
        with suppress(OSError):
            times.append(_changed(path))
    return max(times)


def _changed(path: str) -> int:
    found = os.stat(path)  # noqa: PTH116 - half the time of Path's
    return max(found.st_mtime_ns, found.st_ctime_ns)
