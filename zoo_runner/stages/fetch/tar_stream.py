"""A tar file's bytes, decompressed, of which no header takes more than a little memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final

from zoo_runner.files.regular import open_regular

HEADER: Final = 1 << 24
"""Bytes of the headers of one member, such as those for long names and sparse files, which tarfile keeps in memory."""
CODINGS: Final[tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...]] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"\x5d\x00\x00", lzma.open),
)
"""How compressed files start, and what reads them."""
_NO_TAR: Final = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)


class TarStream:
    """What tarfile reads from: a file that refuses to read a header that is too long.

    Args:
        stream: The decompressed bytes.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left: int | None = HEADER

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes.

        Raises:
            tarfile.ReadError: A header asks for a number below 0, or headers of one member for too much.
        """
        if self._left is not None:
            if not 0 <= size <= self._left:
                raise tarfile.ReadError(f"the header of a member has more than {HEADER:,} bytes, or fewer than 0")
            self._left -= size
        return self._stream.read(size)

    def seek(self, position: int) -> int:
        """Go to a position from the start."""
        return self._stream.seek(position)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def members(self, tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
        """Read the headers one by one; after the last one, content is read.

        Raises:
            tarfile.ReadError: After the last one there is neither the end nor another one: tarfile takes both alike.
        """
        for info in tar:
            self._left = HEADER
            yield info
        self._left = None
        self._stream.seek(tar.offset)
        if self._stream.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError(f"a damaged header at byte {tar.offset:,}")


@contextmanager
def open_tar(archive: Path) -> Iterator[tuple[tarfile.TarFile, TarStream] | None]:
    """Open a tar file, compressed or not; ``None`` if it is another kind of file.

    Raises:
        OSError: It cannot be read.
    """
    with ExitStack() as stack:
        file = stack.enter_context(open_regular(archive))
        start = file.read(6)
        file.seek(0)
        decoder = next((decoder for magic, decoder in CODINGS if start.startswith(magic)), None)
        stream = TarStream(file if decoder is None else stack.enter_context(decoder(file)))
        try:
            tar = stack.enter_context(tarfile.open(fileobj=stream, mode="r:"))  # type: ignore[call-overload] # has all that is used
        except _NO_TAR:
            tar = None
        except OSError as problem:
            if problem.errno is not None:  # gzip and bz2 have no number for what is no such file
                raise
            tar = None
        yield None if tar is None else (tar, stream)
