"""The first sample's outputs against the exported graph's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.errors import InferenceError
from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec
from zoo_runner.stages.predict.reference_outputs import ReferenceOutputs, distance, exchanges

RANDOM = np.random.default_rng(0)
SAMPLE = Sample(index=1, id="img1", path=Path())
SPECS = tuple(
    TensorSpec(name, "float32", ("batch", *shape))
    for name, shape in (("loc", (9, 4)), ("conf", (9, 2)), ("arm", (9, 4)), ("ring", (9, 4)))
)
EXPECTED = {spec.name: RANDOM.normal(size=spec.sample_shape()).astype(np.float32) for spec in SPECS}
NEAR = {name: array + RANDOM.normal(size=array.shape).astype(np.float32) * 0.01 for name, array in EXPECTED.items()}


def placed(**came: str) -> Arrays:
    """Outputs nearly as expected, some of which came under another name."""
    return {**NEAR, **{name: NEAR[other] for name, other in came.items()}}


@pytest.mark.parametrize(
    ("found", "pairs"),
    [
        pytest.param(placed(), (), id="none"),
        pytest.param(placed(loc="arm", arm="loc"), ((0, 2),), id="two"),
        pytest.param(placed(loc="arm", arm="ring", ring="loc"), ((0, 2), (0, 3), (2, 3)), id="in a ring"),
        pytest.param({name: array * 0 for name, array in NEAR.items()}, (), id="wrong, and no exchange"),
        pytest.param({**NEAR, "loc": NEAR["arm"]}, (), id="one of them twice: the other place has lost its own"),
    ],
)
def test_exchanges_among_outputs_of_one_shape(found: Arrays, pairs: tuple[tuple[int, int], ...]) -> None:
    got = exchanges(SPECS, found, EXPECTED)
    assert got == pairs or (not pairs and got == ())


@pytest.mark.parametrize(
    ("found", "expected", "far"),
    [([3.0, 4.0], [3.0, 4.0], 0), ([0.0], [0.0], 0), ([1.0], [0.0], np.inf), ([6.0, 8.0], [3.0, 4.0], 1), ([], [], 0)],
)
def test_distance(found: list[float], expected: list[float], far: float) -> None:
    assert distance(np.array(found), np.array(expected)) == far


class Session:
    def infer(self, inputs: Arrays) -> Arrays:
        assert inputs["x"].shape == (2, 3)
        return {name: np.stack([array, array * 0]) for name, array in EXPECTED.items()}

    def close(self) -> None:
        pass


def opens(batch: int) -> Session:
    assert batch == 2
    return Session()


def refuses(_: int) -> Session:
    raise InferenceError("an operator is unknown")


class Inputs:
    identity = "x"

    def __call__(self, sample: Sample) -> Arrays:
        return {"x": np.zeros(3, np.float32)}


def said(opened: Callable[[int], Any], *every: Arrays) -> tuple[list[str], list[str]]:
    warned: list[str] = []
    noted: list[str] = []
    compare = ReferenceOutputs(
        opened=opened,
        inputs=(TensorSpec("x", "float32", ("batch", 3)),),
        outputs=SPECS,
        batch=2,
        preprocess=Inputs(),
        warn=warned.append,
        note=noted.append,
    )
    for outputs in every:
        compare(SAMPLE, outputs)
    return warned, noted


def test_near_outputs_are_not_worth_a_word() -> None:
    assert said(opens, placed()) == ([], [])


def test_an_exchange_is_an_error() -> None:
    with pytest.raises(InferenceError) as caught:
        said(opens, placed(loc="arm", arm="loc"))
    assert str(caught.value).startswith(
        "outputs of sample 'img1': outputs 0 and 2 look exchanged: what comes as loc is"
    )


def test_far_outputs_are_a_warning_with_the_figure() -> None:
    (text,), noted = said(opens, {**NEAR, "conf": NEAR["conf"] * 2})
    assert "far from those of the exported graph in ONNX Runtime: conf by 1 of the output's size" in text
    assert noted == []


def test_only_the_first_sample_is_compared() -> None:
    assert said(opens, placed(), placed(loc="arm", arm="loc")) == ([], [])


def test_a_graph_that_does_not_run_here_is_a_note() -> None:
    warned, (text,) = said(refuses, placed(loc="arm", arm="loc"))
    assert warned == []
    assert text.endswith("were not compared with the exported graph's: an operator is unknown")
