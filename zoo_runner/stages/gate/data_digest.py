"""One hash of a data set: of all that its samples say, ground truth included, and of the files that are scored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.stages.fetch.sample_keys import SampleKeys
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.interfaces import Sample

_FILE: Final = {"file": "see its content"}


class UnknownValueError(ValueError):
    """A sample has a value of which nobody knows whether it is the same in another process."""


def data_digest(samples: Sequence[Sample], scored: Sequence[Sample]) -> str:
    """Return the hash of a data set; equal for one that lies elsewhere.

    Args:
        samples: All of the data set.
        scored: Those whose files count with their content.

    Raises:
        ChangedError: A file changed while it was read.
        DatasetError: A file is missing or cannot be read.
        UnknownValueError: A sample holds something else than data, such as an object that reads files by itself.
    """
    contents = [content for _, content in SampleKeys().of(scored)]
    return fingerprint([_sample(each) for each in samples], [each.id for each in scored], contents)


def _sample(sample: Sample) -> object:
    """Return what a sample says; what the runner found in its files follows from their content."""
    named = [each.name for each in fields(sample)]
    more = sorted(vars(sample).keys() - set(named)) if hasattr(sample, "__dict__") else []
    if more:
        raise UnknownValueError(f"sample {sample.id!r}: {more[0]} is no field of {type(sample).__name__}")
    sample = replace(sample, finding=None)
    return {name: _data(getattr(sample, name), f"sample {sample.id!r}: {name}", top=True) for name in named}


def _data(value: object, where: str, *, top: bool = False) -> object:
    """Return a value as JSON that tells it from others; ``top`` where files that it names count with their content."""
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float):
        return {"float": repr(float(value))}
    if isinstance(value, Path) and top:
        return _FILE
    if isinstance(value, tuple | list):
        return [_data(each, where, top=top) for each in value]
    return _record(value, where)


def _record(value: object, where: str) -> object:
    """Return values that are made of others, or of bytes."""
    if isinstance(value, bytes | bytearray):
        return {"bytes": hashlib.sha256(value).hexdigest()}
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), where)
    if isinstance(value, Enum):
        return {type(value).__name__: value.name}
    if isinstance(value, Mapping):
        return {"pairs": [[_data(key, where), _data(each, where)] for key, each in value.items()]}
    if is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: {each.name: _data(getattr(value, each.name), where) for each in fields(value)}}
    raise UnknownValueError(f"{where} holds a {type(value).__name__}, of which nobody can tell whether it is the same")


def _array(array: np.ndarray, where: str) -> object:
    if array.dtype.hasobject:
        raise UnknownValueError(f"{where} holds an array of objects")
    return {"array": [str(array.dtype), list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]}
