"""``zoo-run precision`` as users call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from norm_graphs import write_norm

if TYPE_CHECKING:
    from tests.conftest import ZooRun

MANIFEST = "extends: trial.yaml\nname: norm\nweights: {url: norm.onnx}\n"


@pytest.fixture
def norm(trial: ZooRun) -> ZooRun:
    write_norm(trial.folder / "norm.onnx")
    (trial.folder / "norm.yaml").write_text(MANIFEST)
    return trial


def test_from_the_scan_to_the_remedy(norm: ZooRun) -> None:
    scanned = norm("precision", "norm.yaml", "--keep-dtype", "keep.txt")
    assert scanned.returncode == 0, scanned.stderr
    assert scanned.stdout.startswith(
        "norm: largest magnitudes over 15 samples, in fp32; fp16 ends at 65504\noverflow in"
    )
    assert scanned.stdout.endswith("keep.txt: 5 operators; in the manifest: atc: {flags: {keep_dtype: keep.txt}}\n")
    assert (norm.folder / "keep.txt").read_text() == "pow\nsum\nsqrt\nadd\ndiv\n"
    assert not (norm.folder / "zoo-output").exists()
    broken = norm("precision", "norm.yaml", "--emulate", "--mode", "force_fp16")
    assert (broken.returncode, "force_fp16 (what the manifest asks for): breaks\n" in broken.stdout) == (1, True)
    kept = f"atc.flags.keep_dtype={norm.folder / 'keep.txt'}"
    repaired = norm("precision", "norm.yaml", "--emulate", "--mode", "fp16", "--samples", "20", "--set", kept)
    assert (repaired.returncode, "(what the manifest asks for): no break seen\n" in repaired.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["norm.yaml", "--mode", "fp16"], 2, "--mode fp16 is emulated: add --emulate, or drop it"),
        (["norm.yaml", "--emulate", "--mode", "force_fp61"], 2, "; did you mean 'force_fp16' or 'force_fp32'?"),
        (
            ["norm.yaml", "--keep-dtype", "norm.yaml"],
            2,
            "expected no such file, as a draft never replaces one",
        ),
        (["norm.yaml", "--keep-dtype", "none/keep.txt"], 2, "--keep-dtype none/keep.txt: cannot be written: "),
        (["norm.yaml", "--set", "atc.flags.keep_dtype=none.txt"], 2, "expected a text file, found none.txt: "),
        (["norm.yaml", "--data", "none"], 3, "--data: expected the folder of the data set, found no folder none"),
        (["none.yaml"], 2, "none.yaml"),
    ],
)
def test_what_is_refused(norm: ZooRun, words: list[str], code: int, text: str) -> None:
    done = norm("precision", *words)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr
