"""The code of another project that a manifest brings along (``code``), while a network is built with it.

Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_FOLDER: ContextVar[Path | None] = ContextVar("folder of foreign code", default=None)


def code_folder() -> Path | None:
    """Return the folder with the manifest's code, which can be imported now; ``None`` where there is none.

    The user has trusted that code. What a manifest names and what is not in this folder, the user has not.
    """
    return _FOLDER.get()


@contextmanager
def serving(folder: Path) -> Iterator[None]:
    """Let :func:`code_folder` return a folder inside the block; the runner's part of this module."""
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)
