"""The name of an unfinished run. When an interrupted run is started again, it finds its own entries by that name.

No other run finds them. The run must have the same manifest, the same output folder and the same search paths for
programs and libraries; otherwise it is another run, with another name.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.files.regular import read_regular
from zoo_runner.store.durable import write_durably
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from zoo_runner.store.store import Store

KIND: Final = "unfinished"
_LONGEST: Final = 64
"""Largest file with a name that is read, in bytes."""
_PATHS: Final = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
"""Environment variables that decide which programs and libraries are used."""


def name_of(store: Store, manifest: Path, output: Path) -> str:
    """Return the name of the run of a manifest into an output folder: 32 hex digits.

    If such a run was interrupted, its name is returned; otherwise a new one. If the store cannot be written to, every
    call returns a new name.
    """
    path = _path(store, manifest, output)
    with suppress(OSError, ValueError):
        return uuid.UUID(read_regular(path, _LONGEST).decode()).hex
    name = uuid.uuid4().hex
    if not store.read_only:
        with suppress(OSError):
            write_durably(path, name.encode())
    return name


def end(store: Store, manifest: Path, output: Path) -> None:
    """Remove the name of a run that has ended.

    Raises:
        OSError: The file cannot be removed.
    """
    if not store.read_only:
        _path(store, manifest, output).unlink(missing_ok=True)


def _path(store: Store, manifest: Path, output: Path) -> Path:
    software = [os.environ.get(each) for each in _PATHS]
    return store.root / KIND / fingerprint(str(manifest.absolute()), str(output.absolute()), software)
