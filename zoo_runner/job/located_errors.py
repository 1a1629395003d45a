"""What a plugin says against the manifest, with the file and the line of the key that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ManifestError

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest

_KEY: Final = re.compile(r"((?:plugin\.config|inputs|outputs)(?:\.\w+)*): ")
"""Begins an error of a plugin: the path of a key."""


@contextmanager
def located(loaded: LoadedManifest) -> Iterator[None]:
    """Put the place of its key before an error that begins with one.

    Raises:
        ManifestError: As inside the block.
    """
    try:
        yield
    except ManifestError as error:
        found = _KEY.match(str(error))
        if found is None:
            raise
        path = tuple(int(key) if key.isdecimal() else key for key in found[1].split("."))
        raise ManifestError(f"{loaded.locate(path)}: {error}") from error
