"""Dictionaries of the manifest, of the model and of the data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.errors import DatasetError, ManifestError
from zoo_text.dictionary import Published, Written, published, read, written

KEY = Published(type="metadata")


def test_dictionaries(tmp_path: Path) -> None:
    assert written(Written(type="characters", characters="ab ")) == ("a", "b", " ")
    assert written(Written(type="characters", characters=("a", "ch"))) == ("a", "ch")
    text = "a\n \u2028\n\u3000\nb"  # what other readers take for the end of a line, or for nothing
    assert published(KEY, {"other": "", "character": text}) == ("a", " \u2028", "\u3000", "b")
    assert published(KEY, {"character": "a\r\nb\r\n"}) == ("a", "b")
    (tmp_path / "d.txt").write_bytes(b"\xef\xbb\xbf" + f"{text}\n".encode())
    assert read(tmp_path / "d.txt") == ("a", " \u2028", "\u3000", "b")


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({}, r"dictionary.key: expected an entry 'character' in the metadata of the ONNX file, found nothing; corr"),
        ({"charakter": "a"}, r"found charakter; did you mean 'charakter'\?"),
        ({"character": ""}, "one for each class, found none"),
        ({"character": "a\n\nb"}, "found an empty one"),
        ({"character": "a\nb\na\n"}, "found 'a' more than once; correct it"),
    ],
)
def test_what_is_none_in_a_model(metadata: dict[str, str], text: str) -> None:
    with pytest.raises(ManifestError, match=text):
        published(KEY, metadata)


def test_what_is_none_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(
        ManifestError, match=r"dictionary.characters: expected characters that differ.* found 'a', '1' mo"
    ):
        written(Written(type="characters", characters="a1a1b"))
    with pytest.raises(DatasetError, match=r"d.txt: expected a dictionary, one character a line, found: No such file"):
        read(tmp_path / "d.txt")
    (tmp_path / "d.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match="found: 'utf-8' codec can't decode"):
        read(tmp_path / "d.txt")
