"""Filling a folder of downloads, for a host that cannot download anything itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import FetchError
from zoo_runner.files.new_file import new_file
from zoo_runner.files.remedies import refused
from zoo_runner.stages.fetch.downloads import found
from zoo_runner.stages.fetch.resource import fetch

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.stages.fetch.downloads import Download
    from zoo_runner.store.store import Store


def collect(files: Sequence[Download], folder: Path, store: Store, progress: Progress) -> None:
    """Download what is missing in a folder, verified as for a run; what is there stays, right or wrong.

    Why a file cannot be had is a warning, and the others are downloaded all the same.

    Args:
        files: What belongs there.
        folder: Is made where it is not there.
        store: Where downloads are kept: a file that is there is copied, one that broke off is gone on with.
        progress: Is told what happens.

    Raises:
        FetchError: The folder cannot be written to.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for each in files:
        if found(each.source, folder) is not None:
            continue
        try:
            path = fetch(each.source, store, progress).path
        except FetchError as why:
            progress.warn(str(why))
            continue
        with _writing(folder), new_file(folder / each.name) as temporary:
            shutil.copyfile(path, temporary)
            temporary.replace(folder / each.name)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise FetchError(refused(problem, "put a download into", folder)) from problem
