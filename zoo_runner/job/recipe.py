"""A manifest joined with the plugin and backend it names; checked, and nothing touched yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from zoo_runner.aipp.host_inputs import host_inputs, host_preprocess, takes_pixels
from zoo_runner.aipp.parameters import aipp_parameters
from zoo_runner.errors import (
    ManifestError,
    PluginError,
    PrerequisiteError,
    UsageError,
    did_you_mean,
    installing,
)
from zoo_runner.job.foreign_code import ForeignCode, foreign_code
from zoo_runner.job.given_graph import GivenGraph
from zoo_runner.job.given_weights import gives_onnx
from zoo_runner.job.imported import require_complete
from zoo_runner.job.located_errors import located
from zoo_runner.job.metric_check import check_metric
from zoo_runner.job.networks import Driven, check_tensors, driven
from zoo_runner.job.padded_inputs import FittedPredictions, PaddedInputs, elements
from zoo_runner.job.part_samples import PARTS, Joined, PartInputs, check_parts
from zoo_runner.manifest.load import LoadedManifest, load_plugin_config
from zoo_runner.manifest.open_axes import input_axes, shapes_of
from zoo_runner.manifest.schema import IN_PROCESS, OWN_TOOLS
from zoo_runner.manifest.section import Section
from zoo_runner.manifest.tree import dotted
from zoo_runner.manifest.whole_tensors import contradictions
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.backend_facts import ChipNamingBackend
from zoo_runner.plugin.conversion import ConvertingBackend
from zoo_runner.plugin.folders import ToolBackend
from zoo_runner.plugin.interfaces import WAYS
from zoo_runner.plugin.nouns import noun_of
from zoo_runner.plugin.parts import FanOutPreprocess, JoiningPostprocess
from zoo_runner.plugin.pixels import PixelPreprocess
from zoo_runner.plugin.sized import SizedPreprocess
from zoo_runner.used_code.record import Disk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from zoo_runner.job.foreign_code import Script
    from zoo_runner.job.options import RunOptions
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.manifest.subsets import Subset
    from zoo_runner.plugin.interfaces import Backend, Network, Postprocess, Preprocess, Prerequisite, TensorSpec, Way
    from zoo_runner.plugin.records import ModelParts
    from zoo_runner.plugin.shapes import Shapes, Sizes

AUTO = ("ascend", "onnxruntime")
"""Backends that ``auto`` tries, in this order; the first that lacks nothing is taken."""
OF_THE_MANIFEST = "ascend"
"""The backend that the manifest's section ``atc`` is about; plans show its conversion where the run needs none."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything a run needs to know before it starts.

    Attributes:
        loaded: The manifest in effect, the command line's values laid over it, with where each value came from.
        parts: What the plugin contributed.
        package: Top-level package of the plugin.
        config: What the plugin is configured with, its defaults included.
        declared: Packages whose code counts as the plugin's own, as it declares.
        subset: The part of the data set to score; ``None`` for all of it.
        own_aipp: Whether the backend runs a model with the AIPP of the user's own file.
        given_onnx: Whether the weights are an ONNX file, which is used as it is.
        name: Of the model in the manifest, where this is one of several.
        foreign: Code that the manifest brings along.
        disk: What the disk holds of code, as this run found it.
    """

    loaded: LoadedManifest
    parts: ModelParts
    package: str
    config: BaseModel | None = None
    declared: tuple[str, ...] = ()
    subset: Subset | None = None
    own_aipp: bool = False
    given_onnx: bool = False
    name: str = ""
    foreign: ForeignCode = field(default_factory=ForeignCode)
    disk: Disk = field(default_factory=Disk, repr=False, compare=False)

    @property
    def manifest(self) -> Manifest:
        """The manifest in effect."""
        return self.loaded.manifest

    @property
    def network(self) -> str:
        """The networks' identity, and with it what of the files of weights is meant, where the manifest says so."""
        manifest, own = self.manifest, self.parts.network.identity
        several = {name: each.weights.part for name, each in manifest.models.items() if each.weights.part}
        part = several or manifest.weights.part
        more = {**({"weights": part} if part else {}), **self.foreign.hashes(self.name)}
        return json.dumps([own, more], sort_keys=True) if more else own

    @property
    def models(self) -> Mapping[str, Recipe]:
        """The recipes of several models, by name; where there is one network, this one under the empty name."""
        several = self.parts.network
        if not isinstance(several, Driven):
            return {self.name: self}
        return {name: self._model(name, network) for name, network in several.networks.items()}

    def _model(self, name: str, network: Network) -> Recipe:
        loaded, parts = self.loaded.model(name), replace(self.parts, network=network)
        return replace(self, loaded=loaded, parts=parts, name=name, given_onnx=gives_onnx(loaded, None, network))

    @property
    def transforms(self) -> tuple[Script, ...]:
        """The scripts that change the graph of this network."""
        return self.foreign.transforms.get(self.name, ())

    def named(self, kind: str) -> str:
        """Return what a report calls a file of this network: ``onnx``, or ``onnx of encoder`` of several."""
        return f"{kind} of {self.name}" if self.name else kind

    @property
    def noun(self) -> str:
        """What the samples are called, in the plural."""
        return noun_of(self.parts.dataset)

    @property
    def pixels(self) -> PixelPreprocess | None:
        """The preprocessing that stops at pixels, when the model is to normalise them (``atc.aipp``)."""
        preprocess = self.parts.preprocess
        return preprocess if self.manifest.atc.aipp and isinstance(preprocess, PixelPreprocess) else None

    @property
    def host_inputs(self) -> tuple[TensorSpec, ...]:
        """What the host feeds the model: the network's inputs, or pixels."""
        return host_inputs(self.manifest, own_aipp=self.own_aipp)

    @property
    def host_preprocess(self) -> Preprocess:
        """What makes :attr:`host_inputs` of a sample."""
        return host_preprocess(self.manifest, self.preprocess, own_aipp=self.own_aipp)

    @property
    def shapes(self) -> Shapes | None:
        """The sizes that open axes take; ``None`` where there are none."""
        return shapes_of(self.manifest)

    @property
    def padded(self) -> PaddedInputs | None:
        """What pads a sample's inputs, where they have open axes."""
        shapes, preprocess = self.shapes, self.parts.preprocess
        if shapes is None or shapes.opened == "batch" or not isinstance(preprocess, SizedPreprocess):
            return None
        return PaddedInputs(preprocess, self.manifest.inputs, shapes)

    @property
    def timed_sizes(self) -> Sizes:
        """The sizes of open axes at which the model is timed; by default the greatest that it takes."""
        shapes, manifest = self.shapes, self.manifest
        if shapes is None or shapes.opened == "batch":
            return {}
        if manifest.benchmark.sizes:
            return manifest.benchmark.sizes
        if shapes.bounds:
            return {axis: high for axis, (_, high) in shapes.bounds.items()}
        return max(shapes.gears, key=lambda gear: elements(manifest.input_specs, gear))

    @property
    def preprocess(self) -> Preprocess:
        """What makes the network's own inputs of a sample, padded where they have open axes."""
        return self.padded or self.fan_out or self.parts.preprocess

    @property
    def fan_out(self) -> PartInputs | None:
        """What makes the parts of samples, where these take several inferences."""
        preprocess = self.parts.preprocess
        return PartInputs(preprocess) if isinstance(preprocess, FanOutPreprocess) else None

    @property
    def inferred_noun(self) -> str:
        """What the model is run on, in the plural."""
        return self.noun if self.fan_out is None else PARTS

    @property
    def postprocess(self) -> Postprocess:
        """What makes a sample's prediction of its outputs; it is told of the padding where there is any."""
        padded = self.padded
        if isinstance(self.parts.postprocess, JoiningPostprocess) and self.fan_out is not None:
            return Joined(self.parts.postprocess)
        return self.parts.postprocess if padded is None else FittedPredictions(self.parts.postprocess, padded)


def on_backend(recipe: Recipe, backend: Backend | None) -> Recipe:
    """Return the recipe as a backend carries it out: one that reads AIPP files makes models that take pixels."""
    reads = isinstance(backend, ConvertingBackend) and backend.makes.normalises
    return replace(recipe, own_aipp=reads and takes_pixels(recipe.manifest, recipe.parts.preprocess))


def resolve(loaded: LoadedManifest, options: RunOptions) -> Recipe:
    """Check all that can be checked before anything is touched: options, manifest and plugin, against each other.

    Args:
        loaded: The manifest as its files and ``--set`` have it.
        options: What the user asked for.

    Raises:
        ManifestError: Tensors or metric of the manifest are not those of the plugin.
        PluginError: The plugin is unknown or breaks its contract.
        PrerequisiteError: What writes the SBOM that was asked for is not installed.
        UsageError: The options contradict each other, or the manifest has no subset of the name that was asked for.
    """
    options.check()
    if options.sbom and find_spec("cyclonedx") is None:
        msg = f"--sbom needs cyclonedx-python-lib, which is not installed: {installing('sbom')}"
        raise PrerequisiteError(msg)
    require_complete(loaded)
    plugin = plugins.load(loaded.manifest.plugin.name)
    config = load_plugin_config(loaded, plugin.config_model() or Section)
    loaded = replace(loaded, manifest=_replaced(loaded.manifest, options))
    manifest = loaded.manifest
    several = driven(loaded, options, plugin, config) if manifest.models else None
    stands_in = several or GivenGraph(manifest.input_specs, manifest.output_specs)
    with located(loaded):
        parts = plugin.parts(config, stands_in, driven=several is not None)
    check_tensors(loaded, "inputs", manifest.input_specs, parts.network.inputs)
    check_tensors(loaded, "outputs", manifest.output_specs, parts.network.outputs)
    _check_whole(loaded)
    check_parts(loaded, parts)
    check_metric(loaded, parts.metric)
    if manifest.atc.aipp is not None:
        _check_pixels(loaded, manifest.input_specs[0], parts.preprocess)
    _check_sizes(loaded, parts.preprocess)
    given_onnx = not manifest.models and gives_onnx(loaded, options.weights, parts.network)
    subset = _subset(manifest, options.subset)
    return Recipe(
        loaded=loaded,
        parts=parts,
        package=plugin.package,
        config=config,
        declared=plugin.packages(),
        subset=subset,
        disk=Disk(by_content=options.verify_cache),
        given_onnx=given_onnx,
        foreign=foreign_code(loaded),
    )


def choose_backend(
    name: str, loaded: LoadedManifest | None = None, soc: str | None = None, *, ways: Sequence[Way] = WAYS
) -> Backend:
    """Return the backend of that name; ``auto`` takes the first of :data:`AUTO` that lacks nothing here.

    Args:
        name: What ``--backend`` says.
        loaded: The manifest whose ``infer.tool`` the backend is handed; ``None`` where no model is run.
        soc: The chip, as ``--soc`` names it; it counts where the machine does not tell.
        ways: What it is needed for; what it lacks for other things does not matter.

    Raises:
        UsageError: The backend has no such tool.
        PluginError: No backend has that name.
        PrerequisiteError: The backend lacks something; each item is named with its remedy.
    """
    if name == "auto":
        candidates = [_backend(candidate, soc) for candidate in AUTO]
        backend = next((each for each in candidates if usable(each, ways)), candidates[-1])
    else:
        backend = _backend(name, soc)
        missing = _missing(backend, ways)
        if missing:
            lines = "\n".join(f"  {need.name}: {need.found}. {need.remedy}" for need in missing)
            does = "run" if len(ways) > 1 else " or ".join(ways)
            msg = f"backend {name!r} cannot {does} here:\n{lines}\n  (`zoo-run doctor` shows all of it)"
            raise PrerequisiteError(msg)
    return backend if loaded is None else _with_tool(backend, loaded)


def _backend(name: str, soc: str | None) -> Backend:
    backend = plugins.load(name, kind="backend").backend()
    return backend.for_chip(soc) if soc and isinstance(backend, ChipNamingBackend) else backend


def _with_tool(backend: Backend, loaded: LoadedManifest) -> Backend:
    """Return the backend as it works by the manifest's tool."""
    tool = loaded.manifest.infer.tool
    if tool == IN_PROCESS:
        return backend
    made = backend.using(tool) if isinstance(backend, ToolBackend) else None
    if made is None:
        does, owner = OWN_TOOLS[tool]
        msg = (
            f"{loaded.locate(('infer', 'tool'))}: infer.tool: {tool} {does} on the backend {owner}, found "
            f"{backend.name}; give --backend {owner}, or --set infer.tool={IN_PROCESS}"
        )
        raise UsageError(msg)
    return made


def usable(backend: Backend, ways: Sequence[Way] = WAYS) -> bool:
    """Say whether the backend lacks nothing on this machine that a run cannot do without."""
    return not _missing(backend, ways)


def _missing(backend: Backend, ways: Sequence[Way]) -> list[Prerequisite]:
    return [need for need in backend.prerequisites() if need.required and not need.ok and {*need.ways} & {*ways}]


def _replaced(manifest: Manifest, options: RunOptions) -> Manifest:
    """Lay the command line's values over the manifest's."""
    infer, benchmark = manifest.infer, manifest.benchmark
    if options.batch_size is not None:
        infer = infer.model_copy(update={"batch": options.batch_size})
    if options.batch_size is not None or options.one_om:
        benchmark = benchmark.model_copy(update={"batch": (infer.batch,)})
    replaced: dict[str, object] = {"infer": infer, "benchmark": benchmark}
    if options.soc is not None:
        update = {"soc_version": options.soc}
        replaced["atc"] = manifest.atc.model_copy(update=update)
        replaced["models"] = {
            name: each.model_copy(update={"atc": each.atc.model_copy(update=update)})
            for name, each in manifest.models.items()
        }
    return manifest.model_copy(update=replaced)


def _check_whole(loaded: LoadedManifest) -> None:
    """Check what the manifest was checked for, with the command line's values over it."""
    problems = [f"{loaded.locate(path)}: {dotted(path)}: {text}" for path, text in contradictions(loaded.manifest)]
    if problems:
        raise ManifestError("\n".join(problems))


def _check_sizes(loaded: LoadedManifest, preprocess: Preprocess) -> None:
    """Check that the plugin can say how large a sample is where its inputs have open axes."""
    if (axes := input_axes(loaded.manifest)) and not isinstance(preprocess, SizedPreprocess):
        place = next(place for place, spec in enumerate(loaded.manifest.input_specs) if spec.axes)
        raise ManifestError(
            f"{loaded.locate(('inputs', place, 'shape'))}: inputs.{place}.shape: the preprocessing of plugin "
            f"{loaded.manifest.plugin.name!r} does not say the sizes of {', '.join(axes)}: it has no sizes (see "
            "SizedPreprocess in zoo_runner.plugin.sized); use a fixed shape"
        )


def _subset(manifest: Manifest, name: str | None) -> Subset | None:
    if name is None:
        return None
    if name in manifest.subsets:
        return manifest.subsets[name]
    known = ", ".join(manifest.subsets) or "none"
    hint = did_you_mean(name, manifest.subsets)
    msg = f"--subset {name}: expected a subset of the manifest {manifest.name}, which has: {known}{hint}"
    raise UsageError(msg)


def _check_pixels(loaded: LoadedManifest, image: TensorSpec, preprocess: Preprocess) -> None:
    """Check that the plugin can leave its arithmetic to AIPP, and that it is the arithmetic of this input."""
    where, name = f"{loaded.locate(('atc', 'aipp'))}: atc.aipp", loaded.manifest.plugin.name
    if not isinstance(preprocess, PixelPreprocess):
        lacks = " and ".join(part for part in ("normalisation", "pixels") if not hasattr(preprocess, part))
        msg = (
            f"{where}: the preprocessing of plugin {name!r} does not say how to normalise pixels: it has no {lacks} "
            f"(see PixelPreprocess in zoo_runner.plugin.pixels); remove atc.aipp"
        )
        raise ManifestError(msg)
    declared = preprocess.normalisation
    aipp_parameters(declared)
    found = (len(declared.mean), declared.height, declared.width)
    if found != image.sample_shape():
        msg = (
            f"{where}: plugin {name!r} declares a normalisation for {list(found)}, expected "
            f"{list(image.sample_shape())} as input {image.name!r} has; correct the plugin"
        )
        raise PluginError(msg)
