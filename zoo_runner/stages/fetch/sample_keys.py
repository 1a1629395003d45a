"""What a sample is, for keys: the content of its files, and what the data set says of it in words and numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from zoo_runner.errors import ChangedError, DatasetError
from zoo_runner.job.part_samples import PartSample
from zoo_runner.store.snapshots import Watch
from zoo_runner.used_code.opened import set_apart

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Sample

Content: TypeAlias = "str | list[list[str]] | None"
"""Hash of a file; names and hashes below a folder; ``None`` of what is not there."""
OTHER: Final = "not a file"
"""Stands for the content of what cannot be read to its end, such as a pipe."""
_NO_FACT: Final = object()


@dataclass
class SampleKeys:
    """Keys of samples, and whether their files still are what the keys say.

    Attributes:
        absent: Whether files may be missing, as where results come from files.
    """

    absent: bool = False
    _watch: Watch = field(default_factory=Watch, repr=False)
    _inside: dict[Path, list[Path]] = field(default_factory=dict, repr=False)

    def of(self, samples: Sequence[Sample]) -> list[list[object]]:
        """Return everything a prediction of these samples may depend on; a file they share is read once.

        A file's name counts in a folder only: a data set may be moved.

        Raises:
            ChangedError: A file was hashed before, and has changed.
            DatasetError: A file is missing or cannot be read.
        """
        known: dict[Path, Content] = {}
        for sample in samples:
            for path in sample_files(sample):
                if path not in known:
                    known[path] = self._content_of(sample, path)
        return [[facts(sample), [known[path] for path in sample_files(sample)]] for sample in samples]

    def check(self, samples: Sequence[Sample]) -> None:
        """Refuse samples whose files changed since they were hashed.

        Raises:
            ChangedError: The first file that did.
        """
        for path in dict.fromkeys(path for sample in samples for path in sample_files(sample)):
            inside = self._inside.get(path)
            if inside is not None and inside != _below(path):
                raise ChangedError(
                    f"{path}: files were added or removed while it was in use; nothing made of it is kept; see to it "
                    "that nothing writes to it during a run, and run again"
                )
            self._watch.check([path] if inside is None else inside)

    def _content_of(self, sample: Sample, path: Path) -> Content:
        try:
            return self._content(path)
        except FileNotFoundError as error:
            if self.absent:
                return None
            msg = f"sample {sample.id}: expected its file {path}, found none; give a whole data set"
            raise DatasetError(msg) from error
        except OSError as error:
            raise DatasetError(f"sample {sample.id}: {path} cannot be read: {error.strerror or error}") from error

    def _content(self, path: Path) -> Content:
        if not path.is_dir():
            return self._digest(path)
        self._inside[path] = _below(path)
        return [[inner.relative_to(path).as_posix(), self._digest(inner)] for inner in self._inside[path]]

    def _digest(self, path: Path) -> str:
        set_apart(path)
        return self._watch.digest(path) if path.is_file() or not path.exists() else OTHER


def sample_files(sample: Sample) -> tuple[Path, ...]:
    """Return the files and folders of a sample, each once: ``path``, ``files``, and what its other fields name."""
    sample = sample.whole if isinstance(sample, PartSample) else sample
    named = [path for each in fields(sample) for path in _paths(getattr(sample, each.name))]
    return tuple(dict.fromkeys([sample.path, *sample.files, *named]))


def facts(sample: Sample) -> dict[str, object]:
    """What the data set says of a sample in words and numbers, such as the size of its image.

    Arrays are left out: they hold what is scored, and scoring is not kept. Numbers of NumPy's count as Python's.
    """
    values = {each.name: _fact(getattr(sample, each.name)) for each in fields(sample)}
    if not sample.group:  # keys of data sets without groups are what they were before there were any
        del values["group"]
    return {name: value for name, value in values.items() if value is not _NO_FACT}


def _fact(value: object) -> object:
    """Return a value as JSON can tell it from others, or :data:`_NO_FACT`."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return {"float": repr(float(value))}  # JSON has no word for a number that is not finite
    if isinstance(value, (tuple, list)):
        items = [_fact(item) for item in value]
        return _NO_FACT if any(item is _NO_FACT for item in items) else items
    shape, item = getattr(value, "shape", None), getattr(value, "item", None)
    return _fact(item()) if shape == () and callable(item) else _NO_FACT


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, (tuple, list)):
        yield from (path for item in value for path in _paths(item))


def _below(folder: Path) -> list[Path]:
    """Return all files below a folder; a link to a folder is followed unless it leads back up."""
    return sorted(_walk(folder))


def _walk(folder: Path) -> Iterable[Path]:
    seen: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(where))
        folders[:] = [name for name in folders if os.path.realpath(Path(where, name)) not in seen]
        yield from (Path(where, name) for name in names)
