from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.plugin import zoo_network
from zoo_runner.manifest.schema import OnnxOptions
from zoo_runner.onnx_graph import check_nodes, output_nodes
from zoo_runner.stages.export.checked_export import export

pytestmark = pytest.mark.slow  # exports the network

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
for package in ("onnxscript", "onnxsim"):
    pytest.importorskip(package)

OM_ORDER = ("odm_loc", "odm_conf", "arm_loc", "arm_conf")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"opset": 11}, id="torchscript", marks=pytest.mark.slow),
        pytest.param({"opset": 17, "simplify": False}, id="torchscript-plain"),
        pytest.param({"opset": 18, "exporter": "dynamo"}, id="dynamo", marks=pytest.mark.slow),
        pytest.param({"opset": 18, "exporter": "dynamo", "simplify": False}, id="dynamo-plain", marks=pytest.mark.slow),
    ],
)
def test_the_network_exports_and_its_nodes_are_found(options: dict[str, Any], tmp_path: Path) -> None:
    network = zoo_network(RefineDetConfig(input_size=320, classes=("circle", "square"), width=0.125))
    torch.save(network.build().state_dict(), tmp_path / "c.pth")
    path = tmp_path / "m.onnx"
    exported = export(network, tmp_path / "c.pth", OnnxOptions(**options), path)
    assert max(exported.differences.values()) < 1e-5
    nodes = output_nodes(path, OM_ORDER)
    check_nodes(path, nodes)
    assert len(set(nodes)) == len(OM_ORDER)
    produced = {f"{node.name}:{k}": name for node in onnx.load(path).graph.node for k, name in enumerate(node.output)}
    assert tuple(produced[node] for node in nodes) == OM_ORDER
