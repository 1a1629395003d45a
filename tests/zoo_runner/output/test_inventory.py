"""The list of zoo-run's own files is right at every moment at which a run may be killed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zoo_runner.output import writing
from zoo_runner.output.inventory import read_inventory
from zoo_runner.output.names import INVENTORY
from zoo_runner.output.writing import is_own, remove_own, replacing_folder, write_file


class Killed(BaseException):
    """As if the process ended here: nothing is cleaned up after it."""


def stop(*_arguments: object) -> None:
    raise Killed


def test_it_is_for_people_too(tmp_path: Path) -> None:
    write_file(tmp_path / "summary.md", "a")
    content = json.loads((tmp_path / INVENTORY).read_bytes())
    assert content["files"] == {"summary.md": ["ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"]}
    assert content["about"].endswith("It replaces and removes nothing else here.")


@pytest.mark.parametrize("moment", ["expect", "settle"])
def test_a_file_is_own_whenever_its_run_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = tmp_path / "summary.md"
    write_file(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(writing, moment, stop)
        with pytest.raises(Killed):
            write_file(path, "new")
    assert path.read_text() == ("old" if moment == "expect" else "new")
    assert is_own(path)
    write_file(path, "newest")
    assert len(read_inventory(tmp_path).files["summary.md"]) == 1


@pytest.mark.parametrize("moment", ["expect", "settle"])
def test_so_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    path = tmp_path / "inputs"
    with replacing_folder(path) as fresh:
        (fresh / "a").write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(writing, moment, stop)
        with pytest.raises(Killed), replacing_folder(path) as fresh:
            (fresh / "a").write_text("new")
    assert (path / "a").read_text() == ("old" if moment == "expect" else "new")
    assert is_own(path)


def test_what_is_gone_is_not_listed(tmp_path: Path) -> None:
    write_file(tmp_path / "summary.md", "a")
    assert remove_own(tmp_path / "summary.md")
    assert read_inventory(tmp_path).files == {}
    assert remove_own(tmp_path / "summary.md")
