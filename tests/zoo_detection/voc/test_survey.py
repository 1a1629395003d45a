"""What is found in folders in the form of PASCAL VOC, and what is said of folders that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_detection.voc.survey import survey, years
from zoo_runner.errors import DatasetError

ANNOTATION = """<annotation><size><width>9</width><height>9</height><depth>3</depth></size>{}</annotation>"""
OBJECT = """<object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>"""


def year(folder: Path, annotations: dict[str, str], lists: dict[str, str]) -> Path:
    """A year's folder; annotations are given by their classes, lists by their text."""
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for name, classes in annotations.items():
        text = ANNOTATION.format("".join(map(OBJECT.format, classes.split())))
        (folder / "Annotations" / f"{name}.xml").write_text(text)
    for name, text in lists.items():
        (folder / "ImageSets" / "Main" / f"{name}.txt").write_text(text)
    return folder


def test_lists_of_one_class_are_no_image_sets(tmp_path: Path) -> None:
    lists = {"test": "1\n2\n", "val": "\n 3 \n", "cat_test": "1  1\n2 -1\n", "empty": ""}
    found = survey(year(tmp_path / "y", {"1": "cat cat", "2": "ant", "3": ""}, lists))
    assert found.image_sets == ("test", "val")
    assert dict(found.classes) == {"ant": 1, "cat": 2}


def test_an_annotation_that_cannot_be_read_is_left_to_others(tmp_path: Path) -> None:
    folder = year(tmp_path / "y", {"1": "cat"}, {"test": "1\n"})
    (folder / "Annotations" / "2.xml").write_text("<annotation>")
    assert list(survey(folder).classes) == ["cat"]


def test_years(tmp_path: Path) -> None:
    one, other = (year(tmp_path / name, {"1": "cat"}, {"test": "1\n"}) for name in ("VOC2007", "VOC2012"))
    (tmp_path / "notes").mkdir()
    assert years(tmp_path) == (one, other)
    assert years(one) == (one,)


@pytest.mark.parametrize("part", ["Annotations", "ImageSets", "JPEGImages"])
def test_a_part_of_a_data_set(tmp_path: Path, part: str) -> None:
    folder = year(tmp_path / "VOC2007", {"1": "cat"}, {"test": "1\n"})
    with pytest.raises(DatasetError) as caught:
        years(folder / part)
    text = f"{folder / part}: expected the folder above it, which has Annotations and JPEGImages; give {folder}"
    assert str(caught.value) == text


FORM = "expected Annotations, ImageSets/Main and JPEGImages in it, or in a folder of it such as VOC2007; found"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param([], "nothing;", id="empty"),
        pytest.param(["images", "labels"], "images, labels;", id="another form"),
        pytest.param([f"{n:02}" for n in range(12)], "00, 01, 02, 03, 04, 05, 06, 07, 08, 09, ...;", id="many"),
    ],
)
def test_another_folder(tmp_path: Path, names: list[str], found: str) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(DatasetError) as caught:
        years(tmp_path)
    assert str(caught.value) == f"{tmp_path}: {FORM} {found} put the data set into this form"


def test_a_folder_above(tmp_path: Path) -> None:
    year(tmp_path / "VOCdevkit" / "VOC2007", {"1": "cat"}, {})
    with pytest.raises(DatasetError) as caught:
        years(tmp_path)
    text = f"expected Annotations in it or in a folder of it, found it deeper; give {tmp_path / 'VOCdevkit'}"
    assert str(caught.value) == f"{tmp_path}: {text}"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone: expected Annotations.*; found nothing; put"):
        years(tmp_path / "gone")


def test_no_list_of_images_and_the_command_that_writes_one(tmp_path: Path) -> None:
    folder = year(tmp_path / "my data", {"1": "cat"}, {"cat_test": "1 1\n"})
    with pytest.raises(DatasetError) as caught:
        survey(folder)
    assert str(caught.value) == (
        f"{folder}: expected a list of images in ImageSets/Main, found none; "
        f"write {folder}/ImageSets/Main/test.txt, one id a line, as in\n"
        f"  mkdir -p '{folder}/ImageSets/Main' && ls '{folder}/Annotations' | sed 's/[.]xml$//' > "
        f"'{folder}/ImageSets/Main/test.txt'"
    )


def test_images_in_another_folder(tmp_path: Path) -> None:
    folder = year(tmp_path, {"1": "cat"}, {"test": "1\n"})
    (folder / "JPEGImages").rename(folder / "PNGImages")
    where = f"{folder}: expected the images in the folder JPEGImages (.jpg, .jpeg or .png)"
    with pytest.raises(DatasetError) as caught:
        survey(folder)
    assert str(caught.value) == where
    (folder / "PNGImages" / "1.PNG").touch()
    with pytest.raises(DatasetError) as caught:
        survey(folder)
    assert str(caught.value) == f"{where}; found images in PNGImages: give that folder this name"


def test_no_object(tmp_path: Path) -> None:
    folder = year(tmp_path, {"1": ""}, {"test": "1\n"})
    with pytest.raises(DatasetError, match="Annotations: expected annotations with objects in them, found none that"):
        survey(folder)
