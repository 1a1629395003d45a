"""Graphs with fp16 in them, against NumPy's own fp16."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from norm_graphs import write_norm
from zoo_runner.precision.ascend import LARGEST, Overflow
from zoo_runner.precision.dtypes import Dtypes, dtypes_of
from zoo_runner.precision.graph import FloatGraph, read_float_graph
from zoo_runner.precision.modes import ALLOW, CUBE, FORCE_FP16
from zoo_runner.precision.rounding import Variant, rounded, rounded_graph
from zoo_runner.precision.side_files import CustomDtypes, Wishes

if TYPE_CHECKING:
    from numpy.typing import NDArray

INF, SATURATING = Overflow.INF, Overflow.SATURATING
NUMBERS = np.array([[2.0, 0.1, 0.1, 0.1], [0.001, 0.0, 1 / 3, 0.0], [0.0, 0.0, 0.0, 0.0]], np.float32)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> FloatGraph:
    return read_float_graph(write_norm(tmp_path_factory.mktemp("norm") / "m.onnx"))


def scores(graph: FloatGraph, dtypes: Dtypes, variant: Variant) -> NDArray[Any]:
    model = rounded_graph(graph, dtypes, variant)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(["scores"], {"numbers": NUMBERS})
    return np.asarray(found)


def by_numpy(overflow: Overflow, kept: frozenset[str] = frozenset()) -> NDArray[Any]:
    """Compute the network in NumPy, rounding where an operator is not kept in fp32."""

    def half(array: NDArray[Any], name: str) -> NDArray[Any]:
        return array if name in kept else rounded(array, overflow)

    with np.errstate(all="ignore"):
        large = half(rounded(NUMBERS, overflow) * np.float32(512), "product")
        squares = half(half(large, "pow") ** np.float32(2), "pow")
        total = half(half(squares, "sum").sum(1, keepdims=True), "sum")
        norm = half(np.sqrt(half(total, "sqrt")), "sqrt")
        safe = half(half(norm, "add") + half(np.array(1e-10, np.float32), "add"), "add")
        return half(np.maximum(half(half(large, "div") / half(safe, "div"), "div"), 0), "relu")


KEPT = [(), ("pow",), ("pow", "sum"), ("pow", "sum", "sqrt"), ("pow", "sum", "sqrt", "add", "div")]


@pytest.mark.parametrize("overflow", [INF, SATURATING])
@pytest.mark.parametrize("kept", KEPT, ids=["+".join(each) or "nothing" for each in KEPT])
def test_force_fp16_is_numpy_s_fp16(graph: FloatGraph, overflow: Overflow, kept: tuple[str, ...]) -> None:
    dtypes = dtypes_of(graph, FORCE_FP16, Wishes(kept=frozenset(kept)), "")
    found, expected = scores(graph, dtypes, Variant(overflow=overflow)), by_numpy(overflow, frozenset(kept))
    np.testing.assert_array_equal(found, expected)
    assert not dtypes.notes


def test_how_it_breaks(graph: FloatGraph) -> None:
    """The first row overflows; the last one is 0 divided by an epsilon that is 0 in fp16."""
    found = {
        overflow: scores(graph, dtypes_of(graph, FORCE_FP16, Wishes(), ""), Variant(overflow=overflow))
        for overflow in Overflow
    }
    assert found[INF][0].tolist() == [0, 0, 0, 0]
    assert found[SATURATING][0, 0] == pytest.approx(4, abs=0.01)  # 1024 divided by the root of 65504, not by 1026
    assert np.isnan(found[INF][2]).all()
    assert found[SATURATING][2].tolist() == [0, 0, 0, 0]


def test_three_are_not_enough_where_their_reader_is_left(graph: FloatGraph) -> None:
    """Kept in fp32, what is too large is cut when the next operator takes it in fp16."""
    kept = dtypes_of(graph, FORCE_FP16, Wishes(kept=frozenset({"pow", "sum"})), "")
    assert scores(graph, kept, Variant(overflow=INF))[0].tolist() == [0, 0, 0, 0]


MODES = [(ALLOW, False), (ALLOW, True), (CUBE, False), (CUBE, True)]


@pytest.mark.parametrize(("mode", "joined"), MODES)
def test_modes_that_leave_vectors_in_fp32(graph: FloatGraph, mode: str, joined: bool) -> None:
    found = scores(graph, dtypes_of(graph, mode, Wishes(), ""), Variant(overflow=INF, joined=joined))
    expected = by_numpy(INF, frozenset({"pow", "sum", "sqrt", "add", "div", "relu"}))
    if mode == CUBE:  # and the product in fp32
        large = rounded(NUMBERS, INF) * np.float32(512)
        norm = np.sqrt((large**2).sum(1, keepdims=True)) + np.float32(1e-10)
        expected = np.maximum(large / norm, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_matrix_operator_is_not_kept_where_it_may_not_exist(graph: FloatGraph) -> None:
    wishes = Wishes(kept=frozenset({"product"}))
    on_310p, on_910b = dtypes_of(graph, FORCE_FP16, wishes, "310P3"), dtypes_of(graph, FORCE_FP16, wishes, "910B4")
    assert on_310p.halves["product"].outputs == (True,)
    (note,) = on_310p.notes
    assert note.startswith("keep_dtype names 1 matrix operators that exist on 310P3 in fp16 only; ")
    assert note.endswith("ATC may refuse them: product")
    assert (on_910b.halves["product"].outputs, on_910b.notes) == ((False,), ())
    assert "and the chip is not known" in dtypes_of(graph, FORCE_FP16, wishes, "").notes[0]


def test_customize_dtypes_wins(graph: FloatGraph) -> None:
    custom = {
        "sqrt": CustomDtypes(inputs=("float32",), outputs=("float16",)),
        "div": CustomDtypes(inputs=("int8", "float32")),
    }
    dtypes = dtypes_of(graph, FORCE_FP16, Wishes(kept=frozenset({"pow", "sum", "sqrt"}), custom=custom), "")
    assert (dtypes.halves["sqrt"].inputs, dtypes.halves["sqrt"].outputs) == ((False,), (True,))
    assert (dtypes.halves["div"].inputs, dtypes.halves["div"].outputs) == ((True, False), (True,))
    expected = by_numpy(INF, frozenset({"pow", "sum", "sqrt"}))
    np.testing.assert_array_equal(scores(graph, dtypes, Variant(overflow=INF))[:2], expected[:2])


def test_numbers() -> None:
    given = np.array([1e-10, -7e4, 65519.0, 65520.0, np.inf, np.nan, 2.0**-24], np.float32)
    assert rounded(given, SATURATING).tolist() == [0, -LARGEST, LARGEST, LARGEST, LARGEST, 0, 2.0**-24]
    np.testing.assert_array_equal(rounded(given, INF), [0, -np.inf, LARGEST, np.inf, np.inf, np.nan, 2.0**-24])
    assert rounded(np.empty((0, 3), np.float32), INF).shape == (0, 3)


def test_variants_have_names() -> None:
    assert Variant(overflow=INF).name == "Inf/NaN, each operator alone"
    assert Variant(overflow=SATURATING, joined=True).name == "saturating, matrix operators joined with the next"


def test_the_files_hold_no_weight_twice(graph: FloatGraph, tmp_path: Path) -> None:
    model = rounded_graph(graph, dtypes_of(graph, FORCE_FP16, Wishes(), ""), Variant(overflow=INF))
    assert sorted(each.name for each in model.graph.initializer) == [
        "axes",
        *(f"zoo_runner.precision/fp16/{name}" for name in ("epsilon", "two", "weight")),
    ]
    assert not list(tmp_path.iterdir())
