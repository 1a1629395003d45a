"""A ``preprocess:`` list as the manifest has it: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from zoo_images.operations import Normalise, Operations
from zoo_runner.manifest.explain import explain
from zoo_runner.manifest.tree import Origin


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    preprocess: Operations


def faults(steps: Any) -> str:
    data = {"preprocess": steps}
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(data)
    return "\n".join(explain(caught.value, data, Config, lambda _: Origin("m.yaml", 7), ("plugin", "config")))


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([], "preprocess: expected at least 1 in the list, found a list of 0"),
        ("resize", "preprocess: expected a list, found 'resize' (string)"),
        (["resize"], "preprocess.0: expected a mapping, found 'resize' (string)"),
        ([{}], "preprocess.0: expected a key 'op' that says what this is, found no key"),
        ([{"size": 8}], "preprocess.0: expected a key 'op' that says what this is, found size"),
        (
            [{"op": "center_crop", "size": 8}],
            (
                "preprocess.0.op: expected 'resize', 'resize_short_side', 'resize_height', 'centre_crop', 'letterbox', "
                "'pad', 'normalise' or 'layout', found 'center_crop' (string); did you mean 'centre_crop'?"
            ),
        ),
        (
            [{"op": "layout"}, {"op": "letterbox", "size": 8, "fil": 1}],
            "preprocess.1.fil: unknown key; did you mean 'fill'?",
        ),
        ([{"op": "layout", "size": 8}], "preprocess.0.size: unknown key; known here: op, order"),
        (
            [{"op": "resize_short_side"}],
            "preprocess.0.size: required, but not given (of the shorter side, in pixels)",
        ),
        (
            [{"op": "resize"}],
            (
                "preprocess.0: expected size, or width and height; found none of them; write size: 224, or width: 320 "
                "with height: 240"
            ),
        ),
        ([{"op": "resize", "width": 8}], "preprocess.0: expected size, or width and height; found width; write"),
        ([{"op": "centre_crop", "size": 8, "height": 8}], "found size and height; write size: 224"),
        ([{"op": "resize", "size": 0}], "preprocess.0.size: expected at least 1, found 0 (integer)"),
        ([{"op": "resize", "size": 16385}], "preprocess.0.size: expected at most 16384, found 16385 (integer)"),
        (
            [{"op": "resize", "size": 8, "interpolation": "cubic"}],
            (
                "preprocess.0.interpolation: expected 'nearest', 'bilinear', 'bicubic', 'area' or 'lanczos', found "
                "'cubic' (string); did you mean 'bicubic'?"
            ),
        ),
        ([{"op": "resize", "size": 8, "like": "pil"}], "preprocess.0.like: expected 'opencv' or 'pillow'"),
        ([{"op": "pad"}], "preprocess.0: expected width, height or multiple; found none of them"),
        (
            [{"op": "pad", "width": 8, "fill": 127.5}],
            (
                "preprocess: expected a fill of 0 to 255 of pad (step 1), as pixels have; found 127.5; correct it, or "
                "put the step behind normalise"
            ),
        ),
        ([{"op": "normalise", "std": 0}], "preprocess.0.std: expected at least 1e-06"),
        ([{"op": "normalise", "mean": [1, 2]}], "preprocess.0.mean"),
        ([{"op": "normalise", "mean": float("nan")}], "preprocess.0.mean: expected a finite number"),
        ([{"op": "normalise", "std": 2, "scale": 2}], "preprocess.0: expected std or scale; found both"),
        ([{"op": "normalise", "white": 1, "scale": 2}], "preprocess.0: expected white: 255 beside scale; found 1"),
        (
            [{"op": "normalise"}, {"op": "resize", "size": 8}],
            (
                "preprocess: expected resize (step 2) before normalise (step 1), and each of normalise and layout "
                "at most once; found normalise, resize; change the order"
            ),
        ),
        ([{"op": "normalise"}, {"op": "normalise"}], "expected normalise (step 2) before normalise (step 1)"),
        ([{"op": "layout"}, {"op": "normalise"}], "expected normalise (step 2) before layout (step 1)"),
        ([{"op": "layout"}, {"op": "pad", "width": 8}], "expected pad (step 2) before layout (step 1)"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(steps: Any, text: str) -> None:
    found = faults(steps)
    assert text in found
    assert all(line.startswith("m.yaml:7: plugin.config.preprocess") for line in found.splitlines())


@pytest.mark.parametrize(
    ("keys", "mean", "scale"),
    [
        ({}, (0, 0, 0), (1, 1, 1)),
        ({"white": 1}, (0, 0, 0), (1 / 255,) * 3),
        ({"mean": 127.5, "std": 127.5}, (127.5,) * 3, (1 / 127.5,) * 3),
        ({"mean": [1, 2, 3], "scale": [4, 5, 6]}, (1, 2, 3), (4, 5, 6)),
        ({"mean": [0, 0.5, 1], "std": [0.5, 1, 2], "white": 1}, (0, 127.5, 255), (2 / 255, 1 / 255, 1 / 510)),
    ],
)
def test_mean_and_factor_are_those_of_pixels(keys: Any, mean: tuple[float, ...], scale: tuple[float, ...]) -> None:
    found = Normalise(op="normalise", **keys).arithmetic
    assert found[0] == pytest.approx(mean, abs=0, rel=1e-15)
    assert found[1] == pytest.approx(scale, abs=0, rel=1e-15)
