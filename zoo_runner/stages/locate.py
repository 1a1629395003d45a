"""Which weights and which data set a run uses, and getting hold of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import DatasetError, FetchError
from zoo_runner.stages.archive import extract
from zoo_runner.stages.fetch import fetch, resource_folder
from zoo_runner.stages.source import Fetched, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.artifacts import Store
    from zoo_runner.interfaces import Progress, Sample
    from zoo_runner.options import RunOptions
    from zoo_runner.recipe import Recipe


def weights_source(recipe: Recipe, options: RunOptions) -> Source:
    """Return where the weights come from: ``--weights`` or the manifest.

    The manifest's hash belongs to the manifest's file: with ``--weights`` it is not asked for, unless
    ``--require-hash`` says that nothing else may be scored.

    Raises:
        FetchError: Neither names any.
    """
    weights = recipe.manifest.weights
    if options.weights is not None:
        pinned = options.require_hash
        return Source(
            url=options.weights,
            base=Path.cwd(),
            sha256=weights.sha256 if pinned else None,
            size=weights.size if pinned else None,
        )
    if weights.url is None:
        msg = (
            f"{recipe.loaded.locate(('weights',))}: the manifest names no weights, because none are published "
            f"for it; give a checkpoint with --weights PATH|URL"
        )
        raise FetchError(msg)
    base = recipe.loaded.origin(("weights", "url")).folder
    return Source(url=weights.url, base=base, sha256=weights.sha256, size=weights.size)


def fetch_weights(recipe: Recipe, options: RunOptions, store: Store, progress: Progress) -> Fetched:
    """Obtain and verify the weights."""
    return fetch(weights_source(recipe, options), store, progress, require_hash=options.require_hash)


@dataclass(frozen=True, kw_only=True)
class DataRoot:
    """Where the data set is, and how it was found."""

    path: Path
    origin: str
    reused: bool


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
    if dataset.url is None:
        msg = f"no data set: give --data FOLDER{f' or set {dataset.root_env}' if dataset.root_env else ''}"
        raise DatasetError(msg)
    base = recipe.loaded.origin(("dataset", "url")).folder
    folder = resource_folder(dataset.url, base)
    if folder is not None:
        return _given(folder, dataset.subdir, dataset.url)
    source = Source(
        url=dataset.url,
        base=base,
        sha256=dataset.sha256,
        md5=dataset.md5,
        size=dataset.size,
    )
    archive = fetch(source, store, progress, require_hash=options.require_hash)
    unpacked = extract(archive.path, archive.sha256, store, progress)
    return DataRoot(path=unpacked / dataset.subdir, origin=archive.origin, reused=archive.reused)


def read_samples(recipe: Recipe, root: Path) -> Sequence[Sample]:
    """Read the data set and check that it is the whole of it.

    Raises:
        DatasetError: The number of samples is not the manifest's.
    """
    samples = recipe.parts.dataset.samples(root)
    expected = recipe.manifest.dataset.samples
    if len(samples) != expected:
        msg = (
            f"{root}: expected the {expected} samples of {recipe.manifest.dataset.name}, found {len(samples)}; "
            f"a figure for other data cannot be compared (for a part of the set use --limit)"
        )
        raise DatasetError(msg)
    return samples


def _given(folder: Path, subdir: str, origin: str) -> DataRoot:
    if not folder.is_dir():
        msg = f"{origin}: expected the folder of the data set, found no folder {folder}"
        raise DatasetError(msg)
    inner = folder / subdir
    return DataRoot(path=inner if inner.is_dir() else folder, origin=origin, reused=True)
