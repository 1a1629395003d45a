"""A zip file whose list of members is held against the bounds before zipfile makes objects of it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from zoo_runner.files.regular import open_regular
from zoo_runner.stages.fetch.limits import MEMBERS, too_much

ROW: Final = 256
"""Bytes of the list of members for each of them: 46, and those of its name."""
_TAIL: Final = 1 << 17
"""Bytes that are read in any case: zipfile looks for the end record in the last 64 KiB."""
_MEMBER: Final = b"PK\1\2"
"""How each row of the list begins."""


class ZipStream:
    """What zipfile reads from: a file that refuses to read a list of members that is too long.

    Args:
        file: The archive's bytes.
        archive: What errors call it.
    """

    def __init__(self, file: BinaryIO, archive: Path) -> None:
        self._file = file
        self._archive = archive
        self._opening = True

    def opened(self) -> None:
        """Say that the list was read: from now on content is."""
        self._opening = False

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes.

        Raises:
            FetchError: The list of members takes too many bytes, or has too many rows.
        """
        if not self._opening:
            return self._file.read(size)
        most = max(_TAIL, MEMBERS.value * ROW)
        data = self._file.read(most + 1 if size < 0 else min(size, most + 1))
        if len(data) > most:
            raise too_much(self._archive, f"{most:,} bytes in the list of members", MEMBERS.remedy)
        if data.startswith(_MEMBER) and data.count(_MEMBER) > MEMBERS.value:
            raise too_much(self._archive, f"{MEMBERS.value:,} members", MEMBERS.remedy)
        return data

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position."""
        return self._file.seek(position, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Say that it can go to a position."""
        return True


@contextmanager
def open_zip(archive: Path) -> Iterator[zipfile.ZipFile | None]:
    """Open a zip file; ``None`` if it is another kind of file.

    Raises:
        FetchError: Its list of members is longer than the bounds allow.
        zipfile.BadZipFile: It is damaged.
        OSError: It cannot be read.
    """
    with open_regular(archive) as file:
        stream = ZipStream(file, archive)
        if not zipfile.is_zipfile(stream):
            yield None
            return
        with zipfile.ZipFile(stream) as pack:
            stream.opened()
            yield pack
