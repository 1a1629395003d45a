from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from zoo_runner.manifest.chip_figures import ChipExpectation
from zoo_runner.manifest.figures import AccuracyExpectation, MetricFigure, Tolerance
from zoo_runner.manifest.outline import annotation_at, fields, has_integer_keys
from zoo_runner.manifest.schema import Manifest
from zoo_runner.manifest.tensors import InputTensor
from zoo_runner.manifest.tree import KeyPath


@pytest.mark.parametrize(
    ("path", "annotation"),
    [
        pytest.param((), Manifest, id="top"),
        pytest.param(("name",), str, id="scalar"),
        pytest.param(("inputs", 0), InputTensor, id="list item"),
        pytest.param(("expected", "chips", "310P3"), ChipExpectation, id="mapping value"),
        pytest.param(("weights", "size"), int, id="optional"),
        pytest.param(("plugin", "config", "x"), Any, id="open mapping"),
        pytest.param(("plugin", "config", "x", "y", 3), Any, id="below it"),
        pytest.param(("inputs", 0, "shape", 1), Any, id="choice of types"),
        pytest.param(("weights", "url"), Any, id="choice of forms without keys"),
        pytest.param(("weights", "url", 0), Any, id="below it"),
        pytest.param(("expected", "accuracy"), AccuracyExpectation, id="the form with keys of its own"),
        pytest.param(("expected", "accuracy", "tolerance"), Tolerance, id="a key of that form"),
        pytest.param(("expected", "accuracy", "m/p"), MetricFigure, id="the form with open keys"),
        pytest.param(("expected", "accuracy", "m/p", "tolerance"), Tolerance, id="below that"),
        pytest.param(("nothing", "here"), Any, id="unknown"),
        pytest.param(("name", "below"), Any, id="below a scalar"),
        pytest.param(("atc", "log", "below"), Any, id="below a choice"),
    ],
)
def test_annotation_at(path: KeyPath, annotation: object) -> None:
    assert annotation_at(Manifest, path) is annotation


def test_a_section_whose_form_a_key_tells_has_the_keys_of_that_form() -> None:
    class Square(BaseModel):
        type: Literal["square"]
        side: int

    class Circle(BaseModel):
        type: Literal["circle"]
        radius: int

    class Drawing(BaseModel):
        shapes: tuple[Square | Circle, ...] = Field(default=())

    for tag, form in (("square", Square), ("circle", Circle), ("line", Square)):
        assert annotation_at(Drawing, ("shapes", 0), ("shapes", 0, tag, "x")) is form


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Mapping[int, str], True),
        (Literal[1, 2], False),
        (dict[str, int], False),
        (dict, False),
        (int, False),
        (Any, False),
        (Manifest, False),
    ],
)
def test_has_integer_keys(annotation: object, *, expected: bool) -> None:
    assert has_integer_keys(annotation) is expected


def test_fields_by_the_key_that_sets_them() -> None:
    class Aliased(BaseModel):
        plain: int = 0
        other: int = Field(default=0, alias="written")

    assert list(fields(Aliased)) == ["plain", "written"]
    assert fields(int) == {}
