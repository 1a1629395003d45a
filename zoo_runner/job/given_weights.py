"""Which kind of file the weights are: a checkpoint, or an ONNX file; and what of the manifest has an effect on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ManifestError, shortened
from zoo_runner.job.given_graph import SUFFIX, GivenGraph, names_onnx
from zoo_runner.redaction import redacted_url

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Network

_OF_A_CHECKPOINT: Final = ("key", "strip")


def gives_onnx(loaded: LoadedManifest, weights: str | None, network: Network) -> bool:
    """Say whether the weights are an ONNX file, by their name; a plugin without a network takes nothing else.

    Of an archive the name of the member counts.

    Args:
        loaded: The manifest, or that of one model.
        weights: What ``--weights`` says.
        network: The plugin's, or what stands for it.

    Raises:
        ManifestError: Mirrors are of two kinds, there is no network for a checkpoint, or a key would have no effect on
            an ONNX file.
    """
    own, from_flag = loaded.manifest.weights, weights is not None and not loaded.manifest.weights.member
    names = [own.member] if own.member else [weights] if weights is not None else list(own.urls)
    given = bool(names) and names_onnx(names[0])
    if other := next((name for name in names if names_onnx(name) is not given), None):
        where = f"{loaded.locate(('weights', 'url'))}: {loaded.shown(('weights', 'url'))}"
        kinds = "an ONNX file and a checkpoint" if given else "a checkpoint and an ONNX file"
        raise ManifestError(f"{where}: expected mirrors of one file, found {kinds}: {shortened(redacted_url(other))}")
    if isinstance(network, GivenGraph) and names and not given:
        key = "member" if own.member else "url"
        where = "--weights" if from_flag else f"{loaded.locate(('weights', key))}: {loaded.shown(('weights', key))}"
        of = f" of {loaded.within[-1]}" if loaded.within else ""
        hook = "zoo_networks" if loaded.within else "zoo_network"
        raise ManifestError(
            f"{where}: expected an ONNX file, whose name ends in {SUFFIX}, as plugin {loaded.manifest.plugin.name!r} "
            f"has no network{of} to export ({hook}), found {shortened(redacted_url(names[0]))}"
        )
    if given:
        _check_effects(loaded, weights)
    if given and loaded.manifest.code is not None and not loaded.within:
        where = f"{loaded.locate(('code',))}: code"
        raise ManifestError(f"{where}: would have no effect: the weights are an ONNX file, and no network is made")
    return given


def _check_effects(loaded: LoadedManifest, weights: str | None) -> None:
    """Refuse what says of a checkpoint how it is read or exported: nobody would do so."""
    if loaded.manifest.onnx.urls and weights is None:
        where = f"{loaded.locate(('onnx', 'url'))}: {loaded.shown(('onnx', 'url'))}"
        raise ManifestError(f"{where}: would have no effect: the weights are an ONNX file themselves; remove it")
    for key in _OF_A_CHECKPOINT:
        if getattr(loaded.manifest.weights, key) is not None:
            where = f"{loaded.locate(('weights', key))}: {loaded.shown(('weights', key))}"
            cure = "remove it" if weights is None else f"add --set {loaded.shown(('weights', key))}=null"
            raise ManifestError(f"{where}: would have no effect: the weights are an ONNX file, taken whole; {cure}")
