"""ais_bench's files: ``.bin`` inputs for it, and ``.bin``, ``.npy`` or ``.txt`` results from it.

Input ``k`` (the sample's position, counted from 1) is ``%07d.bin``; its output ``i`` is
``%07d_<i>.<format>``, with ``i`` counted from 0 in the manifest's output order. ais_bench names results after
the input's name up to its first dot, so inputs made by hand must differ before it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import numpy as np

from zoo_runner.errors import ResultError
from zoo_runner.fingerprints import file_digest, fingerprint
from zoo_runner.stages.result_files import FORMATS, file_problem, read_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.interfaces import Arrays, Sample, TensorSpec

NAMED = 10
"""How many bad files an error names before it only counts."""
_RESULT: Final = re.compile(rf".*_\d+\.({'|'.join(FORMATS)})")


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
                target = temporary if len(arrays) == 1 else temporary / input_folder(name)
                target.mkdir(exist_ok=True)
                (target / f"{stem(sample)}.bin").write_bytes(_raw(array))


def input_folder(name: str) -> str:
    """Return the folder of one of several inputs; a name may have characters that a path must not."""
    return quote(name, safe="")


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
        code: Identity of the code that works on the outputs.
    """

    files: Mapping[int, tuple[Path, ...]]
    specs: tuple[TensorSpec, ...]
    code: str

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the key of the files' content, of what they are read as, and of what is known of the samples.

        The samples' own files need not exist.
        """
        digests = [[file_digest(path) for path in self.files[sample.index]] for sample in samples]
        specs = [(spec.name, spec.dtype, list(spec.sample_shape())) for spec in self.specs]
        return fingerprint("results", digests, specs, [_facts(sample) for sample in samples], self.code)

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield each sample's outputs.

        Raises:
            ResultError: A value is not finite, or a text does not hold the numbers; the file is named.
        """
        for sample in samples:
            paths = self.files[sample.index]
            yield {spec.name: read_output(path, spec) for spec, path in zip(self.specs, paths, strict=True)}


def open_results(
    folder: Path,
    samples: Sequence[Sample],
    dataset: Sequence[Sample],
    specs: Sequence[TensorSpec],
    *,
    title: str = "--results",
    code: str = "",
) -> ResultFolder:
    """Check a result folder against the data set before anything is scored.

    Args:
        folder: Holds ``<stem>_<i>.<format>``, directly or below ``device<n>`` folders, in one format.
        samples: The samples to score; each needs all its files.
        dataset: The whole data set; files of these samples are not extra.
        specs: The outputs, in the order the files are numbered.
        title: What errors call the folder.
        code: Identity of the code that works on the outputs, for keys.

    Raises:
        ResultError: Files are missing, of the wrong size, dtype or shape, extra or there twice; all kinds are named.
    """
    title = f"{title} {folder}"
    if not folder.is_dir():
        msg = f"{title}: not a folder; expected the one ais_bench wrote <stem>_<i>.bin into"
        raise ResultError(msg)
    found, suffix, problems = _scan(folder, title)
    known = {f"{stem(sample)}_{i}.{suffix}" for sample in dataset for i in range(len(specs))}
    problems += [f"extra: {name}" for name in sorted(found.keys() - known)]
    files: dict[int, tuple[Path, ...]] = {}
    for sample in samples:
        names = [f"{stem(sample)}_{i}.{suffix}" for i in range(len(specs))]
        problems += [f"missing: {name} (sample {sample.id})" for name in names if name not in found]
        problems += [
            problem
            for name, spec in zip(names, specs, strict=True)
            if name in found and (problem := file_problem(found[name], spec))
        ]
        files[sample.index] = tuple(found.get(name, folder / name) for name in names)
    if problems:
        raise ResultError(_summary(title, problems, specs, suffix))
    return ResultFolder(files=files, specs=tuple(specs), code=code)


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


def _facts(sample: Sample) -> dict[str, int | str]:
    """What the data set says of a sample in single words and numbers, such as the size of its image."""
    values = {field.name: getattr(sample, field.name) for field in fields(sample)}
    return {name: value for name, value in values.items() if isinstance(value, (int, str))}


def _scan(folder: Path, title: str) -> tuple[dict[str, Path], str, list[str]]:
    """Return the files by name, their format, and what is wrong with them."""
    by_format = {
        suffix: sorted([*folder.glob(f"*.{suffix}"), *folder.glob(f"device*/*.{suffix}")]) for suffix in FORMATS
    }
    formats = [suffix for suffix, paths in by_format.items() if any(_RESULT.fullmatch(path.name) for path in paths)]
    if not formats:
        deeper = sorted({path.parent.name for path in folder.glob("*/*") if _RESULT.fullmatch(path.name)})
        hint = f"; {deeper[-1]!r} inside it has some: give that folder" if deeper else ""
        msg = f"{title}: no <stem>_<i>.bin, .npy or .txt files in it{hint}"
        raise ResultError(msg)
    problems = []
    if len(formats) > 1:
        problems.append(f"two formats: {' and '.join(f'.{suffix}' for suffix in formats)}; keep the files of one run")
    found: dict[str, Path] = {}
    for path in by_format[formats[0]]:
        if path.name in found:
            problems.append(f"there twice: {found[path.name].relative_to(folder)} and {path.relative_to(folder)}")
        found[path.name] = path
    return found, formats[0], problems


def _summary(title: str, problems: Sequence[str], specs: Sequence[TensorSpec], suffix: str) -> str:
    shown = "\n".join(f"  {problem}" for problem in problems[:NAMED])
    more = f"\n  … and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    order = ", ".join(f"{i} = {spec.name}" for i, spec in enumerate(specs))
    text = (
        f"{title}: {len(problems)} problem(s), nothing was scored\n{shown}{more}\n"
        f"  expected <%07d>_<i>.{suffix} for every sample, outputs in the manifest's order: {order}"
    )
    if any(problem.startswith("missing") for problem in problems):
        text += (
            "\n  ais_bench names results after the input's name up to its first dot: inputs that agree up to there "
            "overwrite each other's results"
        )
    return text


def _raw(array: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
