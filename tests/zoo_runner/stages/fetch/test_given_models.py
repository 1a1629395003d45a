"""What ``--om`` names: one model, a folder of them, or a pack, which is unpacked only if it is one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from zoo_runner.errors import StageError
from zoo_runner.job.options import RunOptions
from zoo_runner.stages.fetch.given_models import GivenModels, given_models
from zoo_runner.store.store import Store

MEMBERS = {"m/SHA256SUMS": b"", "m/m.onnx": b"graph", "m/m_bs1.om": b"one", "m/conf/a.json": b"{}"}


def given(om: Path | None, folder: Path) -> GivenModels | None:
    return given_models(RunOptions(output=folder, om=om), Store(folder / "store"))


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_nothing_is_given(tmp_path: Path) -> None:
    assert given(None, tmp_path) is None


@pytest.mark.parametrize(
    ("beside", "graph"),
    [
        pytest.param((), None, id="alone"),
        pytest.param(("m.onnx",), None, id="a graph that is of no pack"),
        pytest.param(("m.onnx", "SHA256SUMS"), "m.onnx", id="a pack"),
        pytest.param(("SHA256SUMS",), None, id="a pack without its graph"),
        pytest.param(("m.onnx", "n.onnx", "SHA256SUMS"), None, id="two graphs"),
    ],
)
def test_a_graph_counts_only_in_a_pack(tmp_path: Path, beside: tuple[str, ...], graph: str | None) -> None:
    for name in ("m.om", *beside):
        (tmp_path / name).touch()
    onnx = None if graph is None else tmp_path / graph
    om = tmp_path / "m.om"
    assert given(om, tmp_path) == GivenModels(shown=om, path=om, onnx=onnx)
    assert given(tmp_path, tmp_path) == GivenModels(shown=tmp_path, path=tmp_path, onnx=onnx)


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    om = archive(tmp_path / "p.zip", MEMBERS)
    first = given(om, tmp_path)
    assert first is not None
    assert {path.name: path.read_bytes() for path in first.path.iterdir()} == {
        "SHA256SUMS": b"",
        "m.onnx": b"graph",
        "m_bs1.om": b"one",
    }
    assert first.onnx == first.path / "m.onnx"
    assert {path.stat().st_mode & 0o777 for path in first.path.iterdir()} == {0o644}
    assert given(om, tmp_path) == first


def test_another_archive_of_the_same_name_is_another_pack(tmp_path: Path) -> None:
    om = archive(tmp_path / "p.zip", MEMBERS)
    first = given(om, tmp_path)
    om.unlink()
    second = given(archive(om, {**MEMBERS, "m/m_bs1.om": b"two"}), tmp_path)
    assert first is not None
    assert second is not None
    assert (second.path / "m_bs1.om").read_bytes() == b"two"
    assert (first.path / "m_bs1.om").read_bytes() == b"one"


@pytest.mark.parametrize(
    ("members", "compression"),
    [
        pytest.param({}, zipfile.ZIP_STORED, id="empty"),
        pytest.param({"m/m_bs1.om": b""}, zipfile.ZIP_STORED, id="no pack"),
        pytest.param({**MEMBERS, "n/m_bs1.om": b""}, zipfile.ZIP_STORED, id="a name twice"),
        pytest.param(MEMBERS, zipfile.ZIP_DEFLATED, id="compressed"),
        pytest.param({**MEMBERS, "m/..": b""}, zipfile.ZIP_STORED, id="the folder above"),
        pytest.param({**MEMBERS, f"m/{'ä' * 128}": b""}, zipfile.ZIP_STORED, id="a name that is too long"),
    ],
)
def test_other_archives_are_refused(tmp_path: Path, members: dict[str, bytes], compression: int) -> None:
    om = archive(tmp_path / "p.zip", members, compression)
    with pytest.raises(StageError) as error:
        given(om, tmp_path)
    assert str(error.value) == (
        f"--om {om}: expected a pack as zoo-run writes it, found another archive; unpack it, and give its folder"
    )


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    om = tmp_path / "p.zip"
    with pytest.raises(StageError, match=rf"^--om {om}: expected a pack of zoo-run's, found no such file$"):
        given(om, tmp_path)
    om.write_bytes(b"PK")
    with pytest.raises(
        StageError, match=rf"^--om {om}: expected a pack of zoo-run's, found a file that is no archive$"
    ):
        given(om, tmp_path)
    om.write_bytes(archive(tmp_path / "q.zip", MEMBERS).read_bytes().replace(b"graph", b"grapf", 1))
    with pytest.raises(StageError, match=r"found a damaged archive \(Bad CRC-32"):
        given(om, tmp_path)


def test_a_link_in_an_archive_is_not_made(tmp_path: Path) -> None:
    om = archive(tmp_path / "p.zip", MEMBERS)
    with zipfile.ZipFile(om, "a") as file:
        info = zipfile.ZipInfo("m/m_bs2.om")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    found = given(om, tmp_path)
    assert found is not None
    assert not (found.path / "m_bs2.om").is_symlink()
    assert not (found.path / "m_bs2.om").exists()
