"""Operations against OpenCV and Pillow themselves, and where images lie in what they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import TypeAdapter

from zoo_images import chain as chain_module
from zoo_images.chain import Chain, ImageSizeError
from zoo_images.operations import Operations

if TYPE_CHECKING:
    from numpy.typing import NDArray

READ: TypeAdapter[Any] = TypeAdapter(Operations)
CV = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
PIL = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def chain(*steps: dict[str, Any]) -> Chain:
    return Chain(READ.validate_python(list(steps)))


def picture(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(width * 1009 + height).integers(0, 256, (height, width, 3)).astype(np.uint8)


def by_pillow(image: NDArray[np.uint8], size: tuple[int, int], name: str) -> NDArray[np.uint8]:
    """As in a training script: the file's R, G, B resized, and turned to B, G, R afterwards."""
    rgb = Image.fromarray(np.ascontiguousarray(image[..., ::-1]))
    return np.asarray(rgb.resize(size, PIL[name]))[..., ::-1]


@pytest.mark.parametrize("name", CV)
@pytest.mark.parametrize("size", [(7, 5), (64, 48), (101, 33), (1, 1)])
@pytest.mark.parametrize("given_size", [(64, 48), (1, 1), (3, 90)])
def test_filters_are_those_of_the_library(name: str, size: tuple[int, int], given_size: tuple[int, int]) -> None:
    image = picture(*given_size)
    step = {"op": "resize", "width": size[0], "height": size[1], "interpolation": name}
    assert np.array_equal(chain(step).apply(image), cv2.resize(image, size, interpolation=CV[name]))
    assert np.array_equal(chain({**step, "like": "pillow"}).apply(image), by_pillow(image, size, name))


def test_the_two_libraries_differ_where_an_image_gets_smaller() -> None:
    image = picture(200, 200)
    made = [chain({"op": "resize", "size": 50, "like": like}).apply(image) for like in ("opencv", "pillow")]
    assert np.abs(made[0].astype(int) - made[1]).mean() > 5


def test_bilinear_of_opencv_is_the_default() -> None:
    image = picture(60, 40)
    assert np.array_equal(chain({"op": "resize", "size": 32}).apply(image), cv2.resize(image, (32, 32)))


@pytest.mark.parametrize(("width", "height"), [(640, 427), (427, 640), (256, 256), (300, 257), (256, 1000), (9, 8)])
def test_an_imagenet_recipe_is_that_of_torchvision(width: int, height: int) -> None:
    """Its arithmetic, written out: Resize(256), CenterCrop(224), ToTensor, Normalize."""
    image = picture(width, height)
    steps = (
        {"op": "resize_short_side", "size": 256, "like": "pillow"},
        {"op": "centre_crop", "size": 224},
        {"op": "normalise", "mean": MEAN, "std": STD},
        {"op": "layout"},
    )
    found = chain(*steps).apply(image)
    size = (256, int(256 * height / width)) if width <= height else (int(256 * width / height), 256)
    resized = by_pillow(image, size, "bilinear")[..., ::-1]
    top, left = round((size[1] - 224) / 2.0), round((size[0] - 224) / 2.0)
    cropped = resized[top : top + 224, left : left + 224].astype(np.float64) / 255
    expected = (cropped - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert (found.dtype.name, found.shape, found.flags.c_contiguous) == ("float32", (3, 224, 224), True)
    assert np.allclose(found, expected.transpose(2, 0, 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("width", "height", "up", "inner", "at"),
    [
        (640, 480, True, (320, 240), (0, 40)),
        (480, 640, True, (240, 320), (40, 0)),
        (100, 50, True, (320, 160), (0, 80)),
        (100, 50, False, (100, 50), (110, 135)),
        (640, 333, True, (320, 166), (0, 77)),
        (1, 1, True, (320, 320), (0, 0)),
        (2000, 1, True, (320, 1), (0, 159)),
    ],
)
def test_a_letterbox_is_that_of_yolo(
    width: int, height: int, up: bool, inner: tuple[int, int], at: tuple[int, int]
) -> None:
    image = picture(width, height)
    steps = chain({"op": "letterbox", "size": 320, "scale_up": up})
    expected = np.full((320, 320, 3), 114, np.uint8)
    resized = cv2.resize(image, inner)
    expected[at[1] : at[1] + inner[1], at[0] : at[0] + inner[0]] = resized
    assert np.array_equal(steps.apply(image), expected)


@pytest.mark.parametrize(
    ("keys", "given_size", "size"),
    [
        ({}, (100, 32), (150, 48)),
        ({}, (101, 32), (152, 48)),
        ({"usual_width": 151}, (101, 32), (151, 48)),
        ({"usual_width": 151}, (102, 32), (153, 48)),
        ({"usual_width": 152}, (101, 32), (152, 48)),
        ({"max_width": 150}, (1000, 32), (150, 48)),
        ({}, (1, 900), (1, 48)),
    ],
)
def test_lines_of_text_keep_their_aspect_ratio(
    keys: dict[str, Any], given_size: tuple[int, int], size: tuple[int, int]
) -> None:
    steps = chain({"op": "resize_height", "height": 48, **keys})
    assert steps.size(*given_size) == size
    image = picture(*given_size)
    assert np.array_equal(steps.apply(image), cv2.resize(image, size))


@pytest.mark.parametrize(
    ("keys", "size"),
    [
        ({"width": 9}, (9, 5)),
        ({"width": 3, "height": 3}, (7, 5)),
        ({"multiple": 4}, (8, 8)),
        ({"width": 9, "multiple": 5}, (10, 5)),
    ],
)
def test_padding_is_behind_the_image(keys: dict[str, Any], size: tuple[int, int]) -> None:
    image = picture(7, 5)
    padded = chain({"op": "pad", "fill": 9, **keys}).apply(image)
    assert padded.shape == (size[1], size[0], 3)
    assert np.array_equal(padded[:5, :7], image)
    assert (padded.astype(int).sum() - image.astype(int).sum()) == 27 * (size[0] * size[1] - 35)
    normalised = chain({"op": "normalise", "mean": 127.5, "std": 127.5}, {"op": "pad", "fill": -0.5, **keys})
    assert (normalised.apply(image)[5:] == -0.5).all()


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_normalising_rounds_once_a_step(order: str) -> None:
    image = np.arange(256 * 3, dtype=np.int64).reshape(16, 16, 3).astype(np.uint8)
    found = chain({"op": "normalise", "order": order, "mean": MEAN, "std": STD}).apply(image)
    channels = image[..., ::-1] if order == "RGB" else image
    scale = np.array([1 / each for each in STD], np.float32)
    expected = (channels.astype(np.float32) - np.array(MEAN, np.float32)) * scale
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_an_image_that_is_too_small_to_cut_is_refused() -> None:
    steps = chain({"op": "resize_short_side", "size": 8}, {"op": "centre_crop", "width": 9, "height": 8})
    expected = (
        r"^centre_crop \(step 2 of preprocess\): expected an image of at least 9 x 8 pixels, found 8 x 8; resize it"
    )
    for call in (lambda: steps.apply(picture(5, 5)), lambda: steps.size(5, 5), lambda: steps.geometry(5, 5)):
        with pytest.raises(ImageSizeError, match=expected):
            call()


def test_no_image_becomes_larger_than_memory_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "MOST_PIXELS", 1000)
    text = (
        r"resize_short_side \(step 1 of preprocess\): expected at most 1,000 pixels, found 1 x 200 that become 8 x 1600"
    )
    with pytest.raises(ImageSizeError, match=text):
        chain({"op": "resize_short_side", "size": 8}).apply(picture(1, 200))


@pytest.mark.parametrize(
    ("steps", "size"),
    [
        (({"op": "resize", "width": 6, "height": 4},), (6, 4)),
        (({"op": "resize_short_side", "size": 6},), None),
        (({"op": "resize_short_side", "size": 6}, {"op": "centre_crop", "size": 4}), (4, 4)),
        (({"op": "resize", "size": 6}, {"op": "pad", "multiple": 4}), (8, 8)),
        (({"op": "pad", "width": 8},), None),
        (({"op": "letterbox", "size": 6}, {"op": "normalise"}, {"op": "layout"}), (6, 6)),
        (({"op": "letterbox", "size": 6}, {"op": "resize_height", "height": 3}), None),
    ],
)
def test_whether_all_images_get_one_size(steps: Any, size: tuple[int, int] | None) -> None:
    assert chain(*steps).fixed_size() == size
    made = {chain(*steps).size(width, height) for width, height in ((20, 10), (10, 21))}
    assert (made == {size}) is (size is not None)


SIDES = st.integers(1, 300)
STEPS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"op": st.just("resize"), "width": st.integers(1, 99), "height": st.integers(1, 99)}),
        st.fixed_dictionaries({"op": st.just("resize_short_side"), "size": st.integers(1, 40)}),
        st.fixed_dictionaries({"op": st.just("resize_height"), "height": st.integers(1, 40)}),
        st.fixed_dictionaries({"op": st.just("letterbox"), "size": st.integers(1, 99), "scale_up": st.booleans()}),
        st.fixed_dictionaries({"op": st.just("centre_crop"), "size": st.integers(1, 30)}),
        st.fixed_dictionaries({"op": st.just("pad"), "multiple": st.integers(1, 40)}),
    ),
    min_size=1,
    max_size=4,
)


@given(steps=STEPS, width=SIDES, height=SIDES)
def test_boxes_come_back_to_where_they_were(steps: list[dict[str, Any]], width: int, height: int) -> None:
    """The image's corners lie where the pixels do, and boxes that are moved there and back are the same."""
    made = chain(*steps)
    try:
        geometry = made.geometry(width, height)
    except ImageSizeError:
        return
    boxes = np.array([[0, 0, width, height], [0.25 * width, 0.5 * height, 0.75 * width, height]], np.float32)
    there = geometry.to_network(boxes)
    assert there.dtype == np.float32
    back = geometry.to_image(there)
    assert np.allclose(back, boxes, rtol=1e-4, atol=1e-3 * max(width, height))
    image = np.full((height, width, 3), 255, np.uint8)
    result = made.apply(image)
    assert result.shape[1::-1] == made.size(width, height)
    names = [step["op"] for step in steps]
    before, _, after = " ".join(names).partition("letterbox")
    sharp = "letterbox" not in names or ("crop" not in before and set(after.split()) <= {"centre_crop"})
    rows, columns = np.nonzero(result[..., 0] == 255)  # a letterbox is filled with 114
    if sharp and "pad" not in names and rows.size:
        outer = there[0].clip(0, np.array([*made.size(width, height)] * 2))
        assert np.allclose(outer, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), atol=1e-3)


def test_of_no_box_none_is_moved() -> None:
    moved = chain({"op": "letterbox", "size": 32}).geometry(64, 48).to_image(np.zeros((0, 4), np.float32))
    assert (moved.shape, moved.dtype.name) == ((0, 4), "float32")


def test_a_box_in_a_letterbox_is_that_of_the_image() -> None:
    geometry = chain({"op": "letterbox", "size": 320}).geometry(640, 480)
    box = np.array([[0, 40, 160, 160], [320, 280, 320, 280]], np.float32)
    assert geometry.to_image(box).tolist() == [[0, 0, 320, 240], [640, 480, 640, 480]]
    assert (geometry.scale_x, geometry.scale_y, geometry.shift_x, geometry.shift_y) == (0.5, 0.5, 0, 40)
