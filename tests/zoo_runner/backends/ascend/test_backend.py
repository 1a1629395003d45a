"""The Ascend backend on stand-ins: the same code that runs on a real host, and every fault it must tell apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from this_host import enter, forget_tools
from zoo_runner.backends.ascend.backend import AscendBackend
from zoo_runner.backends.ascend.convert import ConvertRequest, convert
from zoo_runner.backends.ascend.devices import TIMEOUT_VARIABLE
from zoo_runner.backends.ascend.om_stamp import read_stamp, stamp_path, write_stamp
from zoo_runner.errors import InferenceError, PrerequisiteError, UsageError
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.plugin.interfaces import Arrays, SessionRequest, TensorSpec
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.testing import stand_in_environment

pytestmark = pytest.mark.slow  # starts a process for each device, also ones that hang

IMAGE = TensorSpec("image", "float32", ("batch", 3, 4, 4))
OUTPUTS = tuple(
    TensorSpec(name, "float32", ("batch", 12, size)) for name, size in [("loc", 4), ("conf", 2), ("arm", 4)]
)
BATCH = 2


@dataclass(frozen=True)
class Host:
    """A machine with stand-ins, and a graph to run on it."""

    folder: Path
    onnx: Path

    def convert(self, *, batch: int = BATCH, outputs: tuple[TensorSpec, ...] = OUTPUTS) -> Path:
        request = ConvertRequest(
            options=AtcOptions(),
            onnx=self.onnx,
            onnx_sha256=file_digest(self.onnx),
            inputs=(IMAGE,),
            outputs=outputs,
            batch=batch,
            chip="310P3",
            base=self.folder,
        )
        return convert(request, self.folder / f"model{batch}.om", log=self.folder / "atc.log", timeout_s=120).om

    def request(self, om: Path, devices: tuple[int, ...] = (0,)) -> SessionRequest:
        return SessionRequest(model=om, inputs=(IMAGE,), outputs=OUTPUTS, batch=BATCH, devices=devices)

    def batches(self, count: int) -> Iterator[Arrays]:
        random = np.random.default_rng(1)
        for _ in range(count):
            yield {"image": random.normal(size=IMAGE.sized(BATCH)).astype(np.float32)}

    def expected(self, count: int) -> list[list[bytes]]:
        session = onnxruntime.InferenceSession(self.onnx, providers=["CPUExecutionProvider"])
        names = [spec.name for spec in OUTPUTS]
        return [[each.tobytes() for each in session.run(names, dict(inputs))] for inputs in self.batches(count)]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Host]]:
    """Make this process one on a host with stand-ins."""

    def on(*faults: str, devices: int = 1, generation: int = 2023) -> Host:
        environment = stand_in_environment(tmp_path / "host", devices=devices, faults=faults, generation=generation)
        enter(environment, monkeypatch)
        return Host(folder=tmp_path, onnx=_graph(tmp_path / "model.onnx"))

    yield on
    forget_tools()


def _graph(path: Path) -> Path:
    def constant(name: str, values: list[int]) -> onnx.TensorProto:
        return onnx.numpy_helper.from_array(np.array(values, dtype=np.int64), name)

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 4, 4])
    outputs = [
        helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, list(spec.shape)) for spec in reversed(OUTPUTS)
    ]
    nodes = [
        helper.make_node("Reshape", ["image", "shape"], ["loc"], name="/Reshape"),
        helper.make_node("Sin", ["loc"], ["arm"], name="/Sin"),
        helper.make_node("Slice", ["loc", "from", "to", "axes"], ["two"], name="/Slice"),
        helper.make_node("Softmax", ["two"], ["conf"], name="/Softmax", axis=-1),
    ]
    constants = [constant("shape", [0, 12, 4]), constant("from", [0]), constant("to", [2]), constant("axes", [2])]
    graph = helper.make_graph(nodes, "toy", [image], outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def plain(results: Iterator[Arrays]) -> list[list[bytes]]:
    return [[each[spec.name].tobytes() for spec in OUTPUTS] for each in results]


def test_outputs_are_those_of_the_graph_by_name(start: Callable[..., Host]) -> None:
    host = start(devices=3)
    backend, om = AscendBackend(), host.convert()
    for devices in ((0,), (2, 0, 1)):
        session = backend.open(host.request(om, devices))
        try:
            assert plain(session.infer_many(host.batches(7))) == host.expected(7)
            assert session.lost == ()
        finally:
            session.close()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("device-lost:1:1", "[-1][ACL: general failure] (printed: EL9999: Inner Error!"),
        ("device-crash:1:1", "its process was ended by SIGKILL"),
        ("hang:1:1", "inference did not end within 6 s"),
        ("device-lost:1:0", "[-1][ACL: general failure]"),
    ],
)
def test_one_of_three_devices_is_lost(
    start: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, fault: str, told: str
) -> None:
    host = start(fault, devices=3)
    monkeypatch.setenv(TIMEOUT_VARIABLE, "6")
    session = AscendBackend().open(host.request(host.convert(), (0, 1, 2)))
    try:
        # Every device gets work at first; as many batches as it takes until the fault struck.
        while not session.lost:
            assert plain(session.infer_many(host.batches(12))) == host.expected(12)
        ((device, reason),) = session.lost
        assert device == 1
        assert told in reason
    finally:
        session.close()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("device-lost:0:0", r"^device 0: inference: RuntimeError: \[-1\]\[ACL: general failure\] .*acl execute failed"),
        ("device-crash:0:0", "^device 0: inference: its process was ended by SIGKILL"),
        ("hang:0:0", "^device 0: inference did not end within 6 s"),
        ("nan-output", "^device 0: output loc: expected finite numbers, found 1 of 96 that are not"),
        (
            "wrong-size",
            r"^device 0: an output: expected loc float32\[2, 12, 4\], found loc float32\[2, 11, 4\]; correct outputs",
        ),
        (
            "wrong-chip",
            "^device 0: loading the model: .*; an .om runs only on the chip.*printed: .*soc_version.Ascend310P3.*",
        ),
    ],
)
def test_faults_of_the_only_device(
    start: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, fault: str, told: str
) -> None:
    host = start(fault)
    monkeypatch.setenv(TIMEOUT_VARIABLE, "6")
    om = host.convert()
    with pytest.raises(InferenceError, match=told):
        _once(host, host.request(om))


def _once(host: Host, request: SessionRequest) -> Arrays:
    session = AscendBackend().open(request)
    try:
        return session.infer(next(host.batches(1)))
    finally:
        session.close()


def test_times(start: Callable[..., Host]) -> None:
    host = start("slow:12.5")
    om = host.convert()
    for _ in range(2):  # one session after another: the real runtime cannot start twice in a process
        session = AscendBackend().open(host.request(om))
        assert session.time(next(host.batches(1)), warmup=2, loop=5).compute_ms == (12.5,) * 5
        assert plain(session.infer_many(host.batches(1))) == host.expected(1)
        session.close()


def test_too_few_times(start: Callable[..., Host]) -> None:
    host = start("short-summary")
    session = AscendBackend().open(host.request(host.convert()))
    with pytest.raises(InferenceError, match="timing: expected 6 compute times from ais_bench, found 3"):
        session.time(next(host.batches(1)), warmup=1, loop=6)
    session.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"batch": 4},
            r"the model's inputs: expected image float32\[4, 3, 4, 4\] of 768 bytes, found image .* of 384 bytes",
        ),
        ({"inputs": (replace(IMAGE, name="picture"),)}, "the model's inputs: expected picture"),
        ({"inputs": (replace(IMAGE, dtype="int32"),)}, "the model's inputs: expected image int32"),
        (
            {"outputs": OUTPUTS[:2]},
            r"the model's outputs: expected loc float32\[2, 12, 4\], conf float32\[2, 12, 2\], found .*, .*, .*; check",
        ),
        (
            {"outputs": (OUTPUTS[1], OUTPUTS[0], OUTPUTS[2])},
            r"output 0 of the model: expected conf float32\[2, 12, 2\], found .* float32\[2, 12, 4\]; ",
        ),
        (
            {"outputs": OUTPUTS[::-1]},
            "order of the .om's outputs: expected arm, conf, loc, found loc, conf, arm; convert again",
        ),
        ({"outputs": (replace(OUTPUTS[0], dtype="float16"), *OUTPUTS[1:])}, "expected loc float16.*output_type"),
        ({"model": Path("/does/not/exist.om")}, "expected an .om at /does/not/exist.om, found none"),
    ],
    ids=["batch", "input-name", "input-dtype", "output-count", "shapes", "order", "output-dtype", "no-file"],
)
def test_a_model_for_something_else(start: Callable[..., Host], change: dict[str, Any], told: str) -> None:
    host = start()
    with pytest.raises(InferenceError, match=told):
        _once(host, replace(host.request(host.convert()), **change))


def test_outputs_in_another_order_than_the_stamp_says(start: Callable[..., Host]) -> None:
    """Outputs 0 and 2 have one shape: only the names that ATC gave them tell a swap."""
    host = start()
    om = host.convert(outputs=OUTPUTS[::-1])
    stamp = read_stamp(om)
    assert stamp is not None
    write_stamp(om, replace(stamp, outputs=stamp.outputs[::-1], out_nodes=stamp.out_nodes[::-1]))
    with pytest.raises(
        InferenceError,
        match=r"output 0 of the model: expected /Reshape:0 \(loc\), found .*; the outputs are in another order",
    ):
        _once(host, host.request(om))


def test_a_model_without_a_stamp_runs(start: Callable[..., Host]) -> None:
    host = start()
    om = host.convert()
    stamp_path(om).unlink()
    assert plain(iter([_once(host, host.request(om))])) == host.expected(1)


def test_a_device_that_is_not_there(start: Callable[..., Host]) -> None:
    host = start(devices=2)
    with pytest.raises(
        PrerequisiteError, match="expected device 5, found 0, 1 in `npu-smi info`; choose with --device"
    ):
        AscendBackend().open(host.request(host.convert(), (1, 5)))


@pytest.mark.parametrize("value", ["soon", "0", "-1", "inf", "nan"])
def test_timeout_variable(start: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    host = start()
    om = host.convert()
    monkeypatch.setenv(TIMEOUT_VARIABLE, value)
    with pytest.raises(UsageError, match=f"expected a positive number of seconds, found '{value}'"):
        AscendBackend().open(host.request(om))


def test_the_generation_of_2024_is_timed_in_a_session_of_its_own(start: Callable[..., Host]) -> None:
    host = start("slow:3", generation=2024)
    assert ", aclruntime 0.0.2+stand-in of 2024, " in AscendBackend().version()
    session = AscendBackend().open(host.request(host.convert()))
    first = next(host.batches(1))
    before = session.infer(first)
    times = session.time(first, warmup=2, loop=3)
    assert times.compute_ms == pytest.approx((3.0, 3.0, 3.0), abs=0.01)
    assert times.to_device_ms
    assert times.from_device_ms
    after = session.infer(first)
    session.close()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("generation", [2023, 2024])
def test_what_is_not_ours_is_never_blamed_on_a_device(start: Callable[..., Host], generation: int) -> None:
    host = start("renamed-times", generation=generation)
    session = AscendBackend().open(host.request(host.convert()))
    with pytest.raises(PrerequisiteError) as caught:
        session.time(next(host.batches(1)), warmup=0, loop=2)
    session.close()
    assert str(caught.value).startswith(
        "times of copies: ais_bench is another release than zoo-run knows (MemorySummary has none of "
        "get_H2D_time_list, get_h2d_time_list), which is no fault of the device; "
    )


@pytest.mark.parametrize(("generation", "binding"), [(2023, 2024), (2024, 2023)])
def test_two_generations_together_are_refused(start: Callable[..., Host], generation: int, binding: int) -> None:
    host = start("mixed-generations", generation=generation)
    expected = f"ais_bench is of {generation}, aclruntime of {binding}, though both call themselves 0.0.2: install both"
    (lacking,) = (need for need in AscendBackend().prerequisites() if need.required and not need.ok)
    assert (lacking.name, lacking.required) == ("generation", True)
    assert lacking.found.startswith(expected)
    with pytest.raises(PrerequisiteError, match=re.escape(expected)):
        AscendBackend().open(host.request(host.convert()))
