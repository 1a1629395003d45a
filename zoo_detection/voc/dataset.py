"""Reading a PASCAL VOC data set: the image list and the annotations, all faults of which are told at once."""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from zoo_detection.samples import DetectionSample
from zoo_detection.voc.annotation import Annotation, FaultError, read_annotation
from zoo_runner.errors import DatasetError, did_you_mean, listed, shortened
from zoo_runner.plugin.files import Bound, read_regular

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN: Final = 10
"""Names of files or folders in one error."""
LARGEST_LIST: Final = Bound("ZOO_RUNNER_IMAGE_SET_LIMIT", 16 * 10**6)
"""Bytes of an image set: a million ids."""
LARGEST_ANNOTATION: Final = Bound("ZOO_RUNNER_ANNOTATION_LIMIT", 4 * 10**6)
"""Bytes of an annotation: ten thousand objects. Its tree takes some thirty times as much memory."""
SUFFIXES: Final = (".jpg", ".jpeg", ".png")
"""Of image files, in small or capital letters."""

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass
class _Faults:
    """What was found wrong so far, over all files."""

    texts: list[str] = field(default_factory=list)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    """Files by class that was not asked for, one entry an object."""


@dataclass(frozen=True)
class VocDataset:
    """The images of one VOC image set.

    Attributes:
        classes: Names in label order; an annotated class outside of them is an error.
        year: The data set's folder in the VOCdevkit folder.
        image_set: The list in ``ImageSets/Main``, without ``.txt``.
    """

    classes: tuple[str, ...]
    year: str = "VOC2007"
    image_set: str = "test"

    @property
    def noun(self) -> str:
        """What the samples are called."""
        return "images"

    def samples(self, root: Path) -> Sequence[DetectionSample]:
        """List the annotated images in the order of the image set.

        The image files themselves are not looked at, so that results can be scored without them; reading an
        image that is missing is the preprocessing's error. Their names may end in ``.jpg``, ``.jpeg`` or ``.png``,
        in small or capital letters; two files of one image are an error.

        Args:
            root: The VOCdevkit folder, or the year's folder in it.

        Raises:
            DatasetError: The list or annotations are missing, malformed or contradictory, or have unknown
                classes or boxes that cannot be. The first faults are named, all are counted.
        """
        folder = self._folder(root)
        faults = _Faults()
        samples = list(self._read(folder, self._ids(folder), faults))
        for name, files in faults.unknown.items():
            faults.texts.append(
                f"class {name!r} of {_count(len(files), 'object')}, the first in {files[0]}, "
                f"is not one of the {len(self.classes)} expected{did_you_mean(name, self.classes)}"
            )
        faults.texts.extend(_normalised(samples))
        if faults.texts:
            raise DatasetError(
                f"expected complete annotations for image set {self.image_set!r} in {folder}; "
                f"found {_count(len(faults.texts), 'fault')}:\n{listed(faults.texts)}\n"
                "repair or fetch the data set again; if the classes are meant, list them in the manifest"
            )
        return samples

    def _folder(self, root: Path) -> Path:
        places = (root / self.year, root)
        annotated = [folder for folder in places if (folder / "Annotations").is_dir()]
        listed_too = [folder for folder in annotated if (folder / "ImageSets").is_dir()]
        if listed_too or annotated:  # without any list the error names the one to write
            return (listed_too or annotated)[0]
        held = _entries(root)
        if self.year in held:
            held = [f"{self.year}/{entry}" for entry in _entries(root / self.year)] or [f"{self.year}, empty"]
        found = ", ".join(held[:SHOWN]) + (", ..." if len(held) > SHOWN else "")
        raise DatasetError(
            f"expected {self.year}/Annotations and {self.year}/ImageSets, or Annotations and ImageSets, "
            f"in {root}; found {found or ('nothing in it' if root.is_dir() else 'no such folder')}; "
            f"give {self._near(root) or f'the VOCdevkit folder that holds {self.year}'}{_years(root)}"
        )

    def _near(self, root: Path) -> str:
        """Name the folder that is meant where another one of the same data set was given: above it or in it."""
        below = sorted(each for each in root.glob("*") if each.is_dir())
        for near in (*root.absolute().parents[:2], *below):
            if (near / self.year / "Annotations").is_dir():
                return shortened(str(near))
        return ""

    def _ids(self, folder: Path) -> list[str]:
        path = folder / "ImageSets" / "Main" / f"{self.image_set}.txt"
        try:
            text = read_regular(path, LARGEST_LIST.value, LARGEST_LIST.remedy).decode("utf-8-sig")
        except FileNotFoundError:
            known = sorted(other.stem for other in path.parent.glob("*.txt"))
            raise DatasetError(
                f"expected the image set {path}; found {', '.join(known[:SHOWN]) or 'none'} there; "
                f"write {path}{_sets(self.image_set, known) or ', one image id a line'}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise DatasetError(f"expected a readable image set {path}; found: {why}; fetch it again") from error
        lines: dict[str, int] = {}
        faults = []
        for number, line in enumerate(re.split("\r\n|\r|\n", text), start=1):
            columns = line.split()
            if not columns:
                continue
            fault = _id_fault(columns, lines)
            if fault:
                faults.append(f"line {number}: {fault}")
            lines.setdefault(columns[0], number)
        if not lines:
            faults.append("there is no id")
        if faults:
            raise DatasetError(
                f"expected one image id a line in {path}; found {_count(len(faults), 'fault')}:\n"
                f"{listed(faults)}\nrepair the list or name another image set"
            )
        return list(lines)

    def _read(self, folder: Path, ids: Sequence[str], faults: _Faults) -> Iterator[DetectionSample]:
        labels = {name: label for label, name in enumerate(self.classes)}
        annotations, images, limit = folder / "Annotations", folder / "JPEGImages", LARGEST_ANNOTATION.value
        files = _images(images)
        usual = _usual_suffix(files)
        for index, name in enumerate(ids, start=1):
            found = files.get(name, ())
            if len(found) > 1:
                faults.texts.append(f"JPEGImages: expected one image of {name!r}, found {' and '.join(sorted(found))}")
            try:
                annotation = _annotation(annotations, name, limit)
            except FaultError as fault:
                faults.texts.append(f"Annotations/{name}.xml: {fault}")
                continue
            objects = annotation.objects
            unknown = [one.name for one in objects if one.name not in labels]
            for label in unknown:
                faults.unknown.setdefault(label, []).append(f"Annotations/{name}.xml")
            if unknown:
                continue
            yield DetectionSample(
                index=index,
                id=name,
                path=images / (found[0] if found else f"{name}{usual}"),
                width=annotation.width,
                height=annotation.height,
                boxes=_fixed(np.array([one.box for one in objects], dtype=np.float32).reshape(-1, 4)),
                labels=_fixed(np.array([labels[one.name] for one in objects], dtype=np.intp)),
                difficult=_fixed(np.array([one.difficult for one in objects], dtype=np.bool_)),
            )


def plain_name(name: str) -> bool:
    """Say whether ``name`` can be part of a file name: it leads to no other folder."""
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\\0")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _normalised(samples: Sequence[DetectionSample]) -> Iterator[str]:
    """Name the files of a data set all of whose boxes lie between 0 and 1: fractions of the image's sides.

    Such boxes were rounded to corners of the first pixel, which is where objects may lie only in the smallest images.
    """
    boxed = [sample for sample in samples if len(sample.boxes)]
    if not boxed or any(min(sample.width, sample.height) <= 1 for sample in boxed):
        return
    corners = np.concatenate([sample.boxes for sample in boxed])
    if corners.min() >= 0 and corners.max() <= 1:
        yield from (
            f"Annotations/{sample.id}.xml: expected boxes in pixels of {sample.width} x {sample.height}, found only "
            "coordinates between 0 and 1, as if divided by the image's size"
            for sample in boxed
        )


def _entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def _id_fault(columns: Sequence[str], lines: dict[str, int]) -> str:
    """Say what is wrong with a line of an image set, given the lines of the ids before it, or nothing."""
    if len(columns) > 1:
        return f"{' '.join(columns)!r} has {len(columns)} columns, as lists of one class have; expected one"
    if not plain_name(columns[0]):
        return f"{columns[0]!r} is not a plain file name"
    if columns[0] in lines:
        return f"{columns[0]!r} is already on line {lines[columns[0]]}"
    return ""


def _images(folder: Path) -> dict[str, list[str]]:
    """List the image files of a folder by their names without suffix; none where there is no folder."""
    found: dict[str, list[str]] = {}
    names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 - names are wanted, not paths
    for name in names:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - likewise
        if suffix.lower() in SUFFIXES:
            found.setdefault(stem, []).append(name)
    return found


def _usual_suffix(files: Mapping[str, Sequence[str]]) -> str:
    """Return what most of the images end in: a missing one is told by the name that it would have."""
    endings = Counter(Path(name).suffix for names in files.values() for name in names)
    return max(sorted(endings), key=endings.__getitem__, default=SUFFIXES[0])


def _annotation(folder: Path, name: str, limit: int) -> Annotation:
    try:
        data = read_regular(f"{folder}/{name}.xml", limit, LARGEST_ANNOTATION.remedy)  # text: paths take long to join
    except FileNotFoundError:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
        listed_so = suffix.lower() in {*SUFFIXES, ".xml"} and (folder / f"{stem}.xml").is_file()
        hint = f"; image sets list ids without {suffix!r}: write {stem}" if listed_so else ""
        raise FaultError(f"the file is missing{hint}") from None
    except OSError as error:
        raise FaultError(f"cannot be read: {error.strerror}") from error
    return read_annotation(data)


def _fixed(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    array.flags.writeable = False
    return array


def _years(root: Path) -> str:
    """Say what to set where the folder of another year is there."""
    years = sorted(each.parent.name for each in root.glob("*/Annotations"))
    return "".join(f", or set plugin.config.year: {shortened(year)}" for year in years[:SHOWN])


def _sets(wanted: str, known: Sequence[str]) -> str:
    """Say what to set where there are other lists, the nearest name first."""
    nearest = sorted(known, key=lambda name: -difflib.SequenceMatcher(None, wanted, name).ratio())
    return "".join(f", or set plugin.config.image_set: {shortened(name)}" for name in nearest[:1])
