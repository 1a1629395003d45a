"""Reading a PASCAL VOC data set: the image list and the annotations, all faults of which are told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from refinedet_plugin.voc_annotation import Annotation, FaultError, read_annotation
from zoo_runner.errors import DatasetError, did_you_mean
from zoo_runner.interfaces import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN: Final = 10
"""Faults named in one error; the rest are counted."""

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, kw_only=True, eq=False)
class VocSample(Sample):
    """One annotated image. Samples are equal if index, id and path are; the arrays are read-only.

    Attributes:
        width: Of the image, in pixels, as annotated.
        height: Likewise.
        boxes: Float32 [K, 4] xyxy of the objects, as annotated: 1-based pixels, both corners inside.
        labels: Integer [K], position of the object's class in the data set's class list.
        difficult: Bool [K]; such objects are left out of the score.
    """

    width: int
    height: int
    boxes: NDArray[np.float32]
    labels: NDArray[np.intp]
    difficult: NDArray[np.bool_]


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

    def samples(self, root: Path) -> Sequence[VocSample]:
        """List the annotated images in the order of the image set.

        The image files themselves are not looked at, so that results can be scored without them; reading an
        image that is missing is the preprocessing's error.

        Args:
            root: The VOCdevkit folder, or the year's folder in it.

        Raises:
            DatasetError: The list or annotations are missing, malformed or contradictory, or have unknown
                classes. The first faults are named, all are counted.
        """
        folder = self._folder(root)
        faults = _Faults()
        samples = list(self._read(folder, self._ids(folder), faults))
        for name, files in faults.unknown.items():
            faults.texts.append(
                f"class {name!r} of {_count(len(files), 'object')}, the first in {files[0]}, "
                f"is not one of the {len(self.classes)} expected{did_you_mean(name, self.classes)}"
            )
        if faults.texts:
            raise DatasetError(
                f"expected complete annotations for image set {self.image_set!r} in {folder}; "
                f"found {_count(len(faults.texts), 'fault')}:\n{listed(faults.texts)}\n"
                "repair or fetch the data set again; if the classes are meant, list them in the manifest"
            )
        return samples

    def _folder(self, root: Path) -> Path:
        for folder in (root / self.year, root):
            if (folder / "Annotations").is_dir() and (folder / "ImageSets").is_dir():
                return folder
        held = _entries(root)
        if self.year in held:
            held = [f"{self.year}/{entry}" for entry in _entries(root / self.year)] or [f"{self.year}, empty"]
        found = ", ".join(held[:SHOWN]) + (", ..." if len(held) > SHOWN else "")
        raise DatasetError(
            f"expected {self.year}/Annotations and {self.year}/ImageSets, or Annotations and ImageSets, "
            f"in {root}; found {found or ('nothing in it' if root.is_dir() else 'no such folder')}; "
            f"give the VOCdevkit folder that holds {self.year}"
        )

    def _ids(self, folder: Path) -> list[str]:
        path = folder / "ImageSets" / "Main" / f"{self.image_set}.txt"
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            known = sorted(other.stem for other in path.parent.glob("*.txt"))
            raise DatasetError(
                f"expected the image set {path}; found {', '.join(known[:SHOWN]) or 'none'} there; "
                f"name one of those as image_set{did_you_mean(self.image_set, known)}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"expected a readable image set {path}; found: {error}; fetch it again") from error
        lines: dict[str, int] = {}
        faults = []
        for number, line in enumerate(text.split("\n"), start=1):
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

    def _read(self, folder: Path, ids: Sequence[str], faults: _Faults) -> Iterator[VocSample]:
        labels = {name: label for label, name in enumerate(self.classes)}
        annotations, images = folder / "Annotations", folder / "JPEGImages"
        for index, name in enumerate(ids, start=1):
            try:
                annotation = _annotation(f"{annotations}/{name}.xml")
            except FaultError as fault:
                faults.texts.append(f"Annotations/{name}.xml: {fault}")
                continue
            objects = annotation.objects
            unknown = [one.name for one in objects if one.name not in labels]
            for label in unknown:
                faults.unknown.setdefault(label, []).append(f"Annotations/{name}.xml")
            if unknown:
                continue
            yield VocSample(
                index=index,
                id=name,
                path=images / f"{name}.jpg",
                width=annotation.width,
                height=annotation.height,
                boxes=_fixed(np.array([one.box for one in objects], dtype=np.float32).reshape(-1, 4)),
                labels=_fixed(np.array([labels[one.name] for one in objects], dtype=np.intp)),
                difficult=_fixed(np.array([one.difficult for one in objects], dtype=np.bool_)),
            )


def plain_name(name: str) -> bool:
    """Say whether ``name`` can be part of a file name: it leads to no other folder."""
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\\0")


def listed(faults: Sequence[str]) -> str:
    """Write faults one a line: the first ones and how many more there are."""
    more = len(faults) - SHOWN
    return "\n".join(f"  {fault}" for fault in faults[:SHOWN]) + (f"\n  and {more} more" if more > 0 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


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


def _annotation(path: str) -> Annotation:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a third of the time of Path.read_bytes
            data = file.read()
    except FileNotFoundError:
        raise FaultError("the file is missing") from None
    except (OSError, ValueError) as error:
        raise FaultError(f"cannot be read: {error}") from error
    return read_annotation(data)


def _fixed(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    array.flags.writeable = False
    return array
