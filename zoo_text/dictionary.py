"""What the classes of a recogniser stand for: a character each, in the order of the training."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from zoo_runner.errors import DatasetError, ManifestError, did_you_mean, shortened
from zoo_runner.plugin.files import Bound, read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WHERE: Final = "plugin.config.postprocess.dictionary"
LARGEST: Final = Bound("ZOO_RUNNER_DICTIONARY_LIMIT", 10**6)
"""Bytes of a file: that of PP-OCR with the most characters has 75,000."""
SHOWN: Final = 5
"""Characters named in an error."""


class Written(BaseModel):
    """A dictionary that the manifest writes out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["characters"]
    characters: Annotated[str, Field(min_length=1)] | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="in the order of the classes: a text with one character for each, or a list of them"
    )


class Published(BaseModel):
    """A dictionary that the ONNX file has in its metadata, a line each, as PP-OCR's recognisers do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["metadata"]
    key: Annotated[str, Field(min_length=1)] = Field(default="character", description="of the entry in the metadata")


class InData(BaseModel):
    """A dictionary in a file of the data set, a character a line, as PP-OCR's ``*_dict.txt``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["file"]
    file: Annotated[str, Field(pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)*$")] = Field(
        description="below the data set's folder"
    )


Source = Annotated[Written | Published | InData, Field(discriminator="type")]
"""Where a dictionary comes from."""


def written(source: Written) -> tuple[str, ...]:
    """Return the characters of a dictionary in the manifest.

    Raises:
        ManifestError: One of them stands there twice, or is empty.
    """
    return _checked(tuple(source.characters), f"{WHERE}.characters")


def published(source: Published, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the characters of a dictionary in the metadata of a model.

    Raises:
        ManifestError: There is none, or it is none.
    """
    if source.key not in metadata:
        names = ", ".join(shortened(name, 60) for name in metadata) or "nothing"
        raise ManifestError(
            f"{WHERE}.key: expected an entry {source.key!r} in the metadata of the ONNX file, found {names}"
            f"{did_you_mean(source.key, metadata)}; correct the key, or write the dictionary as type: characters"
        )
    return _checked(_lines(metadata[source.key]), f"{WHERE}: the entry {source.key!r} in the metadata of the ONNX file")


def read(path: Path) -> tuple[str, ...]:
    """Return the characters of a dictionary in a file.

    Raises:
        DatasetError: It cannot be read, or is no text.
        ManifestError: It is no dictionary.
    """
    try:
        text = read_regular(path, LARGEST.value, LARGEST.remedy).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(
            f"{path}: expected a dictionary, one character a line, found: {why}; put it into the data set, or correct "
            f"{WHERE}.file"
        ) from error
    return _checked(_lines(text), str(path))


def _lines(text: str) -> list[str]:
    """Return the lines of a text; characters that Unicode takes for the end of a line are characters."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1:] == [""] else lines


def _checked(characters: Sequence[str], where: str) -> tuple[str, ...]:
    """Refuse a dictionary in which a class has no character, or that of another one."""
    twice = [repr(each) for each, count in Counter(characters).items() if count > 1]
    if twice or not characters or "" in characters:
        found = f"{', '.join(twice[:SHOWN])} more than once" if twice else "an empty one" if characters else "none"
        raise ManifestError(f"{where}: expected characters that differ, one for each class, found {found}; correct it")
    return tuple(characters)
