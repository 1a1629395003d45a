"""What a run would do, line by line, with every command; nothing is fetched, converted or run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import PluginError, PrerequisiteError, ZooError
from zoo_runner.job.foreign_code import OPTION
from zoo_runner.job.options import Stage
from zoo_runner.job.recipe import OF_THE_MANIFEST, Recipe, choose_backend, on_backend
from zoo_runner.job.scope import Scope
from zoo_runner.manifest.chip_keys import backend_of, chip_of
from zoo_runner.manifest.scales import can_be_resampled, own_direction, scale_of
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.conversion import ConvertingBackend
from zoo_runner.plugin.folders import FolderBackend
from zoo_runner.plugin.nouns import own_noun
from zoo_runner.redaction import redacted_url
from zoo_runner.report.table import rate_unit
from zoo_runner.stages.convert.engine import check_om
from zoo_runner.stages.convert.request import conversion_request, made_for, model_name
from zoo_runner.stages.evaluate.canaries import check_canaries
from zoo_runner.stages.export.declared import NOT_RUN
from zoo_runner.stages.export.model import given_nodes, graph_without_weights
from zoo_runner.stages.export.published import missing_packages
from zoo_runner.stages.fetch.downloads import found
from zoo_runner.stages.fetch.locate import manifest_archive, manifest_onnx, weights_source
from zoo_runner.stages.fetch.resource import local_file
from zoo_runner.stages.gate.targets import accuracy_targets
from zoo_runner.stages.predict.command_outputs import file_sizes, folder_request
from zoo_runner.stages.predict.disk_space import announced

if TYPE_CHECKING:
    from zoo_runner.job.options import RunOptions
    from zoo_runner.manifest.accuracies import ExpectedAccuracy
    from zoo_runner.plugin.evidence import Scale
    from zoo_runner.plugin.interfaces import Backend, Progress
    from zoo_runner.stages.fetch.source import FileSource
    from zoo_runner.stages.gate.targets import Target
    from zoo_runner.store.store import Store


def plan(recipe: Recipe, options: RunOptions, *, store: Store, progress: Progress) -> Iterator[str]:
    """Yield the plan of a checked manifest.

    The ``atc`` commands name real graph nodes: the network is exported without weights for that (its
    graph does not depend on them), which needs the export extra.

    Raises:
        ZooError: As the run itself would be refused.
    """
    if options.runs(Stage.EVALUATE):
        check_canaries(recipe.parts.metric, recipe.manifest.plugin.name)
    manifest = recipe.manifest
    yield f"plan for {manifest.name} ({recipe.loaded.path})"
    backend: Backend | None = None
    try:
        loaded = None if options.scores_files else recipe.loaded
        backend = choose_backend(options.backend, loaded, options.soc, ways=options.ways)
    except PrerequisiteError as error:
        yield f"this run would stop: {error}"
    if options.scores_files or backend is not None:
        check_om(options.om, None if options.scores_files else backend)
    recipe = on_backend(recipe, backend)
    steps: dict[Stage, Iterable[str]] = {  # generators: each works when its turn comes
        Stage.FETCH: _fetch(recipe, options),
        Stage.EXPORT: _exports(recipe, options),
        Stage.CONVERT: _convert(recipe, options, backend, store, progress),
        Stage.PREPROCESS: _samples(recipe, options),
        Stage.INFER: _infer(recipe, options, backend),
        Stage.POSTPROCESS: ([f"of {options.results_folder}" if options.scores_files else "as outputs come"]),
        Stage.EVALUATE: _evaluate(recipe, options),
        Stage.BENCHMARK: _benchmark(recipe),
        Stage.GATE: _gate(recipe, options, backend),
    }
    for stage, step in steps.items():
        mark = "" if options.runs(stage) else "   (not run: outside --from and --until)"
        yield f"{stage.value}:{mark}"
        yield from (f"  {line}" for line in step)


def _fetch(recipe: Recipe, options: RunOptions) -> Iterator[str]:
    dataset, code = recipe.manifest.dataset, recipe.manifest.code
    yield from (_weights(each, options) for each in recipe.models.values())
    if code is not None:
        yield f"code  {redacted_url(code.urls[0])} (sha256 {code.sha256}), which runs only with {OPTION}"
    local = options.data or (os.environ.get(dataset.root_env) if dataset.root_env else None)
    digest = f"md5 {dataset.md5}" if dataset.md5 else f"sha256 {dataset.sha256}" if dataset.sha256 else "no hash"
    source = manifest_archive(recipe.loaded) if local is None else None
    archive = _place(source, options) if source else "none named"
    yield f"dataset  {local} (local)" if local else f"dataset  {archive} ({digest})"


def _weights(recipe: Recipe, options: RunOptions) -> str:
    weights, what = recipe.manifest.weights, recipe.named("weights")
    pin = f"sha256 {weights.sha256}" if weights.sha256 and not options.weights else "no hash: trusted on first use"
    if options.weights and weights.sha256 and not options.require_hash:
        meant = "as asked" if options.other_weights else "inconclusive without --other-weights"
        pin = f"if not the manifest's, {meant}"
    named = options.weights or weights.urls
    place = _place(weights_source(recipe, options), options) if named else ""
    inside = f", {weights.member} in it" if weights.member else ""
    return f"{what}  {place} ({pin}){inside}" if named else f"{what}  none named: give --weights PATH|URL"


def _place(source: FileSource, options: RunOptions) -> str:
    """Return the file in the folder of downloads that is taken, or the addresses that are tried."""
    given = found(source, options.downloads) if options.downloads is not None else None
    return str(given) if given is not None else " or ".join(each.shown for each in source.each())


def _exports(recipe: Recipe, options: RunOptions) -> Iterator[str]:
    for name, each in recipe.models.items():
        then = (
            f"then {script.path.name}, which runs with {OPTION} (sha256 {script.sha256})" for script in each.transforms
        )
        yield from (f"{name}: {line}" if name else line for line in (*_export(each, options), *then))


def _export(recipe: Recipe, options: RunOptions) -> Iterator[str]:
    onnx = recipe.manifest.onnx
    if recipe.given_onnx:
        checked = "is run once to see that it fits the manifest" if onnx.check == "ort" else f"is {NOT_RUN}"
        yield f"not needed: the weights are an ONNX file, which {checked}"
        return
    source = manifest_onnx(recipe.loaded)
    if options.weights is None and source is not None:
        missing = missing_packages(recipe)
        how = f"not compared: {', '.join(missing)} not installed" if missing else "compared with a new export"
        how = how if onnx.check == "ort" else NOT_RUN
        yield f"the published {_place(source, options)} (sha256 {onnx.sha256}), {how}"
        return
    simplified = ", simplified" if onnx.simplify else ""
    compared = "compared with torch" if onnx.check == "ort" else NOT_RUN
    yield f"ONNX opset {onnx.opset} with the {onnx.exporter} exporter{simplified}, {compared}"


def _convert(
    recipe: Recipe, options: RunOptions, backend: Backend | None, store: Store, progress: Progress
) -> Iterator[str]:
    planned = backend if isinstance(backend, ConvertingBackend) else _converting(options)
    if options.om is not None:
        fits = "if its stamp fits" if options.one_om else "where the stamps in it fit"
        yield f"not done: {options.om} is used, {fits} what this would make:"
    elif backend is not None and planned is not backend:
        yield f"not needed by the backend {backend.name}; on an Ascend host:"
    if recipe.manifest.models:
        yield "in a folder with the exported networks:"
    elif recipe.manifest.code is not None:
        yield "in a folder with the exported network (a manifest with code is not packed):"
    else:
        yield f"in the folder that `{_packing(recipe, options)}` makes:"
    for each in recipe.models.values():
        yield from _commands(each, options, backend, planned, store, progress)


def _commands(
    recipe: Recipe,
    options: RunOptions,
    backend: Backend | None,
    planned: ConvertingBackend,
    store: Store,
    progress: Progress,
) -> Iterator[str]:
    """Yield the commands that convert one network."""
    name, nodes = recipe.manifest.name, cache(partial(_nodes, recipe, options, store, progress))
    makes = made_for(recipe, planned.makes)
    for batch in _batches(recipe) if makes.by_batch else _batches(recipe)[:1]:
        request = conversion_request(
            recipe,
            planned.makes,
            store,
            model=Path(f"{name}.onnx"),
            sha256="",
            batch=batch,
            chip=_chip_to_show(recipe, backend),
        )
        target = Path(model_name(makes, name, batch))
        yield from planned.conversion_commands(request, target, nodes)


def _packing(recipe: Recipe, options: RunOptions) -> str:
    """Return the command that packs the files which the plan's commands name."""
    given = {
        "--backend": None if options.backend == "auto" else options.backend,
        "--weights": options.weights,
        "--batch-size": options.batch_size,
        "--soc": options.soc,
        "--downloads": options.downloads,
    }
    words = [str(word) for pair in given.items() if pair[1] is not None for word in pair]
    changed = [word for override in recipe.loaded.overrides for word in ("--set", override)]
    return shlex.join(["zoo-run", "pack", str(recipe.loaded.path), *words, *changed, "-o", "FOLDER"])


def _converting(options: RunOptions) -> ConvertingBackend:
    """Return the backend whose conversion is shown where none runs here that has one."""
    named = plugins.load(OF_THE_MANIFEST if options.backend == "auto" else options.backend).backend()
    if not isinstance(named, ConvertingBackend):
        named = plugins.load(OF_THE_MANIFEST).backend()
    if not isinstance(named, ConvertingBackend):
        raise PluginError(f"expected the backend {OF_THE_MANIFEST} to convert; install zoo-runner again")
    return named


def _nodes(recipe: Recipe, options: RunOptions, store: Store, progress: Progress) -> tuple[str, ...]:
    """Return the nodes that outputs come from: of the ONNX file that is given, or of an export without weights."""
    try:
        if recipe.foreign.source is not None:
            raise PrerequisiteError("the manifest's code is not run for a plan")  # noqa: TRY301 - like the rest
        if recipe.transforms:
            raise PrerequisiteError("the scripts of onnx.transforms are not run for a plan")  # noqa: TRY301 - like the rest
        if recipe.given_onnx:
            packed = recipe.manifest.weights.member is not None  # a plan unpacks nothing
            return given_nodes(recipe, None if packed else local_file(weights_source(recipe, options)))
        return graph_without_weights(recipe, store, progress.warn)
    except PrerequisiteError as error:
        progress.warn(f"the graph's node names are not known: {error}")
        return tuple(f"<node of {spec.name}>" for spec in recipe.manifest.output_specs)


def _samples(recipe: Recipe, options: RunOptions) -> Iterator[str]:
    whole, subset = recipe.manifest.dataset.samples, recipe.subset
    taken = f"{_count(recipe, options)} of " if subset or options.limit else ""
    named = f", subset {options.subset}: every {subset.every} from position {subset.offset}" if subset else ""
    limit = f", no more than {options.limit}" if options.limit else ""
    parts = "; each takes one inference or several, of which one is counted here" if recipe.fan_out else ""
    yield f"{taken}{whole} {recipe.noun}{named}{limit}{parts}"


def _count(recipe: Recipe, options: RunOptions) -> int:
    """Return how many samples the run scores."""
    samples = recipe.manifest.dataset.samples
    chosen = recipe.subset.size(samples) if recipe.subset else samples
    return min(options.limit or chosen, chosen)


def _evaluate(recipe: Recipe, options: RunOptions) -> Iterator[str]:
    yield ", ".join("/".join(names) for names in recipe.parts.metric.measures)
    resamples = recipe.manifest.uncertainty.resamples
    if resamples and can_be_resampled(recipe.parts.metric):
        yield f"each with its interval over {resamples} resamples"
    if options.baseline:
        yield f"compared with {options.baseline}"


def _chip_to_show(recipe: Recipe, backend: Backend | None) -> str:
    """Return the chip that is here, or else the first one that the manifest has figures for."""
    here = _chip(backend) if isinstance(backend, ConvertingBackend) else ""
    return here or next((chip_of(place) for place in recipe.manifest.expected.chips), "")


def _batches(recipe: Recipe) -> Sequence[int]:
    manifest = recipe.manifest
    return sorted({manifest.infer.batch, *manifest.benchmark.batch})


def _infer(recipe: Recipe, options: RunOptions, backend: Backend | None) -> Iterator[str]:
    if backend and not options.scores_files:
        infer = recipe.manifest.infer
        yield f"{backend.name} ({backend.version()}) on {backend.chip()}, batch {infer.batch}"
        if isinstance(backend, FolderBackend):
            yield f"will write {announced(file_sizes(recipe, _count(recipe, options)), options.output)}"
            name = _model_name(recipe, backend, infer.batch)
            request = folder_request(
                recipe,
                model=options.om if options.om and options.one_om else Path(name),
                devices=options.devices,
                samples=_count(recipe, options),
                inputs=options.output / "inputs",
                output=options.output,
            )
            yield f"there too, on the inputs of a run with --until preprocess --output {options.output}:"
            if request.parts:
                yield "of these commands one for each gear that a sample takes:"
            yield from (shlex.join(backend.folder_command(part)) for part in request.each())


def _model_name(recipe: Recipe, backend: Backend, batch: int) -> str:
    """Return what a plan, like a pack, calls the file that a backend loads."""
    name = recipe.manifest.name
    if not isinstance(backend, ConvertingBackend):
        return f"{name}.onnx"
    return model_name(made_for(recipe, backend.makes), name, batch)


def _benchmark(recipe: Recipe) -> Iterator[str]:
    options = recipe.manifest.benchmark
    yield f"batch sizes {', '.join(map(str, options.batch))}; {options.loop} loops after {options.warmup} to warm up"


def _gate(recipe: Recipe, options: RunOptions, backend: Backend | None) -> Iterator[str]:
    expected, manifest = recipe.manifest.expected, recipe.manifest
    yield from _accuracies(recipe, options, backend)
    for place, table in expected.chips.items():
        applies = backend is not None and expected.chip_key(_chip(backend), backend.name) == place
        own = backend_of(place)
        only = f" (only on {chip_of(place)}{f' with the backend {own}' if own else ''})"
        unit = rate_unit(table.rate_name, own_noun(recipe.parts.dataset))
        for batch, rate in table.throughput.items():
            margin = table.tolerance.margin(rate)
            confirmed = "" if table.confirm is None else f" (confirmed: {table.confirm})"
            yield f"batch {batch}: at least {rate} - {margin:.3f} {unit}{confirmed}{'' if applies else only}"
    for waiver in manifest.waivers:
        yield f"{waiver.line}: waived down to {waiver.floor:g} until {waiver.until} ({waiver.owner}, {waiver.issue})"


def _accuracies(recipe: Recipe, options: RunOptions, backend: Backend | None) -> Iterator[str]:
    """Yield what the accuracies of this run are held against: the same figures and bounds that the gate takes."""
    expected, here = recipe.manifest.expected.accuracies, backend if not options.scores_files else None
    if not expected:
        yield "accuracy: nothing expected"
    scope = Scope(
        chip=_chip(here) if here else "",
        backend=here.name if here else "",
        batch=recipe.manifest.infer.batch if here else None,
        samples=_count(recipe, options),
        dataset_samples=_count(recipe, options),
        subset=options.subset,
    )
    targets = accuracy_targets(recipe.loaded, scope)
    for each in expected:
        if each.line in targets:
            yield _accuracy(each, targets[each.line], scale_of(recipe.parts.metric, each.metric, each.protocol))
        else:
            name = "accuracy" if each.alone else each.title
            yield f"{name}: nothing expected of the subset {options.subset}"


def _accuracy(accuracy: ExpectedAccuracy, target: Target, scale: Scale | None) -> str:
    direction = target.direction or own_direction(scale)
    rule = "" if target.rule == "point" else f", by the rule {target.rule}"
    drift = ""
    if target.drift is not None:
        drift = f", and its difference from the baseline {direction.phrase(0, float(target.drift))}"
    confirmed = "" if target.confirm is None else f" (confirmed: {target.confirm})"
    bound = direction.phrase(target.value, float(target.band.margin))
    return f"{accuracy.title} {bound} {accuracy.unit}{rule}{drift}{confirmed}"


def _chip(backend: Backend) -> str:
    try:
        return backend.chip()
    except ZooError:
        return ""
