"""Which distribution a file belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.used_code.installed import Installations


def installed(folder: Path, version: str, record: str) -> Path:
    info = folder / f"wooden-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: wooden\nVersion: {version}\n")
    (info / "RECORD").write_text(record)
    (folder / "wooden").mkdir()
    module = folder / "wooden" / "plank.py"
    module.write_text("")
    return module


@pytest.mark.parametrize(
    ("first", "owned"),
    [
        pytest.param("later", True, id="the only one"),
        pytest.param("sooner", False, id="another one of that name is found first"),
    ],
)
def test_the_owner_of_a_file(first: str, owned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = installed(tmp_path / "later", "1.0", "wooden/plank.py,,\n")
    monkeypatch.syspath_prepend(str(tmp_path / "later"))
    if first == "sooner":
        installed(tmp_path / "sooner", "2.0", "")
        monkeypatch.syspath_prepend(str(tmp_path / "sooner"))
    owner = Installations().owner(module)
    assert (owner is not None and owner.base == tmp_path / "later") == owned
    assert owned or owner is None
