"""What a model and its images tell of a configuration, and what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from zoo_classification import plugin
from zoo_classification.config import ClassifyConfig
from zoo_classification.drafting import draft
from zoo_classification.tensors import usual_tensors
from zoo_networks.mobilenet import mobilenet_v2
from zoo_runner.errors import UsageError
from zoo_runner.plugin.drafting import Material, UndecidedError
from zoo_runner.plugin.interfaces import TensorSpec

MOBILE = {name: tuple(each.shape) for name, each in mobilenet_v2(2).state_dict().items()}
LOGITS = (TensorSpec("out", "float32", ("batch", 2)),)


def image(*shape: int, dtype: str = "float32") -> tuple[TensorSpec, ...]:
    return (TensorSpec("x", dtype, ("batch", *shape)),)


def folders(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir()
        (root / name / "a.jpg").write_bytes(b"image")
    (root / "empty").mkdir(exist_ok=True)
    return root


@pytest.mark.parametrize(
    ("inputs", "steps"),
    [
        (image(3, 224, 224), ["resize_short_side 256", "centre_crop 224", "normalise", "layout"]),
        (image(48, 48, 3), ["resize_short_side 55", "centre_crop 48", "normalise"]),
        (image(3, 64, 96), ["resize 96 x 64", "normalise", "layout"]),
        (image(48, 48, 3, dtype="uint8"), ["resize_short_side 55", "centre_crop 48"]),
    ],
)
def test_an_onnx_file_tells_the_size(inputs: Any, steps: list[str], tmp_path: Path) -> None:
    material = Material(
        tensors=(),
        data=folders(tmp_path, "cat", "dog"),
        config={"classes": ["cat", "dog"]},
        inputs=inputs,
        outputs=LOGITS,
    )
    found = draft(material)
    config = ClassifyConfig.model_validate(found.config)
    assert [" ".join(filter(None, [each["op"], _size(each)])) for each in found.config["preprocess"]] == steps
    assert found.kinds == {"out": ""}
    assert any("no file tells it" in note for note in found.notes)
    assert plugin.zoo_preprocess(config, inputs)
    assert plugin.zoo_metric(config, LOGITS).measures == (("accuracy", "top1"),)


def _size(step: dict[str, Any]) -> str:
    return str(step.get("size", "")) if "width" not in step else f"{step['width']} x {step['height']}"


def test_a_checkpoint_of_a_known_network(tmp_path: Path) -> None:
    found = draft(
        Material(tensors=[{}, MOBILE], data=folders(tmp_path, "cat", "dog"), config={"classes": ["dog", "cat"]})
    )
    config = ClassifyConfig.model_validate(found.config)
    network = plugin.zoo_network(config, (), ())
    assert (network.inputs, network.outputs) == usual_tensors(config)
    assert network.inputs[0].shape == ("batch", 3, 224, 224)
    assert network.build().state_dict()["classifier.1.bias"].shape == (2,)
    assert "network: the tensors are those of MobileNetV2" in found.notes


def test_a_label_file_with_numbers_needs_no_names(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a.jpg 1")
    found = draft(Material(tensors=(), data=tmp_path, inputs=image(3, 8, 8), outputs=LOGITS))
    assert (found.config["classes"], found.config["reader"]) == (2, {"type": "label_file"})


@pytest.mark.parametrize(
    ("names", "given", "key", "text", "suggestion"),
    [
        (("cat", "dog"), {}, "classes", "the data has 2 folders (cat, dog), and no file tells their order", "cat,dog"),
        (("cat", "d,og"), {}, "classes", "no file tells their order", ""),
        (
            ("ant", "cat", "dog"),
            {},
            "classes",
            "the model has 2 classes, the data has 3 folders (ant, cat, dog); name 2",
            "",
        ),
    ],
)
def test_classes_are_asked_for(
    names: tuple[str, ...], given: dict[str, Any], key: str, text: str, suggestion: str, tmp_path: Path
) -> None:
    data = folders(tmp_path, *names)
    with pytest.raises(UndecidedError) as caught:
        draft(Material(tensors=(), data=data, config=given, inputs=image(3, 8, 8), outputs=LOGITS))
    assert (caught.value.key, caught.value.suggestion) == (key, suggestion)
    assert text in str(caught.value)


def test_an_unknown_network_is_asked_for(tmp_path: Path) -> None:
    data = folders(tmp_path, "cat", "dog")
    with pytest.raises(UndecidedError, match=r"its tensors begin with conv1\.weight, fc\.weight; write") as caught:
        draft(
            Material(tensors=[{"conv1.weight": (1,), "fc.weight": (2, 1)}], data=data, config={"classes": ["a", "b"]})
        )
    assert caught.value.key == "network"


@pytest.mark.parametrize(
    ("inputs", "outputs", "text"),
    [
        (image(1, 8, 8), LOGITS, "expected one input, an image of 3 channels, found x float32[batch, 1, 8, 8]"),
        (image(3, 8, 8) * 2, LOGITS, "expected one input, an image of 3 channels"),
        (image(8), LOGITS, "expected one input, an image of 3 channels"),
    ],
)
def test_what_is_no_classifier_of_images(inputs: Any, outputs: Any, text: str, tmp_path: Path) -> None:
    data = folders(tmp_path, "cat", "dog")
    with pytest.raises(UsageError) as caught:
        draft(Material(tensors=(), data=data, config={"classes": ["cat", "dog"]}, inputs=inputs, outputs=outputs))
    assert text in str(caught.value)


def test_data_without_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a folder of images for each class, or labels\.txt with an"):
        draft(Material(tensors=(), data=tmp_path, inputs=image(3, 8, 8), outputs=LOGITS))


@pytest.mark.parametrize("change", [{"classes": "names.txt"}, {"preprocess": [{"op": "resize_short_side", "size": 8}]}])
def test_tensors_that_nothing_tells(change: dict[str, Any]) -> None:
    plain = {"classes": 3, "reader": {"type": "folders"}, "preprocess": [{"op": "resize", "size": 8}]}
    assert usual_tensors(ClassifyConfig.model_validate(plain))[1][0].shape == ("batch", 3)
    with pytest.raises(UsageError, match="write the manifest by hand"):
        usual_tensors(ClassifyConfig.model_validate({**plain, **change}))


def test_the_network_takes_the_checkpoint() -> None:
    assert (
        mobilenet_v2(2).load_state_dict({name: torch.zeros(shape) for name, shape in MOBILE.items()}).missing_keys == []
    )
