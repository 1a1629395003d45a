"""Readers of labelled images: a folder for each class, a label file, or labels in the manifest itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)

from zoo_classification.classes import Classes, names_of, text_of
from zoo_classification.samples import LabelledSample
from zoo_images.decoding import contents
from zoo_runner.errors import DatasetError, did_you_mean, listed

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"})
"""Of image files, in small or capital letters."""
UNREAD: Final = frozenset({".gif", ".jfif", ".jpe", ".heic", ".avif", ".jp2", ".tga", ".pgm", ".svg"})
"""Of image files that are not read."""
REPAIR: Final = "repair or fetch the data set again, or correct plugin.config"


def is_inside(name: str) -> bool:
    """Say whether a name is a path below a folder, with no part that leads out of it."""
    parts = name.split("/")
    return not {"", ".", ".."} & set(parts) and "\0" not in name


def _inside(name: str) -> str:
    if not is_inside(name):
        raise ValueError(f"expected a path below the folder of the data set, such as images/val, found {name!r}")
    return name


Inside = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_inside)]


class Folders(BaseModel):
    """A folder for each class, called as the class is, with its images in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["folders"]
    folder: Inside | None = Field(
        default=None, description="the folder that holds them, below that of the data set; by default the latter itself"
    )
    without_images: tuple[StrictStr, ...] | Literal["any"] = Field(
        default=(),
        description="folders of classes that have no image; any lets every folder be empty. By default none may",
    )


class LabelFile(BaseModel):
    """A text file: on each line an image's path and, behind the last space, tab or comma, its class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["label_file"]
    file: Inside = Field(default="labels.txt", description="of the data set")
    folder: Inside | None = Field(
        default=None, description="that the paths begin in, below that of the data set; by default the latter itself"
    )
    first: Literal[0, 1] = Field(default=0, description="what the first class is, where lines have numbers")


class Listed(BaseModel):
    """The labels stand in the manifest: for a handful of images of an archive that has no labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["listed"]
    labels: Mapping[Inside, StrictInt | StrictStr] = Field(
        min_length=1, description="the class of each image, by its path below the data set: its name or its number"
    )
    sha256: Mapping[Inside, Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]] | None = Field(
        default=None, description="the hash of each image, where the data set as a whole has none; others are refused"
    )

    @model_validator(mode="after")
    def _each_image_or_none(self) -> Listed:
        differ = sorted(self.labels.keys() ^ self.sha256.keys()) if self.sha256 is not None else ()
        if differ:
            raise ValueError(
                f"expected the hashes of just the images in labels, found {listed(differ)} in one of them alone"
            )
        return self


Reader: TypeAlias = Annotated[Folders | LabelFile | Listed, Field(discriminator="type")]


@dataclass(frozen=True)
class LabelledImages:
    """The images that a reader finds.

    Attributes:
        reader: How labels are found.
        classes: As configured.
    """

    reader: Reader
    classes: Classes
    noun: str = field(default="images", init=False)

    def samples(self, root: Path) -> Sequence[LabelledSample]:
        """List the labelled images: of folders by class and name, else in the order of the labels.

        Raises:
            DatasetError: Labels are missing, malformed or unknown, or an image has two. All faults are counted.
        """
        found = _Found(names_of(self.classes, root), numbered=isinstance(self.classes, int))
        shown: Sequence[str] = found.names
        if isinstance(self.reader, Folders):
            shown = _read_folders(self.reader, root, found)
        elif isinstance(self.reader, LabelFile):
            _read_file(self.reader, root, found)
        else:
            for path, label in self.reader.labels.items():
                found.add(path, root / path, label, "plugin.config.reader.labels")
            found.faults += _other_content(self.reader.sha256 or {}, root)
        if found.faults or not found.labels:
            faults = found.faults or [f"no labelled image in {root}"]
            number = f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}"
            raise DatasetError(f"{root}: expected labelled images; found {number}:\n{listed(faults)}\n{REPAIR}")
        number_of_classes = len(found.names)
        return [
            LabelledSample(index=index, id=name, path=path, label=label, name=shown[label], classes=number_of_classes)
            for index, (name, (path, label)) in enumerate(found.labels.items(), start=1)
        ]


@dataclass
class _Found:
    names: tuple[str, ...]
    numbered: bool
    labels: dict[str, tuple[Path, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, name: str, path: Path, label: str | int, where: str, first: int = 0) -> None:
        """Note an image with its class; what is wrong with it becomes a fault."""
        number = self._number(label, first)
        if number is None:
            as_number = self.numbered or isinstance(label, int)
            shown = f"{first} to {len(self.names) - 1 + first}" if as_number else f"one of {len(self.names)} classes"
            hint = "" if isinstance(label, int) else did_you_mean(label, self.names)
            self.faults.append(f"{where}: class {label!r} is not {shown}{hint}")
        elif name in self.labels:
            self.faults.append(f"{where}: {name!r} has a class already")
        else:
            self.labels[name] = (path, number)

    def _number(self, label: str | int, first: int) -> int | None:
        """Return a label's position among the classes.

        A number is that position, and digits are one where no class is called by digits: else some labels of a file
        would be read as names, and others as numbers.
        """
        if isinstance(label, int):
            return label if 0 <= label < len(self.names) else None
        if not self.numbered and (label in self._places or self.digits):
            return self._places.get(label)
        digits = label.isascii() and label.isdigit() and (label == "0" or not label.startswith("0"))
        number = int(label) - first if digits and len(label) <= len(str(len(self.names))) else -1
        return number if 0 <= number < len(self.names) else None

    def __post_init__(self) -> None:
        """Count positions once."""
        self._places = {name: place for place, name in enumerate(self.names)}
        self.digits = next((each for each in self.names if each.isdigit()), "") if not self.numbered else ""


def _read_folders(reader: Folders, root: Path, found: _Found) -> Sequence[str]:
    """Note the images, and return what the classes are called: where they are only counted, as their folders are."""
    base = root / reader.folder if reader.folder else root
    present = sorted(each.name for each in base.iterdir() if each.is_dir()) if base.is_dir() else []
    if not present:
        found.faults.append(f"{base}: expected a folder for each class, found none")
        return found.names
    names = present if found.numbered else found.names
    if found.numbered and len(present) != len(found.names):
        found.faults.append(
            f"{base}: expected {len(found.names)} folders, as many as classes, found {len(present)}; "
            "list the names of the classes where some have no folder"
        )
        return names
    if found.numbered and _misread(present):
        found.faults.append(
            f"{base}: expected folders whose order is plain, found numbers, which are sorted as texts "
            f"({', '.join(present[:10])}{', ...' if len(present) > 10 else ''}); write plugin.config.classes as the "  # noqa: PLR2004 - as many as one line holds
            "list of their names, in the order of the network's outputs"
        )
        return names
    unknown = [] if found.numbered else [each for each in present if each not in set(names)]
    found.faults += [f"{base / each}: is no class{did_you_mean(each, names)}" for each in unknown]
    missing = sorted(set(names) - set(present))
    found.faults += [f"{base / each}: expected the folder of a class, found none" for each in missing]
    images = {name: list(_images(base / name, found)) for name in names if name in set(present)}
    found.faults += _miscounted(reader, base, images)
    for label, name in enumerate(names):
        for path in images.get(name, ()):
            found.labels[f"{name}/{path.name}"] = (path, label)
    return names


def _misread(names: Sequence[str]) -> bool:
    """Say whether sorted names are numbers in another order: 0, 1, 10, 2."""
    return all(name.isdecimal() for name in names) and list(names) != sorted(names, key=int)


def _miscounted(reader: Folders, base: Path, images: Mapping[str, Sequence[Path]]) -> Iterator[str]:
    """Say which folders have no image, and which have some though the manifest says that they have none.

    A class whose images were lost would leave the score without a word, and what is left may score better.
    """
    if reader.without_images == "any":
        return
    said = set(reader.without_images)
    for name, found in images.items():
        if not found and name not in said:
            yield (
                f"{base / name}: expected images ({', '.join(sorted(SUFFIXES))}), found none; if that is right, write "
                f"its name into plugin.config.reader.without_images"
            )
        elif found and name in said:
            yield f"{base / name}: expected no image, as plugin.config.reader.without_images says, found {len(found)}"
    for name in sorted(said - images.keys()):
        yield f"plugin.config.reader.without_images: {name!r} is no folder of a class{did_you_mean(name, images)}"


def _images(folder: Path, found: _Found) -> Iterator[Path]:
    """Give the images of a class; a folder, or an image that cannot be read, is a fault and not left out in silence."""
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names are wanted, in an order that no file system decides
        suffix = PurePosixPath(name).suffix.lower()
        if (folder / name).is_dir() or suffix in UNREAD:
            found.faults.append(f"{folder / name}: expected an image ({', '.join(sorted(SUFFIXES))})")
        elif suffix in SUFFIXES:
            yield folder / name


def _other_content(pinned: Mapping[str, str], root: Path) -> Iterator[str]:
    """Say which images are not those that the manifest means."""
    for name, sha256 in pinned.items():
        try:
            found = hashlib.sha256(contents(root / name)).hexdigest()
        except OSError as error:
            yield f"{name}: cannot be read: {error.strerror}"
            continue
        if found != sha256:
            yield f"{name}: expected the image with sha256 {sha256}, as plugin.config.reader.sha256 says, found {found}"


def _read_file(reader: LabelFile, root: Path, found: _Found) -> None:
    base, path = root / reader.folder if reader.folder else root, root / reader.file
    if found.digits and reader.first:
        found.faults.append(
            f"plugin.config.reader.first: expected none where a class is called by digits ({found.digits!r}), as "
            f"labels are names then, found {reader.first}; remove it, or write plugin.config.classes: "
            f"{len(found.names)} if labels are numbers"
        )
        return
    for number, line in enumerate(text_of(path, "an image's path and its class on each line").splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{reader.file}:{number}"
        name, label = _divided(line)
        if not label or not is_inside(name):
            found.faults.append(f"{where}: expected a path below {base} and its class, found {line!r}")
        else:
            found.add(name, base / name, label, where, reader.first)


def _divided(line: str) -> tuple[str, str]:
    """Return a line's path and class, divided at the last tab, else the last comma, else the last space."""
    for mark in ("\t", ",", " "):
        if mark in line.strip():
            name, _, label = line.strip().rpartition(mark)
            return name.strip(), label.strip()
    return line.strip(), ""
