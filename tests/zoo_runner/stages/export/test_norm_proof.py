"""The proof of ``onnx.safe_l2_norm``, in runs of the trial with an L2 norm in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from norm_graphs import write_norm
from zoo_runner.job.options import Stage
from zoo_runner.manifest.load import load
from zoo_runner.stages.export import safe_norms
from zoo_runner.stages.export.norm_proof import SAMPLES

if TYPE_CHECKING:
    import pytest

    from lab import Lab


def test_a_run_proves_it(lab: Lab) -> None:
    write_norm(lab.folder / "norm.onnx")
    text = "extends: trial.yaml\nname: norm\nweights: {url: norm.onnx}\nonnx: {safe_l2_norm: 6}\n"
    (lab.folder / "norm.yaml").write_text(text)
    assert lab(manifest="norm.yaml").verdict.value == "pass"
    said = f"onnx: onnx.safe_l2_norm: the outputs have the same bits as without it on {SAMPLES} real inputs"
    assert said in lab.listener.heard
    assert "weights: L2 norms were scaled by 2^-6: 1" in lab.listener.heard
    assert lab(manifest="norm.yaml").verdict.value == "pass"
    assert said in lab.listener.heard  # each run proves it, whatever was reused
    (lab.folder / "data").rename(lab.folder / "gone")
    report = lab(manifest="norm.yaml", last=Stage.CONVERT)  # which needs no data, but for the proof
    assert (report.verdict.value, report.exit_code) == ("error", 3)


def test_a_bit_that_differs_ends_a_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    write_norm(lab.folder / "norm.onnx")
    (lab.folder / "norm.yaml").write_text(
        "extends: trial.yaml\nname: norm\nweights: {url: norm.onnx}\nonnx: {safe_l2_norm: 5}\n"
    )
    monkeypatch.setattr(safe_norms, "FLOOR", 1000.0)  # as if numbers were lost
    report = lab(manifest="norm.yaml")
    assert (report.verdict.value, report.exit_code) == ("error", 3)
    where = load(lab.folder / "norm.yaml").locate(("onnx", "safe_l2_norm"))
    assert report.why[0].startswith(
        f"{where}: onnx.safe_l2_norm: expected outputs with the same bits as without it, found others: output 'scores'"
    )
