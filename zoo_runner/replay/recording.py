"""A run whose accuracy gate is red or inconclusive -> its replay file."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ZooError, interrupted
from zoo_runner.output.names import REPLAY
from zoo_runner.output.writing import replacing
from zoo_runner.plugin.folders import FolderBackend
from zoo_runner.plugin.interfaces import DeviceArrays
from zoo_runner.replay.choosing import chosen, wanted
from zoo_runner.replay.describing import Kept, encoded, main_record
from zoo_runner.replay.packing import Parcel, compressed
from zoo_runner.replay.record import LARGEST, UNPACKED, SampleRecord
from zoo_runner.replay.remaking import equal, inputs_of, outputs_by_sample, prediction_of
from zoo_runner.replay.values import class_name
from zoo_runner.replay.writing import write_replay
from zoo_runner.report.ground_truth import UNKNOWN, sample_digest
from zoo_runner.report.model import ArtifactRecord
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.stage import checked, source_of
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.report.model import Report
    from zoo_runner.stages.convert.engine import Engine

NEVER, WITHOUT_DATA = "never", "no-data"
_RESERVE: Final = 6000
"""Bytes of the file for the manifest, and what is said of the run beside its report."""
_COMMAND: Final = "outputs are not in it: the backend infers by a command over whole folders"


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a run had when its verdict was there.

    Attributes:
        samples: All of the data set.
        scored: Those that were scored.
        predictions: One for each of these.
        engine: The model; ``None`` where outputs came from files.
    """

    samples: Sequence[Sample]
    scored: Sequence[Sample]
    predictions: Sequence[Arrays]
    engine: Engine | None


def leave_replay(job: Job, report: Report, finished: Finished) -> Report:
    """Leave the replay file of a run that is to have one, and return the report with it among the artifacts.

    It never costs the verdict: where it cannot be made, a warning says why.
    """
    if job.options.replay == NEVER or not finished.predictions or not wanted(report):
        return report
    path, start = job.options.output / REPLAY, time.perf_counter()
    try:
        kept = _kept(job, report, finished)
        record = main_record(job, finished.engine, kept)
        with replacing(path) as temporary:
            write_replay(temporary, record, report, job.recipe.manifest, kept)
        artifact = ArtifactRecord(name="replay", path=str(path), sha256=file_digest(path))
    except Exception as error:
        if interrupted(error):
            raise
        kind = "" if isinstance(error, ZooError | ValueError) else f"{type(error).__name__}: "
        job.journal.warn(f"no {REPLAY} was written, the verdict stands: {kind}{error}")
        return report.model_copy(update={"warnings": tuple(job.journal.warnings)})
    size, seconds = path.stat().st_size / 10**6, time.perf_counter() - start
    job.journal.note(
        f"{REPLAY}: {len(kept.samples)} {job.recipe.noun} in {size:.1f} MB, made in {seconds:.1f} s;"
        f" look at them on any machine with `zoo-run replay {path}`"
    )
    warnings = tuple(job.journal.warnings)
    return report.model_copy(update={"artifacts": (*report.artifacts, artifact), "warnings": warnings})


def _kept(job: Job, report: Report, finished: Finished) -> Kept:
    """Pack samples one after the other, as many as fit."""
    picked = chosen(report, finished.scored)
    kept, room = Kept(run=len(finished.scored)), LARGEST.value - _RESERVE - compressed(report.to_json().encode())
    samples = [finished.scored[place] for place, _ in picked]
    known = job.baseline.of(samples) if job.baseline is not None else (None,) * len(samples)
    with ExitStack() as stack:
        outputs = stack.enter_context(closing(_outputs(job, finished, samples, kept.notes)))
        for (place, why), before in zip(picked, known, strict=True):
            sample, prediction = finished.scored[place], finished.predictions[place]
            parcel, given = Parcel(first=kept.arrays, most=room), next(outputs)
            try:
                record = _sample(job, sample, prediction, given, parcel)
                baseline = {} if before is None else {"baseline": parcel.named(before)}
                made = SampleRecord(**{**record, **baseline, "chosen": why})
                size = parcel.size + compressed(made.model_dump_json().encode())
            except (ValueError, ZooError) as error:
                kept.left_out(sample, str(error))
                continue
            if kept.size + size > room or kept.raw + parcel.raw > UNPACKED * room:
                kept.fitted = False
                kept.notes.append(f"it takes no more than {len(kept.samples)} {job.recipe.noun}: {LARGEST.remedy}")
                break
            kept.size += size
            kept.add(sample, prediction, made, parcel)
    if not kept.samples:
        reasons = "; ".join(kept.notes) or "nothing was scored"
        raise ValueError(f"none of the samples could be kept ({reasons}); {LARGEST.remedy}, or give --replay never")
    return kept


def _sample(
    job: Job, sample: Sample, prediction: Arrays, outputs: tuple[Arrays, ...], parcel: Parcel
) -> dict[str, Any]:
    """Pack one sample.

    Raises:
        ValueError: It cannot be kept.
    """
    digest, place = sample_digest(sample), job.journal.placements.get(sample.index)
    if digest == UNKNOWN:
        raise ValueError("something in its fields cannot be written down")
    record: dict[str, Any] = {"index": sample.index, "id": sample.id, "kind": class_name(type(sample))}
    record |= {"digest": digest.hex(), "device": place and place.device, "row": place and place.row}
    if job.options.replay != WITHOUT_DATA:  # an input is the image in other words
        parcel.keep_files(sample)
        record["inputs"], record["notes"] = _inputs(job, sample, parcel)
    record |= {"fields": encoded(job.recipe, sample, parcel), "files": tuple(parcel.files)}
    record["prediction"] = parcel.named(prediction)
    record["outputs"] = tuple(parcel.named(each) for each in outputs)
    if outputs:
        remade = prediction_of(job.recipe, sample, outputs)
        record["again"] = "same" if equal(remade, prediction) else "differs"
        record["remade"] = record["prediction"] if record["again"] == "same" else parcel.named(remade)
        if len(outputs) == 1 and isinstance(outputs[0], DeviceArrays):
            record |= {"again_device": outputs[0].device, "again_row": outputs[0].row}
    return record


def _inputs(job: Job, sample: Sample, parcel: Parcel) -> tuple[tuple[dict[str, int], ...], tuple[str, ...]]:
    try:
        return tuple(parcel.named(each) for each in inputs_of(job.recipe, sample)), ()
    except ZooError as error:  # of result files, the samples' own files may be wrong
        return (), (f"its inputs could not be made: {error}",)


def _outputs(
    job: Job, finished: Finished, samples: Sequence[Sample], notes: list[str]
) -> Generator[tuple[Arrays, ...], None, None]:
    """Yield the outputs of samples, inferred or read once more; of what fails, none from there on."""
    done = 0
    try:
        if finished.engine is not None and isinstance(finished.engine.backend, FolderBackend):
            notes.append(_COMMAND)
        else:
            with ExitStack() as cleanup:
                source = source_of(job, finished.samples, samples, finished.engine, Clocks(), cleanup)
                looked_at = checked(job, source, finished.engine, ())
                for _, outputs in outputs_by_sample(job.recipe, looked_at, samples):
                    yield outputs
                    done += 1
    except Exception as error:
        if interrupted(error):
            raise
        notes.append(f"of {len(samples) - done} samples the outputs could not be made again: {error}")
    while True:
        yield ()
