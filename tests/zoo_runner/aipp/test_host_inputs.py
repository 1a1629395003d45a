from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from places import MANIFESTS
from zoo_runner.aipp.host_inputs import PixelInputs, host_inputs, takes_pixels, uint8_inputs
from zoo_runner.backends.ascend.backend import AscendBackend
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.errors import PluginError
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, on_backend, resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import Backend, Sample, TensorSpec
from zoo_runner.plugin.pixels import Normalisation

IMAGE = TensorSpec("image", "uint8", ("batch", 2, 4, 3))


def resolved(name: str, *overrides: str) -> Recipe:
    return resolve(load(MANIFESTS / name, overrides), RunOptions(output=Path("out")))


@pytest.mark.parametrize(("name", "side"), [("refinedet320.yaml", 320), ("refinedet512.yaml", 512)])
def test_inputs(name: str, side: int) -> None:
    plain, pixels = resolved(name).manifest, resolved(name, "atc.aipp=auto").manifest
    (before,) = host_inputs(plain)
    (after,) = host_inputs(pixels)
    assert before == TensorSpec("image", "float32", ("batch", 3, side, side))
    assert after == TensorSpec("image", "uint8", ("batch", side, side, 3))
    assert uint8_inputs(plain) == uint8_inputs(pixels) == (after,)
    assert before.empty(4).nbytes == 4 * after.empty(4).nbytes


@pytest.mark.parametrize(
    ("override", "backend", "own"),
    [
        pytest.param("atc.insert_op_conf=a.cfg", AscendBackend(), True, id="a file, where it is read"),
        pytest.param("atc.insert_op_conf=a.cfg", OnnxRuntimeBackend(), False, id="where it is not read"),
        pytest.param("atc.insert_op_conf=a.cfg", None, False, id="no model"),
        pytest.param("infer.batch=1", AscendBackend(), False, id="no file"),
    ],
)
def test_a_file_of_ones_own_counts_where_it_is_read(override: str, backend: Backend | None, own: bool) -> None:
    recipe = on_backend(resolved("refinedet320.yaml", override), backend)
    assert recipe.own_aipp is own
    assert recipe.host_inputs == (uint8_inputs(recipe.manifest) if own else recipe.manifest.input_specs)
    assert isinstance(recipe.host_preprocess, PixelInputs) is own
    assert recipe.pixels is None  # the arithmetic is that of the file, and not the plugin's


def test_pixels_are_asked_of_those_who_have_them() -> None:
    recipe = resolved("refinedet320.yaml", "atc.insert_op_conf=a.cfg")
    assert takes_pixels(recipe.manifest, recipe.parts.preprocess)
    assert not takes_pixels(recipe.manifest, Plain())


class Plain:
    """A preprocessing without pixels."""

    identity = "1"

    def __call__(self, sample: Sample) -> Any: ...


def test_preprocessing_gives_the_inputs() -> None:
    plain, pixels = resolved("refinedet320-sample.yaml"), resolved("refinedet320-sample.yaml", "atc.aipp=auto")
    assert plain.host_preprocess is plain.parts.preprocess
    root = Path(load(MANIFESTS / "refinedet320-sample.yaml").path).parents[1] / "refinedet_plugin/sample/VOCdevkit"
    first = plain.parts.dataset.samples(root)[0]
    for recipe in (plain, pixels):
        (spec,) = recipe.host_inputs
        array = recipe.host_preprocess(first)["image"]
        assert (array.dtype.name, array.shape) == (spec.dtype, spec.sample_shape())
    assert pixels.host_preprocess.identity == f"pixels of {plain.parts.preprocess.identity}"


class Pixels:
    """A plugin's preprocessing that returns what it is told to."""

    identity = "told"
    normalisation = Normalisation(mean=(0,) * 3, scale=(1,) * 3, swap_red_blue=False, height=2, width=4)

    def __init__(self, pixels: Callable[[], dict[str, Any]]) -> None:
        self._pixels = pixels

    def __call__(self, sample: Sample) -> dict[str, Any]:
        return {}

    def pixels(self, sample: Sample) -> dict[str, Any]:
        return self._pixels()


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        pytest.param({"image": np.zeros((2, 4, 3), np.float32)}, r"image float32\[2, 4, 3\]", id="dtype"),
        pytest.param({"image": np.zeros((3, 2, 4), np.uint8)}, r"image uint8\[3, 2, 4\]", id="layout"),
        pytest.param({"picture": np.zeros((2, 4, 3), np.uint8)}, r"picture uint8\[2, 4, 3\]", id="name"),
        pytest.param({}, "nothing", id="nothing"),
    ],
)
def test_what_the_plugin_did_not_promise_is_refused(arrays: dict[str, Any], found: str) -> None:
    expected = r"^pixels of sample '7': expected image uint8\[2, 4, 3\], found "
    with pytest.raises(PluginError, match=f"{expected}{found}; correct the plugin's preprocessing$"):
        PixelInputs(Pixels(lambda: arrays), IMAGE)(Sample(index=1, id="7", path=Path("7.jpg")))


def test_what_it_promised_is_passed_on() -> None:
    arrays = {"image": np.zeros((2, 4, 3), np.uint8)}
    assert PixelInputs(Pixels(lambda: arrays), IMAGE)(Sample(index=1, id="7", path=Path("7.jpg"))) is arrays
