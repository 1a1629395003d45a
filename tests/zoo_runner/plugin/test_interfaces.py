from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from zoo_runner.plugin.interfaces import BATCH, MetricValue, Prerequisite, SessionRequest, TensorSpec


@pytest.mark.parametrize(
    ("shape", "batch", "sized", "sample"),
    [
        pytest.param((BATCH, 3, 320, 320), 4, (4, 3, 320, 320), (3, 320, 320), id="image"),
        pytest.param((BATCH,), 4, (4,), (), id="one number a sample"),
        pytest.param((BATCH, 6375, 4), 0, (0, 6375, 4), (6375, 4), id="no samples"),
        pytest.param((2, 3), 4, (2, 3), (2, 3), id="no batch axis"),
        pytest.param((), 4, (), (), id="scalar"),
    ],
)
def test_shapes(shape: tuple[int | str, ...], batch: int, sized: tuple[int, ...], sample: tuple[int, ...]) -> None:
    spec = TensorSpec("x", "float32", shape)
    assert spec.sized(batch) == sized
    assert spec.sample_shape() == sample
    assert spec.empty(batch).shape == sized


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int8", "int32", "int64"])
def test_empty_arrays_are_zero_and_contiguous(dtype: str) -> None:
    array = TensorSpec("x", dtype, (BATCH, 2, 3)).empty(5)
    assert array.dtype == np.dtype(dtype)
    assert array.flags.c_contiguous
    assert not array.any()


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(TensorSpec("x", "float32", (BATCH,)), id="TensorSpec"),
        pytest.param(MetricValue(name="map", protocol="p", value=1.0, unit="percent"), id="MetricValue"),
        pytest.param(Prerequisite(name="numpy", ok=True, found="2"), id="Prerequisite"),
    ],
)
def test_records_are_frozen(record: TensorSpec | MetricValue | Prerequisite) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.name = "y"  # type: ignore[misc]  # that it is refused is what is tested


def test_equal_specs_are_one() -> None:
    spec = TensorSpec("x", "float32", (BATCH, 3))
    assert spec == TensorSpec("x", "float32", (BATCH, 3))
    assert len({spec, TensorSpec("x", "float32", (BATCH, 3)), TensorSpec("x", "float32", (BATCH, 4))}) == 2


def test_a_request_needs_only_what_has_no_sensible_default() -> None:
    required = {field.name for field in dataclasses.fields(SessionRequest) if field.default is dataclasses.MISSING}
    assert required == {"model", "inputs", "outputs", "batch"}


def test_plugins_pay_for_nothing_they_do_not_use() -> None:
    code = (
        "import json, sys, zoo_runner.plugin.interfaces, zoo_runner.plugin.hookspecs, zoo_runner.errors\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "torch", "onnx", "onnxruntime", "pydantic", "rich"}.isdisjoint(json.loads(done.stdout))
