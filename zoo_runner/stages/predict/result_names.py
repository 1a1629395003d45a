"""Which sample and which output a result file is of, by its name alone.

Files of zoo-run's are named by position. Those of a recipe that was carried out by hand may be named by the samples'
ids, or by positions in another form, and count outputs from 0 or from 1. A name counts only where nothing else explains
all of the names as well: results that are scored as other samples' give a figure, and a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from zoo_runner.errors import ResultError
from zoo_runner.job.part_samples import PartSample

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Sample

Stems: TypeAlias = "Mapping[int, str]"
"""What files are called before ``_<output>``, by the sample's position from 1."""
_NUMBER: Final = re.compile("[0-9]{1,18}")


def stem(sample: Sample) -> str:
    """Return the base name of a sample's input file, as zoo-run writes it."""
    return sample.stem if isinstance(sample, PartSample) else f"{sample.index:07d}"


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How the files of a folder are named.

    Attributes:
        stems: By the sample's position, for each sample that has a name.
        first: The number of the first output: 0 or 1.
        by: What samples are named by.
        proven: Whether the names that are there allow this reading and no other one.
    """

    stems: Stems
    first: int = 0
    by: Literal["position", "id"] = "position"
    proven: bool = True

    def names(self, sample: Sample, outputs: int, suffix: str) -> list[str]:
        """Return the names of a sample's files, in the outputs' order."""
        return [f"{self.stems.get(sample.index, stem(sample))}_{self.first + i}.{suffix}" for i in range(outputs)]

    @property
    def unusual(self) -> str:
        """Say how the names differ from those that zoo-run writes; empty where they do not."""
        parts = ["files named by sample id"] if self.by == "id" else []
        parts += ["files named by position, as --by-position says"] if self.by == "position" and self._other() else []
        parts += ["outputs counted from 1"] if self.first else []
        return ", ".join(parts)

    def _other(self) -> bool:
        return any(name != f"{index:07d}" for index, name in self.stems.items())


def own_naming(dataset: Sequence[Sample]) -> Naming:
    """Return how zoo-run names files."""
    return Naming(stems={sample.index: stem(sample) for sample in dataset})


def naming_of(
    names: Collection[str], samples: Sequence[Sample], dataset: Sequence[Sample], outputs: int, *, by_position: bool
) -> Naming:
    """Find out how files are named.

    Args:
        names: The files' names.
        samples: The samples to score.
        dataset: The whole data set.
        outputs: How many outputs the model has.
        by_position: Whether the user says that numbers are positions in the data set, counted from 0 or from 1.

    Returns:
        The naming; one that is not ``proven`` explains the names best, and not all of them.

    Raises:
        ResultError: Two readings explain all names, and differ.
    """
    split = [_split(name) for name in names]
    stems = {each[0] for each in split if each}
    first = 1 if {each[1] for each in split if each} == set(range(1, outputs + 1)) else 0
    positions = [each for each in _by_position(stems, dataset) if _explains(each, stems, samples)]
    ids = [each for each in _by_id(dataset) if _explains(each, stems, samples)]
    found = positions if by_position else [*ids[:1], *positions]
    other = next((each for each in found[1:] if not _same(found[0], each, samples)), None)
    if other is not None and (ids or by_position):
        raise ResultError(_two_readings(found[0], other, samples, by_position=by_position))
    own = own_naming(dataset).stems
    if ids and not by_position:
        return Naming(stems=ids[0], first=first, by="position" if _same(ids[0], own, dataset) else "id")
    if by_position and positions:
        return Naming(stems=positions[0], first=first)
    if not by_position and _explains(own, stems, samples):
        return Naming(stems=own, first=first)
    guess = max((own, *_by_id(dataset)), key=lambda each: len(stems & set(each.values())))
    return Naming(stems=guess, first=first, by="position" if guess is own else "id", proven=False)


def could_be_positions(names: Collection[str], samples: Sequence[Sample], dataset: Sequence[Sample]) -> bool:
    """Say whether ``--by-position`` would explain the names."""
    stems = {each[0] for each in map(_split, names) if each}
    return any(_explains(each, stems, samples) for each in _by_position(stems, dataset))


def _split(name: str) -> tuple[str, int] | None:
    """Return what is before the last underscore, and the number of the output after it."""
    match = re.fullmatch(r"(.+)_(0|[1-9][0-9]{0,5})\.[a-z]+", name)
    return (match[1], int(match[2])) if match else None


def _by_position(stems: Collection[str], dataset: Sequence[Sample]) -> Iterator[Stems]:
    """Yield the readings of numbers as positions from 1 and from 0; none where a number has two names."""
    numbers = {int(each): each for each in stems if _NUMBER.fullmatch(each)}
    if len(numbers) == len(stems):
        for first in (1, 0):
            yield {
                sample.index: numbers[number] for sample in dataset if (number := sample.index - 1 + first) in numbers
            }


def _by_id(dataset: Sequence[Sample]) -> Iterator[Stems]:
    """Yield the readings as ids, and as ids up to their first dot, where ais_bench ends; each id must be one's own."""
    whole = {sample.index: sample.id for sample in dataset}
    short = {index: PurePosixPath(name).name.partition(".")[0] for index, name in whole.items()}
    yield from (each for each in (whole, short) if len(set(each.values())) == len(dataset))


def _explains(reading: Stems, stems: Collection[str], samples: Sequence[Sample]) -> bool:
    """Say whether every name is one of a sample, and every sample that is scored has one."""
    return set(stems) <= set(reading.values()) and all(reading.get(sample.index) in stems for sample in samples)


def _same(one: Stems, other: Stems, samples: Sequence[Sample]) -> bool:
    return all(one.get(sample.index) == other.get(sample.index) for sample in samples)


def _two_readings(one: Stems, other: Stems, samples: Sequence[Sample], *, by_position: bool) -> str:
    """Phrase that names have two meanings, by a sample for which they differ."""
    sample = next(each for each in samples if one.get(each.index) != other.get(each.index))
    found = f"sample {sample.id!r}, the {sample.index}. of the data set, may be {one[sample.index]}_*"
    if by_position:
        return (
            f"expected positions whose count begins with 0 or with 1, found some that may begin with either: {found} "
            f"counted from 1, or {other[sample.index]}_* counted from 0; nothing was scored: give the files of the "
            "whole data set"
        )
    return (
        f"expected names that say which sample a result is of, found numbers with two meanings: {found} by id, or "
        f"{other[sample.index]}_* by position; nothing was scored: add --by-position if they are positions, else name "
        f"the files by position yourself, as {stem(sample)}_0 for that sample"
    )
