"""ais_bench's files: ``.bin`` inputs for it, and ``.bin``, ``.npy`` or ``.txt`` results from it.

Input ``k`` (the sample's position, counted from 1) is ``%07d.bin``; its output ``i`` is
``%07d_<i>.<format>``, with ``i`` counted from 0 in the manifest's output order. ais_bench names results after
the input's name up to its first dot, so inputs made by hand must differ before it. Results of such inputs may have
other names (see :mod:`zoo_runner.stages.predict.result_names`).

Where shapes have open axes, inputs of different sizes lie in folders of their own, named after the sizes; a command
that reads the sizes from the files gets all of them in one folder, as ``.npy`` with their batch axis.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

import numpy as np

from zoo_runner.errors import ResultError
from zoo_runner.output.writing import replacing_folder
from zoo_runner.plugin.folders import sizes_folder
from zoo_runner.plugin.interfaces import BATCH, DeviceArrays
from zoo_runner.stages.fetch.sample_keys import SampleKeys
from zoo_runner.stages.predict.given_sizes import FIXED, GivenSizes, SizesOf, nothing_open
from zoo_runner.stages.predict.result_file import FORMATS, file_problem, read_output
from zoo_runner.stages.predict.result_names import Naming, could_be_positions, own_naming, stem
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.snapshots import Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec
    from zoo_runner.plugin.shapes import Sizes
    from zoo_runner.stages.predict.result_origin import OriginGuard

NAMED = 10
"""How many bad files an error names before it only counts."""
SHOWN = 3
"""How many of the names that are there an error shows."""
NamesOf: TypeAlias = "Callable[[Collection[str], Sequence[Sample], Sequence[Sample], int], Naming]"
Look: TypeAlias = "Callable[[Sample, Sequence[str], Callable[[], Arrays]], None]"
_DEVICE: Final = re.compile(r"device(\d+)(?:_\d+)?")
"""Folders in which ais_bench writes where it uses several devices; since 2024 with a rank."""
_RESULT: Final = re.compile(rf".*_\d+\.({'|'.join(FORMATS)})")


def own_names(_names: Collection[str], _samples: Sequence[Sample], dataset: Sequence[Sample], _outputs: int) -> Naming:
    """Take no other names than those that zoo-run gives."""
    return own_naming(dataset)


def _left_open(_folder: Path) -> None:
    """Say nothing of where results come from."""


def write_inputs(
    folder: Path,
    samples: Sequence[Sample],
    inputs: Iterable[Arrays],
    *,
    sizes: SizesOf = nothing_open,
    shaped: bool = False,
) -> None:
    """Write one file per sample and input: raw, C order, little-endian.

    A model with one input gets ``<folder>/0000001.bin``; one with several gets a folder per input. Below them are the
    folders of sizes, where there are open axes.

    Args:
        folder: Where the files go.
        samples: Whose inputs these are.
        inputs: Of each sample, by name, without batch axis.
        sizes: Those of the open axes of a sample's inputs.
        shaped: Write ``.npy`` with a batch axis of 1 instead, of all sizes in one folder.
    """
    with replacing_folder(folder) as temporary:
        for sample, arrays in zip(samples, inputs, strict=True):
            apart = "" if shaped else sizes_folder(sizes(sample))
            for name, array in arrays.items():
                target = (temporary if len(arrays) == 1 else temporary / input_folder(name)) / apart
                target.mkdir(parents=True, exist_ok=True)
                _write(target / stem(sample), array, shaped=shaped)


def input_folder(name: str) -> str:
    """Return the folder of one of several inputs; a name may have characters that a path must not."""
    return quote(name, safe="")


def write_results(
    folder: Path,
    samples: Sequence[Sample],
    outputs: Iterable[Arrays],
    specs: Sequence[TensorSpec],
    seal: Callable[[Path], None] = _left_open,
) -> None:
    """Write one file per sample and output, as ais_bench names them; ``.npy`` where one of them has an open axis.

    ``seal`` is given the folder when all files are in it, to say where they come from.
    """
    shaped = any(spec.axes for spec in specs)
    with replacing_folder(folder) as temporary:
        for sample, arrays in zip(samples, outputs, strict=True):
            for position, spec in enumerate(specs):
                _write(temporary / f"{stem(sample)}_{position}", arrays[spec.name], shaped=shaped)
        seal(temporary)


def result_files(folder: Path) -> list[Path]:
    """Return the result files of a folder, and of the ``device<n>`` folders in it."""
    return [path for path in sorted([*folder.glob("*"), *folder.glob("device*/*")]) if _RESULT.fullmatch(path.name)]


@dataclass(frozen=True, kw_only=True)
class ResultFolder:
    """Outputs read from result files; built by :func:`open_results`, which has checked names and sizes.

    Attributes:
        files: The files of each sample index, in output order.
        specs: The outputs, in the order the files are numbered.
        given: The sizes that the model was given for samples.
        named: How the names differ from those that zoo-run writes; empty where they do not.
        code: Identity of the libraries that work on the outputs.
        watch: The files as they were when they were hashed.
        keys: The same of the samples' own files.
        guard: Holds both against what the folder's sidecar says; ``None`` where it has none.
        look: Told each sample with the hashes of its files and how to read them, whether or not what came of them
            is kept; raises an error if they cannot be.
    """

    files: Mapping[int, tuple[Path, ...]]
    specs: tuple[TensorSpec, ...]
    given: GivenSizes = FIXED
    code: str = ""
    named: str = ""
    guard: OriginGuard | None = None
    look: Look | None = None
    watch: Watch = field(default_factory=Watch, repr=False, compare=False)
    keys: SampleKeys = field(default_factory=lambda: SampleKeys(absent=True), repr=False, compare=False)

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the key of the files' content, of what they are read as, and of what is known of the samples.

        The samples' own files need not exist; where they do, they count, as a postprocessing may read them.

        Raises:
            ResultError: Files are others than the sidecar says.
            EqualOutputsError: As ``look`` finds.
        """
        digests = [[self._digest(path) for path in self.files[sample.index]] for sample in samples]
        if self.look is not None:
            for sample, row in zip(samples, digests, strict=True):
                self.look(sample, row, partial(self._read, sample))
        specs = [(spec.name, spec.dtype, [size for size in spec.shape if size != BATCH]) for spec in self.specs]
        given = [sorted(sizes.items()) for sizes in map(self.given.of, samples) if sizes]
        rows = self.keys.of(samples)
        if self.guard is not None:
            self.guard.check_contents(samples, [contents for _, contents in rows])
        return fingerprint("results", digests, specs, rows, self.code, *([given] if given else []))

    def _digest(self, path: Path) -> str:
        sha256 = self.watch.digest(path)
        if self.guard is not None:
            self.guard.check_file(path, sha256)
        return sha256

    def check(self, samples: Sequence[Sample]) -> None:
        """Refuse results whose files changed since they were hashed.

        Raises:
            ChangedError: The first file that did.
        """
        self.watch.check(path for sample in samples for path in self.files[sample.index])
        self.keys.check(samples)

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield each sample's outputs.

        Raises:
            ResultError: A value is not finite, or a text does not hold the numbers; the file is named.
        """
        yield from map(self._read, samples)

    def _read(self, sample: Sample) -> Arrays:
        paths, specs = self.files[sample.index], self.given.filled(self.specs, sample)
        arrays = {spec.name: read_output(path, spec, self.given.most) for spec, path in zip(specs, paths, strict=True)}
        _check_shared(paths, specs, arrays)
        device = _DEVICE.fullmatch(paths[0].parent.name)
        return DeviceArrays(arrays, int(device[1])) if device else arrays


def _check_shared(paths: Sequence[Path], specs: Sequence[TensorSpec], arrays: Arrays) -> None:
    """Check that open axes of one name have one size in all outputs of a sample.

    Raises:
        ResultError: They have not; the files are named.
    """
    seen: dict[str, tuple[int, Path]] = {}
    for path, spec in zip(paths, specs, strict=True):
        sizes = (size for size in spec.shape if size != BATCH)
        for axis, size in zip(sizes, arrays[spec.name].shape, strict=True):
            if isinstance(axis, str) and seen.setdefault(axis, (size, path))[0] != size:
                other, first = seen[axis]
                raise ResultError(
                    f"{path}: expected {other} {axis}, as {first.name} has them, found {size}: one of the two was cut "
                    "off, or is of another sample; nothing was scored"
                )


def open_results(  # noqa: PLR0913 - each argument is one independent fact of the folder
    folder: Path,
    samples: Sequence[Sample],
    dataset: Sequence[Sample],
    specs: Sequence[TensorSpec],
    *,
    title: str = "--results",
    guard: OriginGuard | None = None,
    naming: NamesOf = own_names,
    given: GivenSizes = FIXED,
) -> ResultFolder:
    """Check a result folder against the data set before anything is scored.

    Args:
        folder: Holds ``<stem>_<i>.<format>``, directly or below ``device<n>`` folders, in one format.
        samples: The samples to score; each needs all its files.
        dataset: The whole data set; files of these samples are not extra.
        specs: The outputs, in the order the files are numbered.
        title: What errors call the folder.
        guard: Holds the files against the folder's sidecar, as they are read.
        naming: Finds out from their names how files are named; by default they must be as zoo-run writes them.
        given: The sizes that the model was given for samples; files that would fit other ones are refused.

    Raises:
        ResultError: It is not clear which sample a file is of. Files are missing, of the wrong size, dtype or shape,
            extra or there twice; all kinds are named.
    """
    title = f"{title} {folder}"
    if not folder.is_dir():
        msg = (
            f"{title}: not a folder; expected the one with result files <stem>_<i>.bin: give it with "
            "--results FOLDER, or write it with --until infer"
        )
        raise ResultError(msg)
    found, suffix, problems = _scan(folder, title)
    try:
        named = naming(found.keys(), samples, dataset, len(specs))
    except ResultError as error:
        raise ResultError(f"{title}: {error}") from error
    known = {name for sample in dataset for name in named.names(sample, len(specs), suffix)}
    extra = [f"extra: {name}" for name in sorted(found.keys() - known)]
    names = {sample.index: named.names(sample, len(specs), suffix) for sample in samples}
    if guard is not None:
        guard.check_sizes(samples, given.of)
    wrong = [
        problem
        for sample in samples
        for problem in _of_sample(sample, names[sample.index], found, given.filled(specs, sample), given.most)
    ]
    problems += [*extra[: NAMED // 2], *wrong, *extra[NAMED // 2 :]]  # thousands of the one must not hide the other
    if not (named.proven or problems):
        problems.append("names that do not say which sample they are of")
    if problems:
        hint = "" if named.proven else _other_names(found.keys(), samples, dataset, suffix)
        raise ResultError(_summary(title, problems, specs, suffix, hint))
    files = {index: tuple(found[name] for name in row) for index, row in names.items()}
    return ResultFolder(files=files, specs=tuple(specs), given=given, named=named.unusual, guard=guard)


def _of_sample(
    sample: Sample, names: Sequence[str], found: Mapping[str, Path], specs: Sequence[TensorSpec], most: Sizes
) -> Iterator[str]:
    """Yield what is wrong with the files of one sample."""
    yield from (f"missing: {name} (sample {sample.id})" for name in names if name not in found)
    for name, spec in zip(names, specs, strict=True):
        if name in found and (problem := file_problem(found[name], spec, most)):
            yield problem


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


def _summary(title: str, problems: Sequence[str], specs: Sequence[TensorSpec], suffix: str, hint: str) -> str:
    """Phrase what is wrong with a folder: first, where there is one, the hint that helps against all of it."""
    shown = "\n".join(f"  {problem}" for problem in problems[:NAMED])
    more = f"\n  … and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    order = ", ".join(f"{i} = {spec.name}" for i, spec in enumerate(specs))
    first = f"{title}: {len(problems)} problem(s), nothing was scored{hint}"
    text = (
        f"{first}\n{shown}{more}\n"
        f"  expected <%07d>_<i>.{suffix} for every sample, outputs in the manifest's order: {order}"
    )
    if any(problem.startswith("missing") for problem in problems):
        text += (
            "\n  ais_bench names results after the input's name up to its first dot: inputs that agree up to there "
            "overwrite each other's results"
        )
    return text


def _other_names(names: Collection[str], samples: Sequence[Sample], dataset: Sequence[Sample], suffix: str) -> str:
    """Say how files may be named, by the first sample that is scored, and what is there instead."""
    text = f"\n  found {', '.join(sorted(names)[:SHOWN])}{', …' if len(names) > SHOWN else ''}"
    if samples:
        first = samples[0]
        text += (
            f"; expected {stem(first)}_0.{suffix} by position, or {first.id}_0.{suffix} by id, for sample {first.id!r}"
        )
    if could_be_positions(names, samples, dataset):
        text += "\n  if these numbers are positions in the data set, counted from 0 or 1, add --by-position"
    return text


def _write(path: Path, array: NDArray[Any], *, shaped: bool) -> None:
    """Write a sample's array, little-endian: raw as ``.bin``, or as ``.npy`` with a batch axis, as ais_bench has it."""
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    if shaped:
        np.save(f"{path}.npy", plain[None])
    else:
        Path(f"{path}.bin").write_bytes(plain.tobytes())
