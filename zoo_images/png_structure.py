"""The chunks of a PNG: those that are damaged, and whether pixels depend on them.

Chunks and checksums: W3C, Portable Network Graphics (PNG) Specification, section 5.
"""

from __future__ import annotations

import zlib
from typing import Final

START: Final = b"\x89PNG\r\n\x1a\n"
AROUND: Final = 12
"""Bytes of a chunk beside its data: length, name and checksum."""
END: Final = b"IEND"
USED: Final = frozenset({b"tRNS", b"eXIf"})
"""Chunks that a decoder need not know, and whose content shapes what OpenCV returns."""


def read_structure(data: bytes) -> tuple[bytes, tuple[str, ...], str]:
    """Check every chunk of a PNG against its checksum.

    Returns:
        The same image without damaged chunks that no pixel depends on; notes on those and on what stands behind the
        image; and what is wrong with the pixels' chunks, or nothing.
    """
    kept, notes, position = [START], list[str](), len(START)
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        name, end = data[position + 4 : position + 8], position + AROUND + size
        if end > len(data):
            break
        whole = zlib.crc32(data[position + 4 : end - 4]) == int.from_bytes(data[end - 4 : end], "big")
        shown = name.decode("ascii", "backslashreplace")
        if not whole and (name[:1].isupper() or name in USED):
            return data, (), f"the checksum of its {shown} chunk at byte {position} is wrong"
        if whole:
            kept.append(data[position:end])
        else:
            notes.append(f"the checksum of a {shown} chunk is wrong")
        position = end
        if name == END:
            if position < len(data):
                notes.append(f"{len(data) - position} bytes after the end of the image")
            return (b"".join(kept) if len(kept) != 1 and notes else data), tuple(notes), ""
    return data, (), f"it stops after {len(data)} bytes, before its end"
