"""Open axes in a manifest: what is accepted, what it means, and what each contradiction is told as."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from zoo_runner.errors import ManifestError
from zoo_runner.manifest.load import load
from zoo_runner.manifest.open_axes import shapes_of
from zoo_runner.plugin.shapes import Shapes

Data: TypeAlias = Any

IMAGE = [{"name": "image", "shape": ["batch", 3, "height", "width"]}]
CHANNELS_LAST = [{"name": "image", "shape": ["batch", "height", "width", 3]}]
TOKENS = [
    {"name": "ids", "dtype": "int64", "shape": ["batch", "length"], "pad": {"value": 1}},
    {"name": "mask", "dtype": "int64", "shape": ["batch", "length"], "pad": {"value": 0}},
]
STATIC = [{"name": "image", "shape": ["batch", 3, 8, 8]}]
GEARS = [[8, 16], [16, 8]]
LENGTHS = [{"length": 1}, {"length": 2}]


def manifest(inputs: Data, atc: Data, outputs: Data | None = None, **more: Data) -> Data:
    """Return a manifest of these inputs."""
    return {
        "name": "open",
        "plugin": {"name": "toy"},
        "dataset": {"name": "points", "samples": 3},
        "inputs": inputs,
        "outputs": outputs or [{"name": "scores", "shape": ["batch", 2]}],
        "atc": atc,
        **more,
    }


def read(tmp_path: Path, data: Data) -> Shapes | None:
    """Write a manifest, read it, and return the sizes that it lets the model take."""
    path = tmp_path / "m.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return shapes_of(load(path).manifest)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(manifest(STATIC, {}), None, id="static"),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": GEARS}),
            Shapes(
                opened="image_size",
                gears=({"height": 8, "width": 16}, {"height": 16, "width": 8}),
                most={"height": 16, "width": 16},
            ),
            id="image",
        ),
        pytest.param(
            manifest(TOKENS, {"input_format": "ND", "dynamic_dims": [{"length": 64}, {"length": 32}]}),
            Shapes(opened="dims", gears=({"length": 64}, {"length": 32}), most={"length": 64}),
            id="dims",
        ),
        pytest.param(
            manifest(STATIC, {"dynamic_batch_size": [1, 4]}, infer={"batch": 4}),
            Shapes(opened="batch", gears=({"batch": 1}, {"batch": 4})),
            id="batch",
        ),
        pytest.param(
            manifest(
                IMAGE,
                {"input_shape_range": {"width": [8, 64], "height": [8, 8]}},
                [{"name": "boxes", "shape": ["batch", "anchors", "width"], "most": {"anchors": 100}}],
            ),
            Shapes(
                opened="range",
                bounds={"width": (8, 64), "height": (8, 8)},
                most={"width": 64, "height": 8, "anchors": 100},
            ),
            id="range",
        ),
    ],
)
def test_what_the_model_takes(tmp_path: Path, data: Data, expected: Shapes | None) -> None:
    assert read(tmp_path, data) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            manifest(IMAGE, {}),
            "inputs.0.shape: expected the sizes that the open axes height, width take, found none; add "
            "atc.dynamic_image_size, atc.dynamic_dims or atc.input_shape_range",
            id="no-sizes",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_batch_size": [1, 2]}),
            "inputs.0.shape: expected the sizes that the open axes height, width take, found none",
            id="batch-is-no-size",
        ),
        pytest.param(
            manifest(STATIC, {"dynamic_image_size": GEARS}),
            "atc.dynamic_image_size: would have no effect: no input has an open axis",
            id="nothing-open",
        ),
        pytest.param(
            manifest(STATIC, {"input_shape_range": {"height": [1, 2]}}),
            "atc.input_shape_range: would have no effect: no input has an open axis",
            id="range-of-nothing",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": GEARS, "input_shape_range": {"height": [1, 2], "width": [1, 2]}}),
            "atc.input_shape_range: ATC takes either this or dynamic_image_size, found both; remove one",
            id="two-kinds",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": [[8, 8]]}),
            "atc.dynamic_image_size: expected 2 to 100 gears, which is what ATC takes, found 1",
            id="one-gear",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": [[n, 8] for n in range(1, 102)]}),
            "atc.dynamic_image_size: expected 2 to 100 gears, which is what ATC takes, found 101",
            id="too-many-gears",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": [[8, 8], [8, 8]]}),
            "atc.dynamic_image_size.1: expected each gear once, found 8 x 8 again",
            id="gear-twice",
        ),
        pytest.param(
            manifest(TOKENS, {"dynamic_dims": [{"length": 8}, {"length": 8}]}),
            "atc.dynamic_dims.1: expected each gear once, found length 8 again",
            id="dims-twice",
        ),
        pytest.param(
            manifest(STATIC, {"dynamic_batch_size": [1, 1]}),
            "atc.dynamic_batch_size.1: expected each gear once, found 1 again",
            id="batch-twice",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": [[8, 8], [8]]}),
            "atc.dynamic_image_size.1: expected at least 2 in the list",
            id="height-alone",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": GEARS, "input_format": "ND"}),
            "atc.dynamic_image_size: expected atc.input_format NCHW, in which ATC takes heights and widths of ONNX, "
            "found ND; or use atc.dynamic_dims",
            id="no-layout",
        ),
        pytest.param(
            manifest(CHANNELS_LAST, {"dynamic_image_size": GEARS, "input_format": "NHWC"}),
            "atc.dynamic_image_size: expected atc.input_format NCHW, in which ATC takes heights and widths of ONNX",
            id="channels-last",
        ),
        pytest.param(
            manifest(STATIC, {}, [{"name": "boxes", "shape": ["batch", "found", 4], "most": {"found": 100}}]),
            "outputs.0.shape: expected fixed sizes, as no input has an open axis, found found; make the graph pad this",
            id="open-output-of-fixed-inputs",
        ),
        pytest.param(
            manifest(CHANNELS_LAST, {"dynamic_image_size": GEARS}),
            "atc.dynamic_image_size: expected one input with two open axes, height and width, as in "
            "[batch, 3, height, width]; or use atc.dynamic_dims",
            id="other-layout",
        ),
        pytest.param(
            manifest(TOKENS, {"dynamic_image_size": GEARS}),
            "atc.dynamic_image_size: expected one input with two open axes",
            id="no-image",
        ),
        pytest.param(
            manifest([{"name": "image", "shape": ["batch", 3, "side", "side"]}], {"dynamic_image_size": GEARS}),
            "atc.dynamic_image_size: expected one input with two open axes",
            id="square-by-name",
        ),
        pytest.param(
            manifest(TOKENS, {"dynamic_dims": [{"length": 8}, {"lenght": 9}]}),
            "atc.dynamic_dims.1.lenght: no input has an open axis of this name; did you mean 'length'? "
            "(found in inputs: length)",
            id="misspelt-axis",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_dims": [{"height": 8, "width": 8}, {"height": 9}]}),
            "atc.dynamic_dims.1: expected a size for each of height, width, missing width",
            id="half-a-gear",
        ),
        pytest.param(
            manifest(IMAGE, {"input_shape_range": {"height": [9, 8], "width": [1, 2]}}),
            "atc.input_shape_range.height: expected the least size before the greatest, found [9, 8]",
            id="range-backwards",
        ),
        pytest.param(
            manifest(IMAGE, {"input_shape_range": {"height": [8, 9]}}),
            "atc.input_shape_range: expected a size for each of height, width, missing width",
            id="half-a-range",
        ),
        pytest.param(
            manifest(TOKENS, {"input_shape_range": {"length": [1, 2]}}),
            "inputs.0.pad: would have no effect: any size in atc.input_shape_range is taken; remove it",
            id="padding-of-a-range",
        ),
        pytest.param(
            manifest(
                IMAGE,
                {"input_shape_range": {"height": [1, 2], "width": [1, 2]}},
                infer={"tool": "ais_bench-cli", "batch": 4},
            ),
            "infer.batch: expected 1: with atc.input_shape_range ais_bench runs each file as a call of its own, found "
            "4; or use infer.tool: in-process",
            id="range-in-batches-by-the-command",
        ),
        pytest.param(
            manifest(
                IMAGE,
                {"dynamic_image_size": GEARS},
                [{"name": "boxes", "shape": ["batch", "found", "points"], "most": {"found": 9, "points": 4}}],
                infer={"tool": "ais_bench-cli"},
            ),
            "infer.outfmt: expected NPY, whose files say how large found and points of boxes are, found BIN",
            id="two-sizes-that-only-a-file-tells",
        ),
        pytest.param(
            manifest([STATIC[0] | {"pad": {"value": 1.0}}], {}),
            "inputs.0.pad: would have no effect: the shape has no open axis; remove it",
            id="padding-of-nothing",
        ),
        pytest.param(
            manifest([TOKENS[0] | {"pad": {"value": 0.5}}], {"dynamic_dims": [{"length": 1}, {"length": 2}]}),
            "inputs.0.pad.value: expected a whole number, as the input is int64, found 0.5",
            id="half-a-token",
        ),
        *(
            pytest.param(
                manifest([TOKENS[0] | {"dtype": dtype, "pad": {"value": value}}], {"dynamic_dims": LENGTHS}),
                f"inputs.0.pad.value: expected {span}, as the input is {dtype}, found {found}",
                id=f"padding-of-{dtype}-{found}",
            )
            for dtype, value, span, found in (
                ("uint8", 300, "0 to 255", "300"),
                ("uint8", -1, "0 to 255", "-1"),
                ("int8", 128, "-128 to 127", "128"),
                ("float16", 1e6, "-65504 to 65504", "1e+06"),
            )
        ),
        pytest.param(
            manifest(
                IMAGE,
                {"dynamic_image_size": GEARS},
                [
                    {"name": "boxes", "shape": ["batch", "found", 4], "most": {"found": 50}},
                    {"name": "scores", "shape": ["batch", "found"], "most": {"found": 96}},
                ],
            ),
            "outputs.1.most.found: expected 50, as another output with the axis found has it, found 96",
            id="two-greatest-sizes",
        ),
        pytest.param(
            manifest(
                [TOKENS[0], TOKENS[1] | {"pad": {"at": "start"}}], {"dynamic_dims": [{"length": 1}, {"length": 2}]}
            ),
            "inputs.1.pad.at: expected end, as another input with the axis length has it, found start",
            id="two-ends",
        ),
        pytest.param(
            manifest(STATIC, {}, benchmark={"sizes": {"height": 8}}),
            "benchmark.sizes: would have no effect: no input has an open axis; remove it",
            id="timed-sizes-of-nothing",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": GEARS}, benchmark={"sizes": {"height": 8, "width": 8}}),
            "benchmark.sizes: expected one of the gears, found height 8, width 8",
            id="timed-at-no-gear",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": GEARS}, benchmark={"sizes": {"height": 8}}),
            "benchmark.sizes: expected a size for each of height, width, missing width",
            id="timed-at-half-a-gear",
        ),
        pytest.param(
            manifest(
                IMAGE,
                {"input_shape_range": {"height": [1, 4], "width": [1, 4]}},
                benchmark={"sizes": {"height": 5, "width": 4}},
            ),
            "benchmark.sizes.height: expected 1 to 4, as atc.input_shape_range has it, found 5",
            id="timed-outside-the-range",
        ),
        pytest.param(
            manifest(STATIC, {"dynamic_batch_size": [2, 4]}, infer={"batch": 8}, benchmark={"batch": [2, 16]}),
            "atc.dynamic_batch_size: expected 8 in it, as infer.batch has it, found [2, 4]",
            id="batch-without-gear",
        ),
        pytest.param(
            manifest(STATIC, {"dynamic_batch_size": [1, 4]}, onnx={"dynamic_batch": False}),
            "atc.dynamic_batch_size: expected onnx.dynamic_batch: true, which leaves the batch size open",
            id="batch-is-fixed",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": GEARS, "input_shape": "image:1,3,-1,-1"}),
            "atc.input_shape: is made of inputs where dynamic_image_size is given; remove it",
            id="input-shape-too",
        ),
        pytest.param(
            manifest(IMAGE, {"dynamic_image_size": GEARS, "insert_op_conf": "aipp.cfg"}),
            "atc.insert_op_conf: cannot stand beside dynamic_image_size: AIPP has fixed sizes here",
            id="aipp-too",
        ),
        pytest.param(
            manifest(
                IMAGE, {"dynamic_image_size": GEARS}, [{"name": "boxes", "shape": ["batch", "anchors", "hight", 4]}]
            ),
            "outputs.0.shape: expected the greatest size of hight, which no input has: memory is reserved by it; add "
            "most: {hight: N}; did you mean 'height'?",
            id="unbounded-output",
        ),
        pytest.param(
            manifest(
                IMAGE,
                {"dynamic_image_size": GEARS},
                [{"name": "mask", "shape": ["batch", "height", "width"], "most": {"height": 4, "depth": 4}}],
            ),
            "outputs.0.most.height: would have no effect: an input has it; remove it",
            id="bound-of-an-input-axis",
        ),
        pytest.param(
            manifest([{"name": "image", "shape": ["batch", "Height"]}], {}),
            "inputs.0.shape.1: expected 'batch' or an integer or an axis name of lower-case letters, digits and '_'",
            id="no-axis-name",
        ),
        pytest.param(
            manifest(STATIC, {"flags": {"dynamic_batch_size": "1, 4"}}),
            "atc.flags.dynamic_batch_size: has its own key; write atc.dynamic_batch_size: [1, 4]",
            id="batches-as-a-flag",
        ),
        pytest.param(
            manifest(STATIC, {"flags": {"dynamic_image_size": "8,16;16,8"}}),
            "atc.flags.dynamic_image_size: has its own key; write atc.dynamic_image_size: [[8, 16], [16, 8]]",
            id="images-as-a-flag",
        ),
        pytest.param(
            manifest(STATIC, {"flags": {"dynamic_dims": "8,16;16,8"}}),
            "atc.flags.dynamic_dims: has its own key; write atc.dynamic_dims",
            id="dims-as-a-flag",
        ),
    ],
)
def test_contradictions(tmp_path: Path, data: Data, message: str) -> None:
    with pytest.raises(ManifestError) as refused:
        read(tmp_path, data)
    assert message in str(refused.value)
