"""Bodies that a server sends compressed though it was asked not to.

A transfer keeps the bytes as they come, since lengths and ranges count those. What the file is then, is decided when
all of them are there: some servers say ``Content-Encoding: gzip`` of a file that is itself a gzip archive.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final

from zoo_runner.errors import FetchError, shortened

CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
COMPRESSED: Final = (".gz", ".tgz")
"""How names of files end that are gzip archives themselves."""
PIECE: Final = 1 << 20
GZIP_OR_ZLIB: Final = zlib.MAX_WBITS + 32


def check_coding(shown: str, coding: str) -> None:
    """Refuse a coding that cannot be undone.

    Raises:
        FetchError: It is neither gzip nor deflate.
    """
    if coding and coding not in CODINGS:
        msg = (
            f"{shown}: expected the file as it is (Accept-Encoding: identity), found Content-Encoding: "
            f"{shortened(coding)}, which cannot be undone here; have the server send it as it is"
        )
        raise FetchError(msg)


def decode(data: Path, target: Path, limit: int) -> str:
    """Undo gzip or deflate.

    Args:
        data: The bytes as they were sent.
        target: Where the file is written to.
        limit: Most bytes it may have.

    Returns:
        Why that is not possible; or nothing.
    """
    with data.open("rb") as file:
        first = file.read(2)
    raw = first[:1] != b"\x1f" and (len(first) < 2 or int.from_bytes(first, "big") % 31 or first[0] & 15 != 8)  # noqa: PLR2004 - RFC 1950, section 2.2
    decoder, size = zlib.decompressobj(-zlib.MAX_WBITS if raw else GZIP_OR_ZLIB), 0
    try:
        with data.open("rb") as source, target.open("wb") as file:
            while piece := source.read(PIECE):
                while piece:
                    out = decoder.decompress(piece, PIECE)
                    size += len(out)
                    if size > limit:
                        return f"more than {limit:,} bytes when decoded"
                    file.write(out)
                    piece = decoder.unconsumed_tail
                    if decoder.eof and decoder.unused_data:
                        piece, decoder = decoder.unused_data, zlib.decompressobj(GZIP_OR_ZLIB)
    except zlib.error as problem:
        return f"bytes that cannot be decoded: {problem}"
    return "" if decoder.eof else "an end before that of the coding"
