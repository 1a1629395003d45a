"""What was compiled before and is kept in ``__pycache__``: of it, nothing is run that an edit has outdated.

Python compares size and second of a source: an edit within a second that keeps the size goes unnoticed. Numba compares
the function's own file and not those of what it calls: a function of another module, or a number of it, may have
changed since. The edited source would count as new, and the old code would run. So what is older than the source, or,
of numba's, than any code from source that is loaded, is taken away before it is read, and is compiled again.
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
BYTECODE: Final = ".pyc"
KEPT: Final = (INDEX, ".nbc", BYTECODE)

_outdated: dict[str, None] = {}


def is_kept(path: str) -> bool:
    """Say whether a file is numba's, or Python's own bytecode."""
    return path.endswith(KEPT)


def refuse_outdated(path: str, *, made: bool) -> None:
    """Take bytecode or an index away that is about to be read and is older than what it may have been made of."""
    if made or not path.endswith((INDEX, BYTECODE)):
        return
    try:
        last = _last_change() if path.endswith(INDEX) else _changed(source_from_cache(path))
        if Path(path).stat().st_mtime_ns >= last:
            return
    except (OSError, ValueError):  # there is none, or no source
        return
    try:
        Path(path).unlink()
    except OSError:  # of bytecode it is found out later, by compiling the source
        if path.endswith(INDEX):
            _outdated[path] = None


def outdated() -> tuple[str, ...]:
    """Return the indices that are older than code that is loaded, and could not be taken away."""
    return tuple(_outdated)


def _last_change() -> int:
    """Return when code from source that is loaded was last changed, or put where it is, in nanoseconds."""
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
