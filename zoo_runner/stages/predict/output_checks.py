"""Outputs of a model, held against what they must be as they come.

What is found ends the run: nothing can be said of a model whose outputs are not its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import InferenceError, StageError
from zoo_runner.stages.predict.output_rules import OutputRule, exchanged, problem
from zoo_runner.stages.predict.pipeline import warm
from zoo_runner.store.fingerprints import fingerprint

LOOK: Final = "Look at the conversion's precision and output order, and at the device"

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.stages.predict.pipeline import OutputSource

Watcher = Callable[["Sample", "Arrays"], None]
"""Is shown each sample's outputs, and raises an error if they cannot be."""


@dataclass(kw_only=True)
class CheckedOutputs:
    """Outputs of another source, each looked at before it is passed on.

    Attributes:
        source: Where they come from.
        rules: What each output must be.
        watchers: Look at what the rules have let through.
        error: What is raised.
    """

    source: OutputSource
    rules: tuple[OutputRule, ...]
    watchers: tuple[Watcher, ...] = ()
    error: type[StageError] = InferenceError

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the source's, and what its outputs were held against."""
        return fingerprint(self.source.identity(samples), [rule.identity for rule in self.rules])

    def check(self, samples: Sequence[Sample]) -> None:
        """Do what the source does."""
        self.source.check(samples)

    def warm(self, samples: int) -> None:
        """Pass on how much is coming."""
        warm(samples, self.source)

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield each sample's outputs.

        Raises:
            StageError: One cannot be what it must be; sample, output and device are named.
        """
        asked: deque[Sample] = deque()
        for outputs in self.source.outputs(_noted(samples, asked)):
            sample = asked.popleft()
            if found := fault(self.rules, outputs, sample.index):
                raise self.error(f"{named(sample, outputs)}: {found}")
            for watcher in self.watchers:
                watcher(sample, outputs)
            yield outputs


def fault(rules: Sequence[OutputRule], outputs: Arrays, turn: int = 0) -> str:
    """Say which output of a sample cannot be, and why; empty when all of them can."""
    arrays = [outputs[rule.spec.name] for rule in rules]
    for place, (rule, array) in enumerate(zip(rules, arrays, strict=True)):
        if not (text := problem(rule, array, turn)):
            continue
        other = exchanged(rules, arrays, place)
        if other is None:
            return f"output {place} ({rule.spec.name}): {text}; nothing of it was scored. {LOOK}"
        first, second = sorted((place, other))
        return exchange_text(rules[first].spec.name, first, rules[second].spec.name, second)
    return ""


def exchange_text(one: str, first: int, other: str, second: int) -> str:
    """Say that two outputs look exchanged, and what to do."""
    return (
        f"outputs {first} and {second} look exchanged: what comes as {one} is {other}, and the other way round; "
        "outputs of the manifest, and atc.out_nodes where it is given, must have the order of the converted model. "
        "Correct that order, and convert again"
    )


def named(sample: Sample, outputs: Arrays) -> str:
    """Name a sample, and the device that its outputs come from where that is known."""
    device = getattr(outputs, "device", None)
    return f"outputs of sample {sample.id!r}{'' if device is None else f' from device {device}'}"


def _noted(samples: Iterable[Sample], asked: deque[Sample]) -> Iterator[Sample]:
    for sample in samples:
        asked.append(sample)
        yield sample
