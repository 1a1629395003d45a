"""The list of members of a zip file is held against the bounds before objects are made of it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from zoo_runner.errors import FetchError
from zoo_runner.stages.fetch.limits import MEMBERS
from zoo_runner.stages.fetch.zip_stream import ROW, open_zip

COUNT = 1000
"""Members: their list is longer than what is read in any case."""


def packed(path: Path, names: list[str], comment: bytes = b"", before: bytes = b"") -> Path:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as pack:
        for name in names:
            pack.writestr(name, name[:1])
        pack.comment = comment
    path.write_bytes(before + content.getvalue())
    return path


def members(archive: Path) -> list[str]:
    with open_zip(archive) as pack:
        assert pack is not None
        assert [pack.read(name).decode() for name in pack.namelist()] == [name[:1] for name in pack.namelist()]
        return pack.namelist()


@pytest.mark.parametrize(
    ("names", "options"),
    [
        pytest.param(["a", "b/c"], {}, id="plain"),
        pytest.param([], {}, id="empty"),
        pytest.param(["a"], {"comment": b"PK\1\2" * 5000}, id="comment"),
        pytest.param(["a"], {"before": b"PK\1\2" * 5000}, id="something before it"),
        pytest.param([f"PK\1\2{number}" for number in range(9)], {}, id="names like rows"),
    ],
)
def test_what_is_within_the_bounds_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], options: dict[str, bytes]
) -> None:
    monkeypatch.setenv(MEMBERS.variable, "20")
    assert members(packed(tmp_path / "a", names, **options)) == names


@pytest.mark.parametrize(
    ("length", "limit", "most"),
    [
        pytest.param(4, COUNT - 1, f"{COUNT - 1} members", id="too many"),
        pytest.param(300, COUNT, f"{COUNT * ROW:,} bytes in the list of members", id="too long"),
    ],
)
def test_no_object_is_made_of_a_list_that_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, limit: int, most: str
) -> None:
    archive = packed(tmp_path / "a", [f"{number:0{length}}" for number in range(COUNT)])
    monkeypatch.setenv(MEMBERS.variable, str(limit))
    monkeypatch.setattr(zipfile, "ZipInfo", None)
    with pytest.raises(FetchError) as caught, open_zip(archive):
        pytest.fail("it was not refused")
    assert str(caught.value) == (
        f"{archive}: refusing to unpack, nothing was written: expected at most {most}, found more. If that is right, "
        "set ZOO_RUNNER_MEMBERS_LIMIT to accept more"
    )


def test_another_kind_of_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text" * 100)
    with open_zip(tmp_path / "a") as pack:
        assert pack is None


def test_damage_is_zipfiles_to_name(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a", ["a", "b"])
    archive.write_bytes(archive.read_bytes().replace(b"PK\1\2", b"XX\1\2"))
    with pytest.raises(zipfile.BadZipFile, match="Bad magic number for central directory"), open_zip(archive):
        pytest.fail("it was not refused")
