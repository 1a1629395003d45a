"""Readers of labelled lines, and every form in which their files are wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from zoo_runner.errors import DatasetError
from zoo_text.labels import LabelFile, LabelFileConfig, TextFiles, TextFilesConfig

LABELS = LabelFileConfig(type="label_file")
TEXTS = TextFilesConfig(type="text_files")


def test_a_label_file(tmp_path: Path) -> None:
    text = "b/1.png\tone two\r\na.png\t\n\nc d.png\t \u2028x \n"
    (tmp_path / "labels.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    reader = LabelFile(LABELS.model_copy(update={"empty": True}))
    found = reader.samples(tmp_path)
    assert [(each.index, each.id, each.path, each.text) for each in found] == [
        (1, "b/1.png", tmp_path / "b/1.png", "one two"),
        (2, "a.png", tmp_path / "a.png", ""),
        (3, "c d.png", tmp_path / "c d.png", " \u2028x "),
    ]
    assert (reader.noun, found[0].files, found[0].dictionary) == ("lines", (), None)


def test_where_its_images_and_the_dictionary_are(tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "test.txt").write_text("1.png\tx\n")
    own = LabelFile(LABELS.model_copy(update={"file": "rec/test.txt"}), "d.txt").samples(tmp_path)
    assert (own[0].path, own[0].dictionary) == (tmp_path / "rec/1.png", tmp_path / "d.txt")
    assert own[0].files == (tmp_path / "rec/1.png", tmp_path / "d.txt")
    other = LabelFile(LABELS.model_copy(update={"file": "rec/test.txt", "images": "pictures"})).samples(tmp_path)
    assert other[0].path == tmp_path / "pictures/1.png"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "expected path<TAB>text in each line, found none; correct the label file"),
        (b"\n \n", "found none"),
        (b"1.png x\n", "found 1 of another form:\n  line 1 has no tab: '1.png x'\ncorrect the label file"),
        (b"1.png\ta\tb\n", "line 1 has more than one tab"),
        (b"\ta\n", "line 1 names no image inside the data set"),
        (
            b"../1.png\ta\n/etc/passwd\tb\n",
            r"found 2 of another form:\n  line 1 names no image .*\n  line 2 names no im",
        ),
        (b"1.png\ta\n1.png\tb\n", "line 2 has the image of an earlier line"),
        (b"1.png\ta\n./1.png\ta\n", "line 2 names no image inside the data set"),
        (
            b"1.png\ta\n2.png\t\n3.png\t \xe3\x80\x80\n",
            r"found 2 of another form:\n  line 2 has no text: '2.png\\t'\n  line 3 has .*\n.*reader\.empty: true",
        ),
        (b"1.png\t\xff\n", "expected UTF-8, found other bytes"),
    ],
)
def test_a_label_file_that_is_wrong(content: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=text) as caught:
        LabelFile(LABELS).samples(tmp_path)
    assert "labels.txt" in str(caught.value)


def test_a_label_file_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatasetError, match=r"labels.txt.*name it in plugin.config.reader.file, below the folder"):
        LabelFile(LABELS).samples(tmp_path)
    os.mkfifo(tmp_path / "labels.txt")
    with pytest.raises(DatasetError, match=r"labels.txt.*pipe"):
        LabelFile(LABELS).samples(tmp_path)
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "labels.txt").write_text("1.png\tabc\n")
    monkeypatch.setenv("ZOO_RUNNER_LABELS_LIMIT", "4")
    with pytest.raises(DatasetError, match="set ZOO_RUNNER_LABELS_LIMIT to accept more"):
        LabelFile(LABELS).samples(tmp_path / "long")


@pytest.mark.parametrize("file", ["../x", "/x", "", "."])
def test_places_outside_of_the_data_set(file: str) -> None:
    with pytest.raises(ValidationError, match=r"expected a path inside the data set, without '\.\.'"):
        LabelFileConfig(type="label_file", file=file)


def test_text_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name, text in {"b.PNG": "", "a/1.jpg": "one two\n", "a/2.jpg": "\N{HOT BEVERAGE}"}.items():
        (tmp_path / name).touch()
        (tmp_path / name).with_suffix(".gt.txt").write_text(text)
    found = TextFiles(TEXTS.model_copy(update={"suffix": ".gt.txt", "empty": True}), "d.txt").samples(tmp_path)
    assert [(each.index, each.id, each.text) for each in found] == [
        (1, "a/1.jpg", "one two"),
        (2, "a/2.jpg", "\N{HOT BEVERAGE}"),
        (3, "b.PNG", ""),
    ]
    assert found[0].files == (tmp_path / "a/1.jpg", tmp_path / "d.txt")
    assert TextFiles(TEXTS).noun == "lines"


def test_text_files_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"expected images \(.bmp, .jpg, .jpeg, .png\) with a text .* found none; corr"
    ):
        TextFiles(TEXTS).samples(tmp_path)
    for name in ("1.png", "2.png", "2.jpg", "3.png", "4.png"):
        (tmp_path / name).touch()
    for name, content in {"2.txt": b"x", "3.txt": b"x\ny\n", "4.txt": b"\xff", "5.txt": b"x"}.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        TextFiles(TEXTS).samples(tmp_path)
    text = str(caught.value)
    assert (
        "found 5 with a fault:\n  1.png: no 1.txt\n  2.png: has the text file of 2.jpg\n  3.txt: expected one line, "
        in text
    )
    assert "4.txt: 'utf-8' codec can't decode" in text
    assert "5.txt: no image beside it" in text


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\n", b"\xef\xbb\xbf", "\u3000\n".encode()])
def test_a_text_file_without_a_text(content: bytes, tmp_path: Path) -> None:
    """It would be right whenever the recogniser finds nothing."""
    (tmp_path / "a").mkdir()
    for name, text in {"1": b"x", "2": content}.items():
        (tmp_path / "a" / f"{name}.png").touch()
        (tmp_path / "a" / f"{name}.txt").write_bytes(text)
    with pytest.raises(DatasetError) as caught:
        TextFiles(TEXTS).samples(tmp_path)
    assert "found 1 with a fault:\n  a/2.txt:1: expected a text, found none: " in str(caught.value)
    assert str(caught.value).endswith("where images have no text indeed, write plugin.config.reader.empty: true")
    assert len(TextFiles(TEXTS.model_copy(update={"empty": True})).samples(tmp_path)) == 2
