"""The reader on small devkit folders written here, on every kind of damage, and on the whole of VOC2007 test."""

from __future__ import annotations

import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from places import VOC2007
from voc_devkits import CLASSES, DATASET, annotation, box_of, devkit, object_of
from zoo_detection.samples import DetectionSample
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_detection.voc.dataset import VocDataset, plain_name
from zoo_runner.errors import DatasetError


def test_samples_in_the_order_of_the_list(tmp_path: Path) -> None:
    root = devkit(
        tmp_path,
        {
            "000001": annotation(
                object_of("dog", box_of(48, 240, 195, 371)), object_of("cat", box_of(8, 12, 352, 498), 1)
            ),
            "2008_000002": annotation(),
        },
        ids="2008_000002\n000001\n",
    )
    empty, full = DATASET.samples(root)
    assert (empty.index, empty.id) == (1, "2008_000002")
    assert (full.index, full.id) == (2, "000001")
    assert full.path == root / "VOC2007" / "JPEGImages" / "000001.jpg"  # which does not exist, and need not
    assert (full.width, full.height) == (353, 500)
    assert full.boxes.tolist() == [[48, 240, 195, 371], [8, 12, 352, 498]]
    assert full.labels.tolist() == [1, 0]
    assert full.difficult.tolist() == [False, True]
    for sample in (empty, full):
        count = len(sample.labels)
        arrays = (sample.boxes, sample.labels, sample.difficult)
        assert [array.shape for array in arrays] == [(count, 4), (count,), (count,)]
        assert [str(array.dtype) for array in arrays] == ["float32", str(np.dtype(np.intp)), "bool"]
        assert not any(array.flags.writeable for array in arrays)


def test_samples_compare_by_index_id_and_path_and_travel(tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation(object_of()), "b": annotation(object_of())})
    one, two = DATASET.samples(root)
    again = DATASET.samples(root)[0]
    assert one == again
    assert hash(one) == hash(again)
    assert one != two
    copy = pickle.loads(pickle.dumps(one))  # noqa: S301 - what was pickled one call before
    assert isinstance(copy, DetectionSample)
    assert copy.boxes.tolist() == one.boxes.tolist()


@pytest.mark.parametrize(
    ("objects", "box", "difficult"),
    [
        (object_of(body=box_of(" 1 ", "2\n", 3, 4)), [1, 2, 3, 4], False),
        (object_of(body=box_of("45.70", "46.2", "47.5", "48.5")), [46, 46, 48, 48], False),
        (object_of(body=box_of(0, 0, 354, 501)), [0, 0, 354, 501], False),
        (object_of(body=box_of(0, "0.5", 1, 1)) + object_of(body=box_of(5, 5, 6, 6)), [0, 0, 1, 1], False),
        (object_of(body=box_of(5, 5, 5, 5)), [5, 5, 5, 5], False),
        (object_of(difficult=" 1 "), [1, 2, 30, 40], True),
        (object_of(" cat\n"), [1, 2, 30, 40], False),
        (f"<object><name>cat</name>{box_of(1, 2, 3, 4)}</object>", [1, 2, 3, 4], False),
        (
            object_of(body=f"<part><name>head</name>{box_of(7, 7, 9.5, 9.5)}</part>{box_of(1, 2, 3, 4)}"),
            [1, 2, 3, 4],
            False,
        ),
    ],
    ids=[
        "spaces",
        "fractions",
        "a pixel past the border",
        "in the first pixel",
        "one pixel",
        "difficult",
        "name",
        "no difficult",
        "part first",
    ],
)
def test_object(tmp_path: Path, objects: str, box: list[int], difficult: bool) -> None:
    (sample,) = DATASET.samples(devkit(tmp_path, {"a": annotation(objects)}))
    assert sample.boxes[:1].tolist() == [box]
    assert sample.labels[:1].tolist() == [0]
    assert sample.difficult[:1].tolist() == [difficult]


@pytest.mark.parametrize("below", ["", "VOC2007"], ids=["VOCdevkit", "year folder"])
def test_root(tmp_path: Path, below: str) -> None:
    root = devkit(tmp_path, {"a": annotation()})
    assert [sample.id for sample in DATASET.samples(root / below)] == ["a"]


def test_other_year_and_list(tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation(), "b": annotation()})
    (root / "VOC2007").rename(root / "SHAPES")
    (root / "SHAPES" / "ImageSets" / "Main" / "val.txt").write_text("b\n")
    dataset = VocDataset(CLASSES, year="SHAPES", image_set="val")
    assert [(sample.index, sample.id) for sample in dataset.samples(root)] == [(1, "b")]


@pytest.mark.parametrize(
    "ids",
    ["a\nb", "a\r\nb\r\n", "\n  a  \n\n\tb\t\n\n", b"\xef\xbb\xbfa\nb\n"],
    ids=["no last newline", "CRLF", "blanks", "byte order mark"],
)
def test_list_forms(tmp_path: Path, ids: str | bytes) -> None:
    root = devkit(tmp_path, {"a": annotation(), "b": annotation()}, ids=ids)
    assert [sample.id for sample in DATASET.samples(root)] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "plain"),
    [("000001", True), ("a b.c", True), ("", False), (".", False), ("..", False), ("a/b", False), ("a\\b", False)],
)
def test_plain_name(name: str, plain: bool) -> None:
    assert plain_name(name) is plain


@pytest.mark.skipif(not VOC2007.is_dir(), reason="the VOC2007 annotations are not beside this checkout")
def test_voc2007_test(tmp_path: Path) -> None:
    with tarfile.open(VOC2007 / "annotations.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    samples = VocDataset(VOC_CLASSES).samples(tmp_path / "VOCdevkit")
    assert len(samples) == 4952
    assert [sample.index for sample in samples] == list(range(1, 4953))
    assert sum(len(sample.labels) for sample in samples) == 14976
    assert sum(int((~sample.difficult).sum()) for sample in samples) == 12032
    first = samples[0]
    assert (first.id, first.width, first.height) == ("000001", 353, 500)
    assert [VOC_CLASSES[label] for label in first.labels] == ["dog", "person"]
    assert first.boxes.tolist() == [[48, 240, 195, 371], [8, 12, 352, 498]]


@pytest.mark.parametrize("name", ["a.jpg", "a.JPG", "a.jpeg", "a.Jpeg", "a.png", "a.PNG"])
def test_images_are_found_by_any_usual_suffix(name: str, tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation(), "a.b": annotation()})
    images = root / "VOC2007" / "JPEGImages"
    images.mkdir()
    for other in (name, "a.b.jpeg", "b.png", "a.txt", "a", "a.jpg.orig"):
        (images / other).touch()
    assert [sample.path.name for sample in DATASET.samples(root)] == [name, "a.b.jpeg"]


@pytest.mark.parametrize(
    ("others", "name"),
    [((), "a.jpg"), (("b.png",), "a.png"), (("b.png", "c.JPG", "d.png"), "a.png"), (("c.png", "b.jpg"), "a.jpg")],
)
def test_a_missing_image_is_called_as_the_others_are(tmp_path: Path, others: tuple[str, ...], name: str) -> None:
    root = devkit(tmp_path, {"a": annotation()})
    images = root / "VOC2007" / "JPEGImages"
    images.mkdir()
    for other in others:
        (images / other).touch()
    (sample,) = VocDataset(CLASSES).samples(root)
    assert sample.path == images / name


@pytest.mark.parametrize("names", [("a.JPG", "a.jpg"), ("a.jpg", "a.png")])
def test_nobody_guesses_which_of_two_images_is_meant(names: tuple[str, str], tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation(), "b": annotation()})
    (root / "VOC2007" / "JPEGImages").mkdir()
    for name in names:
        (root / "VOC2007" / "JPEGImages" / name).touch()
    with pytest.raises(DatasetError, match=f"JPEGImages: expected one image of 'a', found {' and '.join(names)}"):
        DATASET.samples(root)


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        ("a.jpg", r"a.jpg.xml: the file is missing; image sets list ids without '.jpg': write a\n"),
        ("a.XML", r"a.XML.xml: the file is missing; image sets list ids without '.XML': write a\n"),
        ("c.jpg", r"c.jpg.xml: the file is missing\n"),
        ("a.b", r"a.b.xml: the file is missing\n"),
        ("n" * 3000, r"Annotations/n{738}\.\.\.n+.xml: cannot be read: File name too long \(3,052 characters\)"),
    ],
)
def test_ids_that_name_no_annotation(listed: str, text: str, tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation()}, ids=f"{listed}\n")
    with pytest.raises(DatasetError, match=text):
        DATASET.samples(root)


def test_an_id_of_a_suffix_whose_annotation_is_there_is_an_id(tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation(), "a.jpg": annotation()}, ids="a.jpg\r")
    (sample,) = DATASET.samples(root)
    assert (sample.id, sample.path.name) == ("a.jpg", "a.jpg.jpg")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("put", "found"),
    [
        (pipe, "expected a regular file, found a pipe \\(fifo\\)"),
        (zeros, "expected a regular file, found a character device"),
        (circle, "expected a regular file, found symbolic links that lead in a circle"),
        (Path.mkdir, "expected a regular file, found a folder"),
    ],
)
@pytest.mark.parametrize("name", ["Annotations/a.xml", "ImageSets/Main/test.txt"])
def test_special_files_are_refused_at_once(put: Callable[[Path], None], found: str, name: str, tmp_path: Path) -> None:
    root = devkit(tmp_path, {"a": annotation()})
    (root / "VOC2007" / name).unlink()
    put(root / "VOC2007" / name)
    with pytest.raises(DatasetError, match=f"{name.rpartition('/')[2]}.*{found}"):
        DATASET.samples(root)


@pytest.mark.parametrize(
    ("variable", "name"),
    [("ZOO_RUNNER_ANNOTATION_LIMIT", "a.xml"), ("ZOO_RUNNER_IMAGE_SET_LIMIT", "test.txt")],
)
def test_large_files_are_refused_with_the_way_out(
    variable: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = devkit(tmp_path, {"a": annotation()}, ids="a\n" + "\n" * 100)
    monkeypatch.setenv(variable, "50")
    with pytest.raises(DatasetError, match=f"{name}.* expected at most 50 bytes, found .*; set {variable} to accept"):
        DATASET.samples(root)
    monkeypatch.setenv(variable, "1kB")
    assert len(DATASET.samples(root)) == 1


def test_deep_and_wide_annotations_end(tmp_path: Path) -> None:
    deep = f"<annotation>{'<a>' * 400_000}{'</a>' * 400_000}</annotation>"
    wide = f"<annotation {' '.join(f'a{number}={chr(34)}{chr(34)}' for number in range(200_000))}/>"
    root = devkit(tmp_path, {"deep": deep, "wide": wide})
    with pytest.raises(DatasetError, match=r"found 2 faults:\n  Annotations/deep.xml: .*\n  Annotations/wide.xml: "):
        DATASET.samples(root)
