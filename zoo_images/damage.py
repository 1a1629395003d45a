"""Whether an image file is damaged: what decoders fill with grey and go on.

OpenCV writes its decoders' complaints to standard error, without a name, and returns an image. simplejpeg is the
same decoder, libjpeg-turbo, as a small package that raises them instead. It decodes to an eighth of the size here,
for which all of the data have to be read but few pixels be made. Other formats are read by Pillow, which refuses what
is short or has a wrong checksum.
"""

from __future__ import annotations

import io
import json
from importlib import metadata
from typing import Final

from zoo_images import png_structure
from zoo_images.jpeg_structure import PADDING, START, Structure, read_structure
from zoo_runner.errors import PrerequisiteError
from zoo_runner.plugin.interfaces import Finding

REVISION: Final = 1
"""Counts the changes of this check that changed a finding."""
LEFT_OVER: Final = "extraneous bytes before marker"
"""libjpeg's words for data that it did not need."""
EIGHTH: Final = 8
FOUR_INKS: Final = frozenset({"CMYK", "YCCK"})


def check_identity() -> str:
    """Everything a finding depends on but the content of the file."""
    versions = [metadata.version(name) for name in ("simplejpeg", "pillow")]
    return json.dumps(["image damage", REVISION, *versions])


def examine(data: bytes) -> tuple[bytes, Finding | None]:
    """Look for damage in the content of an image file.

    Damage that leaves another valid file cannot be seen by any decoder: a wrong bit may well decode to wrong pixels.
    Bytes that are left over count as damage where they follow data that pixels depend on: a decoder that lost its
    place in the data of a scan reaches the image's last pixel too soon. Zeros that pad a scan are none.

    Returns:
        The same image, without what decoders complain of and no pixel depends on; and what was found.

    Raises:
        PrerequisiteError: simplejpeg or Pillow is not installed.
    """
    if not data.startswith(START):
        return _other(data)
    structure = read_structure(data)
    problem = _jpeg_problem(structure)
    if LEFT_OVER in problem:
        unpadded = read_structure(data, without_padding=True)
        if unpadded.plain != structure.plain and not _jpeg_problem(unpadded):
            structure, problem = unpadded, ""
    return _found(structure.plain, problem, structure.notes)


def without_complaints(data: bytes, finding: Finding) -> bytes:
    """Return the same image without what decoders complain of, given what its examination found: only notes."""
    if data.startswith(png_structure.START):
        return png_structure.read_structure(data)[0]
    return read_structure(data, without_padding=PADDING in finding.text).plain if data.startswith(START) else data


def _found(plain: bytes, problem: str, notes: tuple[str, ...]) -> tuple[bytes, Finding | None]:
    if problem:
        return plain, Finding(text=problem, damage=True)
    return plain, Finding(text=", ".join(notes), damage=False) if notes else None


def _jpeg_problem(structure: Structure) -> str:
    try:
        import simplejpeg  # noqa: PLC0415 - only checking needs it
    except ImportError as error:
        raise _not_installed("simplejpeg") from error
    options = {"min_height": 1, "min_width": 1, "min_factor": EIGHTH, "fastdct": True, "fastupsample": True}
    try:
        *_, colours, _ = simplejpeg.decode_jpeg_header(structure.plain)
        simplejpeg.decode_jpeg(structure.plain, "CMYK" if colours in FOUR_INKS else "GRAY", strict=True, **options)
    except ValueError as error:
        return f"libjpeg says: {error}"
    return structure.fault


def _other(data: bytes) -> tuple[bytes, Finding | None]:
    try:
        from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - only checking needs it
    except ImportError as error:
        raise _not_installed("pillow") from error
    plain, notes, problem = data, tuple[str, ...](), ""
    if data.startswith(png_structure.START):
        plain, notes, problem = png_structure.read_structure(data)
    try:
        if not problem:
            with Image.open(io.BytesIO(plain)) as image:
                image.load()
    except UnidentifiedImageError:
        problem = f"no image, found {len(data)} other bytes"
    except Exception as error:  # noqa: BLE001 - Pillow's readers raise what comes, from struct.error to SyntaxError
        problem = f"Pillow says: {error}"
    return _found(plain, problem, notes)


def _not_installed(name: str) -> PrerequisiteError:
    return PrerequisiteError(
        f"expected the package {name}, which images are checked for damage with, found none; pip install {name}"
    )
