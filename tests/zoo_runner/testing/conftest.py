from __future__ import annotations

import itertools
import os
import select
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from numpy.typing import NDArray

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
HEIGHT, WIDTH, PRIORS = 4, 6, 5
BATCH = 2
OUT_NODES = "boxes_b:0;scores_b:0;boxes_a:0;scores_a:0"
FLAGS = ("--framework=5", "--soc_version=Ascend310P3", "--input_format=NCHW")


def runner(environment: Mapping[str, str]) -> Run:
    """Return a function that runs a command; ``timeout`` in seconds is its only option."""

    def run(*command: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, timeout=timeout, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def environments(tmp_path: Path) -> Callable[..., Mapping[str, str]]:
    """Make hosts: chip, devices, cann and faults as keyword arguments."""
    folders = (tmp_path / f"host{i}" for i in itertools.count())
    return lambda **traits: stand_in_environment(next(folders), **traits)


@pytest.fixture
def host(environments: Callable[..., Mapping[str, str]]) -> Callable[..., Run]:
    """Make hosts that run commands."""
    return lambda **traits: runner(environments(**traits))


@pytest.fixture
def stuck(environments: Callable[..., Mapping[str, str]]) -> Callable[..., None]:
    """Check that a command says ``after`` and then falls silent without ending."""

    def check(*command: str, after: str, **traits: object) -> None:
        with subprocess.Popen(command, env=environments(**traits), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                assert any(after in line for line in process.stdout), "it ended"
                while select.select([process.stdout], [], [], 1.5)[0]:
                    assert os.read(process.stdout.fileno(), 1 << 16), "it ended"
                assert process.poll() is None
            finally:
                process.kill()

    return check


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four outputs a detector has: two of equal size, and their scores."""
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    random = np.random.default_rng(7)
    pixels = 3 * HEIGHT * WIDTH
    nodes = [helper.make_node("Reshape", ["image", "flat"], ["pixels"], name="flatten")]
    weights = [onnx.numpy_helper.from_array(np.array([-1, pixels]), "flat")]
    outputs = []
    for name, width in (("a", 4), ("b", 4)):
        for kind, last in (("boxes", width), ("scores", 3 if name == "a" else 2)):
            tag = f"{kind}_{name}"
            matrix = random.normal(size=(pixels, PRIORS * last)).astype(np.float32) / pixels
            weights.append(onnx.numpy_helper.from_array(matrix, f"{tag}_w"))
            weights.append(onnx.numpy_helper.from_array(np.array([-1, PRIORS, last]), f"{tag}_shape"))
            nodes.append(helper.make_node("MatMul", ["pixels", f"{tag}_w"], [f"{tag}_m"], name=f"{tag}_matmul"))
            reshaped = tag if kind == "boxes" else f"{tag}_raw"
            node = tag if kind == "boxes" else f"{tag}_reshape"
            nodes.append(helper.make_node("Reshape", [f"{tag}_m", f"{tag}_shape"], [reshaped], name=node))
            if kind == "scores":
                nodes.append(helper.make_node("Softmax", [reshaped], [tag], axis=-1, name=tag))
            outputs.append(helper.make_tensor_value_info(tag, floats, ["batch", PRIORS, last]))
    image = helper.make_tensor_value_info("image", floats, ["batch", 3, HEIGHT, WIDTH])
    graph = helper.make_graph(nodes, "detector", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path_factory.mktemp("model") / "detector.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def om_file(onnx_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network for two images, its outputs in another order than the graph's."""
    folder = tmp_path_factory.mktemp("om")
    path = folder / "detector.om"
    done = runner(stand_in_environment(folder / "host"))(
        *("atc", *FLAGS, f"--model={onnx_file}", f"--output={path.with_suffix('')}"),
        *(f"--input_shape=image:{BATCH},3,{HEIGHT},{WIDTH}", f"--out_nodes={OUT_NODES}"),
    )
    assert done.returncode == 0, done.stdout
    return path


@pytest.fixture(scope="session")
def expected(onnx_file: Path) -> Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Compute what the .om must return for a batch, with the graph as it was."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])

    def compute(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return list(session.run(["boxes_b", "scores_b", "boxes_a", "scores_a"], {"image": images}))

    return compute


@pytest.fixture
def images() -> NDArray[np.float32]:
    """Five images, which two do not divide."""
    random = np.random.default_rng(3)
    return random.normal(size=(5, 3, HEIGHT, WIDTH)).astype(np.float32)
