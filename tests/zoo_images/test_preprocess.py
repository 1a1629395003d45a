"""Image files through operations to a network's input, and errors that name the sample or the manifest."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import TypeAdapter

from zoo_images.operations import Operations
from zoo_images.preprocess import ImagePreprocess
from zoo_runner.errors import DatasetError, ManifestError
from zoo_runner.plugin.interfaces import CheckedPreprocess, Sample, TensorSpec
from zoo_runner.plugin.pixels import PixelPreprocess
from zoo_runner.plugin.sized import SizedPreprocess

READ: TypeAdapter[Any] = TypeAdapter(Operations)
IMAGE = TensorSpec("image", "float32", ("batch", 3, 6, 8))
RESIZE = {"op": "resize", "width": 8, "height": 6}
NORMALISE = {"op": "normalise", "mean": [1, 2, 3], "std": [4, 5, 6]}
LAYOUT = {"op": "layout"}
PIXELS = np.random.default_rng(5).integers(0, 256, (12, 16, 3)).astype(np.uint8)


def made(*steps: dict[str, Any], input: TensorSpec = IMAGE) -> ImagePreprocess:  # noqa: A002 - as the argument is called
    return ImagePreprocess(READ.validate_python(list(steps)), input)


def sample_of(folder: Path) -> Sample:
    path = folder / "a.png"
    path.write_bytes(cv2.imencode(".png", PIXELS)[1].tobytes())
    return Sample(index=1, id="a", path=path)


def test_a_file_becomes_the_input(tmp_path: Path) -> None:
    sample, preprocess = sample_of(tmp_path), made(RESIZE, NORMALISE, LAYOUT)
    (image,) = preprocess(sample).values()
    resized = cv2.resize(PIXELS, (8, 6))[..., ::-1].astype(np.float32)
    expected = (resized - np.array([1, 2, 3], np.float32)) * np.array([1 / 4, 1 / 5, 1 / 6], np.float32)
    assert image.tobytes() == np.ascontiguousarray(expected.transpose(2, 0, 1)).tobytes()
    assert list(preprocess(sample)) == ["image"]
    assert isinstance(preprocess, CheckedPreprocess)
    assert preprocess.check(sample) is None


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_pixels_and_normalisation_together_are_the_input(order: str, tmp_path: Path) -> None:
    sample, preprocess = sample_of(tmp_path), made(RESIZE, {**NORMALISE, "order": order}, LAYOUT)
    assert isinstance(preprocess, PixelPreprocess)
    pixels, rule = preprocess.pixels(sample)["image"], preprocess.normalisation
    assert (pixels.dtype.name, pixels.shape, rule.height, rule.width) == ("uint8", (6, 8, 3), 6, 8)
    channels = pixels[..., ::-1] if rule.swap_red_blue else pixels
    found = (channels.astype(np.float32) - np.array(rule.mean, np.float32)) * np.array(rule.scale, np.float32)
    assert np.ascontiguousarray(found.transpose(2, 0, 1)).tobytes() == preprocess(sample)["image"].tobytes()


@pytest.mark.parametrize(
    "steps",
    [
        ({"op": "resize_short_side", "size": 6}, NORMALISE, LAYOUT),
        ({"op": "resize_height", "height": 6}, NORMALISE, {"op": "pad", "width": 8}, LAYOUT),
        (RESIZE, NORMALISE, {"op": "pad", "width": 8}, LAYOUT),
    ],
    ids=["no fixed size", "no fixed size, padded", "padded behind"],
)
def test_only_what_ends_with_the_arithmetic_has_pixels(steps: Any) -> None:
    assert not isinstance(made(*steps), PixelPreprocess)


def test_an_open_axis_gets_the_size_of_the_image(tmp_path: Path) -> None:
    line = TensorSpec("image", "float32", ("batch", 3, 6, "width"))
    preprocess = made({"op": "resize_height", "height": 6}, NORMALISE, LAYOUT, input=line)
    sample = sample_of(tmp_path)
    assert isinstance(preprocess, SizedPreprocess)
    assert preprocess.sizes(sample) == {"width": 8}
    assert preprocess(sample)["image"].shape == (3, 6, 8)


@pytest.mark.parametrize("again", [copy.copy, lambda each: pickle.loads(pickle.dumps(each))], ids=["copy", "pickle"])  # noqa: S301 - our own
def test_it_goes_to_other_processes(again: Any, tmp_path: Path) -> None:
    for steps in ((RESIZE, NORMALISE, LAYOUT), (RESIZE, NORMALISE, {"op": "pad", "width": 8}, LAYOUT)):
        preprocess = made(*steps)
        other = again(preprocess)
        assert (type(other), other.identity) == (type(preprocess), preprocess.identity)
        assert np.array_equal(other(sample_of(tmp_path))["image"], preprocess(sample_of(tmp_path))["image"])


@pytest.mark.parametrize(
    "steps",
    [
        ({**RESIZE, "like": "pillow"}, NORMALISE, LAYOUT),
        ({**RESIZE, "interpolation": "bicubic"}, NORMALISE, LAYOUT),
        (RESIZE, {**NORMALISE, "order": "BGR"}, LAYOUT),
        (RESIZE, {**NORMALISE, "mean": [1, 2, 4]}, LAYOUT),
        (RESIZE, {**NORMALISE, "std": [4, 5, 7]}, LAYOUT),
        ({"op": "resize", "size": 9}, {"op": "centre_crop", "width": 8, "height": 6}, NORMALISE, LAYOUT),
        ({"op": "letterbox", "width": 8, "height": 6}, NORMALISE, LAYOUT),
        ({"op": "letterbox", "width": 8, "height": 6, "fill": 0}, NORMALISE, LAYOUT),
    ],
)
def test_whatever_changes_the_input_changes_the_identity(steps: Any) -> None:
    assert made(*steps).identity != made(RESIZE, NORMALISE, LAYOUT).identity
    assert made(*steps).identity == made(*steps).identity


@pytest.mark.parametrize(
    ("steps", "shape", "dtype", "found"),
    [
        ((RESIZE, LAYOUT), (3, 6, 8), "float32", "uint8[batch, 3, 6, 8]"),
        ((RESIZE, NORMALISE), (3, 6, 8), "float32", "float32[batch, 6, 8, 3]"),
        ((RESIZE, NORMALISE, LAYOUT), (3, 8, 6), "float32", "float32[batch, 3, 6, 8]"),
        ((RESIZE, NORMALISE, LAYOUT), ("channels", 6, 8), "float32", "float32[batch, 3, 6, 8]"),
        ((RESIZE, NORMALISE, LAYOUT), (3, 6), "float32", "float32[batch, 3, 6, 8]"),
        ((RESIZE, NORMALISE, LAYOUT), (3, 6, 8), "float16", "float32[batch, 3, 6, 8]"),
        (({"op": "resize_height", "height": 6}, LAYOUT), (1, 6, 8), "uint8", "uint8[batch, 3, height, width]"),
    ],
)
def test_what_cannot_be_the_input_is_refused_before_any_image(
    steps: Any, shape: tuple[int | str, ...], dtype: str, found: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        made(*steps, input=TensorSpec("image", dtype, ("batch", *shape)))
    text = str(caught.value)
    assert text.startswith(
        f"plugin.config.preprocess: expected steps that make the input image {dtype}[batch, "
        f"{', '.join(map(str, shape))}], found steps that make {found}; correct the steps"
    )


def test_pixels_without_arithmetic_are_bytes(tmp_path: Path) -> None:
    preprocess = made(RESIZE, input=TensorSpec("image", "uint8", ("batch", 6, 8, 3)))
    assert np.array_equal(preprocess(sample_of(tmp_path))["image"], cv2.resize(PIXELS, (8, 6)))


def test_a_sample_that_is_too_small_is_named(tmp_path: Path) -> None:
    preprocess = made({"op": "centre_crop", "size": 20}, input=TensorSpec("image", "uint8", ("batch", 20, 20, 3)))
    text = r"image of sample 'a': .*a\.png: centre_crop \(step 1 of preprocess\): expected an image of at least 20 x 20"
    for call in (preprocess, preprocess.sizes):
        with pytest.raises(DatasetError, match=text):
            call(sample_of(tmp_path))
