"""The segments of a JPEG: what in them costs no pixel though decoders complain of it, and which scans are missing.

Segments and markers: ITU-T T.81, Annex B; progression of coefficients: its Annex G.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

START: Final = b"\xff\xd8"
END_OF_IMAGE: Final = 0xD9
START_OF_SCAN: Final = 0xDA
APP0: Final = 0xE0
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Starts of a frame; the others of that range are tables."""
PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a segment."""
BESIDE_PIXELS: Final = frozenset({0xFE, *range(APP0, APP0 + 16)}) - {0xE1, 0xEE}
"""Comments and data of applications: no pixel depends on them; but of APP1 the orientation does, of APP14 the
meaning of the channels."""
COEFFICIENTS: Final = 64
WHOLE_SPECTRUM: Final = b"\x00\x3f\x00"
"""What a scan that is not progressive says of its coefficients; decoders take it to say that in any case."""
JFIF: Final = b"JFIF\x00"
JFIF_LENGTH: Final = 14
PADDING: Final = "zeros behind the data of a scan"
MARKER_BYTE: Final = 0xFF
MARKER: Final = re.compile(rb"\xff+[^\x00\xff]")
AFTER_SCAN: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True)
class Structure:
    """What the segments say.

    Attributes:
        plain: The same image, without what decoders complain of and no pixel depends on.
        notes: What that was, and what stands behind the image.
        fault: What is wrong though no decoder complains of it, or complains only in passing; or nothing.
    """

    plain: bytes
    notes: tuple[str, ...]
    fault: str


def read_structure(data: bytes, *, without_padding: bool = False) -> Structure:
    """Walk a JPEG's segments as libjpeg does; what is too damaged for that ends the walk, and is a decoder's to find.

    Args:
        data: Starts as a JPEG.
        without_padding: Whether zeros between the last bits of a scan and the next marker are left out too. Only a
            decoder can tell them from data.
    """
    walk = _Walk(data, without_padding=without_padding)
    walk.run()
    pieces, position = [], 0
    for start, end, instead in walk.edits:
        pieces += [data[position:start], instead]
        position = end
    plain = b"".join([*pieces, data[position:]]) if walk.edits else data
    return Structure(plain, tuple(walk.notes), walk.stray or walk.missing())


@dataclass
class _Walk:
    data: bytes
    without_padding: bool
    edits: list[tuple[int, int, bytes]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left: dict[int, list[int]] = field(default_factory=dict)
    """By component, the low bits that each coefficient still lacks; -1 where nothing of it came."""
    stray: str = ""
    progressive: bool = False
    ended: bool = False

    def run(self) -> None:
        data, position, before = self.data, len(START), START[1]
        while found := MARKER.search(data, position):
            code = data[found.end() - 1]
            if found.start() > position:
                self._stray(position, found.start(), before)
            position = found.end()
            if code == END_OF_IMAGE:
                self.ended = True
                if position < len(data):
                    self.notes.append(f"{len(data) - position} bytes after the end of the image")
                return
            if code in ALONE:
                continue
            end = position + int.from_bytes(data[position : position + 2], "big")
            if end < position + 2 or end > len(data):
                return
            before = code
            self._segment(code, position + 2, end)
            position = self._scan_end(end) if code == START_OF_SCAN else end

    def _edit(self, start: int, end: int, instead: bytes, note: str) -> None:
        self.edits.append((start, end, instead))
        self.notes.append(note)

    def _stray(self, start: int, end: int, before: int) -> None:
        """Take bytes between two segments for what is left of the first, unless that has nothing to do with pixels.

        A byte too many in a table pushes its last one out: the table is another one then.
        """
        text = f"{end - start} stray bytes behind the segment {before:#04x}, at byte {start}"
        if before in BESIDE_PIXELS:
            self._edit(start, end, b"", text)
        else:
            self.stray = self.stray or text

    def _segment(self, code: int, start: int, end: int) -> None:
        body = self.data[start:end]
        if code == APP0 and body.startswith(JFIF) and len(body) >= JFIF_LENGTH and body[len(JFIF)] != 1:
            place = start + len(JFIF)
            self._edit(place, place + 1, b"\x01", f"JFIF revision {body[len(JFIF)]} instead of 1")
        elif code in FRAMES:
            self.progressive = code in PROGRESSIVE
            self.left = {component: [-1] * COEFFICIENTS for component in body[6::3]}
        elif code == START_OF_SCAN:
            self._scan(body, end)

    def _scan(self, body: bytes, end: int) -> None:
        if not body or len(body) != 2 * body[0] + 4:
            return
        first, last, bits = body[-3:]
        span = range(first, min(last + 1, COEFFICIENTS)) if self.progressive else range(COEFFICIENTS)
        for component in body[1:-3:2]:
            for coefficient in span if component in self.left else ():
                self.left[component][coefficient] = bits & 15 if self.progressive else 0
        if not self.progressive and body[-3:] != WHOLE_SPECTRUM:
            self._edit(end - 3, end, WHOLE_SPECTRUM, "a scan that names coefficients though it has all of them")

    def _scan_end(self, start: int) -> int:
        """Find the marker after a scan's data, and the zeros before it that may be padding.

        A scan's last byte is filled with ones: what ends in a zero before the zeros is no end of a scan.
        """
        found = AFTER_SCAN.search(self.data, start)
        end = found.start() if found else len(self.data)
        if self.without_padding:
            used = len(self.data[start:end].rstrip(b"\x00")) + start
            if used > start and self.data[used - 1] & 1 and used < end:
                used += self.data[used - 1] == MARKER_BYTE  # whose zero is part of it
                self._edit(used, end, b"", f"{end - used} {PADDING}")
        return end

    def missing(self) -> str:
        lacking = [component for component, bits in self.left.items() if any(bits)]
        if not self.ended or not lacking:
            return ""
        return f"scans are missing: {len(lacking)} of {len(self.left)} components are not complete"
