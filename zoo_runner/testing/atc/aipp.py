"""Static AIPP: the preprocessing that ``--insert_op_conf`` builds into a model.

For RGB888 input the order of ATC's documentation is: exchange the first and third channel where
``rbuv_swap_switch`` says so, then ``(x - mean_chn_i - min_chn_i) * var_reci_chn_i`` for channel i as it is
after the exchange. The model then takes uint8 images, channels last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.testing.atc.errors import AtcError, bad_aipp, not_simulated
from zoo_runner.testing.atc.shapes import network_inputs

if TYPE_CHECKING:
    import onnx

_CHANNELS: Final = 3
_BYTE_MAX: Final = 255
_WORD: Final = re.compile(r'#[^\n]*|[{}:]|"[^"]*"|[^\s{}:#]+')
_INTEGERS: Final = frozenset(
    {"related_input_rank", "src_image_size_w", "src_image_size_h", "cpadding_value", "load_start_pos_h"}
    | {"load_start_pos_w", "crop_size_w", "crop_size_h", "max_src_image_size", "input_edge_idx"}
    | {"left_padding_size", "right_padding_size", "top_padding_size", "bottom_padding_size"}
    | {"resize_output_w", "resize_output_h"}
    | {f"mean_chn_{i}" for i in range(_CHANNELS + 1)}
    | {f"matrix_r{row}c{column}" for row in range(3) for column in range(3)}
    | {f"{way}put_bias_{i}" for way in ("in", "out") for i in range(3)}
)
_SWITCHES: Final = frozenset(
    {"crop", "resize", "padding", "csc_switch", "rbuv_swap_switch", "ax_swap_switch"}
    | {"single_line_mode", "support_rotation"}
)
_NUMBERS: Final = frozenset(
    {"padding_value"} | {f"{name}_chn_{i}" for name in ("min", "var_reci") for i in range(_CHANNELS + 1)}
)
_CHOICES: Final = {
    "aipp_mode": ("static", "dynamic"),
    "input_format": (
        *("YUV420SP_U8", "XRGB8888_U8", "RGB888_U8", "YUV400_U8", "NC1HWC0DI_FP16", "NC1HWC0DI_S8"),
        *("ARGB8888_U8", "YUYV_U8", "YUV422SP_U8", "AYUV444_U8", "RAW10", "RAW12", "RAW16", "RAW24", "RGB16"),
        *("RGB20", "RGB24", "RGB8_IR", "RGB16_IR", "RGB24_IR"),
    ),
    "resize_model": ("0", "1"),
}
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class Aipp:
    """What the stand-in simulates of a static AIPP file.

    Attributes:
        rank: Number of the model input it belongs to.
        width: Image width in pixels.
        height: Image height in pixels.
        swap: Whether the first and third channel change places.
        mean: Subtracted first, per channel after the exchange.
        minimum: Subtracted second.
        factor: Multiplied last.
        fields: Everything the file says.
    """

    rank: int
    width: int
    height: int
    swap: bool
    mean: tuple[float, ...]
    minimum: tuple[float, ...]
    factor: tuple[float, ...]
    fields: Mapping[str, str]


def read_aipp(path: Path) -> Aipp:
    """Read an ``aipp_op { … }`` file.

    Raises:
        AtcError: E13018 for text that does not follow ATC's schema of the file, E10052 for settings that
            contradict it, E10055 for what the stand-in does not simulate.
    """
    fields = dict(_fields(path))
    if "aipp_mode" not in fields:
        reason = "aipp_mode must be set"
        raise bad_aipp(reason)
    if fields["aipp_mode"] != "static":
        raise not_simulated("dynamic AIPP")
    if "input_format" not in fields:
        reason = "input_format must be set in static AIPP"
        raise bad_aipp(reason)
    if fields["input_format"] != "RGB888_U8":
        raise not_simulated(f"AIPP input_format {fields['input_format']}")
    for switch in _SWITCHES - {"rbuv_swap_switch"}:
        if _TRUTHS[fields.get(switch, "false")]:
            raise not_simulated(f"AIPP {switch}")
    mean = _per_channel(fields, "mean_chn", 0.0)
    if not all(0 <= value <= _BYTE_MAX for value in mean):
        reason = f"mean_chn must be in [0, {_BYTE_MAX}]"
        raise bad_aipp(reason)
    return Aipp(
        rank=int(fields.get("related_input_rank", "0")),
        width=int(fields.get("src_image_size_w", "0")),
        height=int(fields.get("src_image_size_h", "0")),
        swap=_TRUTHS[fields.get("rbuv_swap_switch", "false")],
        mean=mean,
        minimum=_per_channel(fields, "min_chn", 0.0),
        factor=_per_channel(fields, "var_reci_chn", 1.0),
        fields=fields,
    )


def _per_channel(fields: Mapping[str, str], name: str, default: float) -> tuple[float, ...]:
    return tuple(float(fields.get(f"{name}_{i}", default)) for i in range(_CHANNELS))


def _fields(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the settings of the one ``aipp_op`` block, each checked against its type."""
    words = [word for word in _WORD.findall(path.read_text(encoding="utf-8")) if not word.startswith("#")]
    head = [word for word in words[:3] if word != ":"]
    if head[:2] != ["aipp_op", "{"] or words[-1] != "}":
        raise _unparsable(path)
    body = words[words.index("{") + 1 : -1]
    if "aipp_op" in body:
        raise not_simulated("several aipp_op")
    if len(body) % 3:
        raise _unparsable(path)
    for name, colon, value in zip(body[::3], body[1::3], body[2::3], strict=True):
        if colon != ":" or not _valid(name, value):
            raise _unparsable(path)
        yield name, value


def _valid(name: str, value: str) -> bool:
    if name in _CHOICES:
        return value in _CHOICES[name]
    if name in _SWITCHES:
        return value in _TRUTHS
    if name in _INTEGERS:
        return re.fullmatch(r"-?\d+", value) is not None
    return name in _NUMBERS and re.fullmatch(r"-?\d*\.?\d+([eE][-+]?\d+)?|-?\d+\.", value) is not None


def _unparsable(path: Path) -> AtcError:
    return AtcError(
        "E13018",
        f"Failed to parse file [{path}] through google::protobuf::TextFormat::Parse.",
        "Check whether the Protobuf file is valid.",
    )


def build_in(model: onnx.ModelProto, aipp: Aipp) -> str:
    """Put the preprocessing ahead of the graph, in place: uint8 NHWC in, float32 NCHW to the network.

    Returns:
        Name of the input that now takes uint8 images.

    Raises:
        AtcError: E10052: the model has no such input, or it is no image of that size.
    """
    inputs = network_inputs(model)
    if aipp.rank >= len(inputs):
        reason = f"related_input_rank {aipp.rank} must be less than the number of inputs {len(inputs)}"
        raise bad_aipp(reason)
    value = inputs[aipp.rank]
    shape = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
    if shape[1:] != [_CHANNELS, aipp.height, aipp.width]:
        reason = (
            f"src_image_size_w {aipp.width} and src_image_size_h {aipp.height} do not match the input "
            f"[{value.name}] of shape {shape}"
        )
        raise bad_aipp(reason)
    inner = f"{value.name}/aipp"
    for node in model.graph.node:
        _rename(node, value.name, inner)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*_nodes(value.name, inner, aipp), *nodes])
    _declare_image(value, (shape[0], aipp.height, aipp.width, _CHANNELS))
    return value.name


def _rename(node: onnx.NodeProto, old: str, new: str) -> None:
    for i, name in enumerate(node.input):
        if name == old:
            node.input[i] = new
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                _rename(inner, old, new)


def _declare_image(value: onnx.ValueInfoProto, shape: tuple[int, ...]) -> None:
    import onnx  # noqa: PLC0415 - only conversion needs it

    value.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    for axis, size in zip(value.type.tensor_type.shape.dim, shape, strict=True):
        if size:  # an open batch size stays open
            axis.dim_value = size


def _nodes(image: str, output: str, aipp: Aipp) -> Iterator[onnx.NodeProto]:
    import numpy as np  # noqa: PLC0415 - only conversion needs it
    import onnx  # noqa: PLC0415 - only conversion needs it

    def constant(name: str, array: np.typing.NDArray[np.generic]) -> onnx.NodeProto:
        tensor = onnx.numpy_helper.from_array(array, name=f"{output}/{name}")
        return onnx.helper.make_node("Constant", [], [f"{output}/{name}"], value=tensor)

    def column(values: tuple[float, ...]) -> np.typing.NDArray[np.float32]:
        return np.array(values, dtype=np.float32).reshape(1, _CHANNELS, 1, 1)

    order = np.array([2, 1, 0] if aipp.swap else [0, 1, 2], dtype=np.int64)
    yield constant("order", order)
    yield constant("mean", column(aipp.mean))
    yield constant("minimum", column(aipp.minimum))
    yield constant("factor", column(aipp.factor))
    steps: tuple[tuple[str, list[str], dict[str, Any]], ...] = (
        ("Transpose", [], {"perm": [0, 3, 1, 2]}),
        ("Gather", ["order"], {"axis": 1}),
        ("Cast", [], {"to": onnx.TensorProto.FLOAT}),
        ("Sub", ["mean"], {}),
        ("Sub", ["minimum"], {}),
        ("Mul", ["factor"], {}),
    )
    current = image
    for i, (operator, operands, attributes) in enumerate(steps):
        following = output if i == len(steps) - 1 else f"{output}/{i}"
        names = [f"{output}/{name}" for name in operands]
        yield onnx.helper.make_node(operator, [current, *names], [following], **attributes)
        current = following
