"""A manifest joined with the plugin and backend it names; checked, and nothing touched yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner import plugins
from zoo_runner.aipp import aipp_parameters
from zoo_runner.errors import ManifestError, PluginError, PrerequisiteError, UsageError, did_you_mean
from zoo_runner.evidence import ResampledMetric
from zoo_runner.fingerprints import fingerprint, source_fingerprint
from zoo_runner.interfaces import PixelPreprocess
from zoo_runner.manifest.lines import expected_lines
from zoo_runner.manifest.load import LoadedManifest, load_plugin_config
from zoo_runner.manifest.section import Section
from zoo_runner.manifest.tree import dotted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.interfaces import Backend, Metric, Preprocess, TensorSpec
    from zoo_runner.manifest.expectations import Subset
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.options import RunOptions
    from zoo_runner.plugins import ModelParts

AUTO = ("ascend", "onnxruntime")
"""Backends that ``auto`` tries, in this order; the first that lacks nothing is taken."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything a run needs to know before it starts.

    Attributes:
        loaded: The manifest as loaded, with where each value came from.
        manifest: The manifest with the command line's replacements applied.
        parts: What the plugin contributed.
        package: Top-level package of the plugin, for cache keys.
        subset: The part of the data set to score; ``None`` for all of it.
    """

    loaded: LoadedManifest
    manifest: Manifest
    parts: ModelParts
    package: str
    subset: Subset | None = None

    @property
    def code(self) -> str:
        """Identity of the plugin's and the runner's source code, for keys."""
        return fingerprint(source_fingerprint(self.package), source_fingerprint("zoo_runner"))

    @property
    def pixels(self) -> PixelPreprocess | None:
        """The preprocessing that stops at pixels, when the model is to normalise them (``atc.aipp``)."""
        preprocess = self.parts.preprocess
        return preprocess if self.manifest.atc.aipp and isinstance(preprocess, PixelPreprocess) else None


def resolve(loaded: LoadedManifest, options: RunOptions) -> Recipe:
    """Ask the plugin for its parts and hold the manifest against them.

    Raises:
        ManifestError: Tensors or metric of the manifest are not those of the plugin.
        PluginError: The plugin is unknown or breaks its contract.
        UsageError: The manifest has no subset of the name that was asked for.
    """
    plugin = plugins.load(loaded.manifest.plugin.name)
    parts = plugin.parts(load_plugin_config(loaded, plugin.config_model() or Section))
    manifest = _replaced(loaded.manifest, options)
    _check_tensors(loaded, "inputs", manifest.input_specs, parts.network.inputs)
    _check_tensors(loaded, "outputs", manifest.output_specs, parts.network.outputs)
    _check_metric(loaded, parts.metric)
    if manifest.atc.aipp is not None:
        _check_pixels(loaded, manifest.input_specs[0], parts.preprocess)
    subset = _subset(manifest, options.subset)
    return Recipe(loaded=loaded, manifest=manifest, parts=parts, package=plugin.package, subset=subset)


def choose_backend(name: str) -> Backend:
    """Return the backend of that name; ``auto`` takes the first of :data:`AUTO` that lacks nothing here.

    Raises:
        PluginError: No backend has that name.
        PrerequisiteError: The backend lacks something; each item is named with its remedy.
    """
    if name == "auto":
        candidates = [plugins.load(candidate).backend() for candidate in AUTO]
        return next((each for each in candidates if usable(each)), candidates[-1])
    backend = plugins.load(name).backend()
    missing = [need for need in backend.prerequisites() if need.required and not need.ok]
    if missing:
        lines = "\n".join(f"  {need.name}: {need.found}. {need.remedy}" for need in missing)
        msg = f"backend {name!r} cannot run here:\n{lines}\n  (`zoo-run doctor` shows all of it)"
        raise PrerequisiteError(msg)
    return backend


def usable(backend: Backend) -> bool:
    """Say whether the backend lacks nothing on this machine that a run cannot do without."""
    return all(need.ok for need in backend.prerequisites() if need.required)


def _replaced(manifest: Manifest, options: RunOptions) -> Manifest:
    """Lay the command line's values over the manifest's."""
    infer, benchmark, atc = manifest.infer, manifest.benchmark, manifest.atc
    if options.batch_size is not None:
        infer = infer.model_copy(update={"batch": options.batch_size})
    if options.batch_size is not None or options.om is not None:
        benchmark = benchmark.model_copy(update={"batch": (infer.batch,)})
    if options.soc is not None:
        atc = atc.model_copy(update={"soc_version": options.soc})
    return manifest.model_copy(update={"infer": infer, "benchmark": benchmark, "atc": atc})


def _check_tensors(
    loaded: LoadedManifest, key: str, written: Sequence[TensorSpec], known: Sequence[TensorSpec]
) -> None:
    by_name = {spec.name: spec for spec in known}
    problems = []
    for position, spec in enumerate(written):
        where = f"{loaded.locate((key, position))}: {key}.{position}"
        if spec.name not in by_name:
            problems.append(f"{where}: the network has no {spec.name!r}{did_you_mean(spec.name, by_name)}")
        elif spec != by_name[spec.name]:
            problems.append(f"{where}: expected {_phrase(by_name[spec.name])}, found {_phrase(spec)}")
    absent = sorted(by_name.keys() - {spec.name for spec in written})
    if absent:
        problems.append(f"{loaded.locate((key,))}: {key}: missing {', '.join(absent)}")
    if problems:
        msg = "the manifest's tensors are not the network's:\n  " + "\n  ".join(problems)
        raise ManifestError(msg)


def _phrase(spec: TensorSpec) -> str:
    return f"{spec.name} {spec.dtype}{list(spec.shape)}"


def _subset(manifest: Manifest, name: str | None) -> Subset | None:
    if name is None:
        return None
    if name in manifest.subsets:
        return manifest.subsets[name]
    known = ", ".join(manifest.subsets) or "none"
    hint = did_you_mean(name, manifest.subsets)
    msg = f"--subset {name}: expected a subset of the manifest {manifest.name}, which has: {known}{hint}"
    raise UsageError(msg)


def _check_metric(loaded: LoadedManifest, metric: Metric) -> None:
    """Check that the plugin measures what is expected, and that its uncertainty can be had where a rule needs it."""
    accuracy, measures = loaded.manifest.expected.accuracy, metric.measures
    if accuracy is None or (accuracy.metric, accuracy.protocol) in measures:
        _check_rules(loaded, metric)
        return
    wanted = f"{accuracy.metric}/{accuracy.protocol}"
    known = [f"{name}/{protocol}" for name, protocol in measures]
    msg = (
        f"{loaded.locate(('expected', 'accuracy', 'metric'))}: expected.accuracy: the plugin measures "
        f"{', '.join(known)}, found {wanted}{did_you_mean(wanted, known)}"
    )
    raise ManifestError(msg)


def _check_rules(loaded: LoadedManifest, metric: Metric) -> None:
    rules = {(*line.path, "rule"): line.rule for line in expected_lines(loaded.manifest).values()}
    problems = [
        f"{loaded.locate(path)}: {dotted(path)}: {rule} needs a metric that can be resampled, and that of plugin "
        f"{loaded.manifest.plugin.name!r} has no resampled() (see ResampledMetric in zoo_runner.evidence); use point"
        for path, rule in rules.items()
        if rule != "point" and not isinstance(metric, ResampledMetric)
    ]
    if problems:
        raise ManifestError("\n".join(problems))


def _check_pixels(loaded: LoadedManifest, image: TensorSpec, preprocess: Preprocess) -> None:
    """Check that the plugin can leave its arithmetic to AIPP, and that it is the arithmetic of this input."""
    where, name = f"{loaded.locate(('atc', 'aipp'))}: atc.aipp", loaded.manifest.plugin.name
    if not isinstance(preprocess, PixelPreprocess):
        lacks = " and ".join(part for part in ("normalisation", "pixels") if not hasattr(preprocess, part))
        msg = (
            f"{where}: the preprocessing of plugin {name!r} does not say how to normalise pixels: it has no {lacks} "
            f"(see PixelPreprocess in zoo_runner.interfaces); remove atc.aipp"
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
