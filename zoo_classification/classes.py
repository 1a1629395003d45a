"""The classes of a classifier: their names, a file of the data set that has them, or only how many there are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints

from zoo_runner.errors import DatasetError, listed
from zoo_runner.plugin.files import Bound, read_regular

MOST: Final = 100_000
LARGEST: Final = Bound("ZOO_RUNNER_CLASSES_LIMIT", 16 * 10**6)
"""Bytes of a file of names."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if repeated := sorted(name for name, number in Counter(names).items() if number > 1):
        raise ValueError(f"expected unique class names; found repeated: {', '.join(repeated)}; remove the repetitions")
    return names


Names = Annotated[tuple[Name, ...], Field(min_length=2, max_length=MOST), AfterValidator(_unique)]
Count = Annotated[int, Field(ge=2, le=MOST)]
FileName = Annotated[str, StringConstraints(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*\.txt$")]
Classes: TypeAlias = Names | Count | FileName
"""Names in the order of the network's outputs; or how many; or a text file of the data set with one name a line."""


def number_of(classes: Classes) -> int | None:
    """Return how many classes there are; ``None`` where a file of the data set tells it."""
    if isinstance(classes, str):
        return None
    return classes if isinstance(classes, int) else len(classes)


def names_of(classes: Classes, root: Path) -> tuple[str, ...]:
    """Return the names of the classes in label order; numbers where they have none.

    Args:
        classes: As configured.
        root: Folder of the data set.

    Raises:
        DatasetError: A file of names cannot be read, or has empty or repeated lines.
    """
    if isinstance(classes, int):
        return tuple(map(str, range(classes)))
    if not isinstance(classes, str):
        return classes
    return _read(root / classes)


def _read(path: Path) -> tuple[str, ...]:
    lines = text_of(path, "class names, one a line").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    names = tuple(line.strip() for line in lines)
    first = {name: number for number, name in reversed([*enumerate(names, start=1)])}
    faults = [f"line {number}: empty" for number, name in enumerate(names, start=1) if not name]
    faults += [
        f"line {number}: {name!r} is already on line {first[name]}"
        for number, name in enumerate(names, start=1)
        if name and first[name] != number
    ]
    if len(names) == 1:
        faults.append("one class, which is always right")
    if faults or not names:
        found = "\n" + listed(faults) if faults else "nothing"
        raise DatasetError(f"{path}: expected at least two class names, one a line; found {found}\ncorrect the file")
    return names


def text_of(path: Path, wanted: str) -> str:
    """Return the text of a file of the data set.

    Args:
        path: The file.
        wanted: What should be in it.

    Raises:
        DatasetError: It is not there, cannot be read, or is no text.
    """
    try:
        return read_regular(path, LARGEST.value, LARGEST.remedy).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(
            f"{path}: expected a file with {wanted}; found: {why}; put it into the data set, or correct the manifest"
        ) from error
