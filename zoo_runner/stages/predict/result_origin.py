"""Where a folder of result files comes from: a sidecar beside them, and what it is held against.

Result files are numbers without a name. Without the sidecar, those of another model, another data set or another
preprocessing are scored as if they were this one's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo_runner.errors import ResultError, listed
from zoo_runner.manifest.settings import settings
from zoo_runner.output.names import ORIGIN
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import mismatch, tensor_text
from zoo_runner.stages.predict.given_sizes import SizesOf, nothing_open
from zoo_runner.store.durable import write_durably
from zoo_runner.store.fingerprints import file_digest, fingerprint

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.plugin.interfaces import Sample, TensorSpec
    from zoo_runner.plugin.shapes import Sizes
    from zoo_runner.stages.convert.engine import Engine
    from zoo_runner.stages.fetch.sample_keys import SampleKeys

LARGEST: Final = 1 << 28
"""Bytes of a sidecar that are read: a million samples with four outputs need less."""
_EXPORT: Final = ("onnx", "atc.aipp")
"""How settings begin that shape a model also where nothing is converted."""
_NOT_THE_MODEL: Final = frozenset({"atc.log", "atc.soc_version"})
"""Settings that change what is printed, or say which chip, which the sidecar names anyway."""
_CHECKED: Final = ("onnx.check", "ort")
"""What goes without saying: results from before that key have none of it."""
_FLAGS: Final = ("atc.flags.", "atc.unchecked_flags.")
"""How settings begin of which there are none unless a manifest has them."""
_OF: Final = "/"
"""Stands between the name of one of several networks and a setting of it."""
_CONVERTED: Final = "atc.framework"
"""Is there if ATC made the model."""
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    """Base of the sidecar's parts; what a later release adds is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SampleOrigin(_Part):
    """One sample: its position from 1, its id, and the content of its files as one digest.

    ``sizes`` are those of open axes that the model was given for it; none where there are no open axes.
    """

    index: int
    id: str
    sha256: _Sha256
    sizes: Mapping[str, int] | None = None


class OutputOrigin(_Part):
    """One output, in the order the files are numbered; of its shape, open axes by their names."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


class ModelOrigin(_Part):
    """What the results are of, and what they were inferred on.

    ``weights`` is the checkpoint's hash and ``model`` that of what was loaded; ``network`` and ``preprocess`` are the
    plugin's identities, ``conversion`` the manifest's settings that made the model of them. ``backend``, ``version``,
    ``chip`` and ``batch`` say what it was inferred on.
    """

    manifest: str
    weights: str
    model: str
    network: str
    preprocess: str
    backend: str
    version: str
    chip: str
    batch: int
    outputs: tuple[OutputOrigin, ...]
    conversion: Mapping[str, str] = {}


class ResultOrigin(_Part):
    """All of the sidecar. ``files`` has the hash of each result file by name."""

    schema_version: int = 1
    model: ModelOrigin
    samples: tuple[SampleOrigin, ...]
    files: Mapping[str, _Sha256]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What results must be of to be scored.

    Attributes:
        weights: The checkpoint's hash; ``None`` if no hash of it is known here.
        network: The plugin's identity of the network.
        preprocess: The plugin's identity of the preprocessing.
        outputs: The manifest's, in order.
        conversion: The manifest's settings that make an .om, as :func:`conversion_of` returns them.
    """

    weights: str | None
    network: str
    preprocess: str
    outputs: tuple[TensorSpec, ...]
    conversion: Mapping[str, str] = field(default_factory=dict)


def conversion_of(manifest: Manifest, sections: tuple[str, ...] = ("atc",)) -> dict[str, str]:
    """Return the settings that shape the model that is loaded: of the export, and of sections that a conversion reads.

    By default all count that some conversion reads.
    """
    wanted = (*_EXPORT, *sections)
    return {
        key: value
        for key, value in settings(manifest).items()
        if key.startswith(wanted) and key not in _NOT_THE_MODEL and (key, value) != _CHECKED
    }


def conversions_of(recipe: Recipe, sections: tuple[str, ...] = ("atc",)) -> dict[str, str]:
    """Return :func:`conversion_of` of the one network, or of each of several with its name before each key."""
    parts = {name: conversion_of(alone.manifest, sections) for name, alone in recipe.models.items()}
    return {f"{name}{_OF}{key}" if name else key: value for name, part in parts.items() for key, value in part.items()}


def model_origin(engine: Engine, batch: int) -> ModelOrigin:
    """Return what the sidecar says of results that an engine infers at a batch size."""
    manifest, backend = engine.recipe.manifest, engine.backend
    return ModelOrigin(
        manifest=manifest.name,
        weights=engine.model.weights,
        model=engine.loadable(batch).sha256,
        network=engine.recipe.network,
        preprocess=engine.recipe.preprocess.identity,
        backend=backend.name,
        version=backend.version(),
        chip=backend.chip(),
        batch=batch,
        outputs=outputs_of(manifest.output_specs),
        conversion=conversions_of(engine.recipe, () if engine.conversion is None else engine.conversion.makes.settings),
    )


def sample_origins(
    keys: SampleKeys, samples: Sequence[Sample], sizes: SizesOf = nothing_open
) -> tuple[SampleOrigin, ...]:
    """Hash the samples' files, and note the sizes that the model is given for them.

    Raises:
        DatasetError: One is missing or cannot be read.
    """
    contents = zip(samples, keys.of(samples), strict=True)
    return tuple(
        SampleOrigin(index=each.index, id=each.id, sha256=fingerprint(row[1]), sizes=dict(sizes(each)) or None)
        for each, row in contents
    )


def outputs_of(specs: Sequence[TensorSpec]) -> tuple[OutputOrigin, ...]:
    """Return outputs as the sidecar has them."""
    return tuple(
        OutputOrigin(name=spec.name, dtype=spec.dtype, shape=tuple(size for size in spec.shape if size != BATCH))
        for spec in specs
    )


def write_origin(folder: Path, model: ModelOrigin, samples: Sequence[SampleOrigin], files: Sequence[Path]) -> None:
    """Write the sidecar of a folder whose result files are complete."""
    hashes = {path.name: file_digest(path) for path in sorted(files)}
    origin = ResultOrigin(model=model, samples=tuple(samples), files=hashes)
    write_durably(folder / ORIGIN, origin.model_dump_json(indent=1, exclude_none=True).encode())


def read_origin(folder: Path) -> ResultOrigin | None:
    """Return what the sidecar says; ``None`` for a folder without one, which somebody made by hand.

    Raises:
        ResultError: It cannot be read.
    """
    path = folder / ORIGIN
    if not path.exists() and not path.is_symlink():
        return None
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise ValueError(f"no file of at most {LARGEST:,} bytes")  # noqa: TRY301 - like any other fault
        return ResultOrigin.model_validate_json(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        fault = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error
        raise ResultError(
            f"{path}: expected what zoo-run wrote beside the results, found something else ({fault}); infer again, or "
            "remove that file to score results of unknown origin"
        ) from error


@dataclass(frozen=True)
class OriginGuard:
    """Holds result files and samples against a sidecar.

    Attributes:
        folder: The results, for messages.
        origin: What their sidecar says.
    """

    folder: Path
    origin: ResultOrigin

    def check(self, wanted: Wanted, samples: Sequence[Sample]) -> None:
        """Refuse results of another model, or of other samples, than those that are asked for.

        Raises:
            ResultError: They are of something else; the first differences are named, all are counted.
        """
        self._refuse([*_of_model(self.origin.model, wanted), *_of_samples(self.origin, samples)])

    def check_contents(self, samples: Sequence[Sample], contents: Sequence[object]) -> None:
        """Refuse results of samples whose files are other ones now.

        Args:
            samples: Some samples.
            contents: What their files hold, as :class:`SampleKeys` says; one that is missing is not compared.

        Raises:
            ResultError: A file is another one.
        """
        known = {each.index: each.sha256 for each in self.origin.samples}
        self._refuse(
            [
                f"sample {sample.id!r}: its files are others than those that were inferred"
                for sample, content in zip(samples, contents, strict=True)
                if not _absent(content) and fingerprint(content) != known.get(sample.index)
            ]
        )

    def check_sizes(self, samples: Sequence[Sample], given: SizesOf) -> None:
        """Refuse results of a model that was given samples with other sizes: files of equal length do not tell.

        Args:
            samples: Some samples.
            given: Tells the sizes that the model is given for a sample now.

        Raises:
            ResultError: The sidecar has other ones.
        """
        known = {each.index: each.sizes or {} for each in self.origin.samples}
        self._refuse(
            [
                f"sample {sample.id!r}: expected {_sizes_text(wanted)}, found {_sizes_text(known[sample.index])}"
                for sample, wanted in zip(samples, map(given, samples), strict=True)
                if sample.index in known and wanted != known[sample.index]
            ]
        )

    def check_file(self, path: Path, sha256: str) -> None:
        """Refuse a result file that is not the one that was written.

        Raises:
            ResultError: Its content is another one, or the sidecar does not know it.
        """
        expected = self.origin.files.get(path.name)
        if expected != sha256:
            was = f"sha256 {expected}" if expected else "no such file"
            raise ResultError(
                f"{path}: changed since the results were written\n  expected {was}, by {self.folder / ORIGIN}\n"
                f"  found    sha256 {sha256}\n  nothing was scored; infer again, or remove {ORIGIN} to score results "
                "of unknown origin"
            )

    def _refuse(self, problems: Sequence[str]) -> None:
        if problems:
            raise ResultError(
                f"--results {self.folder}: expected results of this manifest's model and data, found others, by "
                f"{ORIGIN}:\n{listed(problems)}\n"
                "nothing was scored; name the weights they are of with --weights, or infer again"
            )


def described(origin: ResultOrigin) -> str:
    """Say where results come from, in one line."""
    model = origin.model
    version = model.version.removeprefix(model.backend).strip()
    return f"inferred by {model.backend} {version} on {model.chip}, batch {model.batch}, from manifest {model.manifest}"


def _of_model(model: ModelOrigin, wanted: Wanted) -> Iterator[str]:
    if wanted.weights is not None and model.weights != wanted.weights:
        yield f"weights: expected sha256 {wanted.weights}, found {model.weights}"
    if model.network != wanted.network:
        yield f"network: expected {wanted.network}, found {model.network}"
    if model.preprocess != wanted.preprocess:
        yield f"preprocessing: expected {wanted.preprocess}, found {model.preprocess}"
    names = dict.fromkeys(key.rpartition(_OF)[0] for key in (*wanted.conversion, *model.conversion))
    for name in names:
        yield from _of_conversion(_settings_of(name, model.conversion), _settings_of(name, wanted.conversion), name)
    if model.outputs != (expected := outputs_of(wanted.outputs)):
        yield mismatch("outputs", _texts(expected), _texts(model.outputs))


def _settings_of(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of one of several networks, or of the only one, without its name."""
    found = {key.rpartition(_OF): value for key, value in settings.items()}
    return {key: value for (of, _, key), value in found.items() if of == name}


def _of_conversion(found: Mapping[str, str], wanted: Mapping[str, str], name: str) -> Iterator[str]:
    """Compare the settings that the sidecar has: another release may know more, and without ATC few of them count."""
    if not found or not wanted:
        return
    converted = _CONVERTED in found
    for key in dict.fromkeys([*wanted, *found]):
        known = key in found or key.startswith(_FLAGS)
        if (
            known
            and (converted or key.startswith(_EXPORT))
            and (then := found.get(key, "null")) != (now := wanted.get(key, "null"))
        ):
            yield f"{name}{_OF if name else ''}{key}: expected {now}, found {then}"


def _of_samples(origin: ResultOrigin, samples: Sequence[Sample]) -> Iterator[str]:
    known = {each.index: each.id for each in origin.samples}
    for sample in samples:
        made = known.get(sample.index, sample.id)  # results that are not there are named by their files
        if made != sample.id:
            yield f"sample {sample.index}: expected {sample.id!r}, found {made!r}"


def _sizes_text(sizes: Sizes) -> str:
    return ", ".join(f"{axis} {size}" for axis, size in sizes.items()) or "fixed sizes"


def _absent(content: object) -> bool:
    return content is None or (isinstance(content, list) and any(_absent(each) for each in content))


def _texts(outputs: Sequence[OutputOrigin]) -> list[str]:
    return [tensor_text(each.name, each.dtype, each.shape) for each in outputs]
