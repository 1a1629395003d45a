"""Conversion by a real `atc` process: the stand-in, and scripts that behave as bad wrappers do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from zoo_runner.backends.ascend.convert import (
    ConvertRequest,
    Stamp,
    check_stamp,
    convert,
    expected_stamp,
    read_stamp,
    stamp_path,
)
from zoo_runner.errors import ChangedError, ExportError, ManifestError, PrerequisiteError, StageError
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.testing import stand_in_environment

IMAGE = TensorSpec("image", "float32", ("batch", 3, 4, 4))
LOC = TensorSpec("loc", "float32", ("batch", 12, 4))
CONF = TensorSpec("conf", "float32", ("batch", 12, 4))
AIPP = "aipp_op { aipp_mode: static }\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make this process's environment that of a host with stand-ins."""

    def start(*faults: str) -> None:
        for name, value in stand_in_environment(tmp_path / "host", faults=faults).items():
            monkeypatch.setenv(name, value)

    return start


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Write a graph whose outputs are not in the order the .om shall have."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 4, 4])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 12, 4]) for name in ("conf", "loc")]
    shape = onnx.numpy_helper.from_array(np.array([0, 12, 4], dtype=np.int64), "shape")
    nodes = [
        helper.make_node("Reshape", ["image", "shape"], ["loc"], name="/Reshape_1"),
        helper.make_node("Softmax", ["loc"], ["conf"], name="/Softmax", axis=-1),
    ]
    graph = helper.make_graph(nodes, "toy", [image], outputs, [shape])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def request(model: Path, *, batch: int = 2, chip: str = "310P3", **options: Any) -> ConvertRequest:
    return ConvertRequest(
        options=AtcOptions(**options),
        onnx=model,
        onnx_sha256=file_digest(model),
        inputs=(IMAGE,),
        outputs=(LOC, CONF),
        batch=batch,
        chip=chip,
        base=model.parent,
    )


def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put a shell script in the place of atc; ``$OUT`` is the value of ``--output``."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    find = 'for a in "$@"; do case "$a" in --output=*) OUT="${a#--output=}";; esac; done'
    (folder / "atc").write_text(f"#!/bin/sh\n{find}\n{text}\n", encoding="utf-8")
    (folder / "atc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_convert(host: Callable[..., None], model: Path, tmp_path: Path) -> None:
    host()
    om, log = tmp_path / "out" / "model.om", tmp_path / "logs" / "atc.log"
    wanted = request(model, precision_mode="allow_fp32_to_fp16")
    converted = convert(wanted, om, log=log, timeout_s=120)
    assert converted.om == om
    assert sorted(path.name for path in om.parent.iterdir()) == ["model.om", "model.om.json"]
    assert converted.stamp == read_stamp(om) == replace(expected_stamp(wanted), om_sha256=file_digest(om))
    assert converted.stamp == Stamp(
        onnx_sha256=file_digest(model),
        arguments=(
            "atc",
            "--framework=5",
            "--model={model}",
            "--output={output}",
            "--input_format=NCHW",
            "--input_shape=image:2,3,4,4",
            "--out_nodes=/Reshape_1:0;/Softmax:0",
            "--log=error",
            "--soc_version=Ascend310P3",
            "--precision_mode=allow_fp32_to_fp16",
        ),
        chip="Ascend310P3",
        cann="8.0.0-stand-in",
        batch=2,
        outputs=("loc", "conf"),
        out_nodes=("/Reshape_1:0", "/Softmax:0"),
        om_sha256=file_digest(om),
    )
    first, *rest = log.read_text(encoding="utf-8").splitlines()
    assert first.startswith("$ /")
    assert "--soc_version=Ascend310P3" in first
    assert "ATC run success, welcome to the next use." in rest
    assert check_stamp(om, expected_stamp(wanted)) == []


@pytest.mark.parametrize("name", ["model.onnx", "aipp.cfg"])
def test_a_file_replaced_while_atc_reads_it_leaves_no_om(
    host: Callable[..., None], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    host()
    (tmp_path / "aipp.cfg").write_text(AIPP)
    wanted = request(model, insert_op_conf="aipp.cfg")
    digest = file_digest(tmp_path / name)
    script(tmp_path, monkeypatch, f'printf om > "$OUT.om"; printf x >> "{tmp_path / name}"')
    with pytest.raises(ChangedError, match=rf"^{tmp_path / name}: changed .*\n  expected sha256 {digest}"):
        convert(wanted, tmp_path / "out" / "model.om", log=tmp_path / "atc.log", timeout_s=60)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("chip", "options", "soc"),
    [
        ("310P3", {}, "Ascend310P3"),
        ("310P3 stand-in", {}, "Ascend310P3"),
        ("Ascend910B4", {}, "Ascend910B4"),
        ("310P3", {"soc_version": "Ascend310"}, "Ascend310"),
    ],
    ids=["plain", "stand-in", "prefixed", "from-the-manifest"],
)
def test_soc_version(model: Path, chip: str, options: dict[str, Any], soc: str) -> None:
    assert expected_stamp(request(model, chip=chip, **options)).chip == soc


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        ({"out_nodes": ("/Reshape_2:0", "/Softmax:0")}, ExportError, "there is no node '/Reshape_2'.*'/Reshape_1'"),
        ({"out_nodes": ("/Softmax:0",)}, ManifestError, r"one node for each output \(loc, conf\), found 1: /Softmax:0"),
        (
            {"insert_op_conf": "aipp.cfg"},
            ManifestError,
            "atc.insert_op_conf: expected a file, found none at .*/aipp.cfg",
        ),
    ],
    ids=["node", "node-count", "side-file"],
)
def test_refused_before_atc_starts(
    host: Callable[..., None], model: Path, tmp_path: Path, options: Any, kind: type[Exception], told: str
) -> None:
    host()
    log = tmp_path / "atc.log"
    with pytest.raises(kind, match=told):
        convert(request(model, **options), tmp_path / "out" / "model.om", log=log)
    assert not log.exists()


@pytest.mark.parametrize("change", ["value", "content", "flag"])
def test_unchecked_flags_are_part_of_the_stamp(
    host: Callable[..., None], model: Path, tmp_path: Path, change: str
) -> None:
    host()
    (tmp_path / "opt.cfg").write_text("one")
    given = {"compression_optimize_conf": "./opt.cfg", "check_report": "a.json"}
    om = tmp_path / "out" / "model.om"
    converted = convert(request(model, unchecked_flags=given), om, log=tmp_path / "atc.log", timeout_s=120)
    assert "--compression_optimize_conf={base}/opt.cfg" in converted.stamp.arguments
    assert "--check_report=a.json" in converted.stamp.arguments
    assert check_stamp(om, expected_stamp(request(model, unchecked_flags=given))) == []
    if change == "content":
        (tmp_path / "opt.cfg").write_text("two")
    other = {"value": {**given, "check_report": "b.json"}, "content": given, "flag": {**given, "op_name_map": "x"}}
    assert check_stamp(om, expected_stamp(request(model, unchecked_flags=other[change])))


def test_a_file_of_an_unchecked_flag_is_not_overlooked(model: Path, tmp_path: Path) -> None:
    (tmp_path / "opt.cfg").touch()
    with pytest.raises(ManifestError, match=r"unchecked_flags\.x: there is a file opt\.cfg .* write \./opt\.cfg, so"):
        expected_stamp(request(model, unchecked_flags={"x": "opt.cfg"}))


def test_without_atc(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrerequisiteError, match=r"expected atc on PATH, found none: run `source /.*set_env\.sh`"):
        convert(request(model), tmp_path / "model.om", log=tmp_path / "atc.log")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("atc-code:E10001", ["exit code", "it said: E10001: ", "meaning: a flag has a value", "try: compare"]),
        ("atc-code:E10003", ["it said: E10003: ", "does not know the flag"]),
        ("atc-code:E10007", ["it said: E10007: ", "a flag that ATC requires is missing"]),
        ("atc-code:E10016", ["it said: E10016: ", "is no node of the graph as ATC sees it", "fusion_switch_file"]),
        ("atc-code:E10410", ["it said: E10410: ", "cannot find or read a file"]),
        ("atc-code:E40021", ["it said: E40021: ", "building an operator for this chip failed"]),
        (
            "atc-code:EZ3003",
            [
                "it said: EZ3003: No supported Ops kernel",
                "possible cause, by ATC: The operator is not supported",
                "solution, by ATC: 1. Check that the OPP",
                "this chip has no kernel",
            ],
        ),
        ("atc-code:EC0010", ["it said: EC0010: Failed to import", "No module named 'decorator'", "python3 on PATH"]),
        ("atc-code:EZ9999", ["it said: EZ9999: [InferShape] The k-axis", "an error inside CANN"]),
        ("atc-code:E89999", ["it said: E89999: ", "an error inside the operator compiler"]),
        ("atc-code:E19999", ["it said: E19999: ", "CANN troubleshooting manual"]),
        ("atc-silent", ["ATC reported success", "(exit code 0): expected an .om, found none"]),
        ("atc-crash", ["ended by signal SIGSEGV", "try: the kernel stops processes when memory runs out"]),
    ],
)
@pytest.mark.parametrize("earlier", [False, True], ids=["first", "again"])
def test_faults(
    host: Callable[..., None], model: Path, tmp_path: Path, fault: str, told: list[str], *, earlier: bool
) -> None:
    host(fault)
    om, log = tmp_path / "out" / "model.om", tmp_path / "atc.log"
    om.parent.mkdir()
    if earlier:
        om.write_bytes(b"an earlier conversion")
        stamp_path(om).write_text("{}", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in om.parent.iterdir()}
    with pytest.raises(StageError) as caught:
        convert(request(model), om, log=log, timeout_s=120)
    for text in (*told, f"log: {log}"):
        assert text in str(caught.value)
    assert {path.name: path.read_bytes() for path in om.parent.iterdir()} == before
    assert log.read_text(encoding="utf-8").startswith("$ ")


def test_a_hang_is_ended(host: Callable[..., None], model: Path, tmp_path: Path) -> None:
    host("atc-hang")
    log = tmp_path / "atc.log"
    with pytest.raises(StageError, match=r"ATC did not finish within 3 s and was stopped; .* Log: .*atc.log$"):
        convert(request(model), tmp_path / "out" / "model.om", log=log, timeout_s=3)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_atc_started_is_ended_with_it(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    script(tmp_path, monkeypatch, f'trap "" TERM\nsleep 600 &\necho $! > {pid}\nwait')
    monkeypatch.setattr("zoo_runner.process.GRACE_S", 0.3)
    with pytest.raises(StageError, match=r"did not finish within 0\.5 s"):
        convert(request(model), tmp_path / "model.om", log=tmp_path / "atc.log", timeout_s=0.5)
    deadline = time.monotonic() + 10
    while _runs(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(int(pid.read_text()))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("echo ATC run failed; echo 'E10016: no such node'; exit 0", "found none.*a wrapper that loses its exit code"),
        (': > "$OUT.om"', "expected an .om, found an empty one"),
        ("exit 1", r"exit code 1\).*it said: \(no output\)\n"),
        (
            "echo 'atc.bin: error while loading shared libraries: libascend_hal.so: cannot open'; exit 127",
            "a shared library that ATC needs was not found.*source CANN's set_env.sh",
        ),
        (
            "echo 'ATC run failed'; echo 'E10007: [PID: 104] 2025-03-18-09:02:18.501.341 [--x] is required'; exit 255",
            r"it said: E10007: \[--x\] is required\n",
        ),
        (
            "echo 'E40000: at first'; echo 'ATC run failed, Please'; echo 'EZ3003: No kernel'; exit 1",
            "it said: EZ3003: No",
        ),
        ("sh -c 'kill -9 $$'; exit $?", r"exit code 137\).*it said: ended by signal SIGKILL.*memory runs out"),
        ("sh -c 'kill -11 $$'; exit $?", r"exit code 139\).*it said: ended by signal SIGSEGV.*memory runs out"),
        (
            "echo \"ModuleNotFoundError: No module named 'te'\"; exit 1",
            r"it said: ModuleNotFoundError: No module named 'te'\n.*a Python package .* is missing",
        ),
    ],
    ids=[
        *("lost-exit-code", "empty-om", "silent-failure", "libraries", "newer-format", "last-block-counts"),
        *("killed-behind-a-shell", "crashed-behind-a-shell", "no-module"),
    ],
)
def test_other_failures(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str) -> None:
    script(tmp_path, monkeypatch, text)
    with pytest.raises(StageError, match=f"(?s){told}"):
        convert(request(model), tmp_path / "out" / "model.om", log=tmp_path / "atc.log")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_om_with_the_hosts_name_is_taken(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, 'echo model > "$OUT"_linux_x86_64.om; touch fusion_result.json')
    om = tmp_path / "out" / "model.om"
    convert(request(model), om, log=tmp_path / "atc.log")
    assert om.read_text(encoding="utf-8") == "model\n"
    assert sorted(path.name for path in om.parent.iterdir()) == ["model.om", "model.om.json"]


def test_stamps_of_other_machines_and_files(
    host: Callable[..., None], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host()
    script(tmp_path, monkeypatch, 'echo model > "$OUT.om"')
    side = tmp_path / "aipp.cfg"
    side.write_text(AIPP, encoding="utf-8")
    wanted, om = request(model, insert_op_conf="aipp.cfg"), tmp_path / "elsewhere" / "my.om"
    convert(wanted, om, log=tmp_path / "atc.log")

    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (model, side):
        (moved / path.name).write_bytes(path.read_bytes())
    assert check_stamp(om, expected_stamp(replace(wanted, onnx=moved / "model.onnx", base=moved))) == []
    assert [
        text.partition(":")[0] for text in check_stamp(om, expected_stamp(replace(wanted, outputs=(CONF, LOC))))
    ] == [
        "output order",
        "output nodes",
    ]

    side.write_text(AIPP + "# changed\n", encoding="utf-8")
    assert check_stamp(om, expected_stamp(wanted)) == ["file of --insert_op_conf: its content is another one"]
    side.write_text(AIPP, encoding="utf-8")

    monkeypatch.delenv("ASCEND_TOOLKIT_HOME")
    monkeypatch.delenv("ASCEND_HOME_PATH")
    assert check_stamp(om, expected_stamp(wanted)) == ["CANN release: expected unknown, found 8.0.0-stand-in"]
    host_again = Path(os.environ["ZOO_STAND_IN_FOLDER"]) / "ascend-toolkit"
    monkeypatch.setenv("ASCEND_TOOLKIT_HOME", str(host_again))

    om.write_bytes(b"another file")
    (difference,) = check_stamp(om, expected_stamp(wanted))
    assert difference.startswith(f"content: the file has SHA-256 {file_digest(om)}, its stamp says ")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
