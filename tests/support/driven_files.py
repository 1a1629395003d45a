"""The manifest of two networks in a loop, with its plugin, weights and data."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).parent.parent / "driven_plugin"
ROWS = 24


def write_decoder(path: Path, penalty: float = 10.0) -> None:
    """Write the decoder: the state, without the places that the tokens name already."""
    import onnx  # noqa: PLC0415 - a second that most tests do not need
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - likewise

    constants = [
        numpy_helper.from_array(np.array(5, np.int64), "depth"),
        numpy_helper.from_array(np.array([0, penalty], np.float32), "values"),
        numpy_helper.from_array(np.array([1], np.int64), "lengths"),
        numpy_helper.from_array(np.eye(5, 4, dtype=np.float32), "places"),
    ]
    nodes = [
        helper.make_node("OneHot", ["tokens", "depth", "values"], ["hot"], name="hot"),
        helper.make_node("ReduceSum", ["hot", "lengths"], ["named"], name="named", keepdims=0),
        helper.make_node("MatMul", ["named", "places"], ["taken"], name="taken"),
        helper.make_node("Sub", ["state", "taken"], ["logits"], name="logits"),
    ]
    inputs = [
        helper.make_tensor_value_info("state", TensorProto.FLOAT, ["batch", 4]),
        helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "length"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])]
    made = helper.make_graph(nodes, "decoder", inputs, outputs, constants)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def write_driven(folder: Path) -> Path:
    """Write manifest, weights and data; each file's name tells the places of its three highest numbers."""
    import torch  # noqa: PLC0415 - two seconds that most tests do not need

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCE / "driven.yaml", folder)
    torch.save({"weight": torch.eye(4)}, folder / "encoder.pth")
    write_decoder(folder / "decoder.onnx")
    (folder / "data").mkdir()
    generator = np.random.default_rng(0)
    for index in range(ROWS):
        order = generator.permutation(4)
        numbers = np.empty(4)
        numbers[order] = [4, 3, 2, 1]
        name = f"{index:02d}_{''.join(map(str, order[:3]))}.txt"
        (folder / "data" / name).write_text(" ".join(map(str, numbers)))
    return folder
