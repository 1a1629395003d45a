"""What of ``plugin.config`` is found in a checkpoint and a data set, and what has to be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from refinedet_plugin.advice import width_of
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.drafting import draft
from refinedet_plugin.plugin import RefineDetNetwork
from zoo_runner.errors import ExportError
from zoo_runner.plugin.drafting import Material, UndecidedError

ANNOTATION = """<annotation><size><width>9</width><height>9</height><depth>3</depth></size>{}</annotation>"""
OBJECT = """<object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>"""
SIZE = "input_size 320: no file tells it; for a network of 512 pixels give --set plugin.config.input_size=512"
Drafted = Callable[..., Any]


def tensors(classes: int, narrow: int = 8) -> dict[str, tuple[int, ...]]:
    """The shapes that tell something, of a network whose width is 1 / ``narrow``."""
    channels = {"vgg.0.weight": 64, "vgg.31.weight": 1024}
    shapes = {name: (number // narrow, 3, 3, 3) for name, number in channels.items()}
    return {**shapes, "odm_conf.0.weight": (3 * (classes + 1), 32, 3, 3), "arm_loc.0.bias": (12,)}


def data(root: Path, classes: Sequence[str], sets: Sequence[str] = ("test",), years: Sequence[str] = ("y",)) -> Path:
    for year in years:
        for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (root / year / part).mkdir(parents=True)
        text = ANNOTATION.format("".join(map(OBJECT.format, classes)))
        (root / year / "Annotations" / "1.xml").write_text(text)
        for name in sets:
            (root / year / "ImageSets" / "Main" / f"{name}.txt").write_text("1\n")
    return root


def test_all_is_found(tmp_path: Path) -> None:
    prefixed = {f"module.{name}": shape for name, shape in tensors(1).items()}
    made = draft(Material(tensors=[{"step": ()}, prefixed, tensors(1)], data=data(tmp_path, ["a", "a"])))
    assert made.config == {
        "classes": ["a"],
        "width": 0.125,
        "input_size": 320,
        "year": "y",
        "image_set": "test",
    }
    width, found = "width 0.125: as wide as the checkpoint's layers", "image set test of y; there are: test"
    assert made.notes == ("classes: the one of the annotations", width, SIZE, found)
    network = RefineDetNetwork(RefineDetConfig.model_validate(made.config))
    assert made.kinds.keys() == {spec.name for spec in network.outputs}


def test_in_the_folder_of_the_year_itself_no_year_is_said(tmp_path: Path) -> None:
    made = draft(Material(tensors=[tensors(1)], data=data(tmp_path, ["a"]) / "y"))
    assert "year" not in made.config


@pytest.mark.parametrize(
    ("sets", "chosen"),
    [
        (("test",), "test"),
        (("train", "val", "trainval"), "val"),
        (("train", "test", "val"), "test"),
        (("mine",), "mine"),
        (("train", "mine"), "mine"),
    ],
)
def test_the_image_set_is_one_that_is_held_out(tmp_path: Path, sets: tuple[str, ...], chosen: str) -> None:
    made = draft(Material(tensors=[tensors(1)], data=data(tmp_path, ["a"], sets)))
    assert made.config["image_set"] == chosen


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    given = {"classes": ("b", "a"), "image_set": "train", "input_size": 512, "year": "z"}
    root = data(tmp_path, ["a"], ["test", "train"], ["y", "z"])
    made = draft(Material(tensors=[tensors(2)], data=root, config=given))
    assert made.config == {**given, "classes": ["b", "a"], "width": 0.125}
    assert made.notes[0] == "classes: as given"
    assert SIZE not in made.notes


def test_the_classes_of_voc_are_in_their_order(tmp_path: Path) -> None:
    made = draft(Material(tensors=[tensors(20)], data=data(tmp_path, ["person", "cat"])))
    assert made.config["classes"] == "voc"
    assert made.notes[0] == "classes voc: those of PASCAL VOC in the published order"


TRAIN = "expected the image set test or val, or one that is not for training; found "


@pytest.mark.parametrize(
    ("number", "classes", "more", "config", "key", "text"),
    [
        pytest.param(
            *(3, "ab", {}, {}, "classes"),
            "the checkpoint has 3 classes, the annotations have 2 classes (a, b); name 3 in the order of the training",
            id="a class without objects",
        ),
        pytest.param(
            *(1, "ab", {}, {}, "classes"),
            "the checkpoint has 1 class, the annotations have 2 classes (a, b); name 1 in the order of the training",
            id="a class too many",
        ),
        pytest.param(
            *(2, "ba", {}, {}, "classes"),
            "the annotations have 2 classes (a, b), and no file tells their order in the training",
            id="the order",
        ),
        pytest.param(
            *(3, "ab", {}, {"classes": ("a", "b")}, "classes"),
            "the checkpoint has 3 classes, given were 2 (a, b)",
            id="too few given",
        ),
        pytest.param(
            *(1, "a", {"sets": ["train", "trainval"]}, {}, "image_set"),
            f"{TRAIN}train, trainval: which one was the network not trained on?",
            id="only sets for training",
        ),
        pytest.param(
            *(1, "a", {"sets": ["one", "two"]}, {}, "image_set"),
            f"{TRAIN}one, two: which one was the network not trained on?",
            id="several sets",
        ),
        pytest.param(
            *(2, "ab", {"years": ["VOC2007", "VOC2012"]}, {}, "year"),
            "expected one year in {root}, found VOC2007, VOC2012",
            id="several years",
        ),
        pytest.param(
            *(2, "ab", {"years": ["a", "b"]}, {"year": "c"}, "year"),
            "expected one year in {root}, found a, b",
            id="another year",
        ),
    ],
)
def test_what_no_file_tells(
    tmp_path: Path, number: int, classes: str, more: dict[str, Any], config: dict[str, Any], key: str, text: str
) -> None:
    root = data(tmp_path, classes, **more)
    with pytest.raises(UndecidedError) as caught:
        draft(Material(tensors=[tensors(number)], data=root, config=config))
    assert (caught.value.key, str(caught.value)) == (key, text.format(root=root))


@pytest.mark.parametrize(
    ("classes", "suggestion"), [(["b", "a"], "a,b"), (["b", "a, or so"], ""), (["b", "a c"], "a c,b")]
)
def test_the_names_are_suggested(tmp_path: Path, classes: list[str], suggestion: str) -> None:
    with pytest.raises(UndecidedError) as caught:
        draft(Material(tensors=[tensors(2)], data=data(tmp_path, classes)))
    assert (caught.value.key, caught.value.suggestion) == ("classes", suggestion)


def test_the_names_of_the_annotations_are_suggested_where_another_number_is_given(tmp_path: Path) -> None:
    material = Material(tensors=[tensors(2)], data=data(tmp_path, ["b", "a"]), config={"classes": ("b",)})
    with pytest.raises(UndecidedError, match=r"^the checkpoint has 2 classes, given were 1 \(b\)$") as caught:
        draft(material)
    assert caught.value.suggestion == "a,b"


@pytest.mark.parametrize(
    ("sets", "found"),
    [
        pytest.param([], "nothing", id="no tensors"),
        pytest.param([{"fc.weight": (2, 2)}], "fc.weight", id="another network"),
        pytest.param([{str(n): (1,) for n in range(12)}], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more", id="many tensors"),
    ],
)
def test_another_checkpoint(tmp_path: Path, sets: list[dict[str, tuple[int, ...]]], found: str) -> None:
    with pytest.raises(ExportError) as caught:
        draft(Material(tensors=sets, data=data(tmp_path, ["a"])))
    assert str(caught.value) == (
        "expected the checkpoint of a RefineDet, with tensors vgg.0.weight, vgg.31.weight, odm_conf.0.weight; "
        f"found {found}; give its own checkpoint with --weights"
    )


@pytest.mark.parametrize("width", [1.0, 0.5, 0.3, 0.125, 0.07, 0.01, 1 / 3])
def test_the_width_gives_the_network_that_was_saved(width: float) -> None:
    torch = pytest.importorskip("torch")

    def shapes(of: float) -> dict[str, tuple[int, ...]]:
        with torch.device("meta"):
            built = RefineDetNetwork(RefineDetConfig(width=of, classes=("a",))).build()
        return {name: tuple(tensor.shape) for name, tensor in built.state_dict().items()}

    found = width_of(shapes(width))
    assert found is not None
    assert shapes(found) == shapes(width)
    assert len(str(found)) <= len(str(width))
