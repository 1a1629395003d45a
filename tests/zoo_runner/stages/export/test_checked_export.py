from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from places import ROOT
from zoo_runner.errors import ExportError, HookError
from zoo_runner.manifest.schema import OnnxOptions
from zoo_runner.onnx_graph import check_nodes, output_nodes
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.stages.export.checked_export import export, export_graph, tool_versions
from zoo_runner.stages.export.compared_sizes import Opening

pytestmark = pytest.mark.slow  # exports again and again

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxsim")
pytest.importorskip("onnxscript")

IMAGE = TensorSpec("image", "float32", ("batch", 3, 8, 8))
SCALE = TensorSpec("scale", "float32", ("batch", 1))
LOC = TensorSpec("loc", "float32", ("batch", 48, 4))
CONF = TensorSpec("conf", "float32", ("batch", 48, 2))

EXPORTS = {
    "torchscript-11": OnnxOptions(opset=11),
    "torchscript-17": OnnxOptions(opset=17),
    "torchscript-17-plain": OnnxOptions(opset=17, simplify=False),
    "torchscript-17-fixed": OnnxOptions(opset=17, dynamic_batch=False),
    "dynamo-18": OnnxOptions(opset=18, exporter="dynamo"),
    "dynamo-18-plain": OnnxOptions(opset=18, exporter="dynamo", simplify=False),
    "dynamo-18-fixed": OnnxOptions(opset=18, exporter="dynamo", dynamic_batch=False),
    "dynamo-17": OnnxOptions(opset=17, exporter="dynamo"),
}


class Heads(torch.nn.Module):  # type: ignore[misc, name-defined] # torch may be absent
    """A detector in small: two inputs, two heads, the batch size read from the tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm2d(8)
        self.loc = torch.nn.Conv2d(8, 12, 1)
        self.conf = torch.nn.Conv2d(8, 6, 1)

    def forward(self, image: Any, scale: Any) -> Any:
        x = torch.relu(self.norm(self.body(image))) * scale.reshape(-1, 1, 1, 1)
        loc = self.loc(x).permute(0, 2, 3, 1).reshape(image.shape[0], -1, 4)
        conf = self.conf(x).permute(0, 2, 3, 1).reshape(image.shape[0], -1, 2)
        return loc, torch.softmax(conf, -1)


@dataclass(frozen=True)
class Net:
    """A network made of any module class."""

    module: Callable[[], Any] = Heads
    inputs: tuple[TensorSpec, ...] = (IMAGE, SCALE)
    outputs: tuple[TensorSpec, ...] = (LOC, CONF)
    identity: str = field(default="test")

    def build(self) -> Any:
        return self.module()


def checkpoint(network: Net, tmp_path: Path) -> Path:
    """Save weights that the network's own initialisation would not give."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.save(network.build().state_dict(), tmp_path / "c.pth")
    return tmp_path / "c.pth"


def node_types(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize("options", EXPORTS.values(), ids=EXPORTS)
def test_export(options: OnnxOptions, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state, threads, filters = torch.random.get_rng_state(), torch.get_num_threads(), list(warnings.filters)
    path = tmp_path / "new" / "model.onnx"
    exported = export(Net(), checkpoint(Net(), tmp_path), options, path)
    assert exported.differences.keys() == {"loc", "conf"}
    assert all(value < 1e-5 for value in exported.differences.values())
    assert exported.tools == tool_versions(options)
    model = onnx.load(path)
    assert [entry.name for entry in model.graph.input] == ["image", "scale"]
    assert [entry.name for entry in model.graph.output] == ["loc", "conf"]
    assert model.opset_import[0].version == options.opset
    size = "batch" if options.dynamic_batch else 1
    assert [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [
        size,
        3,
        8,
        8,
    ]
    for order in (["loc", "conf"], ["conf", "loc"]):
        nodes = output_nodes(path, order)
        check_nodes(path, nodes)
        kinds = {f"{node.name}:0": node.op_type for node in model.graph.node}
        assert [kinds[node] for node in nodes] == [{"loc": "Reshape", "conf": "Softmax"}[name] for name in order]
    names = [node.name for node in model.graph.node]
    assert all(names)
    assert len(set(names)) == len(names)
    assert [entry.name for entry in path.parent.iterdir()] == ["model.onnx"]
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert warnings.filters == filters


@pytest.mark.parametrize("name", ["torchscript-17", pytest.param("dynamo-18", marks=pytest.mark.long)])
def test_the_same_arguments_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    """Also in another process, with another hash seed and other random numbers, from another folder."""
    weights = checkpoint(Net(), tmp_path)
    export(Net(), weights, EXPORTS[name], tmp_path / "here.onnx")
    code = (
        f"import importlib.util, sys; spec = importlib.util.spec_from_file_location('elsewhere', {__file__!r})\n"
        "module = importlib.util.module_from_spec(spec); sys.modules['elsewhere'] = module\n"
        "spec.loader.exec_module(module); from pathlib import Path\n"
        "module.torch.manual_seed(5)\n"
        f"module.export(module.Net(), Path({str(weights)!r}), module.EXPORTS[{name!r}], Path('there.onnx'))"
    )
    folder = tmp_path / "other"
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'support'}", "PYTHONHASHSEED": "7"}
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True, capture_output=True)
    assert run.stdout + run.stderr == b""
    here = (tmp_path / "here.onnx").read_bytes()
    assert here == (folder / "there.onnx").read_bytes()
    assert Path(__file__).name.encode() not in here


def test_the_weights_are_the_checkpoint_s(tmp_path: Path) -> None:
    export(Net(), checkpoint(Net(), tmp_path), OnnxOptions(simplify=False), tmp_path / "m.onnx")
    weights = torch.load(tmp_path / "c.pth", weights_only=True)
    stored = {
        entry.name: onnx.numpy_helper.to_array(entry) for entry in onnx.load(tmp_path / "m.onnx").graph.initializer
    }
    np.testing.assert_array_equal(stored["loc.weight"], weights["loc.weight"].numpy())


def test_simplifying_leaves_fewer_nodes(tmp_path: Path) -> None:
    weights = checkpoint(Net(), tmp_path)
    for simplify in (False, True):
        export(Net(), weights, OnnxOptions(simplify=simplify), tmp_path / f"{simplify}.onnx")
    assert len(node_types(tmp_path / "True.onnx")) < len(node_types(tmp_path / "False.onnx"))


@pytest.mark.parametrize("name", ["torchscript-17-fixed", "dynamo-18-fixed"])
def test_a_fixed_batch(name: str, tmp_path: Path) -> None:
    export(Net(), checkpoint(Net(), tmp_path), EXPORTS[name], tmp_path / "m.onnx", opening=Opening(batch=4))
    shape = onnx.load(tmp_path / "m.onnx").graph.output[0].type.tensor_type.shape
    assert [dim.dim_value for dim in shape.dim] == [4, 48, 4]


@pytest.mark.parametrize("name", ["torchscript-17", "dynamo-18"])
def test_export_graph_has_the_nodes_of_the_export(name: str, tmp_path: Path) -> None:
    export(Net(), checkpoint(Net(), tmp_path), EXPORTS[name], tmp_path / "m.onnx")
    export_graph(Net(), EXPORTS[name], tmp_path / "g.onnx")
    outputs = ["conf", "loc"]
    assert output_nodes(tmp_path / "g.onnx", outputs) == output_nodes(tmp_path / "m.onnx", outputs)
    assert node_types(tmp_path / "g.onnx") == node_types(tmp_path / "m.onnx")


class Module(torch.nn.Module):  # type: ignore[misc, name-defined] # torch may be absent
    """One linear layer, and a function of its result."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)
        self.function = function

    def forward(self, image: Any) -> Any:
        return self.function(self.layer(image))


def single(function: Callable[[Any], Any], outputs: tuple[str, ...] = ("out",), dtype: str = "float32") -> Net:
    return Net(
        lambda: Module(function),
        (TensorSpec("image", "float32", ("batch", 4)),),
        tuple(TensorSpec(name, dtype, ("batch", 4)) for name in outputs),
    )


def exporting() -> bool:
    return bool(torch.onnx.is_in_onnx_export())


def unfaithful(x: Any) -> Any:
    return (x, x * 1.01) if exporting() else (x, x)


def baked(x: Any) -> Any:
    return x.flatten().reshape(2, 4) if exporting() else x


@pytest.mark.parametrize(
    ("network", "text"),
    [
        pytest.param(
            single(unfaithful, ("same", "other")),
            "is not faithful; ONNX Runtime differs from torch in other by 1.00e-02 of the output's largest value, "
            "at most 0.001 is allowed; try another onnx.exporter",
            id="unfaithful",
        ),
        pytest.param(single(baked), "the exported model is not usable: ", id="batch-baked-in"),
        pytest.param(
            single(lambda x: x, ("a", "b")),
            "outputs of the network: expected a float32[1, 4], b float32[1, 4], found Tensor; correct the plugin",
            id="too-few-outputs",
        ),
        pytest.param(single(lambda x: {"out": x}), "expected out float32[1, 4], found dict", id="not-a-tensor"),
        pytest.param(single(lambda _: ()), "expected out float32[1, 4], found nothing", id="no-outputs"),
        pytest.param(
            single(lambda x: x[:, :3]),
            "an output of the network: expected out float32[1, 4], found out float32[1, 3]; correct the plugin",
            id="shape",
        ),
        pytest.param(
            single(lambda x: x.double()),
            "an output of the network: expected out float32[1, 4], found out float64[1, 4]; correct the plugin",
            id="dtype",
        ),
        pytest.param(
            single(lambda x: x @ x), "zoo_network failed: RuntimeError: mat1 and mat2 shapes cannot", id="does-not-run"
        ),
        pytest.param(single(lambda x: x / 0), "output 'out' of the network is not finite", id="not-finite"),
        pytest.param(
            single(torch.special.bessel_j0),
            "could not export the network with onnx.exporter: torchscript and onnx.opset: 17: "
            "UnsupportedOperatorError: ",
            id="unsupported-operator",
        ),
    ],
)
def test_refused(network: Net, text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(b"earlier")
    with pytest.raises((ExportError, HookError)) as caught:
        export(network, checkpoint(network, tmp_path), OnnxOptions(), folder / "m.onnx")
    assert text in str(caught.value)
    assert [entry.read_bytes() for entry in folder.iterdir()] == [b"earlier"]
    assert capfd.readouterr().err == ""  # torch prints the graph that it could not export


def test_a_network_may_work_on_its_input_in_place(tmp_path: Path) -> None:
    class InPlace(Module):
        def forward(self, image: Any) -> Any:
            return self.layer(image.mul_(2))

    network = Net(lambda: InPlace(abs), single(abs).inputs, single(abs).outputs)
    with pytest.warns(UserWarning, match="Removing mutation from node aten::mul_ on block input"):
        exported = export(network, checkpoint(network, tmp_path), OnnxOptions(), tmp_path / "m.onnx")
    assert exported.differences["out"] < 1e-5


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not match the network, which has 11 tensors; the file has 2"):
        export(Net(), checkpoint(single(lambda x: x), tmp_path), OnnxOptions(), tmp_path / "m.onnx")


def test_an_opset_that_the_exporter_cannot_reach_is_refused(tmp_path: Path) -> None:
    network = single(lambda x: torch.nn.functional.group_norm(x.reshape(-1, 4, 1), 2).reshape(-1, 4))
    options = OnnxOptions(exporter="dynamo", opset=11)
    with pytest.raises(ExportError, match=r"asked for opset 11, but onnx.exporter: dynamo of torch .* gave 18; set"):
        export(network, checkpoint(network, tmp_path), options, tmp_path / "m.onnx")


def test_the_network_s_own_warnings_are_shown(tmp_path: Path) -> None:
    network = single(lambda x: x.reshape(int(x.shape[0]), 4))
    with (
        pytest.warns(torch.jit.TracerWarning, match="Converting a tensor to a Python integer"),
        pytest.raises(ExportError),
    ):
        export(network, checkpoint(network, tmp_path), OnnxOptions(), tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("dtype", "limits"),
    [
        pytest.param("uint8", (0, 255), id="uint8"),
        pytest.param("int8", (-128, 127), id="int8"),
        pytest.param("int64", (0, 1), id="int64"),
    ],
)
def test_integer_inputs(dtype: str, limits: tuple[int, int], tmp_path: Path) -> None:
    spec = TensorSpec("image", dtype, ("batch", 4))
    seen: list[Any] = []

    class Cast(torch.nn.Module):  # type: ignore[misc, name-defined] # torch may be absent
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 4)

        def forward(self, image: Any) -> Any:
            if not exporting():
                seen.append(image.numpy().copy())
            return self.layer(image.float())

    network = Net(Cast, (spec,), (TensorSpec("out", "float32", ("batch", 4)),))
    exported = export(network, checkpoint(network, tmp_path), OnnxOptions(), tmp_path / "m.onnx")
    assert exported.differences["out"] < 1e-5
    values = np.concatenate([array.ravel() for array in seen])
    assert values.dtype == dtype
    assert limits[0] <= values.min() < values.max() <= limits[1]
