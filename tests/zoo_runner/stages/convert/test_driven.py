"""Several networks as one session: what goes in and out is held against the manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest

from zoo_runner.errors import HookError, InferenceError, PluginError
from zoo_runner.plugin.interfaces import Arrays, TensorSpec, Timings
from zoo_runner.stages.convert.driven import CheckedModel, DrivenSession, weights_of

if TYPE_CHECKING:
    from zoo_runner.plugin.driving import Model

PAIR = (
    TensorSpec("left", "float32", ("batch", "length")),
    TensorSpec("right", "int64", ("batch", "length")),
)
OUT = (TensorSpec("sum", "float32", ("batch", 2)),)
LEFT, RIGHT = np.ones((3, 2), np.float32), np.ones((3, 2), np.int64)


class Adds:
    """A session that says what it was given."""

    def __init__(self) -> None:
        self.given: list[Arrays] = []
        self.closed = 0

    def infer(self, inputs: Arrays) -> Arrays:
        self.given.append(inputs)
        return {"sum": (inputs["left"] + inputs["right"]).astype(np.float32)}

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        raise AssertionError("networks are not timed alone")

    def close(self) -> None:
        self.closed += 1


class Drives:
    identity = "adds"

    def __init__(self, call: Callable[[Mapping[str, Model], Arrays], Arrays]) -> None:
        self.call = call

    def __call__(self, models: Mapping[str, Model], inputs: Arrays) -> Arrays:
        return self.call(models, inputs)


def session(call: Callable[[Mapping[str, Model], Arrays], Arrays], inner: Adds | None = None) -> DrivenSession:
    adds = inner or Adds()
    cleanup = ExitStack()
    cleanup.callback(adds.close)
    return DrivenSession(Drives(call), {"adder": CheckedModel("adder", adds, PAIR, 3)}, OUT, 3, cleanup)


def test_arrays_go_through_as_they_are_and_contiguous() -> None:
    inner = Adds()
    turned = np.asfortranarray(LEFT)
    driven = session(lambda models, _: models["adder"].infer({"left": turned, "right": RIGHT}), inner)
    assert driven.infer({})["sum"].tolist() == [[2, 2]] * 3
    assert inner.given[0]["left"].flags.c_contiguous


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        pytest.param({}, "nothing", id="none"),
        pytest.param({"left": LEFT}, "left float32[3, 2]", id="one is missing"),
        pytest.param(
            {"left": LEFT, "right": RIGHT, "more": LEFT},
            "left float32[3, 2], right int64[3, 2], more float32[3, 2]",
            id="one more",
        ),
        pytest.param({"left": LEFT, "right": LEFT}, "left float32[3, 2], right float32[3, 2]", id="dtype"),
        pytest.param({"left": LEFT[:2], "right": RIGHT[:2]}, "left float32[2, 2], right int64[2, 2]", id="batch"),
        pytest.param({"left": LEFT, "right": RIGHT[:, :1]}, "left float32[3, 2], right int64[3, 1]", id="two lengths"),
        pytest.param({"left": LEFT[0], "right": RIGHT}, "left float32[2], right int64[3, 2]", id="rank"),
    ],
)
def test_what_a_network_does_not_take(inputs: Arrays, found: str) -> None:
    inner = Adds()
    with pytest.raises(PluginError) as caught:
        session(lambda models, _: models["adder"].infer(inputs), inner).infer({})
    expected = "inputs of the model 'adder': expected left float32[3, length], right int64[3, length], found"
    assert str(caught.value) == f"{expected} {found}; correct the plugin's driver"
    assert inner.given == []


@pytest.mark.parametrize(
    ("outputs", "found"),
    [
        pytest.param({}, "nothing", id="none"),
        pytest.param({"sum": np.zeros((3, 3), np.float32)}, "sum float32[3, 3]", id="size"),
        pytest.param({"sum": np.zeros((3, 2))}, "sum float64[3, 2]", id="dtype"),
        pytest.param({"total": np.zeros((3, 2), np.float32)}, "total float32[3, 2]", id="name"),
    ],
)
def test_what_a_driver_may_not_return(outputs: Arrays, found: str) -> None:
    with pytest.raises(PluginError) as caught:
        session(lambda *_: outputs).infer({})
    text = f"outputs of the driver: expected sum float32[3, 2], found {found}; correct the plugin's driver"
    assert str(caught.value) == text


@pytest.mark.parametrize("returned", [None, [LEFT], {"sum": [[1.0, 2.0]] * 3}])
def test_what_is_no_arrays_by_name_is_the_plugin_s_fault(returned: object) -> None:
    with pytest.raises(HookError, match=r"^zoo_driver failed: "):
        session(lambda *_: returned).infer({})  # type: ignore[arg-type] # what a plugin may do


def test_a_network_that_is_not_there_is_the_driver_s_fault() -> None:
    with pytest.raises(HookError, match=r"^zoo_driver failed: KeyError: 'adding'"):
        session(lambda models, _: models["adding"].infer({})).infer({})


def test_an_error_of_the_device_stays_what_it_is() -> None:
    def fails(*_: object) -> Arrays:
        raise InferenceError("the device is gone")

    with pytest.raises(InferenceError, match=r"^the device is gone$"):
        session(fails).infer({})


def test_the_whole_is_timed() -> None:
    calls: list[Arrays] = []

    def counted(_: Mapping[str, Model], inputs: Arrays) -> Arrays:
        calls.append(inputs)
        return {"sum": np.zeros((3, 2), np.float32)}

    timings = session(counted).time({"x": LEFT}, warmup=2, loop=3)
    assert (len(calls), len(timings.compute_ms), timings.to_device_ms) == (5, 3, ())
    assert all(taken >= 0 for taken in timings.compute_ms)


def test_a_driver_may_use_its_memory_again() -> None:
    own = np.zeros((3, 2), np.float32)

    def counts(*_: object) -> Arrays:
        own[:] += 1
        return {"sum": own}

    driven = session(counts)
    first, second = driven.infer({}), driven.infer({})
    assert (first["sum"].max(), second["sum"].max()) == (1, 2)


def test_all_is_released_once() -> None:
    inner = Adds()
    driven = session(lambda *_: {}, inner)
    driven.close()
    driven.close()
    assert inner.closed == 1


def test_weights_are_told_apart_by_name_and_content() -> None:
    hashes = [{"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "1"}, {"a": "1", "c": "2"}]
    assert len({weights_of(each) for each in hashes}) == len(hashes)
    assert weights_of({"a": "1", "b": "2"}) == weights_of({"b": "2", "a": "1"})
