"""Converted models of the user's own (``--om``): one file, or a pack of one for each batch size with their graph."""

from __future__ import annotations

import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import StageError
from zoo_runner.job.options import PACKED
from zoo_runner.output.names import SUMS
from zoo_runner.stages.fetch.locate import is_published
from zoo_runner.stages.fetch.trust import Fetched
from zoo_runner.stages.fetch.zip_stream import open_zip
from zoo_runner.store.fingerprints import file_digest, fingerprint
from zoo_runner.store.snapshots import used
from zoo_runner.store.store import Terms

if TYPE_CHECKING:
    from zoo_runner.job.options import RunOptions
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.store.store import Store

_PIECE: Final = 1 << 20
_DEPTH: Final = 2
"""Parts of a member's name: the pack's folder, and the file."""
_LONGEST: Final = 255
"""Bytes of a file's name, where it can be unpacked."""
_UNPACK: Final = "unpack it, and give its folder"


@dataclass(frozen=True, kw_only=True)
class GivenModels:
    """What the user gave.

    Attributes:
        shown: As it was given.
        path: The model, or the folder of several.
        onnx: The graph that they were packed with; ``None`` where they are not in a pack.
    """

    shown: Path
    path: Path
    onnx: Path | None = None


def given_models(options: RunOptions, store: Store) -> GivenModels | None:
    """Return what ``--om`` names, an archive unpacked; ``None`` where the run converts by itself.

    Raises:
        StageError: It is not there, or is an archive that ``zoo-run pack`` did not write.
    """
    om = options.om
    if om is None:
        return None
    if om.is_dir():
        return GivenModels(shown=om, path=om, onnx=_packed_graph(om))
    if om.suffix.lower() == PACKED:
        folder = _unpacked(om, store)
        return GivenModels(shown=om, path=folder, onnx=_packed_graph(folder))
    return GivenModels(shown=om, path=om, onnx=_packed_graph(om.parent))


def packed_onnx(recipe: Recipe, options: RunOptions, weights: Fetched, given: GivenModels | None) -> Fetched | None:
    """Return the ONNX file that the given models were packed with; ``None`` where there is none.

    Raises:
        StageError: The manifest names another one.
    """
    if given is None or given.onnx is None:
        return None
    digest, wanted = file_digest(given.onnx), recipe.manifest.onnx.sha256
    if wanted is not None and digest != wanted and is_published(recipe, options, weights.sha256):
        where = recipe.loaded.locate(("onnx", "sha256"))
        raise StageError(
            f"--om {given.shown}: expected a pack of the ONNX file that the manifest names, with sha256 {wanted} "
            f"({where}), found {given.onnx.name} with {digest}; pack again, or run the pack's own manifest"
        )
    origin = f"--om {given.shown}: {given.onnx.name}"
    size = given.onnx.stat().st_size
    return Fetched(path=given.onnx, sha256=digest, size=size, reused=True, origin=origin, pinned=wanted is not None)


def _packed_graph(folder: Path) -> Path | None:
    """Return the graph of a folder that is a pack; any other folder may have graphs that are of something else."""
    found = sorted(folder.glob("*.onnx")) if (folder / SUMS).is_file() else []
    return found[0] if len(found) == 1 else None


def _unpacked(om: Path, store: Store) -> Path:
    if not om.is_file():
        raise StageError(f"--om {om}: expected a pack of zoo-run's, found no such file")
    digest = file_digest(om)

    def make(folder: Path) -> None:
        with used(om, digest):
            _unpack(om, folder)

    return store.build("unpacked", fingerprint(digest), make, Terms(repeats="everywhere")).path


def _unpack(om: Path, folder: Path) -> None:
    """Write the members of a pack. They are stored as they are, so that no more comes out than the archive has."""
    try:
        with open_zip(om) as archive:
            if archive is None:
                raise StageError(f"--om {om}: expected a pack of zoo-run's, found a file that is no archive")
            for info in _members(archive, om):
                target = folder / PurePosixPath(info.filename).name
                with archive.open(info) as member, target.open("xb") as file:
                    shutil.copyfileobj(member, file, _PIECE)
                target.chmod(0o644)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise StageError(f"--om {om}: expected a pack of zoo-run's, found a damaged archive ({error})") from error


def _members(archive: zipfile.ZipFile, om: Path) -> list[zipfile.ZipInfo]:
    """Return the files in the folder of a pack, without those in folders below it, which models do not need."""
    members = [info for info in archive.infolist() if len(PurePosixPath(info.filename).parts) == _DEPTH]
    names = {PurePosixPath(info.filename).name for info in members}
    plain = all(info.compress_type == zipfile.ZIP_STORED for info in members)
    whole = sum(info.file_size for info in members) <= om.stat().st_size
    named = all(name != ".." and len(name.encode()) <= _LONGEST for name in names)
    if not (plain and named and whole) or len(names) != len(members) or SUMS not in names:
        raise StageError(f"--om {om}: expected a pack as zoo-run writes it, found another archive; {_UNPACK}")
    return [info for info in members if not stat.S_ISLNK(info.external_attr >> 16) and not info.is_dir()]
