"""The plain operations give what the fast ones do; a fault of the fast ones is called by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import TypeAdapter

from plain_looks import said_of_inputs
from zoo_images import chain
from zoo_images.operations import Operations
from zoo_images.plain import input_mistakes, plain_inputs, read_image, size_of, to_image
from zoo_images.preprocess import ImagePreprocess
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.interfaces import Sample, TensorSpec
from zoo_runner.plugin.plain import Plain

READ: TypeAdapter[Any] = TypeAdapter(Operations)
RESIZE = {"op": "resize", "width": 24, "height": 18}
SMALL = {"op": "resize_short_side", "size": 20}
CROP = {"op": "centre_crop", "size": 17}
BOX = {"op": "letterbox", "size": 40}
LINE = {"op": "resize_height", "height": 16}
NORMALISE = {"op": "normalise", "mean": [90, 110, 130], "std": [50, 60, 70]}
FRACTIONS = {"op": "normalise", "order": "BGR", "mean": [0.4, 0.5, 0.6], "std": 0.25, "white": 1}
LAYOUT = {"op": "layout"}
USUAL = (RESIZE, NORMALISE, LAYOUT)
INPUT = TensorSpec("image", "float32", ("batch", 3, 18, 24))


def operations(*steps: dict[str, Any]) -> Any:
    return READ.validate_python(list(steps))


def fast(*steps: dict[str, Any]) -> ImagePreprocess:
    dtype = "float32" if any(each["op"] == "normalise" for each in steps) else "uint8"
    planar = steps[-1] == LAYOUT
    shape = ("batch", 3, "rows", "columns") if planar else ("batch", "rows", "columns", 3)
    return ImagePreprocess(operations(*steps), TensorSpec("image", dtype, shape))


def plain(*steps: dict[str, Any]) -> Plain:
    made = operations(*steps)
    return Plain(preprocess=plain_inputs(made, "image"), input_mistakes=input_mistakes(made, "image"))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    random = np.random.default_rng(3)
    found = []
    for number, (height, width) in enumerate(((33, 60), (48, 37), (25, 90), (31, 70)), start=1):
        path = tmp_path_factory.mktemp("images") / f"{number}.png"
        pixels = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
        path.write_bytes(cv2.imencode(".png", cv2.GaussianBlur(pixels, (3, 3), 0))[1].tobytes())
        found.append(Sample(index=number, id=str(number), path=path))
    return found


@pytest.mark.parametrize(
    "steps",
    [
        USUAL,
        (RESIZE,),
        (RESIZE, FRACTIONS),
        ({**RESIZE, "interpolation": "nearest"}, LAYOUT),
        ({**RESIZE, "interpolation": "area"}, NORMALISE),
        ({**RESIZE, "interpolation": "bicubic", "like": "pillow"}, {**NORMALISE, "std": None, "scale": 0.5}),
        (SMALL, CROP, NORMALISE, LAYOUT),
        (BOX, LAYOUT),
        ({**BOX, "size": 100, "scale_up": False}, NORMALISE),
        (LINE, NORMALISE, {"op": "pad", "width": 40, "fill": 0.5}, LAYOUT),
        ({**LINE, "usual_width": 20, "max_width": 44}, {"op": "pad", "multiple": 32, "fill": 7}),
    ],
)
def test_as_the_fast_ones(samples: list[Sample], steps: tuple[dict[str, Any], ...]) -> None:
    made = fast(*steps)
    assert said_of_inputs(plain(*steps), samples, [made(each) for each in samples]) is None
    sizes = [made.chain.size(61, 35), made.chain.size(35, 61)]
    assert [size_of(operations(*steps), 61, 35), size_of(operations(*steps), 35, 61)] == sizes
    boxes = np.array([[1, 2, 30, 20], [0, 0, 9, 9]], np.float32)
    there = made.chain.geometry(61, 35).to_network(boxes)
    assert np.allclose(to_image(there, operations(*steps), 61, 35), boxes, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "right", "named"),
    [
        (({**RESIZE, "interpolation": "nearest"}, *USUAL[1:]), USUAL, "the resize takes the nearest pixel"),
        (({**RESIZE, "interpolation": "bicubic"}, *USUAL[1:]), USUAL, "the resize is bicubic"),
        (({**RESIZE, "like": "pillow"}, *USUAL[1:]), USUAL, "the resize is that of Pillow"),
        (USUAL, ({**RESIZE, "like": "pillow"}, *USUAL[1:]), "the resize is that of OpenCV"),
        (
            ({**RESIZE, "op": "letterbox"}, *USUAL[1:]),
            USUAL,
            "the image is padded to its size (letterbox), not stretched",
        ),
        (
            ({**BOX, "op": "resize"}, *USUAL[1:]),
            (BOX, *USUAL[1:]),
            "the image is stretched, not padded (letterbox)",
        ),
        (({**CROP, "op": "resize"}, LAYOUT), (SMALL, CROP, LAYOUT), "the image is stretched, not cut"),
        ((RESIZE, {**NORMALISE, "order": "BGR"}, LAYOUT), USUAL, "channels look exchanged (2 1 0)"),
        ((RESIZE, {**NORMALISE, "std": [100, 120, 140]}, LAYOUT), USUAL, "the scale looks wrong: "),
        ((RESIZE, {**NORMALISE, "mean": [190, 110, 130]}, LAYOUT), USUAL, "the mean looks wrong: "),
    ],
)
def test_another_preprocessing_is_named(
    samples: list[Sample], wrong: tuple[dict[str, Any], ...], right: tuple[dict[str, Any], ...], named: str
) -> None:
    made = fast(*wrong)
    said = said_of_inputs(plain(*right), samples, [made(each) for each in samples])
    assert said is not None
    assert said.startswith(named)


def test_faults_of_the_code_are_named(samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> str | None:
        made = fast(*USUAL)
        return said_of_inputs(plain(*USUAL), samples, [made(each) for each in samples])

    assert said() is None
    with monkeypatch.context() as patch:
        patch.setattr(chain, "normalised", lambda image, _: image[..., ::-1].astype(np.float32))
        assert str(said()).startswith("the scale looks wrong: ")
    with monkeypatch.context() as patch:
        straight = chain.normalised
        patch.setattr(chain, "normalised", lambda image, each: straight(image[:, ::-1], each))
        assert said() == "left and right look exchanged"
    pixels = [np.rint(read_image(each).mean(axis=2, keepdims=True)).repeat(3, 2) for each in samples]
    grey = ImagePreprocess(operations(*USUAL), INPUT, lambda sample: pixels[sample.index - 1].astype(np.uint8))
    found = [grey(each) for each in samples]
    assert said_of_inputs(plain(*USUAL), samples, found) == "the image is read without colours"


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_no_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(content)
    made = plain(RESIZE).preprocess
    assert made is not None
    with pytest.raises(DatasetError, match=r"one\.png: expected an image, found something else; fetch the data set"):
        made(Sample(index=1, id="one", path=path))
