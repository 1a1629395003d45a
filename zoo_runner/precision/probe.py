"""Whether this ONNX Runtime can be used to emulate: it must keep the casts, and compute with Inf.

ONNX Runtime 1.16 removes such pairs; 1.17 to 1.20 give NaN for the square root of Inf in long tensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import PrerequisiteError
from zoo_runner.precision.ascend import LARGEST, Overflow

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS: Final = np.array([1e-10, 3.0**-15, 2049.0, 1.0 / 3.0, LARGEST, 70000.0, 1e30, np.inf, *[4.0] * 40], np.float32)
"""What is lost, rounded, kept and overflows in fp16; more of them than a processor takes at once."""
REMEDY: Final = "pip install 'onnxruntime>=1.22'"


def require_emulation() -> None:
    """Check the runtime that is installed.

    Raises:
        PrerequisiteError: It leaves out the casts, or computes wrongly with Inf.
    """
    import onnxruntime  # noqa: PLC0415 - loaded where it is needed

    for overflow in Overflow:
        expected, found = _expected(overflow), probed(overflow)
        if not np.array_equal(expected, found, equal_nan=True):
            place = int(np.flatnonzero(~((expected == found) | (np.isnan(expected) & np.isnan(found))))[0])
            raise PrerequisiteError(
                f"onnxruntime {onnxruntime.__version__} cannot be used to emulate fp16: of {NUMBERS[place]:g}, rounded "
                f"({overflow.value}) and its square root taken, expected {expected[place]:g}, found "
                f"{found[place]:g}; {REMEDY}"
            )


def _expected(overflow: Overflow) -> NDArray[Any]:
    from zoo_runner.precision.rounding import rounded  # noqa: PLC0415 - beside its only user

    return rounded(np.sqrt(rounded(NUMBERS, overflow)), overflow)


def probed(overflow: Overflow) -> NDArray[Any]:
    """Run the graphs that the emulation makes, as small as they can be."""
    import onnx  # noqa: PLC0415 - an optional extra
    import onnxruntime  # noqa: PLC0415 - loaded where it is needed

    from zoo_runner.precision.dtypes import Dtypes, Halves  # noqa: PLC0415 - beside its only user
    from zoo_runner.precision.graph import FloatGraph  # noqa: PLC0415 - likewise
    from zoo_runner.precision.rounding import Variant, rounded_graph  # noqa: PLC0415 - likewise

    make, kind = onnx.helper.make_node, onnx.TensorProto.FLOAT
    shape = [len(NUMBERS)]
    ends = [onnx.helper.make_tensor_value_info(name, kind, shape) for name in ("x", "y")]
    graph = onnx.helper.make_graph([make("Sqrt", ["x"], ["y"], name="sqrt")], "probe", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    network = FloatGraph(model=model, constants={}, floats=frozenset({"x", "y"}))
    half = Dtypes(halves={"sqrt": Halves(inputs=(True,), outputs=(True,))})
    made = rounded_graph(network, half, Variant(overflow=overflow)).SerializeToString()
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": NUMBERS})
    return np.asarray(found)
