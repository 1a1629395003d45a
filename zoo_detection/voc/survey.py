"""What a folder in the form of PASCAL VOC holds, for those who do not know yet which image set they want."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zoo_detection.voc.annotation import FaultError, read_annotation
from zoo_detection.voc.dataset import LARGEST_ANNOTATION, SUFFIXES
from zoo_runner.errors import DatasetError, shortened
from zoo_runner.plugin.files import open_regular, read_regular

ANNOTATIONS: Final = "Annotations"
IMAGES: Final = "JPEGImages"
LISTS: Final = Path("ImageSets", "Main")
LONGEST_LINE: Final = 4096
"""Bytes of the first line of a list that are looked at."""
SHOWN: Final = 10
"""Names of folders in one error."""


@dataclass(frozen=True)
class VocSurvey:
    """What one year's folder holds.

    Attributes:
        image_sets: Lists of images, by name; lists of one class have a second column, and are none of these.
        classes: How many objects of each class are annotated, over all images, by the classes' names.
    """

    image_sets: tuple[str, ...]
    classes: Mapping[str, int]


def years(root: Path) -> tuple[Path, ...]:
    """Return the folders with annotations: ``root`` itself, or those in it.

    Raises:
        DatasetError: There is none.
    """
    if (root / ANNOTATIONS).is_dir():
        return (root,)
    found = tuple(sorted(each.parent for each in root.glob(f"*/{ANNOTATIONS}") if each.is_dir()))
    if found:
        return found
    deeper = sorted({each.parents[1] for each in root.glob(f"*/*/{ANNOTATIONS}")})
    if deeper:
        shown = ", or ".join(shortened(str(each)) for each in deeper[:SHOWN])
        raise DatasetError(f"{root}: expected {ANNOTATIONS} in it or in a folder of it, found it deeper; give {shown}")
    if (root.parent / ANNOTATIONS).is_dir() and (root.parent / IMAGES).is_dir():
        raise DatasetError(
            f"{root}: expected the folder above it, which has {ANNOTATIONS} and {IMAGES}; give {root.parent}"
        )
    names = [shortened(each.name) for each in sorted(root.iterdir())] if root.is_dir() else []
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    raise DatasetError(
        f"{root}: expected {ANNOTATIONS}, {LISTS} and {IMAGES} in it, or in a folder of it such as VOC2007; found "
        f"{shown or 'nothing'}; put the data set into this form"
    )


def survey(folder: Path) -> VocSurvey:
    """Look through one year's folder. Annotations that cannot be read are left to whoever reads the image set.

    Raises:
        DatasetError: It has no list of images, no folder of images, or no annotated object.
    """
    _require_images(folder)
    image_sets = tuple(sorted(path.stem for path in (folder / LISTS).glob("*.txt") if _lists_images(path)))
    if not image_sets:
        listing, target = folder / ANNOTATIONS, folder / LISTS / "test.txt"
        raise DatasetError(
            f"{folder}: expected a list of images in {LISTS}, found none; write {target}, one id a line, as in\n"
            f"  mkdir -p {shlex.quote(str(target.parent))} && ls {shlex.quote(str(listing))} | sed 's/[.]xml$//' > "
            f"{shlex.quote(str(target))}"
        )
    return VocSurvey(image_sets, _classes(folder / ANNOTATIONS))


def _require_images(folder: Path) -> None:
    if (folder / IMAGES).is_dir():
        return
    others = sorted(each.name for each in folder.iterdir() if each.is_dir() and _holds_images(each))
    hint = f"; found images in {', '.join(others[:SHOWN])}: give that folder this name" if others else ""
    raise DatasetError(f"{folder}: expected the images in the folder {IMAGES} (.jpg, .jpeg or .png){hint}")


def _holds_images(folder: Path) -> bool:
    return any(each.suffix.lower() in SUFFIXES for each in folder.iterdir())


def _lists_images(path: Path) -> bool:
    """Say whether the first line that is not empty has one column. Only its beginning is looked at."""
    with suppress(OSError), open_regular(path) as file:
        first = next((line for line in file.read(LONGEST_LINE).splitlines() if line.strip()), b"")
        return len(first.split()) == 1
    return False


def _classes(folder: Path) -> Mapping[str, int]:
    counts = Counter[str]()
    for path in folder.glob("*.xml"):
        with suppress(OSError, FaultError):
            annotation = read_annotation(read_regular(path, LARGEST_ANNOTATION.value, LARGEST_ANNOTATION.remedy))
            counts.update(one.name for one in annotation.objects)
    if not counts:
        raise DatasetError(f"{folder}: expected annotations with objects in them, found none that can be read")
    return dict(sorted(counts.items()))
