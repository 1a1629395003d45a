"""ais_bench's files: ``.bin`` inputs for it, and ``.bin`` results from it.

Input ``k`` (the sample's position, counted from 1) is ``%07d.bin``; its output ``i`` is
``%07d_<i>.bin``, with ``i`` counted from 0 in the manifest's output order.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_runner.errors import ResultError
from zoo_runner.fingerprints import file_digest, fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.interfaces import Arrays, Sample, TensorSpec

NAMED = 10
"""How many bad files an error names before it only counts."""


def stem(sample: Sample) -> str:
    """Return the base name of a sample's input file."""
    return f"{sample.index:07d}"


def write_inputs(folder: Path, samples: Sequence[Sample], inputs: Iterable[Arrays]) -> None:
    """Write one file per sample and input: raw, C order, little-endian.

    A model with one input gets ``<folder>/0000001.bin``; one with several gets a folder per input.
    """
    with replaced(folder) as temporary:
        for sample, arrays in zip(samples, inputs, strict=True):
            for name, array in arrays.items():
                target = temporary if len(arrays) == 1 else temporary / name
                target.mkdir(exist_ok=True)
                (target / f"{stem(sample)}.bin").write_bytes(_raw(array))


def write_results(
    folder: Path, samples: Sequence[Sample], outputs: Iterable[Arrays], specs: Sequence[TensorSpec]
) -> None:
    """Write one file per sample and output, as ais_bench names them."""
    with replaced(folder) as temporary:
        for sample, arrays in zip(samples, outputs, strict=True):
            for position, spec in enumerate(specs):
                (temporary / f"{stem(sample)}_{position}.bin").write_bytes(_raw(arrays[spec.name]))


@dataclass(frozen=True, kw_only=True)
class ResultFolder:
    """Outputs read from result files; built by :func:`open_results`, which has checked names and sizes.

    Attributes:
        files: The files of each sample index, in output order.
        specs: The outputs, in the order the files are numbered.
    """

    files: Mapping[int, tuple[Path, ...]]
    specs: tuple[TensorSpec, ...]

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the key of the files' content and of what they are read as."""
        digests = [[file_digest(path) for path in self.files[sample.index]] for sample in samples]
        specs = [(spec.name, spec.dtype, list(spec.sample_shape())) for spec in self.specs]
        return fingerprint("results", digests, specs, [(sample.index, sample.id) for sample in samples])

    def outputs(self, samples: Sequence[Sample]) -> Iterator[Arrays]:
        """Yield each sample's outputs.

        Raises:
            ResultError: A value is not finite; the file is named.
        """
        for sample in samples:
            paths = self.files[sample.index]
            yield {spec.name: _read(path, spec) for spec, path in zip(self.specs, paths, strict=True)}


def open_results(
    folder: Path, samples: Sequence[Sample], dataset: Sequence[Sample], specs: Sequence[TensorSpec]
) -> ResultFolder:
    """Check a result folder against the data set before anything is scored.

    Args:
        folder: Holds ``<stem>_<i>.bin``, directly or below ``device<n>`` folders.
        samples: The samples to score; each needs all its files.
        dataset: The whole data set; files of these samples are not extra.
        specs: The outputs, in the order the files are numbered.

    Raises:
        ResultError: Files are missing, of the wrong size, extra or there twice; all kinds are named.
    """
    if not folder.is_dir():
        msg = f"--results {folder}: not a folder; expected the one ais_bench wrote <stem>_<i>.bin into"
        raise ResultError(msg)
    found, problems = _scan(folder)
    known = {f"{stem(sample)}_{i}.bin" for sample in dataset for i in range(len(specs))}
    problems += [f"extra: {name}" for name in sorted(found.keys() - known)]
    files: dict[int, tuple[Path, ...]] = {}
    for sample in samples:
        names = [f"{stem(sample)}_{i}.bin" for i in range(len(specs))]
        problems += [f"missing: {name} (sample {sample.id})" for name in names if name not in found]
        problems += [
            problem
            for name, spec in zip(names, specs, strict=True)
            if name in found and (problem := _size_problem(found[name], spec))
        ]
        files[sample.index] = tuple(found.get(name, folder / name) for name in names)
    if problems:
        raise ResultError(_summary(folder, problems, specs))
    return ResultFolder(files=files, specs=tuple(specs))


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Fill a temporary folder beside ``folder`` and put it in its place when all of it was written."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _scan(folder: Path) -> tuple[dict[str, Path], list[str]]:
    found: dict[str, Path] = {}
    problems = []
    for path in sorted([*folder.glob("*.bin"), *folder.glob("device*/*.bin")]):
        if path.name in found:
            problems.append(f"there twice: {found[path.name].relative_to(folder)} and {path.relative_to(folder)}")
        found[path.name] = path
    if not found:
        deeper = sorted({path.parent.name for path in folder.glob("*/*.bin")})
        hint = f"; {deeper[-1]!r} inside it has some: give that folder" if deeper else ""
        msg = f"--results {folder}: no .bin files in it{hint}"
        raise ResultError(msg)
    return found, problems


def _size_problem(path: Path, spec: TensorSpec) -> str:
    expected = int(np.prod(spec.sample_shape())) * np.dtype(spec.dtype).itemsize
    size = path.stat().st_size
    if size == expected:
        return ""
    kind = "short" if size < expected else "too long"
    shape = list(spec.sample_shape())
    return f"{kind}: {path.name} has {size} bytes, expected {expected} ({spec.name} {spec.dtype}{shape})"


def _summary(folder: Path, problems: list[str], specs: Sequence[TensorSpec]) -> str:
    shown = "\n".join(f"  {problem}" for problem in problems[:NAMED])
    more = f"\n  … and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    order = ", ".join(f"{i} = {spec.name}" for i, spec in enumerate(specs))
    return (
        f"--results {folder}: {len(problems)} problem(s), nothing was scored\n{shown}{more}\n"
        f"  expected <%07d>_<i>.bin for every sample, outputs in the manifest's order: {order}"
    )


def _read(path: Path, spec: TensorSpec) -> NDArray[Any]:
    array = np.fromfile(path, dtype=np.dtype(spec.dtype).newbyteorder("<")).reshape(spec.sample_shape())
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        msg = f"non-finite: {path} ({spec.name}) has {bad} of {array.size} values NaN or infinite; nothing was scored"
        raise ResultError(msg)
    return array


def _raw(array: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
