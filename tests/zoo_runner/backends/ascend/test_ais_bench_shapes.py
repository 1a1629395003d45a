"""The flags by which ais_bench is told the sizes of open axes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo_runner.backends.ascend.ais_bench_shapes import flags_of_files, flags_of_sizes
from zoo_runner.plugin.folders import FolderPart, FolderRequest, reads_sizes, sizes_folder
from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
from zoo_runner.plugin.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo_runner.plugin.shapes import Sizes

IMAGE = (TensorSpec("image", "float32", ("batch", 3, "height", "width")),)
LAST = (TensorSpec("size", "int64", ("batch", 2)), TensorSpec("image", "float32", ("batch", "rows", "columns", 3)))
TOKENS = (TensorSpec("ids", "int64", ("batch", "length")), TensorSpec("mask", "int64", ("batch", "length")))
FIXED = (TensorSpec("image", "float32", ("batch", 3, 8, 8)),)
BOXES = (TensorSpec("boxes", "float32", ("batch", "anchors", 4)), TensorSpec("label", "uint8", ("batch",)))
LABEL = BOXES[1:]
PAIR = {"height": 320, "width": 480}
IMAGES = Shapes(opened="image_size", gears=(PAIR, {"height": 480, "width": 320}))
DIMS = Shapes(opened="dims", gears=({"length": 64}, {"length": 128}))
BATCHES = Shapes(opened="batch", gears=({"batch": 1}, {"batch": 4}))
MOST = {"length": 128, "anchors": 100}
RANGE = Shapes(opened="range", bounds={"length": (1, 128)}, most=MOST)


@pytest.mark.parametrize(
    ("shapes", "inputs", "batch", "sizes", "of_files", "of_sizes"),
    [
        pytest.param(None, FIXED, 4, {}, {}, {}, id="fixed"),
        pytest.param(IMAGES, IMAGE, 4, PAIR, {"dymHW": "320,480"}, {"dymHW": "320,480"}, id="images"),
        pytest.param(
            IMAGES,
            LAST,
            1,
            {"rows": 8, "columns": 16},
            {"dymHW": "8,16"},
            {"dymHW": "8,16"},
            id="height is the first open axis, whatever it is called",
        ),
        pytest.param(
            DIMS,
            TOKENS,
            4,
            {"length": 64},
            {"dymDims": "ids:4,64;mask:4,64"},
            {"dymDims": "ids:4,64;mask:4,64"},
            id="dims",
        ),
        pytest.param(
            DIMS,
            TOKENS,
            1,
            {"length": 64},
            {"auto_set_dymdims_mode": "1"},
            {"dymDims": "ids:1,64;mask:1,64"},
            id="dims of one sample a call",
        ),
        pytest.param(BATCHES, FIXED, 4, {}, {"dymBatch": "4"}, {"dymBatch": "4"}, id="batch"),
        pytest.param(
            RANGE,
            TOKENS,
            1,
            {"length": 7},
            {"auto_set_dymshape_mode": "1", "outputSize": "1632,64"},
            {"dymShape": "ids:1,7;mask:1,7", "outputSize": "1632,64"},
            id="range",
        ),
        pytest.param(
            RANGE,
            TOKENS,
            8,
            {"length": 7},
            {"auto_set_dymshape_mode": "1", "outputSize": "12832,64"},
            {"dymShape": "ids:8,7;mask:8,7", "outputSize": "12832,64"},
            id="range of several samples",
        ),
        pytest.param(
            replace(RANGE, bounds={"length": (8, 8)}), TOKENS, 1, {"length": 8}, {}, {}, id="range of one size"
        ),
        pytest.param(
            replace(DIMS, most=MOST),
            TOKENS,
            2,
            {"length": 64},
            {"dymDims": "ids:2,64;mask:2,64", "outputSize": "3232,64"},
            {"dymDims": "ids:2,64;mask:2,64", "outputSize": "3232,64"},
            id="gears, of which outputs do not follow",
        ),
    ],
)
def test_flags(
    shapes: Shapes | None,
    inputs: tuple[TensorSpec, ...],
    batch: int,
    sizes: Sizes,
    of_files: Mapping[str, str],
    of_sizes: Mapping[str, str],
) -> None:
    returns = BOXES if shapes is not None and "anchors" in shapes.most else LABEL
    request = FolderRequest(
        model=Path("m.om"),
        inputs=(Path("in"),),
        samples=3,
        outputs=len(returns),
        batch=batch,
        devices=(0,),
        output=Path("out"),
        dirname="results",
        format="BIN",
        shapes=shapes,
        takes=inputs,
        returns=returns,
        sizes=sizes,
    )
    session = SessionRequest(model=Path("m.om"), inputs=inputs, outputs=returns, batch=batch, shapes=shapes)
    assert flags_of_files(request) == of_files
    assert flags_of_sizes(session, sizes) == of_sizes


def test_which_files_must_tell_their_sizes() -> None:
    assert not reads_sizes(None, 1)
    assert [reads_sizes(shapes, 1) for shapes in (IMAGES, DIMS, BATCHES, RANGE)] == [False, True, False, True]
    assert [reads_sizes(shapes, 2) for shapes in (IMAGES, DIMS, BATCHES, RANGE)] == [False, False, False, True]


@pytest.mark.parametrize(
    ("sizes", "name"),
    [({}, ""), ({"length": 8}, "length-8"), ({"width": 8, "height": 16}, "height-16_width-8")],
)
def test_folders_of_sizes(sizes: Sizes, name: str) -> None:
    assert sizes_folder(sizes) == name


def test_a_request_with_parts_is_one_request_for_each() -> None:
    whole = FolderRequest(
        model=Path("m.om"),
        inputs=(Path("in"),),
        samples=3,
        outputs=2,
        batch=2,
        devices=(0,),
        output=Path("out"),
        dirname="results",
        format="BIN",
    )
    parts = (
        FolderPart(sizes={"length": 64}, inputs=(Path("in/length-64"),), samples=2),
        FolderPart(sizes={"length": 8}, inputs=(Path("in/length-8"),), samples=1),
    )
    assert whole.each() == (whole,)
    assert [(one.inputs, one.samples, one.sizes, one.parts) for one in replace(whole, parts=parts).each()] == [
        (part.inputs, part.samples, part.sizes, ()) for part in parts
    ]
