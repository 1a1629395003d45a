"""Which weights and which data set a run uses, and getting hold of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import LISTED, DatasetError, FetchError, PluginError, listed, shortened
from zoo_runner.plugin.calls import calling
from zoo_runner.stages.fetch.archive import extract
from zoo_runner.stages.fetch.downloads import found
from zoo_runner.stages.fetch.resource import fetch, local_file, resource_folder
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import Fetched, in_use
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.used_code.opened import set_apart_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.job.options import RunOptions
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Progress, Sample
    from zoo_runner.store.store import Store

NAMED = 3
"""Files named of the samples with one id."""


def weights_source(recipe: Recipe, options: RunOptions) -> FileSource:
    """Return where the weights come from: ``--weights`` or the manifest.

    The manifest's hash belongs to the manifest's file: with ``--weights`` it is not asked for, unless
    ``--require-hash`` says that nothing else may be scored.

    Raises:
        FetchError: Neither names any.
    """
    weights, own = recipe.manifest.weights, manifest_weights(recipe.loaded)
    if options.weights is not None:
        pinned = options.require_hash
        return FileSource(
            url=options.weights,
            base=Path.cwd(),
            sha256=weights.sha256 if pinned else None,
            size=weights.size if pinned else None,
            stand_in=weights.sha256 is not None,
        )
    if own is None:
        given = f"--set {recipe.loaded.shown(('weights', 'url'))}=PATH|URL" if recipe.name else "--weights PATH|URL"
        msg = (
            f"{recipe.loaded.locate(('weights',))}: the manifest names no weights, because none are published "
            f"for it; give a checkpoint with {given}"
        )
        raise FetchError(msg)
    return own


def manifest_weights(loaded: LoadedManifest) -> FileSource | None:
    """Return where the manifest's weights come from; ``None`` if it names none."""
    weights = loaded.manifest.weights
    return _located(
        loaded, "weights", weights.urls, FileSource(url="", base=Path(), sha256=weights.sha256, size=weights.size)
    )


def manifest_archive(loaded: LoadedManifest) -> FileSource | None:
    """Return where the data set comes from by the manifest; ``None`` if it names no address."""
    dataset = loaded.manifest.dataset
    pins = FileSource(url="", base=Path(), sha256=dataset.sha256, md5=dataset.md5, size=dataset.size)
    return _located(loaded, "dataset", dataset.urls, pins)


def manifest_onnx(loaded: LoadedManifest) -> FileSource | None:
    """Return where the published export comes from; ``None`` if the manifest names none."""
    onnx = loaded.manifest.onnx
    return _located(loaded, "onnx", onnx.urls, FileSource(url="", base=Path(), sha256=onnx.sha256, size=onnx.size))


def manifest_golden(loaded: LoadedManifest) -> FileSource | None:
    """Return where the golden bundle comes from; ``None`` if the manifest names none."""
    golden = loaded.manifest.golden
    if golden is None:
        return None
    pins = FileSource(url="", base=Path(), sha256=golden.sha256, size=golden.size)
    return _located(loaded, "golden", golden.urls, pins)


def fetch_golden(recipe: Recipe, options: RunOptions, store: Store, progress: Progress) -> Fetched | None:
    """Obtain and verify the golden bundle; ``None`` where the manifest names none."""
    source = manifest_golden(recipe.loaded)
    return None if source is None else _fetched(source, options, store, progress)


def manifest_code(loaded: LoadedManifest) -> FileSource | None:
    """Return where foreign code comes from; ``None`` if the manifest names none."""
    code = loaded.manifest.code
    if code is None:
        return None
    return _located(loaded, "code", code.urls, FileSource(url="", base=Path(), sha256=code.sha256, size=code.size))


def fetch_code(source: FileSource, options: RunOptions, store: Store, progress: Progress) -> Fetched:
    """Obtain and verify the archive of foreign code."""
    return _fetched(source, options, store, progress)


def _located(loaded: LoadedManifest, section: str, urls: tuple[str, ...], pins: FileSource) -> FileSource | None:
    base = loaded.origin((section, "url")).folder
    return replace(pins, url=urls[0], mirrors=urls[1:], base=base) if urls else None


def fetch_weights(recipe: Recipe, options: RunOptions, store: Store, progress: Progress) -> Fetched:
    """Obtain and verify the weights."""
    return _fetched(weights_source(recipe, options), options, store, progress)


def _fetched(source: FileSource, options: RunOptions, store: Store, progress: Progress) -> Fetched:
    return fetch(
        source,
        store,
        progress,
        require_hash=options.require_hash,
        refetch=options.refetch,
        downloads=options.downloads,
    )


def fetch_published(
    recipe: Recipe, options: RunOptions, weights: Fetched, store: Store, progress: Progress
) -> Fetched | None:
    """Obtain and verify the export that the manifest names; ``None`` where it is not of what this run scores.

    It is of the manifest's weights, and where the batch size is fixed, of that one.
    """
    if not is_published(recipe, options, weights.sha256):
        return None
    source = manifest_onnx(recipe.loaded)
    return None if source is None else _fetched(source, options, store, progress)


def is_published(recipe: Recipe, options: RunOptions, weights_sha256: str) -> bool:
    """Say whether the manifest names an export of what this run scores."""
    onnx = recipe.manifest.onnx
    own = options.weights is None or weights_sha256 == recipe.manifest.weights.sha256
    return bool(onnx.urls) and own and (onnx.dynamic_batch or options.batch_size is None)


def known_weights(recipe: Recipe, options: RunOptions) -> str | None:
    """Return the hash of the weights as far as it is known without fetching them; ``None`` if it is not.

    The manifest's hash is what its file must have; any other file is hashed if it is on this machine.
    """
    if options.weights is None and recipe.manifest.weights.sha256 is not None:
        return recipe.manifest.weights.sha256
    try:
        source = weights_source(recipe, options)
        path = local_file(source)
        if path is None and options.downloads is not None:
            path = found(source, options.downloads)
    except FetchError:
        return None
    return file_digest(path) if path is not None and path.is_file() else None


@dataclass(frozen=True, kw_only=True)
class DataRoot:
    """Where the data set is, and how it was found; ``archive`` is what it was unpacked from."""

    path: Path
    origin: str
    reused: bool
    archive: Fetched | None = field(default=None, compare=False)


def find_data(recipe: Recipe, options: RunOptions, store: Store, progress: Progress) -> DataRoot:
    """Find the data set: ``--data``, then the environment variable, then the manifest's URL.

    Raises:
        DatasetError: A folder that was named does not exist, or nothing names one.
        FetchError: It cannot be downloaded or unpacked.
    """
    dataset = recipe.manifest.dataset
    if options.data is not None:
        return _given(options.data, dataset.subdir, "--data")
    if dataset.root_env and os.environ.get(dataset.root_env):
        return _given(Path(os.environ[dataset.root_env]), dataset.subdir, f"${dataset.root_env}")
    source = manifest_archive(recipe.loaded)
    if source is None:
        msg = f"no data set: give --data FOLDER{f' or set {dataset.root_env}' if dataset.root_env else ''}"
        raise DatasetError(msg)
    folder = None if source.mirrors else resource_folder(source.url, source.base)  # a folder has no hash
    if folder is not None:
        return _given(folder, dataset.subdir, source.url)
    archive = _fetched(source, options, store, progress)
    with in_use(archive, last=False):
        unpacked = extract(archive.path, archive.sha256, store, progress)
        root = unpacked / dataset.subdir
        if not root.is_dir():
            msg = (
                f"{recipe.loaded.locate(('dataset', 'subdir'))}: expected the folder {dataset.subdir!r} in the archive "
                f"{archive.origin}, found {_held(unpacked)}; correct dataset.subdir, or the address"
            )
            raise DatasetError(msg)
    return DataRoot(path=root, origin=archive.origin, reused=archive.reused, archive=archive)


def _held(folder: Path) -> str:
    """Name what is in a folder, or below the only one in it: folders end in a slash."""
    prefix = ""
    while True:
        inside = sorted(folder.iterdir())
        if len(inside) != 1 or inside[0].is_symlink() or not inside[0].is_dir():
            break
        folder, prefix = inside[0], f"{prefix}{inside[0].name}/"
    names = [shortened(f"{prefix}{each.name}{'/' if each.is_dir() else ''}") for each in inside]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more if names else f"{prefix} with nothing in it"


def read_samples(recipe: Recipe, root: Path) -> Sequence[Sample]:
    """Read the data set and check that it is the whole of it, each sample once.

    Raises:
        DatasetError: The number of samples is not the manifest's, or several have the same id.
        PluginError: A sample's group is no text.
    """
    set_apart_below(root)
    with calling("zoo_dataset"):
        samples = recipe.parts.dataset.samples(root)
    expected = recipe.manifest.dataset.samples
    if len(samples) != expected:
        text = f"{root}: expected the {expected} samples of {recipe.manifest.dataset.name}, found {len(samples)}"
        if not samples:
            raise DatasetError(f"{text}; give the folder of the data set with --data FOLDER")
        raise DatasetError(
            f"{text}; a figure for other data cannot be compared; if these are the data you mean, set "
            f"dataset.samples: {len(samples)}"
        )
    _check_ids(root, samples)
    _check_groups(samples)
    return samples


def _check_ids(root: Path, samples: Sequence[Sample]) -> None:
    """Refuse ids that repeat: figures by sample, comparisons and subsets go by them."""
    by_id: dict[str, list[Sample]] = {}
    for sample in samples:
        by_id.setdefault(sample.id, []).append(sample)
    repeated = [
        f"{name!r}, {len(same)} times: {', '.join(str(sample.path) for sample in same[:NAMED])}"
        for name, same in by_id.items()
        if len(same) > 1
    ]
    if repeated:
        msg = (
            f"{root}: expected an id of its own for each sample, found {len(repeated)} of several samples:\n"
            f"{listed(repeated)}\nremove the doubles from the data set, or correct the plugin that reads it"
        )
        raise DatasetError(msg)


def _check_groups(samples: Sequence[Sample]) -> None:
    """Refuse groups that are no texts: two numbers that are equal may not be the same group."""
    for sample in samples:
        group: object = sample.group
        if not isinstance(group, str):
            raise PluginError(
                f"sample {sample.id!r}: expected its group as text, empty for none, found {group!r}; correct the plugin"
            )


def _given(folder: Path, subdir: str, origin: str) -> DataRoot:
    if not folder.is_dir():
        kind = "the file" if folder.is_file() else "no folder"
        msg = f"{origin}: expected the folder of the data set, found {kind} {folder}"
        raise DatasetError(msg)
    inner = folder / subdir
    return DataRoot(path=inner if inner.is_dir() else folder, origin=origin, reused=True)
