"""A bundle of a run that is trusted: the run once more, over a few of its samples, with all that each stage gives."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import UsageError
from zoo_runner.golden.bundle import GoldenBundle, GoldenSample, Provenance
from zoo_runner.golden.choosing import chosen
from zoo_runner.golden.comparing import input_hash, kept_output, used_output
from zoo_runner.golden.libraries import input_versions
from zoo_runner.plugin.scoring import score
from zoo_runner.plugin.targets import TargetScore
from zoo_runner.report.ground_truth import sample_digest
from zoo_runner.stages.fetch.sample_keys import sample_files
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.inference import ModelOutputs
from zoo_runner.stages.predict.reference_outputs import repeated
from zoo_runner.stages.predict.stage import source_of
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.report.model import Report
    from zoo_runner.stages.convert.engine import Engine

WITH_INPUTS: Final = 2
"""Samples whose inputs are kept too: from them it is seen how an input differs, and not only that it does."""
SPREAD: Final = 8.0
"""The limit of an output, in differences between batch sizes: other processors and releases add in other orders."""
LEAST: Final = 1e-5
"""The least limit, as a part of an output's largest value."""


def require_supported(recipe: Recipe) -> None:
    """Refuse what bundles cannot be of yet.

    Raises:
        UsageError: The manifest has several networks, parts of samples, or open axes.
    """
    found = [
        *(["several networks (models)"] if recipe.manifest.models else []),
        *(["several inferences of a sample"] if recipe.fan_out is not None else []),
        *(["open axes"] if recipe.padded is not None else []),
    ]
    if found:
        raise UsageError(f"golden bundles are of one network with inputs of one size, found {found[0]}")


def record(
    job: Job,
    engine: Engine,
    samples: Sequence[Sample],
    predictions: Sequence[Arrays],
    report: Report,
    *,
    untrusted: str = "",
) -> GoldenBundle:
    """Make a bundle.

    Args:
        job: The run, with what its stages share.
        engine: The model.
        samples: Those that the run scored.
        predictions: Of each.
        report: Of the run.
        untrusted: Why the run is not a trusted one; empty where it is.
    """
    require_supported(job.recipe)
    scored = score(job.recipe.parts.metric, samples, predictions)
    places = chosen(len(samples), scored.targets() if isinstance(scored, TargetScore) else None)
    picked = [samples[place] for place in places]
    with ExitStack() as cleanup:
        source = source_of(job, samples, picked, engine, Clocks(), cleanup)
        if not isinstance(source, ModelOutputs):
            raise UsageError("golden bundles are recorded in this process; leave out infer.tool")
        outputs = list(source.outputs(picked))
    made = [_sample(job, place, *each) for place, each in enumerate(zip(picked, outputs, strict=True))]
    return GoldenBundle(
        provenance=_provenance(job, engine, report, untrusted),
        limits=_limits(job, engine, picked, outputs),
        samples=tuple(made),
        annotations=annotations_digest(samples),
        support=dict(report.metrics[0].support) if report.metrics else {},
        basis=_basis(job, engine),
    )


def annotations_digest(samples: Sequence[Sample]) -> str:
    """Return the digest of what a data set says of all its samples."""
    hashed = hashlib.sha256()
    for sample in samples:
        hashed.update(sample_digest(sample))
    return hashed.hexdigest()


def file_hashes(sample: Sample) -> tuple[str, ...]:
    """Return the SHA-256 of each file of a sample; folders are left out."""
    return tuple(file_digest(path) for path in sample_files(sample) if path.is_file())


def _sample(job: Job, place: int, sample: Sample, outputs: Arrays) -> GoldenSample:
    inputs = job.recipe.preprocess(sample)
    kept = {name: kept_output(np.ascontiguousarray(array)) for name, array in outputs.items()}
    return GoldenSample(
        id=sample.id,
        files=file_hashes(sample),
        annotations=sample_digest(sample).hex(),
        hashes={name: input_hash(array) for name, array in inputs.items()},
        inputs={name: _small(array) for name, array in inputs.items()} if place < WITH_INPUTS else {},
        outputs=kept,
        prediction=job.recipe.postprocess(as_used(job.recipe, kept), sample),
    )


def _small(array: Any) -> Any:
    """Return an input in the smallest type that holds it exactly."""
    for dtype in (np.uint8, np.int16, np.float16):
        small = array.astype(dtype) if array.size and np.isfinite(array).all() else array
        if np.array_equal(small.astype(array.dtype), array):
            return small
    return array


def as_used(recipe: Recipe, kept: Arrays) -> Arrays:
    """Return kept outputs in the types that the network gives."""
    dtypes = {spec.name: spec.dtype for spec in recipe.manifest.output_specs}
    return {name: used_output(array, dtypes[name]) for name, array in kept.items()}


def _limits(job: Job, engine: Engine, samples: Sequence[Sample], outputs: Sequence[Arrays]) -> Mapping[str, float]:
    """Derive what an output may differ by from how much it does between batch sizes, and between graphs at export."""
    specs = job.recipe.manifest.input_specs
    with closing(engine.open_graphs(engine.graph_batch)) as session:
        alone = [
            session.infer({spec.name: repeated(spec, inputs[spec.name], engine.graph_batch) for spec in specs})
            for inputs in map(job.recipe.preprocess, samples)
        ]
    limits = {}
    for name, first in outputs[0].items():
        largest = max(float(np.abs(each[name]).max(initial=0.0)) for each in outputs)
        apart = max(_apart(each[name], other[name]) for each, other in zip(outputs, alone, strict=True))
        apart = max(apart, engine.model.differences.get(name, 0.0) * largest)
        limits[name] = max(SPREAD * apart, LEAST * largest) if first.dtype.kind == "f" else 0.0
    return limits


def _basis(job: Job, engine: Engine) -> str:
    """Say what the limits are derived from."""
    graphs = "the published ONNX and a new export" if job.recipe.manifest.onnx.url else "torch and ONNX Runtime"
    compared = f"{graphs} or " if engine.model.differences else ""
    return f"{SPREAD:g} times by how much {compared}batch sizes differ, at least {LEAST:g} of an output's largest value"


def _apart(one: Any, others: Any) -> float:
    other = others[0] if others.ndim > one.ndim else others
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0.0))


def _provenance(job: Job, engine: Engine, report: Report, untrusted: str) -> Provenance:
    recipe, environment = job.recipe, report.environment
    return Provenance(
        manifest=recipe.manifest.name,
        plugin=recipe.manifest.plugin.name,
        weights=next(_weights(report), "0" * 64),
        network=recipe.network,
        preprocess=recipe.preprocess.identity,
        postprocess=recipe.postprocess.identity,
        backend=f"{engine.backend.name} ({engine.backend.version()})",
        chip=job.chip,
        versions={**(environment.packages if environment else {}), **input_versions()},
        recorded=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        untrusted=untrusted,
    )


def _weights(report: Report) -> Iterator[str]:
    yield from (each.sha256 for each in report.artifacts if each.name == "weights" and each.sha256)
