"""The networks of a run, held against the manifest: one, or several that the plugin drives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.errors import ExportError, ManifestError, UsageError, did_you_mean
from zoo_runner.job.given_graph import GivenGraph
from zoo_runner.job.given_weights import gives_onnx
from zoo_runner.plugin.tensors import declared_texts, mismatch

if TYPE_CHECKING:
    import torch

    from zoo_runner.job.options import RunOptions
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.driving import Driver
    from zoo_runner.plugin.interfaces import Network, TensorSpec
    from zoo_runner.plugin.loading import Plugin


@dataclass(frozen=True)
class Driven:
    """Several networks, and what makes one result of them; stands for the network of the whole.

    Attributes:
        inputs: What the driver takes.
        outputs: What it returns.
        driver: The plugin's.
        networks: By name.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    driver: Driver
    networks: Mapping[str, Network]

    @property
    def identity(self) -> str:
        """The driver's, and the networks' in the order of their names."""
        networks = {name: network.identity for name, network in self.networks.items()}
        return json.dumps(["driven", self.driver.identity, networks], sort_keys=True)

    def build(self) -> torch.nn.Module:
        """Refuse: there is no one network to build.

        Raises:
            ExportError: Always.
        """
        raise ExportError("several networks form the result: each is exported by itself")


def driven(loaded: LoadedManifest, options: RunOptions, plugin: Plugin, config: object) -> Driven:
    """Ask the plugin for the networks of a manifest with several, and for what runs them.

    Raises:
        ManifestError: The manifest's models or their tensors are not the plugin's.
        PluginError: It has no driver, or breaks its contract.
        UsageError: An option is about a manifest's one network.
    """
    _refuse_options(loaded, options)
    manifest, driver, known = loaded.manifest, plugin.driver(config), plugin.networks(config)
    networks: dict[str, Network] = {}
    for name, section in manifest.models.items():
        alone = loaded.model(name)
        given = GivenGraph(alone.manifest.input_specs, alone.manifest.output_specs)
        networks[name] = network = known.get(name, given)
        check_tensors(alone, "inputs", given.inputs, network.inputs, name)
        check_tensors(alone, "outputs", given.outputs, network.outputs, name)
        if not gives_onnx(alone, None, network) and network is given and not section.weights.urls:
            hint = did_you_mean(name, known)
            raise ManifestError(
                f"{alone.locate(('weights', 'url'))}: models.{name}: expected an ONNX file as weights.url, or a model "
                f"that the plugin {plugin.name!r} has a network of: {', '.join(known) or 'none'}{hint}"
            )
    if unused := sorted(known.keys() - networks.keys()):
        raise ManifestError(
            f"{loaded.locate(('models',))}: models: the plugin {plugin.name!r} has the networks {', '.join(known)}, "
            f"and the manifest lacks {', '.join(unused)}"
        )
    return Driven(manifest.input_specs, manifest.output_specs, driver, networks)


def _refuse_options(loaded: LoadedManifest, options: RunOptions) -> None:
    names = list(loaded.manifest.models)
    if options.weights is not None:
        raise UsageError(
            f"--weights: the manifest has several models: give --set models.{names[0]}.weights.url=PATH|URL, with the "
            "name of one of them"
        )
    if options.one_om:
        first = f"{names[0]}_bs{loaded.manifest.infer.batch}.om"
        raise UsageError(f"--om {options.om}: the manifest has several models: give a folder with {first} and so on")
    if options.om_outputs:
        raise UsageError("--om-outputs: the manifest has several models; their outputs are taken in its order")
    if len(options.devices) > 1:
        listed = ",".join(map(str, options.devices))
        raise UsageError(f"--device {listed}: several models run on one device; name one")


def check_tensors(
    loaded: LoadedManifest, key: str, written: Sequence[TensorSpec], known: Sequence[TensorSpec], model: str = ""
) -> None:
    """Hold the tensors of a manifest against a network's.

    Args:
        loaded: The manifest, or that of one model.
        key: ``inputs`` or ``outputs``.
        written: The manifest's.
        known: The network's.
        model: The model's name, of several.

    Raises:
        ManifestError: They are other ones; each is named.
    """
    by_name = {spec.name: spec for spec in known}
    place = f"models.{model}.{key}" if model else key
    problems = []
    for position, spec in enumerate(written):
        where = f"{loaded.locate((key, position))}: {place}.{position}"
        if spec.name not in by_name:
            problems.append(f"{where}: the network has no {spec.name!r}{did_you_mean(spec.name, by_name)}")
        elif spec != by_name[spec.name]:
            problems.append(mismatch(where, declared_texts([by_name[spec.name]]), declared_texts([spec])))
    absent = sorted(by_name.keys() - {spec.name for spec in written})
    if absent:
        problems.append(f"{loaded.locate((key,))}: {place}: missing {', '.join(absent)}")
    if problems:
        msg = "the manifest's tensors are not the network's:\n  " + "\n  ".join(problems)
        raise ManifestError(f"{msg}\n  correct the manifest, or plugin.config")
