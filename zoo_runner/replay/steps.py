"""The steps of a replay: what this machine makes of what was recorded, held against what the run made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_runner.errors import HookError, PrerequisiteError, UsageError, ZooError
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.scoring import score
from zoo_runner.replay.describing import figure_records, identities
from zoo_runner.replay.graph import GraphRun
from zoo_runner.replay.remaking import bits, equal, inputs_of, prediction_of
from zoo_runner.stages.export.differences import LARGEST_DIFFERENCE, relative_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.scoring import Scored
    from zoo_runner.replay.record import SampleRecord
    from zoo_runner.replay.restoring import Restored


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        name: What is made of what.
        same: Whether it is what was recorded; ``None`` where that could not be looked at.
        text: How it differs, or why nobody looked.
    """

    name: str
    same: bool | None
    text: str = ""

    @property
    def line(self) -> str:
        """The step in one line."""
        if self.same:
            return f"same{f': {self.text}' if self.text else ''}"
        return f"{'not looked at' if self.same is None else 'differs'}: {self.text}"


@dataclass(kw_only=True)
class Replayed:
    """What came of a replay.

    Attributes:
        steps: In their order.
        here: The prediction of each sample, as this machine makes it.
        differing: What differs, of each sample.
        recorded: What the recorded predictions score here; ``None`` where the metric cannot say.
        scored: What those of this machine score.
        baseline: What the baseline's score; ``None`` where they are not known.
    """

    steps: list[Step] = field(default_factory=list)
    here: list[Arrays] = field(default_factory=list)
    differing: list[list[str]] = field(default_factory=list)
    recorded: Scored | None = None
    scored: Scored | None = None
    baseline: Scored | None = None

    @property
    def same(self) -> bool:
        """Whether no step differs."""
        return all(step.same is not False for step in self.steps)


@dataclass
class Difference:
    """How arrays of some samples differ from those that were recorded.

    Attributes:
        looked_at: Samples that were compared.
        samples: Those that differ.
        largest: The largest difference of each array, by name; ``None`` where shapes or dtypes differ.
        problems: What kept arrays from being made.
    """

    looked_at: int = 0
    samples: int = 0
    largest: dict[str, float | None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, recorded: Sequence[Arrays], here: Sequence[Arrays]) -> bool:
        """Compare one sample's arrays, and say whether they differ."""
        self.looked_at += 1
        pairs = list(zip(recorded, here, strict=False))
        differs = len(recorded) != len(here) or not all(equal(*pair) for pair in pairs)
        self.samples += differs
        for one, other in pairs:
            for name in sorted({*one, *other}):
                self._note(name, one.get(name), other.get(name))
        return differs

    def fail(self, problem: str) -> None:
        """Note a sample whose arrays could not be made."""
        self.looked_at += 1
        self.samples += 1
        self.problems.append(problem)

    def step(self, name: str, why_not: str) -> Step:
        """Return the step."""
        if not self.looked_at:
            return Step(name=name, same=None, text=why_not)
        if not self.samples:
            return Step(name=name, same=True, text=f"{self.looked_at} of {self.looked_at}")
        texts = [
            f"{array} {'has another shape or dtype' if most is None else f'by at most {most:.3g}'}"
            for array, most in self.largest.items()
        ]
        return Step(
            name=name,
            same=False,
            text=f"{self.samples} of {self.looked_at}" + "".join(f"; {text}" for text in (*texts, *self.problems[:3])),
        )

    def _note(self, name: str, one: Any, other: Any) -> None:
        if one is not None and other is not None and bits(one) == bits(other):
            return
        if one is None or other is None or bits(one)[:2] != bits(other)[:2] or np.asarray(one).dtype.kind in "US":
            self.largest[name] = None
            return
        with np.errstate(invalid="ignore"):
            apart = np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64))
        known = self.largest.get(name, 0.0)
        if known is not None:
            self.largest[name] = max(known, float(np.max(np.nan_to_num(apart, nan=np.inf), initial=0.0)))


def replay(restored: Restored, graph: Path | None = None) -> Replayed:
    """Carry out all steps.

    Args:
        restored: The plugin's parts and the samples.
        graph: An ONNX file to run the inputs through; ``None`` for the recorded outputs alone.

    Raises:
        PrerequisiteError: Something that a step needs is not installed.
        UsageError: ``graph`` is given, and the file has nothing to hold it against.
    """
    records, samples = restored.file.record.samples, restored.samples
    found = Replayed(differing=[[] for _ in samples])
    found.steps += [_identities(restored), _inputs(restored, found)]
    found.here = [restored.arrays(each.prediction) for each in records]
    found.steps.append(_predictions(restored, found))
    if graph is not None:
        found.steps.append(_graph(restored, found, graph))
    found.steps.append(_figures(restored, found))
    found.scored = _score(restored, samples, found.here)
    before = [each.baseline for each in records]
    if all(each is not None for each in before):
        found.baseline = _score(restored, samples, [restored.arrays(each or {}) for each in before])
    return found


def _identities(restored: Restored) -> Step:
    """Compare what the plugin says of what shapes inputs and predictions."""
    here, there = identities(restored.recipe), restored.file.record.identities
    others = sorted(name for name in there if here.get(name) != there[name])
    text = f"{', '.join(others)}: the plugin means something else by this manifest than it did"
    return Step(name="manifest -> plugin", same=not others, text=text if others else "")


def _each(
    restored: Restored, found: Replayed, what: str, make: Callable[[Sample, SampleRecord], tuple[Any, Any] | None]
) -> Difference:
    """Compare what is made of each sample; ``make`` returns what was recorded and what is made here."""
    difference = Difference()
    for place, (sample, record) in enumerate(zip(restored.samples, restored.file.record.samples, strict=True)):
        try:
            pair = make(sample, record)
        except PrerequisiteError:
            raise
        except ZooError as error:
            if isinstance(error, HookError) and isinstance(error.__cause__, ImportError):
                raise PrerequisiteError(f"{error}; install what the plugin needs") from error
            difference.fail(f"{record.id}: {error}")
            found.differing[place].append(what)
            continue
        if pair is not None and difference.add(*pair):
            found.differing[place].append(what)
    return difference


def _inputs(restored: Restored, found: Replayed) -> Step:
    def make(sample: Sample, record: SampleRecord) -> tuple[Any, Any] | None:
        if not record.inputs or not record.files:
            return None
        return tuple(map(restored.arrays, record.inputs)), inputs_of(restored.recipe, sample)

    why = "the file was made without the samples' data" if not restored.file.record.images else "the file has no inputs"
    return _each(restored, found, "inputs", make).step("files -> inputs", why)


def _predictions(restored: Restored, found: Replayed) -> Step:
    places = {id(sample): place for place, sample in enumerate(restored.samples)}

    def make(sample: Sample, record: SampleRecord) -> tuple[Any, Any] | None:
        if not record.outputs or record.remade is None:
            return None
        outputs = tuple(map(restored.arrays, record.outputs))
        here = prediction_of(restored.recipe, sample, outputs)
        found.here[places[id(sample)]] = here
        return (restored.arrays(record.remade),), (here,)

    return _each(restored, found, "prediction", make).step("outputs -> predictions", "the file has no outputs")


def _graph(restored: Restored, found: Replayed, path: Path) -> Step:
    """Run the inputs through an ONNX file; what is predicted of its outputs takes the place of the other prediction."""
    places = {id(sample): place for place, sample in enumerate(restored.samples)}
    apart: dict[str, float] = {}
    with GraphRun(restored, path) as run:

        def make(sample: Sample, record: SampleRecord) -> tuple[Any, Any] | None:
            given = run.inputs(sample, record)
            if not given or not record.outputs:
                return None
            outputs = tuple(map(run, given))
            here = prediction_of(restored.recipe, sample, outputs)
            found.here[places[id(sample)]] = here
            recorded = tuple(map(restored.arrays, record.outputs))
            for one, other in zip(recorded, outputs, strict=True):
                for name in one:
                    apart[name] = max(apart.get(name, 0.0), _apart(one[name], other[name]))
            return recorded, outputs

        name = f"inputs -> outputs of {path.name}"
        difference = _each(restored, found, "outputs", make)
    if not difference.looked_at:  # who asks for this file's outputs may not take "nothing differs" for an answer
        raise UsageError(
            f"--onnx {path}: expected a replay file with inputs and outputs, found one without; make it by a run with "
            "--replay auto on a backend that keeps outputs, or leave --onnx out"
        )
    step = difference.step(name, "")
    if step.same is not False or difference.problems or max(apart.values()) > LARGEST_DIFFERENCE:
        return step
    return Step(
        name=name,
        same=True,
        text=f"{difference.looked_at} within {LARGEST_DIFFERENCE:g} of an output's largest value, as two graphs of one "
        f"network are; at most {max(apart.values()):.1e}",
    )


def _apart(recorded: Any, here: Any) -> float:
    return relative_difference(recorded, here) if recorded.shape == here.shape else float("inf")


def _figures(restored: Restored, found: Replayed) -> Step:
    """Score the predictions that were scored; every figure must be the recorded one to the last bit."""
    record, name = restored.file.record, "predictions -> figures"
    predictions = [restored.arrays(each.prediction) for each in record.samples]
    try:
        with calling("zoo_metric"):
            found.recorded = score(restored.recipe.parts.metric, restored.samples, predictions)
            here = figure_records(found.recorded)
    except PrerequisiteError:
        raise
    except ZooError as error:
        same = bool(record.refusal)
        return Step(name=name, same=same, text=f"the metric cannot score these samples alone ({error})")
    if record.refusal:
        return Step(name=name, same=False, text=f"the run could not score these samples alone ({record.refusal})")
    pairs = list(zip(record.figures, here, strict=False))
    texts = [
        f"{one.name} ({one.protocol}) {float.fromhex(one.value):.6g} recorded, {float.fromhex(other.value):.6g} here"
        for one, other in pairs
        if one != other
    ]
    if len(record.figures) != len(here):
        texts.append(f"{len(record.figures)} figures recorded, {len(here)} here")
    same_text = ", ".join(f"{each.name} ({each.protocol}) {float.fromhex(each.value):.4f}" for each in here)
    return Step(name=name, same=not texts, text="; ".join(texts) or same_text)


def _score(restored: Restored, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> Scored | None:
    try:
        with calling("zoo_metric"):
            return score(restored.recipe.parts.metric, samples, predictions)
    except ZooError:
        return None
