"""What a recogniser and its lines tell of a configuration, and what is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from places import ROOT
from zoo_runner.draft.drafting import Sources, draft_facts, write
from zoo_runner.draft.given import Given
from zoo_runner.errors import UsageError
from zoo_runner.manifest.load import load
from zoo_runner.plugin import loading
from zoo_runner.plugin.drafting import Material, UndecidedError
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_text.config import RecogniseConfig
from zoo_text.drafting import draft

SAMPLE = ROOT / "zoo_text" / "sample"
ABC = {"character": "a\nb\nc"}


def material(*shape: int | str, classes: int = 4, data: Path = SAMPLE / "digits", **more: Any) -> Material:
    inputs = (TensorSpec("x", "float32", ("batch", *shape)),) if shape else ()
    outputs = (TensorSpec("y", "float32", ("batch", "steps", classes)),)
    return Material(**{"tensors": (), "data": data, "inputs": inputs, "outputs": outputs, "metadata": ABC, **more})


def test_a_model_with_an_open_width() -> None:
    found = draft(material(3, 48, "width", classes=5))
    config = RecogniseConfig.model_validate(found.config)
    assert [each.op for each in config.preprocess] == ["resize_height", "normalise", "pad", "layout"]
    assert (config.reader.type, config.postprocess.space) == ("label_file", True)
    least, greatest = found.sections["atc"]["input_shape_range"]["width"]
    assert (least, found.tensors) == (320, {"y": {"most": {"steps": greatest}}})
    assert found.notes[0] == "dictionary: the 3 characters in the model's metadata, and a space"
    assert any("no file tells it" in note for note in found.notes)


def test_a_model_with_a_fixed_width(tmp_path: Path) -> None:
    shutil.copy(SAMPLE / "digits" / "0001.png", tmp_path / "1.png")
    (tmp_path / "1.txt").write_text("1")
    found = draft(material(3, 32, 100, data=tmp_path))
    assert (found.sections, found.tensors, found.config["reader"]) == ({}, {}, {"type": "text_files"})
    assert [found.config["preprocess"][place].get("max_width") for place in (0, 2)] == [100, None]
    assert found.config["preprocess"][2]["width"] == 100


def test_what_the_user_says_is_kept() -> None:
    said = {
        "reader": {"type": "label_file"},
        "preprocess": [{"op": "resize_height", "height": 48}, {"op": "normalise"}, {"op": "layout"}],
        "postprocess": {"type": "ctc_greedy", "dictionary": {"type": "characters", "characters": "abc"}},
    }
    found = draft(material(3, 48, "width", metadata={}, config=said))
    assert (found.config, found.notes[0]) == (said, "postprocess: as given")


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        (material(), UsageError, "fixed height, found a checkpoint; write the manifest by hand: docs/how-to/text.md"),
        (material(1, 48, "width"), UsageError, r"found x float32\[batch, 1, 48, width\]"),
        (material(3, "height", "width"), UsageError, "of fixed height, found x"),
        (
            material(3, 48, "width", data=ROOT / "docs"),
            UsageError,
            "expected labels.txt with path<TAB>text in each line",
        ),
        (
            material(3, 48, "width", metadata={"a": ""}),
            UndecidedError,
            "in the metadata of the ONNX file, found a",
        ),
        (material(3, 48, "width", classes=9), UndecidedError, "the model has 9 classes, its dictionary 3 characters"),
    ],
)
def test_what_is_not_told(given: Material, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        draft(given)


def test_the_manifest_that_is_written_is_valid(tmp_path: Path) -> None:
    sources = Sources(weights=SAMPLE / "digits.onnx", data=SAMPLE / "digits")
    write(draft_facts("mine", loading.load("recognise"), sources, Given()), tmp_path / "mine.yaml")
    manifest = load(tmp_path / "mine.yaml").manifest
    assert manifest.outputs[0].most == {"steps": 112}
    assert manifest.atc.input_shape_range == {"width": (107, 112)}
