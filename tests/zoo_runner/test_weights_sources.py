"""Runs of weights that are a part of something: a file in an archive, a set of tensors in a checkpoint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab import Lab, redone
from weight_archives import tarred, zipped
from zoo_runner.errors import ExitCode, ManifestError
from zoo_runner.job.options import Stage

torch = pytest.importorskip("torch")

RIGHT = {"weight": torch.eye(4), "bias": torch.zeros(4)}
WRONG = {"weight": -torch.eye(4), "bias": torch.zeros(4)}


@pytest.fixture
def files(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Checkpoints to put into archives, in the current folder."""
    monkeypatch.chdir(lab.folder)
    names = {"right": {"ema": WRONG, "model.net": {f"student.{key}": value for key, value in RIGHT.items()}}}
    for name, content in {**names, "wrong": WRONG, "plain": RIGHT}.items():
        torch.save(content, lab.folder / f"{name}.pth")
    return {name: lab.folder / f"{name}.pth" for name in ("right", "wrong", "plain")}


def test_from_the_archive_to_the_verdict(lab: Lab, files: dict[str, Path], tmp_path: Path) -> None:
    tarred(lab.folder / "weights.archive", {"release/a.pth": files["wrong"], "release/b.pth": files["right"]})
    part = ("weights.member=release/b.pth", "weights.key=model.net", "weights.strip=student.")
    lab.cache = tmp_path / "cache"
    first = lab("weights.url=weights.archive", *part)
    assert (first.verdict.value, first.metrics[0].value) == ("pass", 100.0)
    origins = {artifact.name: artifact.origin for artifact in first.artifacts}
    assert origins["weights"] == "weights.archive"
    assert origins["weights-member"] == "weights.archive: release/b.pth"
    (export,) = [stage.why for stage in first.stages if stage.name == "export"]
    assert "the weights are those under 'model.net' of the checkpoint" in export
    assert not redone(lab("weights.url=weights.archive", *part))


def test_another_part_is_another_model(lab: Lab, files: dict[str, Path], tmp_path: Path) -> None:
    """Nothing that was made of one part of a file may be taken for that of another: the file's hash is the same."""
    lab.cache = tmp_path / "cache"
    zipped(lab.folder / "both.zip", {"good.pth": files["plain"], "bad.pth": files["wrong"]})
    good = lab("weights.url=both.zip", "weights.member=good.pth")
    assert (good.verdict.value, good.metrics[0].value) == ("pass", 100.0)
    bad = lab("weights.url=both.zip", "weights.member=bad.pth")
    assert (bad.verdict.value, bad.metrics[0].value) == ("fail", 0.0)
    assert {"fetch", "export", "infer"} <= redone(bad)


def test_results_of_another_part_are_refused(lab: Lab, files: dict[str, Path], tmp_path: Path) -> None:
    zipped(lab.folder / "both.zip", {"good.pth": files["plain"], "bad.pth": files["wrong"]})
    lab("weights.url=both.zip", "weights.member=good.pth", last=Stage.INFER)
    report = lab("weights.url=both.zip", "weights.member=bad.pth", first=Stage.POSTPROCESS, output=lab.folder / "out")
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert '"weights": {"member": "bad.pth"}' in report.why[0]
    assert tmp_path.exists()


@pytest.mark.parametrize("member", ["/etc/passwd", "../a.pth", "a/../b.pth", "", ".", "a/", "./a.pth", "a//b.pth"])
def test_names_that_lead_elsewhere(lab: Lab, member: str) -> None:
    with pytest.raises(
        ManifestError, match=r"weights\.member: expected a file inside the archive, as folder/file\.pth"
    ):
        lab(f"weights.member='{member}'")


def test_an_onnx_file_has_no_sets_to_choose_from(lab: Lab) -> None:
    with pytest.raises(
        ManifestError,
        match=r"weights\.key: would have no effect: the weights are an ONNX file, taken whole; remove it$",
    ):
        lab("weights.url=a.zip", "weights.member=model.onnx", "weights.key=model")
    with pytest.raises(ManifestError, match=r"weights\.strip: would .*taken whole; add --set weights\.strip=null$"):
        lab("weights.strip=module.", weights="model.onnx")


def test_a_missing_set_names_its_line(lab: Lab) -> None:
    manifest = lab.folder / "keyed.yaml"
    manifest.write_text("extends: trial.yaml\nweights:\n  key: weightx\n")
    report = lab(manifest="keyed.yaml")
    assert f"{os.fspath(manifest)}:3: weights.key: expected 'weightx' in checkpoint" in report.why[0]
    assert "did you mean 'weight'?" in report.why[0]
