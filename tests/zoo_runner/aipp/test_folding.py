"""Folding as the conversion of backends that run ONNX; what is computed is in the tests of the fold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from zoo_runner.aipp.folding import Folding
from zoo_runner.errors import PluginError
from zoo_runner.plugin.conversion import ConversionRequest
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.plugin.pixels import Normalisation

NORMALISATION = Normalisation(mean=(1.0, 2.0, 3.0), scale=(1.0,) * 3, swap_red_blue=False, height=2, width=4)


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[[Normalisation | None], ConversionRequest]:
    """Ask for the identity of an image to be folded."""
    image, same = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, 2, 4]) for name in ("image", "same")
    )
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["same"])], "g", [image], [same])
    path = tmp_path / "in.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)

    def request(normalisation: Normalisation | None) -> ConversionRequest:
        spec = TensorSpec("image", "float32", ("batch", 3, 2, 4))
        return ConversionRequest(
            model=path,
            sha256="0" * 64,
            inputs=(spec,),
            outputs=(replace(spec, name="same"),),
            batch=1,
            chip="cpu",
            options=None,
            base=tmp_path,
            keep=lambda name, _text: tmp_path / name,
            normalisation=normalisation,
        )

    return request


def test_it_writes_a_graph_that_takes_pixels(
    request_of: Callable[[Normalisation | None], ConversionRequest], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    Folding().convert(request_of(NORMALISATION), folder, tmp_path / "log")
    (path,) = folder.iterdir()
    (image,) = onnx.load(path).graph.input
    assert (path.name, image.type.tensor_type.elem_type) == (Folding.makes.file, TensorProto.UINT8)


def test_every_part_counts(request_of: Callable[[Normalisation | None], ConversionRequest]) -> None:
    request = request_of(NORMALISATION)
    parts = Folding().conversion_parts(request)
    others = (replace(request, sha256="1" * 64), request_of(replace(NORMALISATION, swap_red_blue=True)))
    assert parts.keys() == {"model", "normalisation", "libraries"}
    assert all(Folding().conversion_parts(other) != parts for other in others)
    assert Folding().conversion_parts(replace(request, batch=8)) == parts
    assert Folding().repeats(request) == "here"


def test_there_must_be_something_to_fold(
    request_of: Callable[[Normalisation | None], ConversionRequest], tmp_path: Path
) -> None:
    with pytest.raises(PluginError, match=r"expected a normalisation .* found none; set atc\.aipp: auto"):
        Folding().convert(request_of(None), tmp_path, tmp_path / "log")
