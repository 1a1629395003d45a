"""What a replay file says of its run and of each sample."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_runner.errors import ZooError, distribution
from zoo_runner.plugin.evidence import DiagnosedScore
from zoo_runner.plugin.scoring import score
from zoo_runner.redaction import clean, cleaned
from zoo_runner.replay.classes import packages_of, record_class, sample_class
from zoo_runner.replay.packing import Parcel, unpacked
from zoo_runner.replay.record import FORMAT_VERSION, FigureRecord, ReplayRecord, SampleRecord
from zoo_runner.replay.values import Decoder, Encoder, class_name
from zoo_runner.report.ground_truth import sample_digest
from zoo_runner.stages.export.metadata import model_metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoo_runner.job.job import Job
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.scoring import Scored
    from zoo_runner.stages.convert.engine import Engine


@dataclass
class Kept:
    """What goes into a file.

    Attributes:
        samples: As the data set gave them.
        predictions: Those that were scored.
        records: What is said of each.
        parcels: What each brings.
        notes: What is not in it, and why.
        size: Bytes that the samples take, about.
        raw: Bytes that they have when unpacked.
        run: How many samples were scored.
        fitted: Whether all that were chosen fitted.
    """

    samples: list[Sample] = field(default_factory=list)
    predictions: list[Arrays] = field(default_factory=list)
    records: list[SampleRecord] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    size: int = 0
    raw: int = 0
    run: int = 0
    fitted: bool = True

    @property
    def arrays(self) -> int:
        """How many arrays there are."""
        return sum(len(parcel.arrays) for parcel in self.parcels)

    def add(self, sample: Sample, prediction: Arrays, record: SampleRecord, parcel: Parcel) -> None:
        """Take a sample in."""
        self.samples.append(sample)
        self.predictions.append(prediction)
        self.records.append(record)
        self.parcels.append(parcel)
        self.raw += parcel.raw

    def left_out(self, sample: Sample, why: str) -> None:
        """Say why a sample is not kept."""
        self.notes.append(f"{clean(sample.id)} is not in it: {clean(why)}")


def encoded(recipe: Recipe, sample: Sample, parcel: Parcel) -> Any:
    """Return a sample's fields as JSON, after a look at whether the same sample comes back.

    Raises:
        ValueError: It does not.
    """
    kind = type(sample)
    packages = packages_of(recipe, sample_class(class_name(kind)))
    try:
        value = Encoder(array=parcel.array, path=parcel.kept_name).encode(sample)["v"]
    except TypeError as error:
        raise ValueError(f"something in its fields cannot be written down ({error})") from error
    text = json.dumps(value)
    if clean(text) != text or clean(sample.id) != sample.id:
        raise ValueError("what looks like a secret stands in its fields")

    def array(number: int) -> NDArray[Any]:
        made, data = parcel.arrays[number - parcel.first]
        return unpacked(data, made)

    decoder = Decoder(
        array=array,
        folder=Path(),
        classes=lambda name: record_class(name, packages),
    )
    back = kind(**{name: decoder.decode(each) for name, each in json.loads(text).items()})
    if sample_digest(back) != sample_digest(sample):
        raise ValueError("its fields do not come back as they were")
    return value


def main_record(job: Job, engine: Engine | None, kept: Kept) -> ReplayRecord:
    """Return what is said of a run, beside its manifest and its report."""
    recipe, refusal, figures = job.recipe, "", tuple[FigureRecord, ...]()
    records = list(kept.records)
    try:
        scored = score(recipe.parts.metric, kept.samples, kept.predictions)
        figures = figure_records(scored)
        records = [_diagnosed(*each) for each in zip(records, _diagnoses(scored, len(records)), strict=True)]
    except ZooError as error:  # few samples may not be enough for a metric
        refusal = clean(str(error))
    return ReplayRecord(
        format="zoo-run replay",
        format_version=FORMAT_VERSION,
        runner=metadata.version(distribution()),
        name=recipe.manifest.name,
        plugin=recipe.manifest.plugin.name,
        distribution=plugin_release(recipe),
        noun=recipe.noun,
        batch=recipe.manifest.infer.batch,
        images=job.options.replay != "no-data",
        run_samples=kept.run,
        fitted=kept.fitted,
        own_aipp=recipe.own_aipp,
        metadata=_metadata(recipe, engine),
        identities=identities(recipe),
        arrays=tuple(record for parcel in kept.parcels for record, _ in parcel.arrays),
        samples=tuple(records),
        figures=figures,
        refusal=refusal,
        notes=tuple(map(clean, kept.notes)),
    )


def figure_records(scored: Scored) -> tuple[FigureRecord, ...]:
    """Return the figures of a score, to the last bit."""
    return tuple(
        FigureRecord(
            name=each.name,
            protocol=each.protocol,
            unit=each.unit,
            value=float(each.value).hex(),
            per_class={name: float(value).hex() for name, value in each.per_class.items()},
        )
        for each in scored.values
    )


def plugin_release(recipe: Recipe) -> str:
    """Return the distribution and release that the plugin comes from; nothing where that is not known."""
    names = metadata.packages_distributions().get(recipe.package, [])
    return ", ".join(sorted({f"{name} {metadata.version(name)}" for name in names}))


def identities(recipe: Recipe) -> dict[str, str]:
    """Return hashes of what shapes inputs and predictions, as the plugin says it."""
    shaping = {
        "network": recipe.network,
        "preprocess": recipe.host_preprocess.identity,
        "postprocess": recipe.postprocess.identity,
    }
    return {name: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for name, text in shaping.items()}


def _diagnoses(scored: Scored, count: int) -> Sequence[dict[str, Any]]:
    """Return what each sample scores alone, and its errors, from a score that can tell."""
    if not isinstance(scored, DiagnosedScore):
        return [{}] * count
    return [
        {
            "score": None if each.score is None else float(each.score).hex(),
            "errors": {kind: int(number) for kind, number in each.errors.items() if number},
        }
        for each in scored.diagnose()
    ]


def _diagnosed(record: SampleRecord, found: dict[str, Any]) -> SampleRecord:
    return record.model_copy(update=found)


def _metadata(recipe: Recipe, engine: Engine | None) -> dict[str, str]:
    """Return what a model that was given as ONNX says of itself: the postprocessing may have been told it."""
    if engine is None or not recipe.given_onnx or recipe.manifest.models:
        return {}
    found = model_metadata(engine.model.path)
    clean_: dict[str, str] = cleaned(found)
    return found if clean_ == found else {}
