"""A run's stages, each fed what a bundle has recorded for it: the first one that differs is named before the long work.

A difference makes no verdict on the CPU: it is a finding. On an accelerator it makes the run inconclusive.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.causes import Cause, Doubt
from zoo_runner.errors import HookError
from zoo_runner.golden.comparing import input_hash, predictions_equal
from zoo_runner.golden.libraries import input_versions, other_versions
from zoo_runner.golden.mistakes import input_mistake, nearly, output_mistake
from zoo_runner.golden.recorded_inputs import RecordedInputs, inputs_apart, recorded_inputs
from zoo_runner.golden.recording import annotations_digest, as_used, file_hashes
from zoo_runner.golden.repeats import Repeats
from zoo_runner.job.job import CPU
from zoo_runner.plugin.calls import calling
from zoo_runner.report.golden import GoldenFinding, GoldenRecord
from zoo_runner.report.ground_truth import sample_digest
from zoo_runner.stages.fetch.sample_keys import sample_files
from zoo_runner.stages.predict.command_outputs import CommandOutputs
from zoo_runner.stages.predict.inference import ModelOutputs
from zoo_runner.stages.predict.pipeline import inputs_of, warm

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo_runner.golden.bundle import GoldenBundle, GoldenSample
    from zoo_runner.golden.limits import Limits
    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.report.model import MetricRecord
    from zoo_runner.stages.predict.pipeline import OutputSource

DATA: Final = "data"
PREPROCESS: Final = "preprocess"
INFER: Final = "infer"
POSTPROCESS: Final = "postprocess"
ORDER: Final = (DATA, PREPROCESS, INFER, POSTPROCESS)
ANEW: Final = "record it anew with zoo-run golden record"
NOT_INFERRED: Final = "the network was not run on them"
ROUNDING: Final = 0.05
"""How far inputs may be from the recorded ones, as a part of their size, where another decoder or resize made them."""
LIBRARIES: Final = "other libraries"
NAMED: Final = 3
"""Samples that a finding names."""


@dataclass
class GoldenCheck:
    """Holds a run against a bundle, stage by stage.

    Attributes:
        bundle: What was recorded.
        path: Where the bundle is, for people.
        job: The run.
        samples: The golden samples that the run scores, by the data set's own name.
        missing: Those that the whole data set does not have.
        chip: What infers, or inferred the result files; empty where nobody knows.
        limits: How far outputs may be off.
        stale: Why the bundle is not of this model and data; empty where it is.
    """

    bundle: GoldenBundle
    path: str
    job: Job
    samples: dict[str, Sample]
    chip: str
    limits: Limits
    missing: tuple[str, ...] = ()
    stale: str = ""
    findings: list[GoldenFinding] = field(default_factory=list)
    _same_inputs: set[str] = field(default_factory=set)
    _recorded: dict[str, Arrays] = field(default_factory=dict)
    _libraries: str = ""
    _inferred: bool = False
    _repeats: Repeats | None = None

    @property
    def on_device(self) -> bool:
        """Whether something else than a processor inferred, or nobody knows what."""
        return self.chip != CPU

    @property
    def known(self) -> list[tuple[GoldenSample, Sample]]:
        """The golden samples that the run has, each with the run's own."""
        return [(each, self.samples[each.id]) for each in self.bundle.samples if each.id in self.samples]

    def begin(self) -> None:
        """Look at the data, the preprocessing and the postprocessing."""
        if self.stale:
            return
        self._data()
        if not self.job.options.scores_files:
            self._preprocess()
        self._postprocess()

    def watched(self, source: OutputSource) -> OutputSource:
        """Return the same outputs; those of golden samples are looked at too.

        A model is asked for them before anything else, and on devices again among the others. Result files, and what a
        command left, are looked at when all of them were read.
        """
        if self.stale or not self.known:
            return source
        if not isinstance(source, ModelOutputs):
            return GoldenFirst(source, _later, self._read)
        if not self.on_device:
            return GoldenFirst(source, self._network, self._ended)
        self._repeats = Repeats(
            devices=tuple(dict.fromkeys(self.job.options.devices)),
            batch=source.batch,
            limits=self.limits,
            inputs=source.inputs,
            whole=source.whole,
        )
        return GoldenFirst(replace(source, between=self._repeats), self._network, self._ended)

    def support(self, metrics: Sequence[MetricRecord], scored: Sequence[Sample], *, whole: bool) -> None:
        """Say which classes have lost annotations, or have more of them; of a part of the data set nothing."""
        if self.stale or not whole or not metrics:
            return
        before, now = self.bundle.support, metrics[0].support
        told = any(each.stage == DATA for each in self.findings)
        if before == now and not told and annotations_digest(scored) != self.bundle.annotations:
            self._find(DATA, "annotations of all samples are not those that were recorded; their count is the same")
        for label in dict.fromkeys([*before, *now]):
            lost = before.get(label, 0) - now.get(label, 0)
            if lost:
                change = f"lost {lost}" if lost > 0 else f"has {-lost} more"
                self._find(DATA, f"annotations changed: class {label} {change} objects")

    def record(self) -> GoldenRecord:
        """Return what the report says of it."""
        ordered = sorted(self.findings, key=lambda each: ORDER.index(each.stage))
        equal = LIBRARIES if self._libraries else "equal" if self.known else "nothing in common"
        state = "stale" if self.stale else "differs" if ordered else equal
        unseen = NOT_INFERRED if self.known and not self._inferred else ""
        repeats = self._repeats
        made = repeats.made if repeats else {}
        return GoldenRecord(
            path=self.path,
            samples=len(self.known),
            state=state,
            inferred=self._inferred,
            findings=tuple(ordered),
            note=self.stale or self._libraries or unseen or (repeats.why_none if repeats else ""),
            limits="" if self.stale else self.limits.source,
            repeats={"" if device is None else str(device): count for device, count in made.items()},
        )

    def _find(self, stage: str, text: str) -> None:
        self.findings.append(GoldenFinding(stage=stage, text=text))
        self.job.journal.warn(f"golden samples: {stage}: {text}")
        if self.on_device:
            doubt = Doubt(cause=Cause.GOLDEN, text=f"golden samples differ: {stage}: {text}")
            self.job.journal.doubts.append(doubt)

    def _data(self) -> None:
        if self.missing:
            self._find(DATA, f"{_of(self.missing, len(self.bundle.samples))} are not in the data set")
        told = [each.id for each, sample in self.known if each.annotations != sample_digest(sample).hex()]
        if told:
            self._find(DATA, f"annotations of {_of(told, len(self.known))} are not those that were recorded")
        here = [pair for pair in self.known if not self.job.options.scores_files or _is_here(pair[1])]
        files = [each.id for each, sample in here if each.files != file_hashes(sample)]
        if self.job.options.scores_files:  # inputs were made elsewhere
            self._same_inputs = {each.id for each in self.bundle.samples} - {*files}
        if files:
            self._find(DATA, f"files of {_of(files, len(self.known))} are not those that were recorded")

    def _preprocess(self) -> None:
        differing, found, right, far = [], [], [], 0.0
        others = other_versions(self.bundle.provenance.versions, input_versions())
        for each, sample in self.known:
            inputs = inputs_of(self.job.recipe.preprocess, sample)
            changed = [name for name, array in inputs.items() if input_hash(array) != each.hashes.get(name)]
            if not changed and inputs.keys() == each.hashes.keys():
                self._same_inputs.add(each.id)
                continue
            differing.append(each.id)
            if each.inputs.keys() == inputs.keys():
                found.append(inputs)
                right.append(each.inputs)
            if recorded := recorded_inputs(each, self.job.recipe.manifest.input_specs, inputs):
                self._recorded[each.id] = recorded
                far = max(far, inputs_apart(inputs, recorded))
            elif each.inputs:
                far = float("inf")
        if not differing or any(each.stage == DATA and each.text.startswith("files") for each in self.findings):
            return
        which = _of(differing, len(self.known))
        if others and far <= ROUNDING:
            self._libraries = f"inputs of {which} were made by other libraries and are not compared: {others}"
            self.job.journal.note(f"golden samples: {self._libraries}; {ANEW}")
            return
        guess = (input_mistake(found, right) or nearly(found, right)) if found else ""
        self._find(PREPROCESS, f"inputs of {which} differ{f': {guess}' if guess else ''}")

    def _postprocess(self) -> None:
        differing = []
        for each, sample in self.known:
            outputs = as_used(self.job.recipe, each.outputs)
            try:
                with calling("zoo_postprocess", sample, outputs):
                    same = predictions_equal(self.job.recipe.postprocess(outputs, sample), each.prediction)
            except HookError:  # where it is not the bundle's fault, the run itself will say so
                same = False
            if not same:
                differing.append(each.id)
        if differing:
            self._find(POSTPROCESS, f"predictions of {_of(differing, len(self.known))} differ for the same outputs")

    def _network(self, source: OutputSource) -> None:
        given = self._given(source)
        pairs = [pair for pair in self.known if pair[0].id in self._same_inputs or pair[0].id in given]
        if not pairs:
            return
        if isinstance(source, ModelOutputs):
            source = replace(source, preprocess=RecordedInputs(preprocess=source.preprocess, recorded=given))
            source.session()  # opened now, so that it is not part of what a batch takes
        self._inferred, start = True, time.perf_counter()
        specs = self.job.recipe.manifest.output_specs
        worst: dict[str, float] = {}
        differing, found, right = [], [], []
        for (each, _), outputs in zip(pairs, source.outputs([sample for _, sample in pairs]), strict=True):
            expected = as_used(self.job.recipe, each.outputs)
            beyond = self.limits.beyond(outputs, each.outputs)
            if beyond:
                differing.append(each.id)
                worst |= {name: max(value, worst.get(name, 0.0)) for name, value in beyond.items()}
                found.append({name: np.array(array) for name, array in outputs.items()})
                right.append(expected)
        if differing:
            listed = ", ".join(f"{name} by {value:.2g}" for name, value in worst.items())
            whose = "result files have other outputs of" if self.job.options.scores_files else "outputs of"
            differ = "" if self.job.options.scores_files else " differ"
            how = output_mistake(specs, found, right) or listed
            self._find(INFER, f"{whose} {_of(differing, len(pairs))}{differ}: {how}")
        if self._repeats is not None and isinstance(source, ModelOutputs):
            took = (time.perf_counter() - start) / -(-len(pairs) // source.batch)
            rows = [inputs_of(source.preprocess, sample) for _, sample in pairs]
            self._repeats.begin(rows, [each.outputs for each, _ in pairs], took)

    def _given(self, source: OutputSource) -> dict[str, Arrays]:
        """Return the recorded inputs that the model is given, where those of here differ; none of a model of pixels."""
        recipe = self.job.recipe
        plain = isinstance(source, ModelOutputs) and tuple(source.inputs) == tuple(recipe.manifest.input_specs)
        return self._recorded if plain else {}

    def _ended(self, source: OutputSource) -> bool:
        """Look at a device's outputs also where no other was asked for; say whether they can be trusted."""
        if not self.on_device:
            return True
        if not self._inferred:
            self._network(source)
            for _ in source.outputs(()):  # none but golden batches, on every device
                pass
        if self._repeats is not None:
            for text in self._repeats.findings():
                self._find(INFER, text)
        return self._trusted

    def _read(self, source: OutputSource) -> bool:
        """Look at the outputs that are in files; a command is not run for them alone."""
        if not isinstance(source, CommandOutputs) or source.kept:
            self._network(source)
        return self._trusted or not self.on_device

    @property
    def _trusted(self) -> bool:
        return not any(each.stage == INFER for each in self.findings)


@dataclass(kw_only=False)
class GoldenFirst:
    """Outputs of another source; when the first are asked for, golden samples go ahead of them.

    A run whose predictions are all kept asks for none, and so infers no golden samples either, unless it is on an
    accelerator: there a difference makes the run inconclusive, and must not be forgotten by the next one.
    """

    source: OutputSource
    look: Callable[[OutputSource], None]
    ended: Callable[[OutputSource], bool]

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the source's."""
        return self.source.identity(samples)

    def check(self, samples: Sequence[Sample]) -> None:
        """Do what the source does."""
        self.source.check(samples)

    def warm(self, samples: int) -> None:
        """Pass on how much is coming, once golden samples were looked at."""
        warm(samples, self.source)
        self.look(self.source)

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield the source's."""
        yield from self.source.outputs(samples)

    def end(self) -> bool:
        """Have golden samples looked at where they must be; return whether the predictions may be kept."""
        return self.ended(self.source)


def _later(_source: OutputSource) -> None:
    """Look at nothing yet."""


def _is_here(sample: Sample) -> bool:
    return all(path.exists() for path in sample_files(sample))


def _of(names: Sequence[str], count: int) -> str:
    shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return f"{len(names)} of {count} golden samples ({shown})"
