"""Outputs that stand still while the inputs change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from five_by_four import SAMPLES, rules
from zoo_runner.errors import DatasetError, EqualOutputsError
from zoo_runner.plugin.interfaces import Arrays, DeviceArrays, Sample, TensorSpec
from zoo_runner.stages.predict.output_rules import Kind, OutputRule
from zoo_runner.stages.predict.repetitions import Repetitions, mark

RANDOM = np.random.default_rng(0)


def some(count: int = 1) -> Arrays:
    return {f"out{place}": RANDOM.normal(size=(5, 4)).astype(np.float32) for place in range(count)}


class Inputs:
    """A preprocessing that gives each sample its number, but for those that are said to be the same."""

    identity = "index"

    def __init__(self, same: Sequence[int] = (), *, missing: bool = False) -> None:
        self.same, self.missing = same, missing

    def __call__(self, sample: Sample) -> Arrays:
        if self.missing:
            raise DatasetError("no file")
        return {"x": np.array([0 if sample.index in self.same else sample.index])}


def shown(
    every: Iterable[Arrays], given_rules: tuple[OutputRule, ...], inputs: Inputs | None = None
) -> tuple[str, list[str]]:
    """Return the error that some samples' outputs raise, and what is in doubt."""
    warned: list[str] = []
    repetitions = Repetitions(rules=given_rules, preprocess=inputs or Inputs(), doubt=warned.append)
    try:
        for sample, outputs in zip(SAMPLES, every, strict=False):
            repetitions(sample, outputs)
    except EqualOutputsError as error:
        return str(error), warned
    return "", warned


def repeated(first: Arrays, second: Arrays) -> list[Arrays]:
    return [DeviceArrays(first, 0), DeviceArrays(second, 1)]


FIRST, SECOND = some(2), some(2)
ZEROS = {"out0": np.zeros((5, 4), np.float32)}


@pytest.mark.parametrize(
    ("every", "kinds", "says"),
    [
        pytest.param([], (None,), "", id="nothing"),
        pytest.param([some() for _ in range(20)], (None,), "", id="all different"),
        pytest.param(
            repeated(FIRST, FIRST),
            (None, None),
            "outputs of sample 'img2' from device 1: the outputs of sample 'img1' from device 0 again",
            id="all outputs of another sample",
        ),
        pytest.param(
            [*repeated(SECOND, some(2)), FIRST, SECOND], (None, None), "of sample 'img1' from device 0", id="much later"
        ),
        pytest.param(
            repeated(FIRST, {**SECOND, "out1": FIRST["out1"]}),
            ("offsets", "logits"),
            "output out1 of sample 'img1'",
            id="one output of another sample, of a kind",
        ),
        pytest.param(
            repeated(FIRST, {**SECOND, "out1": FIRST["out1"]}), ("offsets", None), "", id="one that may be a constant"
        ),
        pytest.param([ZEROS] * 15, (None,), "", id="few values, on few samples"),
        pytest.param([ZEROS] * 16, (None,), "the outputs of sample 'img1' again", id="few values, on many"),
        pytest.param([*[ZEROS] * 15, some()], (None,), "", id="few values, on almost all"),
        pytest.param([some(), *[ZEROS] * 19], (None,), "", id="empty from the second on, as masks may be"),
        pytest.param([ZEROS] * 20, ("offsets",), "the outputs of sample", id="few values of a kind, on many"),
    ],
)
def test_outputs_that_repeat(every: list[Arrays], kinds: tuple[Kind | None, ...], says: str) -> None:
    found, warned = shown(every, rules(*kinds))
    assert says in found
    assert bool(says) is bool(found)
    assert warned == []


def test_equal_inputs_may_have_equal_outputs() -> None:
    assert shown(repeated(FIRST, FIRST), rules("offsets", None), Inputs(same=(1, 2))) == ("", [])


def test_without_the_inputs_it_is_a_doubt_once() -> None:
    found, warned = shown([FIRST, FIRST, FIRST], rules("offsets", None), Inputs(missing=True))
    assert found == ""
    (text,) = warned
    assert "whether their inputs are the same cannot be seen, as their files are not here" in text


@given(arrays.arrays(np.float32, st.integers(0, 200), elements=st.floats(-1e6, 1e6, width=32)), st.data())
def test_marks_are_equal_for_equal_arrays_and_differ_for_one_bit(array: np.typing.NDArray[Any], data: Any) -> None:
    assert mark(array) == mark(array.copy())
    if array.size:
        other = array.copy()
        place = data.draw(st.integers(0, array.size - 1))
        other.view(np.uint32)[place] ^= np.uint32(1 << data.draw(st.integers(0, 31)))
        assert mark(other) != mark(array)


def test_marks_differ_for_shifted_values() -> None:
    array = np.arange(64 * 8, dtype=np.float32)
    assert mark(array) != mark(np.roll(array, 100))


def scores(*rows: Sequence[float], dtype: str = "float32") -> list[Arrays]:
    return [{"out0": np.array(row, dtype)} for row in rows]


def small(dtype: str = "float32", size: int = 3) -> tuple[OutputRule, ...]:
    return (OutputRule(spec=TensorSpec("out0", dtype, ("batch", size))),)


LOGITS = [[index + 0.1, index + 0.2, index + 0.3] for index in range(5)]
SURE = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("every", "says"),
    [
        pytest.param(scores(*LOGITS), "", id="all different"),
        pytest.param(scores(*LOGITS, LOGITS[0]), "", id="one again"),
        pytest.param(scores(*LOGITS, LOGITS[0], LOGITS[2], LOGITS[1]), "", id="three again, in another order"),
        pytest.param(
            scores(*LOGITS, *LOGITS), "outputs of sample 'img8': the outputs of sample 'img3' again", id="a batch again"
        ),
        pytest.param(scores(*SURE * 5), "", id="a softmax that is sure, again and again"),
        pytest.param(scores(*[SURE[0]] * 20), "", id="a softmax that is sure of one class"),
        pytest.param(scores(*[[0.2, 0.3, 0.5]] * 15), "", id="few samples with the same"),
        pytest.param(
            scores(*[[0.2, 0.3, 0.5]] * 16), "outputs of sample 'img16': the outputs of", id="always the same"
        ),
    ],
)
def test_small_outputs_count_when_many_repeat(every: list[Arrays], says: str) -> None:
    found, doubts = shown(every, small())
    assert says in found
    assert bool(says) is bool(found)
    assert doubts == []


def test_a_row_of_equal_inputs_is_no_repetition() -> None:
    """The data set has its first five samples twice."""

    class Twice(Inputs):
        def __call__(self, sample: Sample) -> Arrays:
            return {"x": np.array([(sample.index - 1) % 5])}

    assert shown(scores(*LOGITS, *LOGITS), small(), Twice()) == ("", [])


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_whole_numbers_may_repeat(dtype: str) -> None:
    """Two pictures with one text, or class, or mask."""
    text = list(range(30))
    assert shown(scores(*[text] * 20, dtype=dtype), small(dtype, 30)) == ("", [])


def test_what_does_not_depend_on_the_input_may_repeat() -> None:
    """A table of anchors, or a model that is a constant and says so."""
    tables = tuple(replace(rule, varies=False) for rule in rules("offsets", None))
    assert shown([FIRST] * 20, tables) == ("", [])
    assert "output out1" in shown([FIRST, FIRST], (tables[0], *rules(None, "offsets")[1:]))[0]


def test_files_are_compared_by_their_hashes_and_read_only_where_these_are_equal() -> None:
    read: list[int] = []

    def outputs(index: int) -> Arrays:
        read.append(index)
        return FIRST

    repetitions = Repetitions(rules=rules("offsets", "offsets"), preprocess=Inputs(), doubt=read.append)  # type: ignore[arg-type]  # nothing is in doubt
    for index, digests in enumerate([("a", "b"), ("c", "d"), ("e", "f")]):
        repetitions.files(SAMPLES[index], digests, lambda index=index: outputs(index))  # type: ignore[misc]  # mypy cannot infer it
    assert read == []
    with pytest.raises(EqualOutputsError, match="output out1 of sample 'img2' again"):
        repetitions.files(SAMPLES[3], ("g", "d"), lambda: outputs(3))
    assert read == [3]
