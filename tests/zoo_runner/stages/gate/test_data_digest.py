"""A hash of a data set sees all that is scored: files, ground truth, order and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.errors import DatasetError
from zoo_runner.plugin.interfaces import Finding, Sample
from zoo_runner.stages.gate.data_digest import UnknownValueError, data_digest


class Kind(str, Enum):
    A = "a"
    B = "b"


@dataclass(frozen=True)
class Box:
    left: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Scene(Sample):
    truth: Any = None
    more: tuple[Path, ...] = ()


class Loose(Sample):
    pass


def scene(folder: Path, **values: Any) -> Scene:
    (folder / "a").write_text("1")
    return Scene(**{"index": 1, "id": "a", "path": folder / "a", **values})


VALUES = [
    *(None, True, 1, 1.0, float("nan"), "1", b"1", Kind.A, Kind.B, "a", ("1",), ("1", "2"), (("1",), "2")),
    *(np.zeros(2, np.float32), np.zeros(2, np.int64), np.zeros((1, 2), np.float32), np.ones(2, np.float32)),
    *(np.float32(1), {"a": 1}, {"a": 2}, {1: "a"}, Box(1.0, "a"), Box(2.0, "a"), (Box(1.0, "a"),)),
]


def test_different_values_have_different_hashes_and_equal_ones_equal(tmp_path: Path) -> None:
    found = [data_digest([each], [each]) for each in (scene(tmp_path, truth=value) for value in VALUES)]
    assert len(set(found)) == len(VALUES)
    again = [data_digest([each], [each]) for each in (scene(tmp_path, truth=value) for value in VALUES)]
    assert again == found


def test_it_is_of_all_samples_and_of_the_files_of_those_that_are_scored(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("2")
    first, second = scene(tmp_path), scene(tmp_path, index=2, id="b", path=tmp_path / "b")
    both = data_digest([first, second], [first, second])
    others = [
        data_digest([first, second], [first]),
        data_digest([second, first], [second, first]),
        data_digest([first], [first]),
        data_digest([replace(first, group="g"), second], [first, second]),
        data_digest([replace(first, more=(tmp_path / "b",)), second], [replace(first, more=(tmp_path / "b",)), second]),
    ]
    assert len({both, *others}) == 6
    (tmp_path / "b").write_text("3")
    assert data_digest([first, second], [first, second]) != both
    assert data_digest([first, second], [first]) == others[0], "the file of a sample that is not scored"


def test_what_the_runner_found_in_a_file_does_not_count(tmp_path: Path) -> None:
    plain = scene(tmp_path)
    found = replace(plain, finding=Finding(text="cut", damage=True))
    assert data_digest([found], [found]) == data_digest([plain], [plain])


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        pytest.param(object(), "sample 'a': truth holds a object, of which nobody can tell", id="object"),
        pytest.param({"a": Path("x")}, "holds a PosixPath", id="a file that is not read"),
        pytest.param(np.array([None]), "an array of objects", id="array of objects"),
        pytest.param(iter(()), "tuple_iterator", id="iterator"),
    ],
)
def test_what_cannot_be_known_is_refused(tmp_path: Path, truth: object, message: str) -> None:
    one = scene(tmp_path, truth=truth)
    with pytest.raises(UnknownValueError, match=message):
        data_digest([one], [one])


def test_what_stands_beside_the_fields_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    one = Loose(index=1, id="a", path=tmp_path / "a")
    values: Mapping[str, Any] = vars(one)
    assert "truth" not in values
    object.__setattr__(one, "truth", 1)
    with pytest.raises(UnknownValueError, match="truth is no field of Loose"):
        data_digest([one], [one])


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    one = replace(scene(tmp_path), path=tmp_path / "none")
    with pytest.raises(DatasetError, match=r"expected its file .*none, found none"):
        data_digest([one], [one])
