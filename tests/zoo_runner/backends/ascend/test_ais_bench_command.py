"""ais_bench as a command, on stand-ins: real processes, and every fault it must tell apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from zoo_runner.backends.ascend.ais_bench_command import (
    AisBenchCall,
    Summary,
    busy_devices,
    check_names,
    check_summaries,
    inferences,
    run_ais_bench,
)
from zoo_runner.backends.ascend.ais_bench_errors import diagnose
from zoo_runner.backends.ascend.convert import ConvertRequest, convert
from zoo_runner.errors import InferenceError
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec
from zoo_runner.stages.predict.result_folder import open_results, write_inputs
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.testing import stand_in_environment

pytestmark = pytest.mark.slow  # starts the command again and again, also one that hangs

BATCH = 2
INPUTS = (TensorSpec("left", "float32", ("batch", 12)), TensorSpec("right", "float32", ("batch", 12)))
OUTPUTS = tuple(TensorSpec(name, "float32", ("batch", 6, 2)) for name in ("sum", "difference"))
SAMPLES = [Sample(index=index, id=f"img{index}", path=Path()) for index in range(1, 6)]
CALL = AisBenchCall(model=Path("m.om"), batch=16, devices=(0,), output=Path("out"), dirname="results")


@dataclass(frozen=True)
class Host:
    """A machine with stand-ins, a model of two inputs, and files for it."""

    folder: Path
    call: AisBenchCall
    log: Path

    def arrays(self) -> list[Arrays]:
        random = np.random.default_rng(5)
        return [{spec.name: random.normal(size=12).astype(np.float32) for spec in INPUTS} for _ in SAMPLES]

    def expected(self) -> list[list[bytes]]:
        arrays = self.arrays()
        return [[(a["left"] + a["right"]).tobytes(), (a["left"] - a["right"]).tobytes()] for a in arrays]

    def run(self, **change: Any) -> tuple[Summary, ...]:
        return run_ais_bench(replace(self.call, **change), log=self.log, silence_s=5)

    def results(self) -> list[list[bytes]]:
        read = open_results(self.call.folder, SAMPLES, SAMPLES, OUTPUTS).outputs(SAMPLES)
        return [[each[spec.name].tobytes() for spec in OUTPUTS] for each in read]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Host]:
    def on(*faults: str, devices: int = 1) -> Host:
        environment = stand_in_environment(tmp_path / "host", devices=devices, faults=faults)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        call = AisBenchCall(
            model=_om(tmp_path),
            batch=BATCH,
            devices=tuple(range(devices)),
            output=tmp_path / "out",
            dirname="results",
            inputs=(tmp_path / "inputs" / "left", tmp_path / "inputs" / "right"),
        )
        made = Host(folder=tmp_path, call=call, log=tmp_path / "logs" / "ais_bench.log")
        write_inputs(tmp_path / "inputs", SAMPLES, made.arrays())
        return made

    return on


def _om(folder: Path) -> Path:
    path = folder / "model.onnx"
    values = [helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, list(spec.shape)) for spec in INPUTS]
    outputs = [helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, list(spec.shape)) for spec in OUTPUTS]
    nodes = []
    for spec, kind in zip(OUTPUTS, ("Add", "Sub"), strict=True):
        nodes.append(helper.make_node(kind, ["left", "right"], [f"{spec.name}_flat"], name=f"/{kind}"))
        nodes.append(helper.make_node("Reshape", [f"{spec.name}_flat", "shape"], [spec.name], name=f"/{spec.name}"))
    shape = onnx.numpy_helper.from_array(np.array([-1, 6, 2]), "shape")
    graph = helper.make_graph(nodes, "toy", values, outputs, [shape])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    assert onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).get_inputs()[0].name == "left"
    request = ConvertRequest(
        options=AtcOptions(input_format="ND"),
        onnx=path,
        onnx_sha256=file_digest(path),
        inputs=INPUTS,
        outputs=OUTPUTS,
        batch=BATCH,
        chip="310P3",
        base=folder,
    )
    return convert(request, folder / "model.om", log=folder / "atc.log", timeout_s=120).om


@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        pytest.param(
            {"inputs": (Path("in"),)},
            "--model m.om --batchsize 16 --input in --output out --output_dirname results --outfmt BIN --device 0",
            id="data set",
        ),
        pytest.param(
            {"inputs": (Path("a"), Path("b")), "devices": (0, 3), "outfmt": "TXT"},
            "--model m.om --batchsize 16 --input a,b --output out --output_dirname results --outfmt TXT --device 0,3",
            id="two inputs, two devices",
        ),
        pytest.param(
            {"loop": 1000, "warmup": 0},
            "--model m.om --batchsize 16 --output out --output_dirname results --outfmt BIN --device 0 --loop 1000 "
            "--warmup_count 0",
            id="pure inference",
        ),
    ],
)
def test_arguments(change: dict[str, Any], arguments: str) -> None:
    found = replace(CALL, **change).arguments
    assert found == (sys.executable, "-m", "ais_bench", *arguments.split())


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("outfmt", ["BIN", "NPY", "TXT"])
def test_results_are_those_of_the_network(host: Callable[..., Host], outfmt: str, devices: int) -> None:
    machine = host(devices=devices)
    summaries = machine.run(outfmt=outfmt)
    check_summaries(summaries, machine.call, files=5, outputs=2)
    found, wanted = machine.results(), machine.expected()
    if outfmt == "TXT":
        for one, other in zip(np.concatenate(found), np.concatenate(wanted), strict=True):
            np.testing.assert_allclose(np.frombuffer(one, "f4"), np.frombuffer(other, "f4"), rtol=0, atol=6e-7)
    else:
        assert found == wanted
    assert [len(summary.times) for summary in summaries] == ([3] if devices == 1 else [2, 1])
    assert sorted(path.name for path in machine.call.folder.glob("device*")) == (
        [] if devices == 1 else ["device0", "device0_summary.json", "device1", "device1_summary.json"]
    )
    assert machine.log.read_text(encoding="utf-8").startswith(f"$ {sys.executable} -m ais_bench --model ")


def test_pure_inference(host: Callable[..., Host]) -> None:
    machine = host("slow:12.5")
    (summary,) = machine.run(inputs=(), loop=7, warmup=2)
    assert summary.times == (12.5,) * 7
    assert summary.throughput == 1000 * BATCH / 12.5
    assert len(summary.h2d_ms) == len(summary.d2h_ms) == 1
    check_summaries([summary], replace(machine.call, loop=7), files=1, outputs=2)


@pytest.mark.parametrize(
    ("fault", "devices", "told"),
    [
        pytest.param(
            "device-lost:0:2",
            1,
            r"failed on device 0 \(exit code 1\).*it said: .*ERROR. acl execute failed.*meaning: the device failed",
            id="lost",
        ),
        pytest.param(
            "device-lost:1:1",
            2,
            r"failed on device 0, 1 \(exit code 1\).*subprocess run failed.*meaning: the device failed",
            id="one of two lost",
        ),
        pytest.param("device-crash:0:1", 1, "exit code -9.*killed by SIGKILL.*ran out of memory", id="killed"),
        pytest.param(
            "device-crash:1:1", 2, "no sign of life for 5 s.*it said last: .INFO.*waits for for ever", id="one of two"
        ),
        pytest.param("hang:0:2", 1, "no sign of life for 5 s.*it said last: .INFO. warm up 1 done", id="hang"),
        pytest.param("wrong-chip", 1, "does not load this .om.*convert again", id="chip"),
        pytest.param(
            "short-summary", 1, "results_summary.json: .*missing throughput, npu_compute_time_list;", id="summary"
        ),
    ],
)
@pytest.mark.long_rows("one of two", "chip")
def test_faults(host: Callable[..., Host], fault: str, devices: int, told: str) -> None:
    machine = host(fault, devices=devices)
    with pytest.raises(InferenceError, match=f"(?s){told}.*(log|Log): {machine.log}") as caught:
        machine.run()
    assert "its results were not used" in str(caught.value)
    assert not any(
        b"-m\0ais_bench" in path.read_bytes() and str(machine.folder).encode() in path.read_bytes()
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    )


def test_an_error_in_the_log_is_one_even_with_exit_code_0(
    host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = host()
    package = machine.folder / "other" / "ais_bench"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("print('[ERROR] aclrtMemcpy failed, but who cares')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    with pytest.raises(InferenceError, match=r"(?s)exit code 0\).*it said: .ERROR. aclrtMemcpy failed"):
        machine.run()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "results_summary.json: expected one, found none"),
        ("{", "not readable"),
        ("[]", "missing NPU_compute_time, throughput, npu_compute_time_list, filesinfo"),
        ({"npu_compute_time_list": []}, "npu_compute_time_list: expected positive compute times, found none"),
        ({"npu_compute_time_list": [1.0, 0.0]}, r"expected positive compute times, found 0\.0 to 1\.0 ms"),
        ({"npu_compute_time_list": ["soon"]}, "could not convert string to float"),
        ({"filesinfo": {"0": {}}}, "outfiles"),
        ({"H2D_latency": 3}, "has no attribute"),
    ],
    ids=["none", "half", "list", "no times", "zero", "text", "no files", "no statistics"],
)
def test_summaries_that_say_nothing(
    host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, text: str | dict[str, Any] | None, told: str
) -> None:
    machine = host()
    whole = {"NPU_compute_time": {}, "throughput": 1.0, "npu_compute_time_list": [1.0], "filesinfo": {}}
    content = json.dumps({**whole, **text}) if isinstance(text, dict) else text
    package = machine.folder / "other" / "ais_bench"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    path = machine.call.summaries[0]
    path.parent.mkdir()
    (package / "__main__.py").write_text(
        "" if content is None else f"open({str(path)!r}, 'w').write({content!r})", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    with pytest.raises(InferenceError, match=told):
        machine.run()


@pytest.mark.parametrize(
    ("summaries", "told"),
    [
        (
            [Summary(times=(1.0,) * 3, throughput=1, files=(("a", "b"),) * 4)],
            "expected 5 samples with 2 results each, f",
        ),
        (
            [Summary(times=(1.0,) * 3, throughput=1, files=(("a", "b"),) * 4 + (("a",),))],
            "found 5 samples with 9 resul",
        ),
        ([Summary(times=(1.0,) * 2, throughput=1, files=(("a", "b"),) * 5)], "expected 3 inferences, found 2;"),
    ],
    ids=["sample", "result", "inference"],
)
def test_summaries_that_lack_something(summaries: list[Summary], told: str) -> None:
    with pytest.raises(InferenceError, match=told):
        check_summaries(summaries, replace(CALL, batch=2), files=5, outputs=2)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], None),
        (["0000001.bin", "0000002.bin"], None),
        (["a.1.bin", "b.1.bin"], None),
        (["a.1.bin", "a.2.bin", "b.bin"], "found 1 clashes: a.1.bin and a.2.bin. ais_bench names results"),
        (["a.bin", "a.npy"], "a.bin and a.npy"),
        ([".x.bin", ".y.bin"], r"\.x\.bin and \.y\.bin"),
    ],
)
def test_names_that_collide(names: list[str], told: str | None) -> None:
    if told is None:
        check_names(map(Path, names))
        return
    with pytest.raises(InferenceError, match=told):
        check_names(map(Path, names))


@pytest.mark.parametrize(
    ("name", "told"), [("0000001.x.bin", "0000001.bin and 0000001.x.bin"), ("a,b", "expected a path without a comma")]
)
def test_inputs_are_checked_before_anything_runs(host: Callable[..., Host], name: str, told: str) -> None:
    machine = host()
    folder = machine.folder / "inputs" / "left"
    if name == "a,b":
        folder = folder.rename(folder.with_name(name))
    else:
        (folder / name).write_bytes(bytes(48))
    with pytest.raises(InferenceError, match=told):
        machine.run(inputs=(folder,))
    assert not machine.log.exists()


@pytest.mark.parametrize(
    ("files", "devices", "busy"),
    [
        (1, (0,), (0,)),
        (5, (0, 1), (0, 1)),
        (1, (2, 1), (2,)),
        (4, (0, 1, 2), (0, 1)),
        (5, (1, 1), (1,)),
        (0, (3, 1), (3,)),
    ],
)
def test_devices_without_files_are_left_out(files: int, devices: tuple[int, ...], busy: tuple[int, ...]) -> None:
    assert busy_devices(files, devices) == busy


@given(st.integers(1, 200), st.integers(1, 12), st.integers(1, 9))
def test_every_busy_device_gets_a_file(files: int, devices: int, batch: int) -> None:
    call = replace(CALL, devices=busy_devices(files, range(devices)), batch=batch)
    counts = inferences(files, call)
    assert all(counts)
    assert sum(counts) * batch >= files


def test_too_few_files_for_the_devices(host: Callable[..., Host]) -> None:
    """What the tool does with them, and why they are left out."""
    machine = host(devices=3)
    for folder in machine.call.inputs:
        (folder / "0000005.bin").unlink()
    with pytest.raises(InferenceError, match=r"--input is invalid"):
        machine.run()
    assert len(machine.run(devices=busy_devices(4, (0, 1, 2)), dirname="again")) == 2


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("/usr/bin/python3: No module named ais_bench", "not installed"),
        ("ais_bench: error: unrecognized arguments: --outfmt", "this release of ais_bench has other arguments"),
        ("[ERROR] acl open device 7 failed", "cannot be opened"),
        ("[ERROR] ndata size:388 not match 576", "do not have the bytes"),
        ("[ERROR] save out files error array shape:(2, 3)", "cannot be cut into samples"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("EL0001: [PID: 1] 2025-03-18-09:02:18.501.341 Device 0 is absent", "driver or CANN's runtime"),
        ("EZ9999: Inner Error!\nEZ9999  [Exec] aicore timeout", "failed while it ran"),
        ("EH0001: Inner Error!\nEH0001  wrong pointer", "the runtime was called"),
        ("Segmentation", "not one of the known"),
        ("", "not one of the known"),
    ],
)
def test_meanings(text: str, meaning: str) -> None:
    failure = diagnose(text, 1)
    assert meaning in failure.advice.meaning
    assert failure.advice.remedy
    assert failure.message


def test_the_command_is_the_one_that_people_type(host: Callable[..., Host]) -> None:
    """The stand-in knows the documented arguments only."""
    done = subprocess.run(
        host().call.arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
