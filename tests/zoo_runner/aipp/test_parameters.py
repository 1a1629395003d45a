"""The AIPP file, read back by protobuf's own text parser, which is what ATC reads it with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.aipp.config_file import aipp_text
from zoo_runner.aipp.parameters import aipp_parameters
from zoo_runner.errors import PluginError
from zoo_runner.plugin.pixels import Normalisation
from zoo_runner.testing.atc.aipp import read_aipp

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytest.importorskip("onnx")  # it brings protobuf
from google.protobuf import (  # type: ignore[import-untyped] # protobuf has no types
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)

LEVELS = np.arange(256, dtype=np.uint8)
Field = descriptor_pb2.FieldDescriptorProto


def message_type() -> Any:
    """Declare ATC's message: its documented fields with their documented types."""
    fields: list[tuple[str, int]] = [(f"mean_chn_{i}", Field.TYPE_INT32) for i in range(4)]
    fields += [(f"{name}_chn_{i}", Field.TYPE_FLOAT) for name in ("min", "var_reci") for i in range(4)]
    fields += [(f"src_image_size_{side}", Field.TYPE_INT32) for side in "wh"]
    fields += [("related_input_rank", Field.TYPE_INT32)]
    fields += [("csc_switch", Field.TYPE_BOOL), ("rbuv_swap_switch", Field.TYPE_BOOL), ("crop", Field.TYPE_BOOL)]
    file = descriptor_pb2.FileDescriptorProto(name="aipp.proto", package="test", syntax="proto2")
    operator = file.message_type.add(name="AippOp")
    for name, values in (("aipp_mode", ["undefined", "static", "dynamic"]), ("input_format", ["NONE", "RGB888_U8"])):
        kind = operator.enum_type.add(name=name.title())
        for number, value in enumerate(values):
            kind.value.add(name=value, number=number)
        fields.append((name, Field.TYPE_ENUM))
    for number, (name, type_) in enumerate(fields, start=1):
        field = operator.field.add(name=name, number=number, type=type_, label=Field.LABEL_OPTIONAL)
        if type_ == Field.TYPE_ENUM:
            field.type_name = f".test.AippOp.{name.title()}"
    whole = file.message_type.add(name="File")
    whole.field.add(
        name="aipp_op", number=1, type=Field.TYPE_MESSAGE, label=Field.LABEL_REPEATED, type_name=".test.AippOp"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.File"))


FILE = message_type()


def evaluate(text: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Do what the documentation says a device does with pixels [..., 3], in float32."""
    (operator,) = text_format.Parse(text, FILE()).aipp_op
    assert operator.aipp_mode == 1
    assert operator.input_format == 1
    assert not operator.csc_switch
    image = (pixels[..., ::-1] if operator.rbuv_swap_switch else pixels).astype(np.float32)

    def channels(name: str) -> NDArray[np.float32]:
        return np.array([getattr(operator, f"{name}_chn_{i}") for i in range(3)], np.float32)

    result: NDArray[np.float32] = (image - channels("mean") - channels("min")) * channels("var_reci")
    return result


def plain(rule: Normalisation, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    image = (pixels[..., ::-1] if rule.swap_red_blue else pixels).astype(np.float32)
    result: NDArray[np.float32] = (image - np.array(rule.mean, np.float32)) * np.array(rule.scale, np.float32)
    return result


def normalisation(**changes: Any) -> Normalisation:
    rule = {"mean": (123.0, 117.0, 104.0), "scale": (1.0, 1.0, 1.0), "swap_red_blue": True, "height": 4, "width": 6}
    return Normalisation(**{**rule, **changes})


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(normalisation(), id="refinedet"),
        pytest.param(normalisation(swap_red_blue=False), id="no-swap"),
        pytest.param(
            normalisation(mean=(123.675, 116.28, 103.53), scale=(1 / 58.395, 1 / 57.12, 1 / 57.375)), id="std"
        ),
        pytest.param(normalisation(mean=(0, 0, 0), scale=(1 / 255, 1 / 255, 1 / 255)), id="no-mean"),
        pytest.param(normalisation(mean=(127.5, 1e-30, 0.1), scale=(-1, 0, 65504)), id="odd-values"),
        pytest.param(normalisation(mean=(255, 255.5, 510), scale=(1e-30, 3, 2)), id="large-means"),
    ],
)
def test_the_formula_gives_the_same_floats(rule: Normalisation, tmp_path: Path) -> None:
    text = aipp_text(rule)
    pixels = np.random.default_rng(1).integers(0, 256, (rule.height, rule.width, 3), dtype=np.uint8)
    assert evaluate(text, pixels).tobytes() == plain(rule, pixels).tobytes()
    (tmp_path / "aipp.cfg").write_text(text, encoding="utf-8")
    read = read_aipp(tmp_path / "aipp.cfg")
    assert (read.height, read.width, read.swap, read.rank) == (rule.height, rule.width, rule.swap_red_blue, 0)
    assert (read.mean, read.minimum, read.factor) == (
        tuple(map(float, aipp_parameters(rule).mean)),
        aipp_parameters(rule).minimum,
        aipp_parameters(rule).factor,
    )


@given(
    st.tuples(*[st.floats(0, 510)] * 3),
    st.tuples(*[st.floats(-65504, 65504, allow_subnormal=False)] * 3),
    st.booleans(),
)
def test_any_normalisation_gives_the_same_floats(mean: tuple[float, ...], scale: tuple[float, ...], swap: bool) -> None:
    rule = normalisation(mean=mean, scale=scale, swap_red_blue=swap)
    pixels = np.stack([LEVELS] * 3, axis=-1)
    assert evaluate(aipp_text(rule), pixels).tobytes() == plain(rule, pixels).tobytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"mean": (1.0, 2.0)}, "mean: expected 3 numbers, one a channel, found 2", id="two-means"),
        pytest.param({"scale": ()}, "scale: expected 3 numbers, one a channel, found 0", id="no-scale"),
        pytest.param(
            {"mean": (-1.0, 0.0, 511.0)}, "mean: expected 0 to 510, found -1.0; mean: .* found 511.0", id="mean"
        ),
        pytest.param({"mean": (math.nan, 0.0, 0.0)}, "mean: expected 0 to 510, found nan", id="mean-nan"),
        pytest.param(
            {"scale": (1.0, 7e4, 1.0)}, "scale: expected a number from -65504 to 65504, found 70000", id="scale"
        ),
        pytest.param({"scale": (1.0, math.nan, 1.0)}, "scale: expected a number .*, found nan", id="scale-nan"),
    ],
)
def test_what_aipp_cannot_do_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=f"^the plugin's normalisation cannot be written as AIPP: {message}"):
        aipp_text(normalisation(**changes))
