"""What goes into a pack, by the names that it has there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ManifestError
from zoo_runner.job.recipe import OF_THE_MANIFEST
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.conversion import ConvertingBackend, SideFileBackend
from zoo_runner.stages.convert.request import conversion_request, model_name
from zoo_runner.stages.export.external_data import external_files
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.snapshots import changed

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.stages.convert.engine import Engine
    from zoo_runner.stages.fetch.trust import Fetched

_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,12}")
_NAME: Final = re.compile(r"[^\\\x00-\x1f\x7f]+")
_MODE: Final = 0o644
"""Some tools refuse model files that a group may write to."""


@dataclass(frozen=True, kw_only=True)
class PackedFile:
    """One file of a pack.

    Attributes:
        name: Its path in the pack, with forward slashes.
        source: Where it is copied from.
        sha256: Its hash.
        size: Its bytes.
        about: What it is, for people.
    """

    name: str
    source: Path
    sha256: str
    size: int
    about: str


def weights_file(weights: Fetched) -> PackedFile:
    """Return the checkpoint as a pack has it: under a name of its own, since an address may have none."""
    suffix = weights.path.suffix if _SUFFIX.fullmatch(weights.path.suffix) else ""
    unsure = "" if weights.pinned else ", which had no hash for it: this is the one that was there when it was packed"
    about = f"the checkpoint of the manifest{unsure}"
    return PackedFile(
        name=f"weights{suffix}", source=weights.path, sha256=weights.sha256, size=weights.size, about=about
    )


def model_files(engine: Engine, batches: Sequence[int]) -> Iterator[PackedFile]:
    """Yield the ONNX file, and what the backend made of it for each batch size, with what lies beside it."""
    name, model = engine.recipe.manifest.name, engine.model
    yield _file(f"{name}.onnx", model.path, "the network with these weights, as ONNX", model.sha256)
    for other in external_files(model.path):
        yield _file(other, model.path.parent / other, f"tensors of {name}.onnx")
    if not isinstance(engine.backend, ConvertingBackend):
        return
    makes = engine.makes(engine.backend)
    for batch in batches if makes.by_batch else batches[:1]:
        made, target = engine.loadable(batch), model_name(makes, name, batch)
        of_batch = f", batch {batch}" if makes.by_batch else ""
        chip = engine.recipe.manifest.atc.soc_version or engine.backend.chip()
        about = f"made of it by {makes.tool} for {chip}{of_batch}"
        yield _file(target, made.path, about, made.sha256)
        for path in sorted(made.path.parent.glob(f"{makes.file}.*")):
            yield _file(f"{target}{path.name.removeprefix(makes.file)}", path, f"stamp: what {target} was made of")


def side_files(engine: Engine, batches: Iterable[int]) -> Iterator[PackedFile]:
    """Yield the files that the manifest names for the conversion, also where this backend needs none.

    Raises:
        ManifestError: One is missing, or is not beside or below the manifest.
    """
    recipe = engine.recipe
    backend = engine.backend
    if not isinstance(backend, ConvertingBackend):
        backend = plugins.load(OF_THE_MANIFEST).backend()
    if not (isinstance(backend, ConvertingBackend) and isinstance(backend, SideFileBackend)):
        return
    named: dict[Path, str] = {}
    for batch in batches:
        request = conversion_request(
            recipe,
            backend.makes,
            engine.store,
            model=engine.model.path,
            sha256=engine.model.sha256,
            batch=batch,
            chip=engine.backend.chip(),
        )
        named.update({path: key for key, path in backend.side_files(request).items()})
    base, settings = recipe.loaded.origin(("atc",)).folder, recipe.manifest.atc
    for path, key in named.items():
        section, _, flag = key.rpartition(".")
        written = getattr(settings, section)[flag] if section else getattr(settings, key)
        yield _file(_inside(path, base, f"atc.{key}", str(written)), path, f"read by the conversion (atc.{key})")


def script_files(recipe: Recipe) -> Iterator[PackedFile]:
    """Yield the scripts that change the graph.

    Raises:
        ManifestError: One is not beside or below the manifest.
    """
    for script, written in zip(recipe.transforms, recipe.manifest.onnx.transforms, strict=True):
        base = recipe.loaded.origin(("onnx", "transforms")).folder
        about = f"changes the graph ({script.key}); runs with --trust-code"
        yield _file(_inside(script.path, base, script.key, written), script.path, about, script.sha256)


def check_names(files: Sequence[PackedFile], own: Iterable[str]) -> None:
    """Check that no two files have one name in the pack.

    Raises:
        ManifestError: Two have.
    """
    seen = {name.lower() for name in own}
    for file in files:
        if file.name.lower() in seen:
            raise ManifestError(f"{file.source}: the name {file.name} is taken in the pack; rename that file")
        seen.add(file.name.lower())


def copy(file: PackedFile, folder: Path) -> None:
    """Copy a file into the pack, and make sure that the copy is what it should be.

    Raises:
        ChangedError: It is not.
        OSError: It cannot be copied.
    """
    target = folder / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file.source, target)
    target.chmod(_MODE)
    if (found := file_digest(target)) != file.sha256:
        raise changed(file.source, file.sha256, found)


def _file(name: str, source: Path, about: str, sha256: str = "") -> PackedFile:
    return PackedFile(
        name=name, source=source, sha256=sha256 or file_digest(source), size=source.stat().st_size, about=about
    )


def _inside(path: Path, base: Path, key: str, written: str) -> str:
    """Return the path of a side file as it is relative to the manifest, and so to the pack."""
    if not path.is_file():
        raise ManifestError(
            f"{key}: expected a file, found none at {path}; paths are relative to the manifest, and all that a "
            "manifest names is packed"
        )
    if PurePath(written).is_absolute() or ".." in PurePath(written).parts:
        raise ManifestError(
            f"{key}: expected a file beside or below the manifest, so that its path holds in the pack, found "
            f"{written}; copy it there"
        )
    if not path.resolve().is_relative_to(base.resolve()):  # or else packing a stranger's manifest hands on any file
        raise ManifestError(
            f"{key}: expected a file beside or below the manifest, found a link to {path.resolve()}; if it may be "
            "handed on, put a copy there instead"
        )
    name = path.relative_to(base).as_posix()
    if not _NAME.fullmatch(name):
        raise ManifestError(f"{key}: expected a name without control characters and \\, found {name!r}; rename it")
    return name
