"""Manifests that ``zoo-run import`` wrote: what is still to be written there before anything can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ManifestError, listed
from zoo_runner.manifest.imported import key_path
from zoo_runner.plugin import loading as plugins

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest

PLUGIN: Final = "plugin.name"
_UNSAID: Final = ("imported", "unsaid")


def missing(loaded: LoadedManifest) -> tuple[str, ...]:
    """Return what an imported manifest lacks, one text a key, each with its place; nothing for other manifests.

    Args:
        loaded: The manifest as its files and ``--set`` have it.
    """
    imported = loaded.manifest.imported
    if imported is None:
        return ()
    found = [_unsaid(loaded, key) for key in imported.unsaid]
    name = loaded.manifest.plugin.name
    if PLUGIN not in imported.unsaid and name not in plugins.names():
        where = loaded.locate(("plugin", "name"))
        found.append(
            f"{where}: {PLUGIN}: no plugin {name!r} is installed; install it, or write it (docs/write-a-plugin.md)"
        )
    return tuple(found)


def require_complete(loaded: LoadedManifest) -> None:
    """Check that a manifest says everything itself; what stands in for something must not be run.

    Raises:
        ManifestError: It was imported, and keys are still to be written. They are listed with their places.
    """
    imported = loaded.manifest.imported
    if imported is not None and imported.unsaid:
        faults = [_unsaid(loaded, key) for key in imported.unsaid]
        text = f"{loaded.locate(_UNSAID)}: imported.unsaid: expected nothing that {imported.file} does not say"
        raise ManifestError(f"{text}, found {len(faults)} of it:\n{listed(faults)}")


def _unsaid(loaded: LoadedManifest, key: str) -> str:
    remedy = "write the name of a plugin that `zoo-run plugins` lists" if key == PLUGIN else "write what is right"
    return f"{loaded.locate(key_path(key))}: {key}: a stand-in; {remedy}, and take {key} off imported.unsaid"
