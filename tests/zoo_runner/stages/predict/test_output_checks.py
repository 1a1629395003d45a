"""What becomes of outputs that cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest

from five_by_four import SAMPLES, rules
from zoo_runner.errors import ResultError
from zoo_runner.plugin.interfaces import Arrays, Sample
from zoo_runner.stages.predict.output_checks import CheckedOutputs, fault

RANDOM = np.random.default_rng(0)


def some(count: int = 1) -> Arrays:
    return {f"out{place}": RANDOM.normal(size=(5, 4)).astype(np.float32) for place in range(count)}


class Fixed:
    """A source of given outputs, which takes its samples ahead."""

    def __init__(self, every: list[Arrays]) -> None:
        self.every = every
        self.checked: list[Sample] = []

    def identity(self, samples: Sequence[Sample]) -> str:
        return f"fixed {len(samples)}"

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        list(samples)
        yield from self.every

    def check(self, samples: Sequence[Sample]) -> None:
        self.checked += samples


def test_a_bad_output_ends_it_with_sample_and_output() -> None:
    bad = {"out0": np.full((5, 4), np.nan, np.float32)}
    source = CheckedOutputs(source=Fixed([some(), bad]), rules=rules(None), error=ResultError)
    outputs = source.outputs(SAMPLES[:2])
    next(outputs)
    with pytest.raises(ResultError) as caught:
        next(outputs)
    assert str(caught.value).startswith(
        "outputs of sample 'img2': output 0 (out0): expected finite numbers, found 20 of 20 that are NaN or infinite"
    )


def test_what_outputs_are_held_against_is_part_of_the_key() -> None:
    source = Fixed([])
    keys = {CheckedOutputs(source=source, rules=rules(kind)).identity(SAMPLES) for kind in (None, "offsets", "logits")}
    assert len(keys) == 3


def test_the_source_is_checked() -> None:
    source = Fixed([])
    CheckedOutputs(source=source, rules=rules(None)).check(SAMPLES[:1])
    assert source.checked == SAMPLES[:1]


def test_an_exchange_is_named_as_such() -> None:
    soft = np.full((5, 4), 0.25, np.float32)
    exchanged = {"out0": some()["out0"] * 9, "out1": soft + some()["out0"] * 1e-4}
    text = fault(rules("probabilities", "offsets"), exchanged)
    assert text.startswith("outputs 0 and 1 look exchanged: what comes as out0 is out1, and the other way round;")
    assert "atc.out_nodes" in text
