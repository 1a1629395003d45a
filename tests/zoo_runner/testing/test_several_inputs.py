from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
COUNT, WIDTH, BATCH = 5, 4, 2


@pytest.fixture
def om_file(host: Callable[..., Run], tmp_path: Path) -> Path:
    """A network of two inputs: ``rows`` times ``factor``."""
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    rows = helper.make_tensor_value_info("rows", floats, ["batch", WIDTH])
    factor = helper.make_tensor_value_info("factor", floats, ["batch", 1])
    product = helper.make_tensor_value_info("product", floats, ["batch", WIDTH])
    graph = helper.make_graph(
        [helper.make_node("Mul", ["rows", "factor"], ["product"])], "g", [rows, factor], [product]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "m.onnx")
    done = host()(
        *("atc", "--framework=5", "--soc_version=Ascend310P3", f"--model={tmp_path / 'm.onnx'}"),
        *(f"--output={tmp_path / 'm'}", f"--input_shape=rows:{BATCH},{WIDTH};factor:{BATCH},1"),
    )
    assert done.returncode == 0, done.stdout
    return tmp_path / "m.om"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "rows", tmp_path / "factor"]
    for folder in made:
        folder.mkdir()
    for i in range(COUNT):
        np.full(WIDTH, i, dtype=np.float32).tofile(made[0] / f"s{i}.bin")
        np.full(1, 10.0, dtype=np.float32).tofile(made[1] / f"s{i}.bin")
    return made


@pytest.mark.parametrize("devices", [1, 2])
def test_a_folder_for_each(
    host: Callable[..., Run], om_file: Path, folders: list[Path], tmp_path: Path, devices: int
) -> None:
    done = host(devices=devices)(
        *(sys.executable, "-m", "ais_bench", "--model", str(om_file), "--input", ",".join(map(str, folders))),
        *("--output", str(tmp_path), "--output_dirname", "out", "--device", ",".join(map(str, range(devices)))),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = sorted((tmp_path / "out").rglob("*.bin"), key=lambda path: path.name)
    assert [path.name for path in results] == [f"s{i}_0.bin" for i in range(COUNT)]
    for i, path in enumerate(results):
        assert np.fromfile(path, dtype=np.float32).tolist() == [10.0 * i] * WIDTH


def test_one_folder_is_not_enough(host: Callable[..., Run], om_file: Path, folders: list[Path]) -> None:
    done = host()(sys.executable, "-m", "ais_bench", "--model", str(om_file), "--input", str(folders[0]))
    assert done.returncode == 1
    assert "args input dir num:1 not equal to model inputs num:2" in done.stdout
