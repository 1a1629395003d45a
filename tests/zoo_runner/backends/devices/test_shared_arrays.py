"""Memory shared with a child process; that the child sees it is shown with the device pool."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_runner.backends.devices.shared_arrays import SharedArrays, SharedLog, spec_bytes
from zoo_runner.plugin.interfaces import TensorSpec


@pytest.mark.parametrize(
    ("specs", "batch"),
    [
        ((), 1),
        ((TensorSpec("empty", "float32", ("batch", 0)),), 3),
        ((TensorSpec("a", "uint8", ("batch", 3)), TensorSpec("b", "float64", ("batch", 7, 2))), 5),
    ],
    ids=["none", "empty", "mixed"],
)
def test_shared_arrays(specs: tuple[TensorSpec, ...], batch: int) -> None:
    shared = SharedArrays(specs, batch)
    arrays = {spec.name: np.ones(spec.sized(batch), dtype=spec.dtype) for spec in specs}
    shared.fill(arrays)
    copies = shared.copies()
    for spec in specs:
        view = shared.arrays[spec.name]
        assert (view.shape, view.dtype, view.nbytes) == (
            spec.sized(batch),
            np.dtype(spec.dtype),
            spec_bytes(spec, batch),
        )
        assert view.flags.c_contiguous
        assert view.flags.aligned
        np.testing.assert_array_equal(copies[spec.name], arrays[spec.name])
    shared.close()
    shared.close()


def test_arrays_of_another_dtype_are_not_converted() -> None:
    shared = SharedArrays((TensorSpec("a", "float32", ("batch",)),), 2)
    with pytest.raises(TypeError, match="Cannot cast"):
        shared.fill({"a": np.zeros(2, np.float64)})
    shared.close()


def test_log_is_read_from_its_end_and_can_be_emptied() -> None:
    log = SharedLog()
    assert log.tail() == ""
    log.trim(0)
    log.close()
    log.close()
    assert log.tail() == ""
