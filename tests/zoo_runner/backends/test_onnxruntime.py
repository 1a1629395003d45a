from __future__ import annotations

import math
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from places import ROOT
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend, OnnxRuntimeSession, zoo_backend
from zoo_runner.errors import InferenceError
from zoo_runner.plugin.backend_facts import RepeatableBackend
from zoo_runner.plugin.conversion import ConvertingBackend
from zoo_runner.plugin.interfaces import Backend, Session, SessionRequest, TensorSpec
from zoo_runner.plugin.shapes import Shapes

onnx = pytest.importorskip("onnx")
helper = pytest.importorskip("onnx.helper")

FLOAT, INT64 = 1, 7
IMAGE = TensorSpec("image", "float32", ("batch", 4))
SCALE = TensorSpec("scale", "float32", ("batch", 1))
SCALED = TensorSpec("scaled", "float32", ("batch", 4))
RATIO = TensorSpec("ratio", "float32", ("batch", 4))
COUNT = TensorSpec("count", "int64", ("batch", 4))


def saved(tmp_path: Path, batch: int | str = "batch", nodes: Sequence[Any] = (), **parts: Any) -> Path:
    """Write a model: scaled = image * scale, ratio = image / scale, count = int(image)."""

    def value(spec: TensorSpec) -> Any:
        kind = INT64 if spec.dtype == "int64" else FLOAT
        return helper.make_tensor_value_info(spec.name, kind, [batch, *spec.shape[1:]])

    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["image", "scale"], ["scaled"]),
            helper.make_node("Div", ["image", "scale"], ["ratio"]),
            helper.make_node("Cast", ["image"], ["count"], to=INT64),
            *nodes,
        ],
        "main",
        [value(IMAGE), value(SCALE)],
        [*(value(spec) for spec in (SCALED, RATIO, COUNT)), *parts.get("outputs", ())],
    )
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def request(path: Path, **changed: Any) -> SessionRequest:
    fields: dict[str, Any] = {
        "model": path,
        "inputs": (IMAGE, SCALE),
        "outputs": (COUNT, RATIO, SCALED),
        "batch": 4,
    }
    return SessionRequest(**(fields | changed))


def opened(path: Path, **changed: Any) -> OnnxRuntimeSession:
    return OnnxRuntimeBackend().open(request(path, **changed))


def arrays(batch: int) -> dict[str, Any]:
    image = np.arange(4 * batch, dtype=np.float32).reshape(batch, 4) / 2
    return {"image": image, "scale": np.full((batch, 1), 2, np.float32)}


def test_the_contract() -> None:
    backend: Backend = zoo_backend()
    assert (backend.name, backend.chip()) == ("onnxruntime", "cpu")
    assert not isinstance(backend, ConvertingBackend)
    assert backend.version() == f"onnxruntime {metadata.version('onnxruntime')}"
    (found,) = backend.prerequisites()
    assert (found.name, found.ok, found.found) == ("onnxruntime", True, metadata.version("onnxruntime"))


@pytest.mark.parametrize("threads", [None, 1, 2])
@pytest.mark.parametrize("batch", [1, 3, 4])
def test_infer(batch: int, threads: int | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session: Session = opened(saved(tmp_path), threads=threads)
    inputs = arrays(batch)
    before = {name: array.copy() for name, array in inputs.items()}
    outputs = session.infer(inputs)
    assert list(outputs) == ["count", "ratio", "scaled"]
    np.testing.assert_array_equal(outputs["scaled"], inputs["image"] * 2)
    np.testing.assert_array_equal(outputs["ratio"], inputs["image"] / 2)
    np.testing.assert_array_equal(outputs["count"], inputs["image"].astype(np.int64))
    for name, array in inputs.items():
        np.testing.assert_array_equal(array, before[name])
    session.close()
    assert capfd.readouterr() == ("", "")


def test_outputs_are_the_caller_s(tmp_path: Path) -> None:
    session = opened(saved(tmp_path))
    first = session.infer(arrays(4))
    second = session.infer({"image": np.zeros((4, 4), np.float32), "scale": np.ones((4, 1), np.float32)})
    np.testing.assert_array_equal(first["scaled"], arrays(4)["image"] * 2)
    assert not second["scaled"].any()


def test_inputs_need_not_be_contiguous(tmp_path: Path) -> None:
    inputs = arrays(4)
    inputs["image"] = np.asfortranarray(inputs["image"])
    np.testing.assert_array_equal(opened(saved(tmp_path)).infer(inputs)["scaled"], inputs["image"] * 2)


def test_calls_from_several_threads(tmp_path: Path) -> None:
    session = opened(saved(tmp_path), threads=1)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: session.infer(arrays(4))["scaled"].sum(), range(40)))
    assert set(results) == {arrays(4)["image"].sum() * 2}


@pytest.mark.parametrize(("batch", "ok"), [(4, True), (3, False)])
def test_a_fixed_batch_takes_only_that(batch: int, ok: bool, tmp_path: Path) -> None:
    session = opened(saved(tmp_path, batch=4))
    if ok:
        assert session.infer(arrays(batch))["scaled"].shape == (4, 4)
        return
    with pytest.raises(InferenceError, match=r"model\.onnx takes exactly 4 samples a call, found 3"):
        session.infer(arrays(batch))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        pytest.param({"inputs": (IMAGE,)}, "also takes scale; name every input in the manifest", id="an-input-too-few"),
        pytest.param(
            {"inputs": (IMAGE, SCALE, TensorSpec("size", "int32", ("batch", 2)))},
            "has no input 'size', only image, scale",
            id="an-input-too-many",
        ),
        pytest.param(
            {"outputs": (TensorSpec("scald", "float32", ("batch", 4)),)},
            "has no output 'scald', only scaled, ratio, count; did you mean 'scaled'?",
            id="unknown-output",
        ),
        pytest.param(
            {"inputs": (TensorSpec("image", "uint8", ("batch", 4)), SCALE)},
            "an input of {path}: expected image uint8[4, 4], found image float32[batch, 4]; correct the manifest",
            id="input-dtype",
        ),
        pytest.param(
            {"outputs": (TensorSpec("count", "float32", ("batch", 4)),)},
            "an output of {path}: expected count float32[4, 4], found count int64[batch, 4]; correct the manifest",
            id="output-dtype",
        ),
        pytest.param(
            {"inputs": (TensorSpec("image", "float32", ("batch", 5)), SCALE)},
            "expected image float32[4, 5], found image float32[batch, 4]; correct the manifest",
            id="input-shape",
        ),
        pytest.param(
            {"outputs": (TensorSpec("scaled", "float32", ("batch", 4, 1)),)},
            "expected scaled float32[4, 4, 1], found scaled float32[batch, 4]",
            id="output-rank",
        ),
    ],
)
def test_another_signature_is_refused(changed: dict[str, Any], text: str, tmp_path: Path) -> None:
    path = saved(tmp_path)
    with pytest.raises(InferenceError) as caught:
        opened(path, **changed)
    assert text.format(path=path) in str(caught.value)


def test_another_fixed_batch_is_refused_on_opening(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match=r"float32\[16, 4\], found .* float32\[4, 4\]; .* export again with"):
        opened(saved(tmp_path, batch=4), batch=16)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="absent"),
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>404</html>", id="web-page"),
    ],
)
def test_not_a_model(content: bytes | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InferenceError, match=rf"ONNX Runtime .* cannot load {path}: .*; expected an ONNX model"):
        opened(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        pytest.param(
            {"scale": None},
            "expected image float32[batch, 4], scale float32[batch, 1], found image float32[4, 4]; give what",
            id="missing",
        ),
        pytest.param(
            {"x": np.zeros(1)},
            "found image float32[4, 4], scale float32[4, 1], x float64[1]; give what",
            id="unexpected",
        ),
        pytest.param(
            {"image": np.zeros((4, 4))},
            "an input: expected image float32[4, 4], found image float64[4, 4]",
            id="dtype",
        ),
        pytest.param(
            {"image": np.zeros((4, 5), np.float32)},
            "an input: expected image float32[4, 4], found image float32[4, 5]",
            id="shape",
        ),
        pytest.param(
            {"scale": np.zeros((2, 1), np.float32)},
            "an input: expected scale float32[4, 1], found scale float32[2, 1]",
            id="batch-sizes-differ",
        ),
        pytest.param(
            {"image": np.float32(1)}, "an input: expected image float32[4, 4], found image float32[]", id="scalar"
        ),
        pytest.param({"image": np.zeros((0, 4), np.float32)}, "takes 1 to 4 samples a call, found 0", id="empty"),
        pytest.param({"image": np.zeros((5, 4), np.float32)}, "takes 1 to 4 samples a call, found 5", id="too-many"),
    ],
)
@pytest.mark.parametrize("call", ["infer", "time"])
def test_other_inputs_are_refused(call: str, changed: dict[str, Any], text: str, tmp_path: Path) -> None:
    session = opened(saved(tmp_path))
    inputs = {name: array for name, array in (arrays(4) | changed).items() if array is not None}
    options = {} if call == "infer" else {"warmup": 0, "loop": 1}
    with pytest.raises(InferenceError) as caught:
        getattr(session, call)(inputs, **options)
    assert text in str(caught.value)


@pytest.mark.parametrize(("scale", "bad"), [pytest.param(0, 4, id="zero"), pytest.param(math.nan, 4, id="nan")])
def test_an_output_that_is_not_finite_is_refused(scale: float, bad: int, tmp_path: Path) -> None:
    inputs = arrays(4)
    inputs["scale"][1] = scale
    with pytest.raises(InferenceError, match=f"output 'ratio': {bad} of 16 values are not finite; check"):
        opened(saved(tmp_path)).infer(inputs)


def test_an_output_of_another_size_is_refused(tmp_path: Path) -> None:
    """The model declares its size as unknown, so that only the array shows it."""
    node = helper.make_node("Concat", ["image", "image"], ["double"], axis=0)
    path = saved(tmp_path, nodes=[node], outputs=[helper.make_tensor_value_info("double", FLOAT, ["anything", 4])])
    session = opened(path, outputs=(TensorSpec("double", "float32", ("batch", 4)),))
    with pytest.raises(InferenceError, match=r"expected double float32\[4, 4\], found double float32\[8, 4\]; correct"):
        session.infer(arrays(4))


def test_axes_of_one_name_have_one_size_in_all_outputs(tmp_path: Path) -> None:
    twice = helper.make_node("Concat", ["x", "x"], ["twice"], axis=1)
    same = helper.make_node("Identity", ["x"], ["once"])
    values = [helper.make_tensor_value_info(name, FLOAT, ["batch", None]) for name in ("once", "twice")]
    given = helper.make_tensor_value_info("x", FLOAT, ["batch", "width"])
    graph = helper.make_graph([same, twice], "two", [given], values)
    path = tmp_path / "two.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    outputs = tuple(TensorSpec(name, "float32", ("batch", "found")) for name in ("once", "twice"))
    session = OnnxRuntimeBackend().open(
        SessionRequest(
            model=path,
            inputs=(TensorSpec("x", "float32", ("batch", "width")),),
            outputs=outputs,
            batch=1,
            shapes=Shapes(opened="range", bounds={"width": (1, 9)}, most={"width": 9, "found": 99}),
        )
    )
    with pytest.raises(InferenceError, match=r"expected twice float32\[1, 3\], found twice float32\[1, 6\]"):
        session.infer({"x": np.zeros((1, 3), np.float32)})


def test_a_failing_run_is_an_error_without_chatter(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shape = helper.make_node("Constant", [], ["shape"], value=helper.make_tensor("s", INT64, [2], [2, 4]))
    node = helper.make_node("Reshape", ["image", "shape"], ["fixed"])
    path = saved(tmp_path, nodes=[shape, node], outputs=[helper.make_tensor_value_info("fixed", FLOAT, ["n", 4])])
    session = opened(path, outputs=(TensorSpec("fixed", "float32", ("batch", 4)),), batch=2)
    with pytest.raises(InferenceError, match=r"ONNX Runtime failed while running .*Reshape"):
        session.infer(arrays(1))
    with pytest.raises(InferenceError, match=r"ONNX Runtime failed while running .*Reshape"):
        session.time(arrays(1), warmup=0, loop=1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("warmup", "loop"), [(0, 1), (2, 3), (0, 0)])
def test_time(warmup: int, loop: int, tmp_path: Path) -> None:
    times = opened(saved(tmp_path)).time(arrays(4), warmup=warmup, loop=loop).compute_ms
    assert len(times) == loop
    assert all(value > 0 for value in times)


def test_close(tmp_path: Path) -> None:
    session = opened(saved(tmp_path))
    session.close()
    session.close()
    with pytest.raises(InferenceError, match="is closed; open it again"):
        session.infer(arrays(4))


CODE = """
from zoo_runner.backends.onnxruntime import zoo_backend
from zoo_runner.errors import ZooError
backend = zoo_backend()
(found,) = backend.prerequisites()
print(found.ok, found.remedy, found.found, sep="|")
try:
    backend.version()
except ZooError as error:
    print(type(error).__name__, int(error.exit_code))
"""


def test_without_onnx_runtime(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith("onnxruntime"):
            (site / entry.name).symlink_to(entry)
    environment = {"PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    command = [sys.executable, "-S", "-c", CODE]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    first, second = run.stdout.splitlines()
    assert first.startswith("False|pip install onnxruntime|onnxruntime cannot be imported (No module named")
    assert second == "PrerequisiteError 3"


@pytest.mark.parametrize("threads", [1, 2, None])
def test_the_same_bits_in_every_run(tmp_path: Path, threads: int | None) -> None:
    """With what networks are made of: sums over hundreds of products, whose order would show."""
    random = np.random.default_rng(0)
    image = TensorSpec("image", "float32", ("batch", 16, 40, 40))
    scores = TensorSpec("scores", "float32", ("batch", 32, 40, 40))
    weights = [
        onnx.numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name)
        for name, shape in (("w1", (64, 16, 3, 3)), ("w2", (32, 64, 3, 3)))
    ]
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["hidden"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Conv", ["active", "w2"], ["logits"], pads=[1, 1, 1, 1]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    values = [helper.make_tensor_value_info(spec.name, FLOAT, list(spec.shape)) for spec in (image, scores)]
    graph = helper.make_graph(nodes, "main", values[:1], values[1:], weights)
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    inputs = {"image": random.standard_normal((4, 16, 40, 40)).astype(np.float32)}
    found = {
        opened(path, inputs=(image,), outputs=(scores,), threads=threads).infer(inputs)["scores"].tobytes()
        for _ in range(5)
    }
    assert OnnxRuntimeBackend().bit_stable
    assert isinstance(OnnxRuntimeBackend(), RepeatableBackend)
    assert len(found) == 1
