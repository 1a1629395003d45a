from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow  # starts the command again and again

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Compute: TypeAlias = "Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]"
SHAPES = [(5, 4), (5, 2), (5, 4), (5, 3)]
STATISTICS = {"min", "max", "mean", "median", "percentile(99%)", "count"}


@pytest.fixture
def inputs(images: NDArray[np.float32], tmp_path: Path) -> Path:
    """Five images whose names sort otherwise by number than by letter."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    for number, image in zip((1, 2, 9, 10, 11), images, strict=True):
        image.tofile(folder / f"img{number}.bin")
    (folder / "notes.txt").write_text("not an input", encoding="utf-8")
    return folder


@pytest.fixture
def ais_bench(host: Callable[..., Run], om_file: Path) -> Callable[..., Run]:
    def make(**traits: object) -> Run:
        run = host(**traits)
        command = (sys.executable, "-m", "ais_bench", "--model", str(om_file))
        return lambda *arguments, **options: run(*command, *arguments, **options)

    return make


def summary_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads(Path(f"{folder}_summary.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("form", ["BIN", "NPY", "TXT"])
def test_results_are_those_of_the_network(
    ais_bench: Callable[..., Run],
    inputs: Path,
    images: NDArray[np.float32],
    expected: Compute,
    tmp_path: Path,
    form: str,
) -> None:
    done = ais_bench()(
        *("--batchsize", "2", "--input", str(inputs), "--output", str(tmp_path / "out")),
        *("--output_dirname", "results", "--outfmt", form, "--device", "0"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "out" / "results"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"img{number}_{i}.{form.lower()}" for number in (1, 2, 9, 10, 11) for i in range(4)
    )
    wanted = expected(images)
    for number, row in zip((1, 2, 9, 10, 11), range(5), strict=True):
        for i, shape in enumerate(SHAPES):
            found = read(folder / f"img{number}_{i}.{form.lower()}")
            tolerance = 1e-6 if form == "TXT" else 1e-7
            np.testing.assert_allclose(found.reshape(shape), wanted[i][row], rtol=1e-6, atol=tolerance)
    if form == "NPY":
        assert np.load(folder / "img1_0.npy").shape == (1, 5, 4)


def read(path: Path) -> NDArray[np.float32]:
    if path.suffix == ".npy":
        return np.asarray(np.load(path), dtype=np.float32)
    if path.suffix == ".txt":
        return np.loadtxt(path, dtype=np.float32)
    return np.fromfile(path, dtype=np.float32)


def test_log_and_summary(ais_bench: Callable[..., Run], inputs: Path, tmp_path: Path) -> None:
    done = ais_bench()("--input", str(inputs), "--output", str(tmp_path / "out"), "--display_all_summary", "1")
    assert done.returncode == 0
    (folder,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert re.fullmatch(r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d", folder.name)
    found = summary_of(folder)
    assert set(found) == {
        *("NPU_compute_time", "H2D_latency", "D2H_latency", "throughput", "npu_compute_time_list"),
        *("filesinfo", "args", "pid"),
    }
    for key in ("NPU_compute_time", "H2D_latency", "D2H_latency"):
        assert set(found[key]) == STATISTICS
    assert found["NPU_compute_time"]["count"] == 3
    assert found["throughput"] == pytest.approx(1000 * 2 / np.mean(found["npu_compute_time_list"]))
    assert list(found["filesinfo"]) == ["0", "1", "2", "3", "4"]
    assert found["filesinfo"]["3"] == {
        "infiles": [str(inputs / "img10.bin")],
        "outfiles": [str(folder / f"img10_{i}.bin") for i in range(4)],
    }
    for line in (
        "[INFO] acl init success",
        "[INFO] try get model batchsize:2",
        "[INFO] get filesperbatch files0 size:288 tensor0size:576 filesperbatch:2 runcount:3",
        "[INFO] warm up 1 done",
        "[INFO] -----------------Performance Summary------------------",
    ):
        assert line in done.stdout.splitlines()
    assert re.search(r"^\[INFO\] H2D_latency \(ms\): min = ", done.stdout, re.MULTILINE)
    assert f"NPU_compute_time.mean({found['NPU_compute_time']['mean']}): {found['throughput']}" in done.stdout


def test_pure_inference(ais_bench: Callable[..., Run], tmp_path: Path) -> None:
    done = ais_bench()(
        *("--loop", "20", "--warmup_count", "3", "--batchsize", "2", "--output", str(tmp_path)),
        *("--output_dirname", "pure"),
    )
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "pure").iterdir()) == [f"pure_infer_data_{i}.bin" for i in range(4)]
    assert (tmp_path / "pure" / "pure_infer_data_0.bin").stat().st_size == 2 * 5 * 4 * 4
    assert len(summary_of(tmp_path / "pure")["npu_compute_time_list"]) == 20
    assert "[INFO] warm up 3 done" in done.stdout


def test_without_output_nothing_is_written(ais_bench: Callable[..., Run]) -> None:
    done = ais_bench()("--loop", "2")
    assert done.returncode == 0
    assert "throughput 1000*batchsize.mean(2)" in done.stdout


def test_names_end_at_their_first_dot(
    ais_bench: Callable[..., Run], images: NDArray[np.float32], tmp_path: Path
) -> None:
    for name, image in zip(("a.1.bin", "a.2.bin"), images[:2], strict=True):
        image.tofile(tmp_path / name)
    files = f"{tmp_path / 'a.1.bin'},{tmp_path / 'a.2.bin'}"
    done = ais_bench()("--input", files, "--output", str(tmp_path), "--output_dirname", "out")
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"a_{i}.bin" for i in range(4)]


def test_whole_batches_as_npy(
    ais_bench: Callable[..., Run], images: NDArray[np.float32], expected: Compute, tmp_path: Path
) -> None:
    np.save(tmp_path / "pair.npy", images[:2])
    done = ais_bench()("--input", str(tmp_path / "pair.npy"), "--output", str(tmp_path), "--output_dirname", "out")
    assert done.returncode == 0
    found = np.fromfile(tmp_path / "out" / "pair_0.bin", dtype=np.float32).reshape(2, 5, 4)
    np.testing.assert_allclose(found, expected(images[:2])[0], rtol=1e-6, atol=1e-7)


def test_several_devices_share_the_files(ais_bench: Callable[..., Run], inputs: Path, tmp_path: Path) -> None:
    one = tmp_path / "out" / "one"
    assert ais_bench()("--input", str(inputs), "--output", str(one.parent), "--output_dirname", "one").returncode == 0
    done = ais_bench(devices=3)(
        *("--input", str(inputs), "--output", str(tmp_path / "out"), "--output_dirname", "three"),
        *("--device", "0,1,2"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    three = tmp_path / "out" / "three"
    parts = {
        part: sorted({path.name.split("_")[0] for path in (three / part).iterdir()})
        for part in ("device0", "device1", "device2")
    }
    assert parts == {"device0": ["img1", "img2"], "device1": ["img10", "img9"], "device2": ["img11"]}
    for path in three.glob("device*/*.bin"):
        assert path.read_bytes() == (one / path.name).read_bytes()
    assert {path.name for path in three.glob("*.json")} == {f"device{i}_summary.json" for i in range(3)}
    assert "[INFO] multidevice run end qsize:6 result:0" in done.stdout
    assert re.search(r"^i:1 device_1 throughput:[\d.]+ start_time:", done.stdout, re.MULTILINE)


def test_a_device_without_files_fails(ais_bench: Callable[..., Run], inputs: Path, tmp_path: Path) -> None:
    (inputs / "img11.bin").unlink()
    done = ais_bench(devices=3)("--input", str(inputs), "--output", str(tmp_path / "out"), "--device", "0,1,2")
    assert done.returncode == 1, "four files are two each for two devices and none for the third, as in the tool"
    assert "[ERROR] Invalid args.   of --input is invalid" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["--input", "missing"], 1, "[ERROR] Invalid args. missing  of --input is invalid", id="no-input"),
        pytest.param(["--input", "{inputs},{inputs}"], 1, "not equal to model inputs num:1", id="folders"),
        pytest.param(["--input", "{empty}"], 1, "of input args not find valid file", id="empty-folder"),
        pytest.param(["--input", "{odd}"], 1, "[ERROR] arg0 tensorsize: 576 filesize: 100 not match", id="size"),
        pytest.param(["--device", "1"], 1, "[ERROR] acl open device 1 failed", id="device"),
        pytest.param(["--device", "256"], 2, "valid value range is [0, 255]", id="device-number"),
        pytest.param(["--loop", "0"], 2, "0 is an invalid positive int value", id="loop"),
        pytest.param(["--warmup_count", "-1"], 2, "-1 is an invalid nonnegative int value", id="warmup"),
        pytest.param(["--outfmt", "CSV"], 2, "invalid choice: 'CSV'", id="format"),
        pytest.param(["--debug", "perhaps"], 2, "Boolean value expected", id="switch"),
        pytest.param(["--no_such_flag", "1"], 2, "unrecognized arguments: --no_such_flag", id="flag"),
        pytest.param(["--output_dirname", "x"], 1, "cann't be used alone", id="dirname-alone"),
        pytest.param(["--profiler", "1"], 1, "not simulated by the stand-in", id="profiler"),
        pytest.param(["--dymBatch", "4"], 1, "the dynamic_batch_size parameter is not specified", id="dynamic"),
    ],
)
def test_refusals(
    ais_bench: Callable[..., Run],
    inputs: Path,
    tmp_path: Path,
    arguments: Sequence[str],
    code: int,
    message: str,
) -> None:
    empty, odd = tmp_path / "empty", tmp_path / "odd"
    empty.mkdir()
    odd.mkdir()
    (odd / "a.bin").write_bytes(bytes(100))
    done = ais_bench()(*(argument.format(inputs=inputs, empty=empty, odd=odd) for argument in arguments))
    assert done.returncode == code
    assert message in done.stdout + done.stderr


def test_files_of_different_sizes(ais_bench: Callable[..., Run], inputs: Path) -> None:
    (inputs / "img2.bin").write_bytes(bytes(100))
    done = ais_bench()("--input", str(inputs))
    assert done.returncode == 1
    assert "[ERROR] ndata size:388 not match 576" in done.stdout
    assert "RuntimeError" in done.stderr


def test_a_model_is_required(host: Callable[..., Run]) -> None:
    done = host()(sys.executable, "-m", "ais_bench")
    assert done.returncode == 2
    assert "the following arguments are required: --model/-m" in done.stderr


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param("device-lost:0:2", 1, id="lost"),
        pytest.param("device-crash:0:2", -9, id="crash"),
        pytest.param("wrong-chip", 1, id="wrong-chip"),
    ],
)
def test_a_failing_device_leaves_no_summary(
    ais_bench: Callable[..., Run], inputs: Path, tmp_path: Path, fault: str, code: int
) -> None:
    done = ais_bench(faults=[fault])("--input", str(inputs), "--output", str(tmp_path), "--output_dirname", "out")
    assert done.returncode == code
    assert not (tmp_path / "out_summary.json").exists()


def test_one_of_several_devices_lost(ais_bench: Callable[..., Run], inputs: Path, tmp_path: Path) -> None:
    done = ais_bench(devices=2, faults=["device-lost:1:1"])(
        *("--input", str(inputs), "--output", str(tmp_path), "--output_dirname", "out", "--device", "0,1")
    )
    assert done.returncode == 1
    assert "[ERROR] subprocess run failed error_callback:[-1][ACL: general failure]" in done.stdout
    assert "[INFO] multidevice run end qsize:2 result:1" in done.stdout
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {"device0_summary.json"}


def test_one_of_several_devices_crashed_is_waited_for(
    stuck: Callable[..., None], om_file: Path, inputs: Path, tmp_path: Path
) -> None:
    command = (sys.executable, "-m", "ais_bench", "--model", str(om_file), "--input", str(inputs))
    output = ("--output", str(tmp_path), "--output_dirname", "out", "--device", "0,1")
    stuck(*command, *output, after="end to finalize acl", devices=2, faults=["device-crash:1:0"])
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {"device0_summary.json"}


def test_fault_hang(stuck: Callable[..., None], om_file: Path, inputs: Path) -> None:
    command = (sys.executable, "-m", "ais_bench", "--model", str(om_file), "--input", str(inputs))
    stuck(*command, after="warm up 1 done", faults=["hang:0:1"])


def test_fault_short_summary(ais_bench: Callable[..., Run], inputs: Path, tmp_path: Path) -> None:
    done = ais_bench(faults=["short-summary"])(
        *("--input", str(inputs), "--output", str(tmp_path), "--output_dirname", "out")
    )
    assert done.returncode == 0
    found = summary_of(tmp_path / "out")
    assert not {"throughput", "npu_compute_time_list", "D2H_latency"} & set(found)
    assert list(found["filesinfo"]) == ["0", "1"]


@pytest.mark.parametrize(
    ("fault", "finite", "size"),
    [
        pytest.param("wrong-size", True, 4 * 4 * 4, id="short"),
        pytest.param("corrupt-output", True, 5 * 4 * 4, id="garbage"),
    ],
)
def test_fault_of_outputs(
    ais_bench: Callable[..., Run], inputs: Path, tmp_path: Path, fault: str, finite: bool, size: int
) -> None:
    done = ais_bench(faults=[fault])("--input", str(inputs), "--output", str(tmp_path), "--output_dirname", "out")
    assert done.returncode == 0
    path = tmp_path / "out" / "img1_0.bin"
    assert path.stat().st_size == size
    assert np.isfinite(np.fromfile(path, dtype=np.float32)).all() == finite


def test_fault_slow(ais_bench: Callable[..., Run]) -> None:
    done = ais_bench(faults=["slow:50"])("--batchsize", "2")
    assert "throughput 1000*batchsize.mean(2)/NPU_compute_time.mean(50.0): 40.0" in done.stdout
