"""Which images have which class, by folders, by a file and by the manifest; and which faults the data may have."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from zoo_classification.classes import Classes
from zoo_classification.readers import LabelledImages, Reader
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.interfaces import NamedSamples

READ: TypeAdapter[Any] = TypeAdapter(Reader)
CLASSES: TypeAdapter[Any] = TypeAdapter(Classes)


def laid_out(root: Path, *files: str, **contents: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(b"image")
    for name, text in contents.items():
        (root / f"{name}.txt").write_text(text)
    return root


def found(root: Path, classes: Any, **reader: Any) -> list[tuple[str, int, str]]:
    dataset = LabelledImages(READ.validate_python(reader), CLASSES.validate_python(classes))
    samples = dataset.samples(root)
    assert [sample.index for sample in samples] == list(range(1, len(samples) + 1))
    assert isinstance(dataset, NamedSamples)
    return [(sample.path.relative_to(root).as_posix(), sample.label, sample.name) for sample in samples]


FOLDERS = ("cat/b.JPG", "cat/a.png", "cat/notes.md", "ant/c.jpeg", "dog/")


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["dog", "cat", "ant"], [("cat/a.png", 1, "cat"), ("cat/b.JPG", 1, "cat"), ("ant/c.jpeg", 2, "ant")]),
        (3, [("ant/c.jpeg", 0, "ant"), ("cat/a.png", 1, "cat"), ("cat/b.JPG", 1, "cat")]),
        ("names.txt", [("cat/a.png", 0, "cat"), ("cat/b.JPG", 0, "cat"), ("ant/c.jpeg", 1, "ant")]),
    ],
    ids=["names", "sorted folders", "names of a file"],
)
def test_folders(classes: Any, expected: list[tuple[str, int, str]], tmp_path: Path) -> None:
    root = laid_out(tmp_path, *FOLDERS, names="cat\nant\ndog\n")
    assert found(root, classes, type="folders", without_images=["dog"]) == expected
    assert found(root, classes, type="folders", without_images="any") == expected


def test_folders_below_another(tmp_path: Path) -> None:
    root = laid_out(tmp_path, "val/cat/a.jpg", "val/dog/b.jpg", "train/cat/c.jpg")
    expected = [("val/cat/a.jpg", 0, "cat"), ("val/dog/b.jpg", 1, "dog")]
    assert found(root, ["cat", "dog"], type="folders", folder="val") == expected


@pytest.mark.parametrize(
    ("lines", "classes", "reader", "expected"),
    [
        ("a.jpg 0\nb c.jpg 2\n\n", 3, {}, [("a.jpg", 0, "0"), ("b c.jpg", 2, "2")]),
        ("a.jpg 1\nb.jpg 3", 3, {"first": 1}, [("a.jpg", 0, "0"), ("b.jpg", 2, "2")]),
        ("a.jpg\tred fox\nb.jpg\tdog", ["dog", "red fox"], {}, [("a.jpg", 1, "red fox"), ("b.jpg", 0, "dog")]),
        ("a b.jpg,dog", ["dog", "cat"], {"folder": "val"}, [("val/a b.jpg", 0, "dog")]),
        ("a.jpg 1", ["dog", "cat"], {}, [("a.jpg", 1, "cat")]),
        ("a.jpg 1", ["1", "0"], {}, [("a.jpg", 0, "1")]),
        ("a.jpg 1\nb.jpg 01", ["01", "1"], {}, [("a.jpg", 1, "1"), ("b.jpg", 0, "01")]),
        ("a.jpg 2\nb.jpg 1", 2, {"first": 1}, [("a.jpg", 1, "1"), ("b.jpg", 0, "0")]),
        ("a.jpg dog\nb.jpg 2", ["dog", "cat"], {"first": 1}, [("a.jpg", 0, "dog"), ("b.jpg", 1, "cat")]),
    ],
    ids=[
        "numbers",
        "from 1",
        "names with tabs",
        "commas",
        "numbers of names",
        "digits",
        "01",
        "classes counted",
        "from 1, names",
    ],
)
def test_a_label_file(lines: str, classes: Any, reader: Any, expected: Any, tmp_path: Path) -> None:
    assert found(laid_out(tmp_path, labels=lines), classes, type="label_file", **reader) == expected


def test_images_that_are_pinned_by_their_hashes(tmp_path: Path) -> None:
    root, labels = laid_out(tmp_path, "a.png", "b.png"), {"a.png": 0, "b.png": 1}
    pins = {name: hashlib.sha256(b"image").hexdigest() for name in labels}
    assert len(found(root, 3, type="listed", labels=labels, sha256=pins)) == 2
    (root / "a.png").write_bytes(b"other")
    (root / "b.png").unlink()
    with pytest.raises(DatasetError) as caught:
        found(root, 3, type="listed", labels=labels, sha256=pins)
    assert f"a.png: expected the image with sha256 {pins['a.png']}, as plugin.config.reader.sha256" in str(caught.value)
    assert "b.png: cannot be read: No such file or directory" in str(caught.value)


def test_labels_in_the_manifest(tmp_path: Path) -> None:
    labels = {"b.png": 2, "data/a.png": "1"}
    assert found(tmp_path, 3, type="listed", labels=labels) == [("b.png", 2, "2"), ("data/a.png", 1, "1")]
    named = found(tmp_path, ["1", "2", "3"], type="listed", labels=labels)  # an integer is a number, a text a name
    assert named == [("b.png", 2, "3"), ("data/a.png", 0, "1")]


@pytest.mark.parametrize("names", [("0", "1", "2"), ("1", "2", "3"), ("00", "01", "10"), ("0", "1", "10", "2", "x")])
def test_folders_that_are_numbers(names: tuple[str, ...], tmp_path: Path) -> None:
    root = laid_out(tmp_path, *(f"{name}/a.png" for name in names))
    expected = [(f"{name}/a.png", label, name) for label, name in enumerate(names)]
    assert found(root, len(names), type="folders") == expected


@pytest.mark.parametrize(
    ("files", "labels", "classes", "reader", "texts"),
    [
        ((), "", 3, {"type": "folders"}, ["1 fault", "expected a folder for each class, found none"]),
        (
            ("cat/a.jpg", "catt/a.jpg"),
            "",
            ["cat", "dog"],
            {"type": "folders"},
            ["2 faults", "catt: is no class; did you mean 'cat'?", "dog: expected the folder of a class, found none"],
        ),
        (
            ("cat/a.jpg", "dog/b.jpg"),
            "",
            3,
            {"type": "folders"},
            ["expected 3 folders, as many as classes, found 2; list the names of the classes where some have no"],
        ),
        (
            ("cat/x.md", "dog/"),
            "",
            ["cat", "dog"],
            {"type": "folders", "without_images": "any"},
            ["no labelled image in "],
        ),
        (
            ("cat/a.jpg", "cow/b.md", "dog/"),
            "",
            3,
            {"type": "folders"},
            [
                "2 faults",
                "cow: expected images (",
                "dog: expected images (.bmp, ",
                "its name into plugin.config.reader.",
            ],
        ),
        (
            ("cat/a.jpg", "dog/"),
            "",
            ["cat", "dog"],
            {"type": "folders", "without_images": ["cat", "doge"]},
            [
                "3 faults",
                "cat: expected no image, as ",
                "dog: expected images (",
                "'doge' is no folder of a class; did",
            ],
        ),
        (
            ("cat/a.jpg", "cat/b.GIF", "cat/deep/c.jpg", "dog/d.jpg"),
            "",
            ["cat", "dog"],
            {"type": "folders"},
            ["2 faults", "b.GIF: expected an image (.bmp, .jpeg", "deep: expected an image (.bmp"],
        ),
        (
            (),
            "a.jpg 3\nb.jpg -1\nc.jpg 01",
            3,
            {"type": "label_file"},
            ["3 faults", ":1: class '3' is not 0 to 2"],
        ),
        ((), "a.jpg 0", 3, {"type": "label_file", "first": 1}, ["labels.txt:1: class '0' is not 1 to 3"]),
        (
            ("0/a.jpg", "1/a.jpg", "10/a.jpg", "2/a.jpg"),
            "",
            4,
            {"type": "folders"},
            ["numbers, which are sorted as texts (0, 1, 10, 2); write plugin.config.classes as the list"],
        ),
        (
            (),
            "1.jpg 1\n2.jpg 10",
            [*"0123456789"],
            {"type": "label_file", "first": 1},
            ["1 fault", "reader.first: expected none where a class is called by digits ('0')", "config.classes: 10 if"],
        ),
        (
            (),
            "1.jpg 1\n2.jpg 10",
            [*"0123456789"],
            {"type": "label_file"},
            ["1 fault", "'10' is not one of 10"],
        ),
        ((), "a.jpg 1", ["cat", "dog", "7"], {"type": "label_file"}, ["class '1' is not one of 3 classes"]),
        ((), "", ["5", "6"], {"type": "listed", "labels": {"a": 5, "b": -1}}, ["2 faults", "class 5 is not 0 to 1"]),
        ((), "a.jpg 1.0", 3, {"type": "label_file"}, ["class '1.0' is not 0 to 2"]),
        ((), "a.jpg \u0663", 9, {"type": "label_file"}, ["is not 0 to 8"]),
        (
            (),
            "a.jpg catt\na.jpg",
            ["cat", "dog"],
            {"type": "label_file"},
            [
                "class 'catt' is not one of 2 classes; did you mean 'cat'?",
                "labels.txt:2: expected a path below ",
            ],
        ),
        ((), "a.jpg 0\na.jpg 1", 3, {"type": "label_file"}, ["labels.txt:2: 'a.jpg' has a class already"]),
        ((), "/a.jpg 0\n../a.jpg 0\na/../b 0", 3, {"type": "label_file"}, ["3 faults", "found '../a.jpg 0'"]),
        ((), "", 3, {"type": "label_file"}, ["no labelled image in "]),
        ((), "", 3, {"type": "label_file", "file": "x.txt"}, ["expected a file with an image's path and its class on"]),
        (
            (),
            "",
            3,
            {"type": "listed", "labels": {"a": "cat"}},
            ["config.reader.labels: class 'cat' is not 0 to 2"],
        ),
    ],
)
def test_faults_of_the_data_are_named(
    files: tuple[str, ...], labels: str, classes: Any, reader: dict[str, Any], texts: list[str], tmp_path: Path
) -> None:
    root = laid_out(tmp_path, *files, labels=labels)
    with pytest.raises(DatasetError) as caught:
        found(root, classes, **reader)
    assert [text for text in texts if text not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize(
    "reader",
    [
        {"type": "folders", "folder": "../x"},
        {"type": "folders", "folder": "/x"},
        {"type": "label_file", "file": "a/../b"},
        {"type": "listed", "labels": {}},
        {"type": "listed", "labels": {"a.jpg": True}},
        {"type": "listed", "labels": {"a.jpg": 1.0}},
        {"type": "listed", "labels": {"../a.jpg": 0}},
        {"type": "listed", "labels": {"a.jpg": 0}, "sha256": {}},
        {"type": "listed", "labels": {"a.jpg": 0}, "sha256": {"a.jpg": "0" * 64, "b.jpg": "0" * 64}},
        {"type": "listed", "labels": {"a.jpg": 0}, "sha256": {"a.jpg": "0"}},
        {"type": "folder"},
    ],
    ids=json.dumps,
)
def test_no_path_leads_out_of_the_data(reader: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(reader)
