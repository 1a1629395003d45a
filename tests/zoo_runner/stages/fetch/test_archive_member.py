"""The one file of an archive that ``weights.member`` names: exactly that, within bounds, or a reason."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import Lab
from weight_archives import tarred, zipped
from zoo_runner.errors import ExitCode
from zoo_runner.job.options import Stage
from zoo_runner.stages.fetch.archive_member import MEMBER
from zoo_runner.store.fingerprints import file_digest

torch = pytest.importorskip("torch")


@pytest.fixture
def files(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Checkpoints to put into archives, in the current folder."""
    monkeypatch.chdir(lab.folder)
    torch.save({"weight": -torch.eye(4), "bias": torch.zeros(4)}, lab.folder / "wrong.pth")
    return {"wrong": lab.folder / "wrong.pth", "plain": lab.folder / "weights.pth"}


def linked(path: Path, _: dict[str, Path]) -> Path:
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("model.pth")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


def doubled(path: Path, files: dict[str, Path]) -> Path:
    with tarfile.open(path, "w") as archive:
        archive.add(files["plain"], "model.pth")
        archive.add(files["wrong"], "./model.pth")
    return path


@pytest.mark.parametrize(
    ("make", "member", "texts"),
    [
        pytest.param(
            lambda path, files: zipped(path, {"release/model.pth": files["plain"]}),
            "model.pth",
            ("found release/model.pth; did you mean 'release/model.pth'?", "(--set weights.member=null)"),
            id="in-a-folder",
        ),
        pytest.param(
            lambda path, files: zipped(path, {"model.pth": files["plain"], "notes.txt": files["plain"]}),
            "mode.pth",
            ("found model.pth, notes.txt; did you mean 'model.pth'?",),
            id="misspelt",
        ),
        pytest.param(linked, "model.pth", ("found a symbolic link of that name",), id="link"),
        pytest.param(doubled, "model.pth", ("found 2 of that name",), id="doubled"),
        pytest.param(
            lambda path, _: path.write_bytes(b"neither"),
            "model.pth",
            ("expected a tar archive (plain, gz, xz, bz2) or a zip archive",),
            id="no-archive",
        ),
        pytest.param(
            lambda path, files: os.truncate(tarred(path, {"model.pth": files["plain"]}), 300),
            "model.pth",
            ("a.archive: cannot be unpacked: ", "Expected an intact tar or zip archive"),
            id="cut-off",
        ),
    ],
)
def test_members_that_cannot_be_had(
    lab: Lab,
    files: dict[str, Path],
    make: Callable[[Path, dict[str, Path]], object],
    member: str,
    texts: tuple[str, ...],
) -> None:
    make(lab.folder / "a.archive", files)
    report = lab("weights.url=a.archive", f"weights.member={member}")
    assert report.exit_code == ExitCode.STAGE_FAILED
    for text in texts:
        assert text in report.why[0]


def test_a_member_beyond_the_bounds(lab: Lab, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    zipped(lab.folder / "a.zip", {"model.pth": files["plain"], "other.pth": files["wrong"]})
    monkeypatch.setenv("ZOO_RUNNER_UNPACKED_LIMIT", "1kB")
    report = lab("weights.url=a.zip", "weights.member=model.pth")
    assert "refusing to unpack, nothing was written: expected at most 1,000 bytes unpacked" in report.why[0]


def test_the_hash_is_the_archive_s(lab: Lab, files: dict[str, Path]) -> None:
    archive = zipped(lab.folder / "a.zip", {"model.pth": files["plain"]})
    part = ("weights.url=a.zip", "weights.member=model.pth")
    report = lab(*part, f"weights.sha256={file_digest(archive)}", last=Stage.FETCH)
    found = {artifact.name: artifact.sha256 for artifact in report.artifacts}
    assert (found["weights"], found[MEMBER]) == (file_digest(archive), file_digest(files["plain"]))
    report = lab(*part, f"weights.sha256={file_digest(files['plain'])}", last=Stage.FETCH)
    assert "the file is not the expected one" in report.why[0]
