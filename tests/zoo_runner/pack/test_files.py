"""Names and copies of what goes into a pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.errors import ChangedError, ManifestError
from zoo_runner.pack.files import PackedFile, check_names, copy, weights_file
from zoo_runner.stages.fetch.trust import Fetched
from zoo_runner.store.fingerprints import file_digest


def file(source: Path, name: str = "deep/m.om", sha256: str = "") -> PackedFile:
    return PackedFile(name=name, source=source, sha256=sha256 or file_digest(source), size=0, about="")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a.pth", "weights.pth"),
        ("a.tar.gz", "weights.gz"),
        ("a.safetensors", "weights.safetensors"),
        ("a", "weights"),
        ("a.p th", "weights"),
        ("a.`rm`", "weights"),
        ("a.verylongsuffix", "weights"),
    ],
)
def test_weights_have_a_name_that_any_system_takes(source: str, name: str) -> None:
    fetched = Fetched(path=Path(source), sha256="a" * 64, size=3, reused=True, origin="", pinned=True, trust=None)
    found = weights_file(fetched)
    assert (found.name, found.source, found.sha256, found.size) == (name, Path(source), "a" * 64, 3)


def test_a_copy_is_what_it_should_be(tmp_path: Path) -> None:
    source = tmp_path / "s.om"
    source.write_bytes(b"model")
    source.chmod(0o660)
    copy(file(source), tmp_path / "pack")
    target = tmp_path / "pack" / "deep" / "m.om"
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"model", 0o644)
    with pytest.raises(ChangedError, match=rf"^{source}: changed while it was in use\n  expected sha256 {'0' * 64}"):
        copy(file(source, sha256="0" * 64), tmp_path / "other")


@pytest.mark.parametrize(
    ("name", "own", "free"),
    [
        ("a.cfg", (), True),
        ("a.cfg", ("m.om",), True),
        ("a.cfg", ("a.cfg",), False),
        ("readme.md", ("README.md",), False),
    ],
)
def test_names_are_given_once(tmp_path: Path, name: str, own: tuple[str, ...], free: bool) -> None:
    (tmp_path / "s").write_bytes(b"")
    files = [file(tmp_path / "s", name)]
    if free:
        check_names(files, own)
        check_names((), own)
        return
    with pytest.raises(ManifestError, match=f"the name {name} is taken in the pack; rename that file"):
        check_names(files, own)
    with pytest.raises(ManifestError, match=f"the name {name} is taken"):
        check_names([*files, *files], ())
