"""What a run would do, line by line, with every command; nothing is fetched, converted or run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.cann import STAND_IN
from zoo_runner.errors import PrerequisiteError, ZooError
from zoo_runner.evidence import ResampledMetric
from zoo_runner.manifest.lines import backend_of, chip_of
from zoo_runner.options import Stage
from zoo_runner.recipe import Recipe, choose_backend, resolve
from zoo_runner.redaction import redacted_url
from zoo_runner.stages.aipp import atc_options
from zoo_runner.stages.ais_bench import TOOL, check_tool, dataset_call
from zoo_runner.stages.atc_command import atc_command, shell_line, soc_name
from zoo_runner.stages.engine import check_om
from zoo_runner.stages.model import graph_without_weights

if TYPE_CHECKING:
    from zoo_runner.artifacts import Store
    from zoo_runner.interfaces import Backend, Progress
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.options import RunOptions


def plan(loaded: LoadedManifest, options: RunOptions, *, store: Store, progress: Progress) -> Iterator[str]:
    """Yield the plan.

    The ``atc`` commands name real graph nodes: the network is exported without weights for that (its
    graph does not depend on them), which needs the export extra.

    Raises:
        ZooError: As the run itself would be refused.
    """
    options.check()
    recipe = resolve(loaded, options)
    manifest = recipe.manifest
    yield f"plan for {manifest.name} ({loaded.path})"
    backend: Backend | None = None
    try:
        backend = choose_backend(options.backend)
    except PrerequisiteError as error:
        yield f"this run would stop: {error}"
    if not options.scores_files:
        check_tool(recipe, backend)
    if options.scores_files or backend is not None:
        check_om(options.om, None if options.scores_files else backend)
    steps: dict[Stage, Iterable[str]] = {  # generators: each works when its turn comes
        Stage.FETCH: _fetch(recipe, options),
        Stage.EXPORT: _export(recipe),
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
    weights, dataset = recipe.manifest.weights, recipe.manifest.dataset
    url = options.weights or weights.url
    pin = f"sha256 {weights.sha256}" if weights.sha256 and not options.weights else "no hash: trusted on first use"
    yield f"weights  {redacted_url(url)} ({pin})" if url else "weights  none named: give --weights PATH|URL"
    local = options.data or (os.environ.get(dataset.root_env) if dataset.root_env else None)
    digest = f"md5 {dataset.md5}" if dataset.md5 else f"sha256 {dataset.sha256}" if dataset.sha256 else "no hash"
    yield f"dataset  {local} (local)" if local else f"dataset  {redacted_url(dataset.url or 'none named')} ({digest})"


def _export(recipe: Recipe) -> Iterator[str]:
    onnx = recipe.manifest.onnx
    simplified = ", simplified" if onnx.simplify else ""
    yield f"ONNX opset {onnx.opset} with the {onnx.exporter} exporter{simplified}, compared with torch"


def _convert(
    recipe: Recipe, options: RunOptions, backend: Backend | None, store: Store, progress: Progress
) -> Iterator[str]:
    if options.om is not None:
        yield f"not done: {options.om} is used, if its stamp fits what this would make:"
    elif backend is not None and backend.model_format != "om":
        yield f"not needed by the backend {backend.name}; on an Ascend host:"
    soc = _soc(recipe, backend)
    try:
        nodes = recipe.manifest.atc.out_nodes or graph_without_weights(recipe, store)
    except PrerequisiteError as error:
        progress.warn(f"the graph's node names are not known: {error}")
        nodes = tuple(f"<node of {spec.name}>" for spec in recipe.manifest.output_specs)
    atc = atc_options(recipe, store)
    for batch in _batches(recipe):
        arguments = atc_command(
            atc,
            model=Path(f"{recipe.manifest.name}.onnx"),
            output=Path(f"{recipe.manifest.name}_bs{batch}"),
            inputs=recipe.manifest.input_specs,
            out_nodes=nodes,
            soc_version=soc,
            batch=batch,
            base=recipe.loaded.origin(("atc",)).folder,
        )
        yield shell_line(arguments)


def _samples(recipe: Recipe, options: RunOptions) -> Iterator[str]:
    whole, subset = recipe.manifest.dataset.samples, recipe.subset
    taken = f"{_count(recipe, options)} of " if subset or options.limit else ""
    named = f", subset {options.subset}: every {subset.every} from position {subset.offset}" if subset else ""
    limit = f", no more than {options.limit}" if options.limit else ""
    yield f"{taken}{whole} samples{named}{limit}"


def _count(recipe: Recipe, options: RunOptions) -> int:
    """Return how many samples the run scores."""
    samples = recipe.manifest.dataset.samples
    chosen = recipe.subset.size(samples) if recipe.subset else samples
    return min(options.limit or chosen, chosen)


def _evaluate(recipe: Recipe, options: RunOptions) -> Iterator[str]:
    yield ", ".join("/".join(names) for names in recipe.parts.metric.measures)
    resamples = recipe.manifest.uncertainty.resamples
    if resamples and isinstance(recipe.parts.metric, ResampledMetric):
        yield f"each with its interval over {resamples} resamples"
    if options.baseline:
        yield f"compared with {options.baseline}"


def _soc(recipe: Recipe, backend: Backend | None) -> str:
    """The chip to show: the one asked for, the one that is here, or the first one the manifest has figures for."""
    manifest = recipe.manifest
    here = _chip(backend).removesuffix(STAND_IN) if backend is not None and backend.model_format == "om" else ""
    listed = next((chip_of(place) for place in manifest.expected.chips), "<chip from npu-smi>")
    return soc_name(manifest.atc.soc_version or here or listed)


def _batches(recipe: Recipe) -> Sequence[int]:
    manifest = recipe.manifest
    return sorted({manifest.infer.batch, *manifest.benchmark.batch})


def _infer(recipe: Recipe, options: RunOptions, backend: Backend | None) -> Iterator[str]:
    if backend and not options.scores_files:
        infer = recipe.manifest.infer
        yield f"{backend.name} ({backend.version()}) on {backend.chip()}, batch {infer.batch}"
        if infer.tool == TOOL:
            call = dataset_call(
                recipe,
                model=options.om or Path(f"{recipe.manifest.name}_bs{infer.batch}.om"),
                devices=options.devices,
                samples=_count(recipe, options),
                inputs=options.output / "inputs",
                output=options.output,
            )
            yield shell_line(call.arguments)


def _benchmark(recipe: Recipe) -> Iterator[str]:
    options = recipe.manifest.benchmark
    yield f"batch sizes {', '.join(map(str, options.batch))}; {options.loop} loops after {options.warmup} to warm up"


def _gate(recipe: Recipe, options: RunOptions, backend: Backend | None) -> Iterator[str]:
    expected, manifest = recipe.manifest.expected, recipe.manifest
    accuracy = expected.accuracy
    figure = recipe.subset.expected if recipe.subset else accuracy
    if accuracy is None:
        yield "accuracy: nothing expected"
    elif figure is None:
        yield f"accuracy: nothing expected of the subset {options.subset}"
    else:
        side, sign = _SIDES[figure.direction or "at_least"]
        rule = "" if figure.rule == "point" else f", by the rule {figure.rule}"
        bound = f"{side} {figure.value} {sign} {figure.tolerance.margin(figure.value):g}"
        yield f"{accuracy.metric} ({accuracy.protocol}) {bound} {accuracy.unit}{rule}"
    for place, table in expected.chips.items():
        applies = backend is not None and expected.place(_chip(backend), backend.name) == place
        own = backend_of(place)
        only = f" (only on {chip_of(place)}{f' with the backend {own}' if own else ''})"
        for batch, rate in table.throughput.items():
            margin = table.tolerance.margin(rate)
            yield f"batch {batch}: at least {rate} - {margin:.3f} {table.unit}{'' if applies else only}"
    for waiver in manifest.waivers:
        yield f"{waiver.line}: waived down to {waiver.floor:g} until {waiver.until} ({waiver.owner}, {waiver.issue})"


_SIDES: Final = {"at_least": ("at least", "-"), "at_most": ("at most", "+"), "within": ("within", "±")}


def _chip(backend: Backend) -> str:
    try:
        return backend.chip()
    except ZooError:
        return ""
