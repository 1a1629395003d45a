"""Readers of labelled lines: a label file, or a text file beside each image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from zoo_runner.errors import DatasetError, listed, shortened
from zoo_runner.plugin.files import Bound, read_regular, refused
from zoo_text.samples import TextSample

LARGEST_LABELS: Final = Bound("ZOO_RUNNER_LABELS_LIMIT", 64 * 10**6)
"""Bytes of a label file: a million lines."""
LARGEST_TEXT: Final = Bound("ZOO_RUNNER_TEXT_LIMIT", 10**6)
"""Bytes of the text of one line."""
SUFFIXES: Final = (".bmp", ".jpg", ".jpeg", ".png")
"""Of image files, in small or capital letters."""


def _inside(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"expected a path inside the data set, without '..'; found {value!r}; correct it")
    return value


_Place = Annotated[str, AfterValidator(_inside)]
_EMPTY: Final = "expected a text, found none: lines without one count as right where nothing is found"
"""Of an image whose text is empty or blank: more often the text was lost."""
_CURE: Final = "; where images have no text indeed, write plugin.config.reader.empty: true"


class LabelFileConfig(BaseModel):
    """One file has the texts of all images: ``path<TAB>text`` in each line, as PP-OCR's label files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["label_file"]
    file: _Place = Field(default="labels.txt", description="the label file, below the data set's folder")
    images: _Place | None = Field(
        default=None, description="folder that paths in the label file start from; by default the label file's own"
    )
    empty: bool = Field(default=False, description="whether a text may be empty or blank; by default that is a fault")


class TextFilesConfig(BaseModel):
    """Each image has a file with its text beside it, of the same name but for the suffix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["text_files"]
    suffix: Annotated[str, Field(pattern=r"^\.[\w.]+$")] = Field(
        default=".txt", description="of the files with the texts, such as .txt or .gt.txt"
    )
    empty: bool = Field(default=False, description="whether a text may be empty or blank; by default that is a fault")


@dataclass(frozen=True)
class LabelFile:
    """The lines of a label file.

    Attributes:
        config: What the manifest says.
        dictionary: The file with the recogniser's dictionary, below the data set's folder; empty where it is elsewhere.
    """

    config: LabelFileConfig
    dictionary: str = ""

    @property
    def noun(self) -> str:
        """What the samples are called."""
        return "lines"

    def samples(self, root: Path) -> Sequence[TextSample]:
        """List the lines in the order of the file. The images themselves are not looked at.

        Raises:
            DatasetError: The file is missing, or a line of it is no label; the first faults are named.
        """
        path = root / self.config.file
        folder = path.parent if self.config.images is None else root / self.config.images
        found, faults, blank = dict[str, TextSample](), list[str](), False
        for number, line in enumerate(_lines(path), start=1):
            if not line.strip():
                continue
            name, tab, text = line.partition("\t")
            fault = _fault(name, tab, text) or ("has the image of an earlier line" if name in found else "")
            if not fault and not text.strip() and not self.config.empty:
                fault = "has no text"
                blank = True
            if fault:
                faults.append(f"line {number} {fault}: {shortened(repr(line), 80)}")
                continue
            found[name] = _sample(len(found) + 1, name, folder / name, text, root, self.dictionary)
        if faults:
            raise DatasetError(
                f"{path}: expected path<TAB>text in each line, found {len(faults)} of another form:\n{listed(faults)}\n"
                f"correct the label file{_CURE if blank else ''}"
            )
        if not found:
            raise DatasetError(f"{path}: expected path<TAB>text in each line, found none; correct the label file")
        return list(found.values())


@dataclass(frozen=True)
class TextFiles:
    """The images of a folder, each with its text in a file beside it.

    Attributes:
        config: What the manifest says.
        dictionary: As for a :class:`LabelFile`.
    """

    config: TextFilesConfig
    dictionary: str = ""

    @property
    def noun(self) -> str:
        """What the samples are called."""
        return "lines"

    def samples(self, root: Path) -> Sequence[TextSample]:
        """List the images in the order of their names.

        Raises:
            DatasetError: There are none, a text is missing or none, or two images have the same text file.
        """
        images = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
        faults = list[str]()
        samples = list(self._read(root, images, faults))
        texts = {path.with_name(path.stem + self.config.suffix) for path in images}
        left = sorted(path for path in root.rglob(f"*{self.config.suffix}") if path not in texts and path.is_file())
        faults += [f"{path.relative_to(root)}: no image beside it" for path in left if path != root / self.dictionary]
        if faults or not samples:
            found = f"{len(faults)} with a fault:\n{listed(faults)}\n" if faults else "none; "
            cure = _CURE if any(fault.endswith(_EMPTY) for fault in faults) else ""
            raise DatasetError(
                f"{root}: expected images ({', '.join(SUFFIXES)}) with a text in NAME{self.config.suffix} beside each, "
                f"found {found}correct the data set{cure}"
            )
        return samples

    def _read(self, root: Path, images: Sequence[Path], faults: list[str]) -> Iterator[TextSample]:
        seen: dict[Path, Path] = {}
        for path in images:
            name = path.relative_to(root).as_posix()
            labels = path.with_name(path.stem + self.config.suffix)
            if labels in seen:
                faults.append(f"{name}: has the text file of {seen[labels].name}")
                continue
            seen[labels] = path
            try:
                lines = read_regular(labels, LARGEST_TEXT.value, LARGEST_TEXT.remedy).decode("utf-8-sig").splitlines()
            except FileNotFoundError:
                faults.append(f"{name}: no {labels.name}")
                continue
            except (OSError, UnicodeDecodeError) as error:
                faults.append(f"{labels.name}: {error.strerror if isinstance(error, OSError) else error}")
                continue
            if len(lines) > 1:
                faults.append(f"{labels.name}: expected one line, found {len(lines)}")
                continue
            text = lines[0] if lines else ""
            if not text.strip() and not self.config.empty:
                faults.append(f"{labels.relative_to(root)}:1: {_EMPTY}")
                continue
            yield _sample(len(seen), name, path, text, root, self.dictionary)


def _sample(index: int, name: str, path: Path, text: str, root: Path, dictionary: str) -> TextSample:
    """Return one line; a dictionary in the data set is one of its files, whose content counts in keys."""
    if not dictionary:
        return TextSample(index=index, id=name, path=path, text=text)
    place = root / dictionary
    return TextSample(index=index, id=name, path=path, files=(path, place), text=text, dictionary=place)


def _lines(path: Path) -> list[str]:
    """Return the lines of a label file, without their ends; a text may hold what Unicode calls the end of a line."""
    try:
        text = read_regular(path, LARGEST_LABELS.value, LARGEST_LABELS.remedy).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: expected UTF-8, found other bytes ({error}); save it as UTF-8") from error
    except OSError as error:
        raise DatasetError(
            f"{refused(error, 'read the label file', path)}; name it in plugin.config.reader.file, below the folder of "
            "the data set"
        ) from error
    return re.split("\r\n|\n", text)


def _fault(name: str, tab: str, text: str) -> str:
    """Say what is wrong with a line of a label file."""
    if not tab:
        return "has no tab"
    if "\t" in text:
        return "has more than one tab"
    path = PurePosixPath(name)
    if not name.strip() or path.is_absolute() or ".." in path.parts or path.as_posix() != name:
        return "names no image inside the data set"
    return ""
