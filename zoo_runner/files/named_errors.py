"""Errors of the operating system that say which file they are about: those of writing and syncing name none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the file to errors of the operating system that name none.

    Args:
        path: What the block writes or syncs.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
