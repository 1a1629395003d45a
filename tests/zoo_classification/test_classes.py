"""Names of classes, or how many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from zoo_classification.classes import Classes, names_of, number_of
from zoo_runner.errors import DatasetError

READ: TypeAdapter[Any] = TypeAdapter(Classes)


@pytest.mark.parametrize(
    ("classes", "number", "names"),
    [(["cat", " dog "], 2, ("cat", "dog")), (3, 3, ("0", "1", "2")), ("names.txt", None, ("red fox", "dog"))],
)
def test_their_names_and_number(classes: Any, number: int | None, names: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\ufeffred fox\r\ndog\n\n", encoding="utf-8")
    read = READ.validate_python(classes)
    assert number_of(read) == number
    assert names_of(read, tmp_path) == names


@pytest.mark.parametrize("classes", [[], ["one"], ["a", "a"], ["a", ""], 1, 100_001, "names", "../names.txt", "/n.txt"])
def test_what_they_cannot_be(classes: Any) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(classes)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "expected a file with class names, one a line; found: No such file or directory"),
        (b"", "expected at least two class names, one a line; found nothing"),
        (b"cat\n", "one a line; found \n  one class, which is always right\n"),
        (b"\xff", "found: 'utf-8' codec can't decode"),
        (b"cat\n\ndog\ncat\n", "\n  line 2: empty\n  line 4: 'cat' is already on line 1\n"),
    ],
)
def test_a_file_that_has_no_names(content: bytes | None, text: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        names_of("names.txt", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'names.txt'}: expected")
    assert text in str(caught.value)
