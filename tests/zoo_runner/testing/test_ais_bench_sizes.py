"""The command's flags for open axes: what each kind of .om takes, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from zoo_runner.testing import stand_in_environment

pytestmark = pytest.mark.slow  # starts the command again and again

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
GEARS = {
    "static": ("--input_shape=x:2,1,2,3",),
    "batch": ("--input_shape=x:-1,1,2,3", "--dynamic_batch_size=1,2"),
    "image": ("--input_shape=x:2,1,-1,-1", "--dynamic_image_size=2,3;3,2;4,4"),
    "dims": ("--input_shape=x:2,1,-1,-1", "--input_format=ND", "--dynamic_dims=2,3;3,2;4,4"),
    "one": ("--input_shape=x:1,1,-1,-1", "--input_format=ND", "--dynamic_dims=2,3;3,2;4,4"),
    "range": ("--input_shape=x:1,1,1~4,1~4",),
}
"""How ATC is told the sizes of one graph."""
WIDE, HIGH = ((2, 3),) * 3, ((3, 2),) * 3
SHAPES = ((2, 3), (3, 2), (2, 3))
ROOM = ("--outputSize", "64")


@pytest.fixture(scope="session")
def oms(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """One graph that doubles, converted in each way."""
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    shape = ["batch", 1, "height", "width"]
    ends = [helper.make_tensor_value_info(name, floats, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"], name="/add")], "g", ends[:1], ends[1:])
    folder = tmp_path_factory.mktemp("oms")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "m.onnx")
    environment = stand_in_environment(folder / "host")
    for name, flags in GEARS.items():
        command = ("atc", "--framework=5", "--soc_version=Ascend310P3", f"--model={folder / 'm.onnx'}", *flags)
        done = subprocess.run(
            [*command, f"--output={folder / name}"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
    return {name: folder / f"{name}.om" for name in GEARS}


@pytest.fixture
def inputs(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of samples of some shapes."""

    def write(suffix: str, *shapes: tuple[int, int]) -> Path:
        folder = tmp_path / f"in-{suffix}"
        folder.mkdir()
        for index, (height, width) in enumerate(shapes):
            array = np.arange(height * width, dtype=np.float32).reshape(1, 1, height, width) + index
            np.save(folder / f"s{index}.npy", array) if suffix == "npy" else array.tofile(folder / f"s{index}.bin")
        return folder

    return write


@pytest.fixture
def ais_bench(host: Callable[..., Run], oms: Mapping[str, Path], tmp_path: Path) -> Run:
    def run(om: str, folder: Path | None, *flags: str, generation: int = 2023) -> subprocess.CompletedProcess[str]:
        given = () if folder is None else ("--input", str(folder))
        output = ("--output", str(tmp_path), "--output_dirname", "out", "--outfmt", "NPY")
        command = (sys.executable, "-m", "ais_bench", "--model", str(oms[om]), *given, *output, *flags)
        return host(generation=generation)(*command)

    return run


@pytest.mark.parametrize("generation", [2023, 2024])
@pytest.mark.parametrize(
    ("om", "files", "flags"),
    [
        pytest.param("batch", ("bin", *WIDE), ("--dymBatch", "2"), id="batch"),
        pytest.param("image", ("bin", *HIGH), ("--dymHW", "3,2"), id="height before width"),
        pytest.param("dims", ("bin", *HIGH), ("--dymDims", "x:2,1,3,2"), id="dims"),
        pytest.param("one", ("npy", *SHAPES), ("--auto_set_dymdims_mode", "1"), id="dims of the files"),
        pytest.param("range", ("npy", *SHAPES), ("--auto_set_dymshape_mode", "1", *ROOM), id="shapes of the files"),
        pytest.param("range", ("bin", *HIGH), ("--dymShape", "x:1,1,3,2", *ROOM), id="one shape"),
    ],
)
def test_sizes_that_the_model_takes(
    ais_bench: Run,
    inputs: Callable[..., Path],
    tmp_path: Path,
    generation: int,
    om: str,
    files: tuple[Any, ...],
    flags: tuple[str, ...],
) -> None:
    done = ais_bench(om, inputs(*files), *flags, generation=generation)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[ERROR]" not in done.stdout
    for index, (height, width) in enumerate(files[1:]):
        wanted = 2 * (np.arange(height * width, dtype=np.float32).reshape(1, 1, height, width) + index)
        np.testing.assert_array_equal(np.load(tmp_path / "out" / f"s{index}_0.npy"), wanted, strict=True)


@pytest.mark.parametrize(
    ("om", "flags"),
    [
        ("batch", ("--dymBatch", "1")),
        ("image", ("--dymHW", "4,4")),
        ("dims", ("--dymDims", "x:2,1,4,4")),
        ("range", ("--dymShape", "x:1,1,4,4", *ROOM)),
    ],
)
def test_pure_inference(ais_bench: Run, om: str, flags: tuple[str, ...]) -> None:
    done = ais_bench(om, None, *flags, "--loop", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1000*batchsize" in done.stdout


@pytest.mark.parametrize(
    ("om", "suffix", "flags", "said"),
    [
        pytest.param("static", "bin", ("--dymHW", "2,3"), "dynamic_image_size parameter is not spec", id="static"),
        pytest.param("static", "bin", ("--dymBatch", "2"), "dynamic_batch_size parameter is not spec", id="no batches"),
        pytest.param("batch", "bin", ("--dymBatch", "4"), "the dymBatch parameter is not correct", id="no such batch"),
        pytest.param("image", "bin", ("--dymHW", "2,2"), "the dymHW parameter is not correct", id="no such gear"),
        pytest.param("image", "bin", ("--dymHW", "4,4"), "tensorsize: 128 filesize: 24 not match", id="another gear"),
        pytest.param("image", "bin", (), "filesize: 24 not match", id="gears and none set"),
        pytest.param("image", None, (), "[ERROR]", id="gears and none set, without files"),
        pytest.param("dims", "bin", ("--dymDims", "x:2,1,2,2"), "please set correct dymDims", id="no such dims"),
        pytest.param(
            "dims", "bin", ("--dymHW", "2,3"), "dynamic_image_size parameter is not spec", id="of another kind"
        ),
        pytest.param("one", "bin", ("--auto_set_dymdims_mode", "1"), "[ERROR]", id="files without shape"),
        pytest.param("image", "npy", ("--auto_set_dymdims_mode", "1"), "RuntimeError", id="automatic, another kind"),
        pytest.param("range", "npy", ("--auto_set_dymshape_mode", "1"), "size is zero", id="no room for outputs"),
        pytest.param(
            "range", "npy", ("--auto_set_dymshape_mode", "1", "--outputSize", "4"), "[ERROR]", id="too little room"
        ),
        pytest.param("range", "bin", ("--auto_set_dymshape_mode", "1", *ROOM), "[ERROR]", id="range without shape"),
        pytest.param("range", "bin", ("--dymShape", "x:1,1,5,1", *ROOM), "not match", id="beyond the range"),
    ],
)
def test_sizes_that_the_model_does_not_take(
    ais_bench: Run, inputs: Callable[..., Path], om: str, suffix: str | None, flags: tuple[str, ...], said: str
) -> None:
    done = ais_bench(om, None if suffix is None else inputs(suffix, *SHAPES), *flags)
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
