"""A name that a run has until it ends: an interrupted run finds what it made under that name, and no other run does.

It goes on with the same software only: where other paths lead to programs and libraries, it is another run.
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
_PATHS: Final = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
"""Variables that say which software is used."""


def name_of(store: Store, manifest: Path, output: Path) -> str:
    """Return the name of the run of a manifest into an output folder; that of an interrupted one, if there is one.

    Where the store cannot be written to, each call returns another name.
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
    """Forget the name of a run that has ended.

    Raises:
        OSError: It cannot be removed.
    """
    if not store.read_only:
        _path(store, manifest, output).unlink(missing_ok=True)


def _path(store: Store, manifest: Path, output: Path) -> Path:
    software = [os.environ.get(each) for each in _PATHS]
    return store.root / KIND / fingerprint(str(manifest.absolute()), str(output.absolute()), software)
