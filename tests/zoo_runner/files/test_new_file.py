"""What is on its way into the place of another is beside it, empty at first, and gone when it was not put there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from zoo_runner.files.new_file import beside, new_file, new_folder

New = Callable[[Path], AbstractContextManager[Path]]


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_what_is_put_in_place_stays(tmp_path: Path, new: New) -> None:
    path = tmp_path / "report.json"
    with new(path) as temporary:
        assert temporary.parent == tmp_path
        temporary.replace(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("new", [new_file, new_folder])
@pytest.mark.parametrize("error", [None, OSError("full"), KeyboardInterrupt()])
def test_what_is_not_goes(tmp_path: Path, new: New, error: BaseException | None) -> None:
    def fill() -> None:
        with new(tmp_path / "report.json") as temporary:
            assert temporary.exists()
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            fill()
    else:
        fill()
    assert list(tmp_path.iterdir()) == []


def test_one_that_a_killed_run_with_the_same_number_left_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    beside(path, "tmp").write_text("half")
    with new_file(path) as temporary:
        assert temporary.read_bytes() == b""
    beside(path, "tmp").mkdir()
    (beside(path, "tmp") / "half").touch()
    with new_folder(path) as temporary:
        assert list(temporary.iterdir()) == []


def test_a_folder_that_is_not_there_gets_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_file(tmp_path / "gone" / "report.json"):
        pytest.fail("it cannot be made")
