"""What a further run does again, and what it takes from the store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import ALWAYS, NOTHING, Lab, other_weights, redone
from zoo_runner.report.model import Verdict
from zoo_runner.report.predictions import read_predictions, write_predictions
from zoo_runner.stages.export import model as model_stage
from zoo_runner.store.audit import Audit
from zoo_runner.store.entries import make_stamp
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ZooRun
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.stages.fetch.trust import Fetched

pytestmark = pytest.mark.slow  # whole runs of the command


STREAM = {"preprocess", "infer", "postprocess"}


def test_a_second_run_redoes_nothing_and_says_so(lab: Lab) -> None:
    first = lab()
    detections = (lab.folder / "out" / "predictions.npz").read_bytes()
    second = lab()
    assert (first.verdict, second.verdict, redone(second)) == (Verdict.PASS, Verdict.PASS, NOTHING)
    assert lab.listener.heard[1:] == [
        "fetch: everything is here already",
        "export: 0 of None ",
        "export: unchanged; torch and ONNX Runtime differ by at most 0.0e+00 (relative)",
        "convert: 0 of None ",
        "convert: the backend onnxruntime runs ONNX as it is",
        "preprocess to postprocess: 150 of 150 samples",
        "preprocess: unchanged; 150 predictions reused",
        "infer: unchanged; 150 predictions reused",
        "postprocess: unchanged; 150 predictions reused",
        "benchmark: 1 of 1 batch sizes",
    ]
    assert second.metrics == first.metrics
    assert second.artifacts == first.artifacts
    assert (lab.folder / "out" / "predictions.npz").read_bytes() == detections
    assert lab.saved() == json.loads(second.model_dump_json())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param("onnx.opset=18", {"export"} | STREAM, id="export options"),
        pytest.param("plugin.config.offset=0.5", STREAM, id="preprocessing"),
        pytest.param("plugin.config.floor=1.5", STREAM, id="postprocessing"),
        pytest.param("infer.batch=5", STREAM, marks=pytest.mark.long, id="batch size"),
        pytest.param("infer.threads=1", NOTHING, id="threads"),
        pytest.param("plugin.config.classes=[cat, bee, ant, dog]", NOTHING, id="scoring"),
        pytest.param("benchmark.loop=4", NOTHING, marks=pytest.mark.long, id="benchmark"),
        pytest.param("expected.accuracy.value=90", NOTHING, id="expectation"),
    ],
)
@pytest.mark.long_rows("scoring", "threads", "export options")
def test_a_change_redoes_what_depends_on_it(lab: Lab, change: str, expected: set[str]) -> None:
    lab()
    assert redone(lab(change)) == expected
    assert redone(lab(change)) == NOTHING
    assert redone(lab()) == NOTHING


def test_other_weights_redo_everything(lab: Lab, tmp_path: Path) -> None:
    lab.cache = tmp_path / "cache"
    before = {artifact.name: artifact.sha256 for artifact in lab().artifacts}
    report = lab(weights=str(other_weights(lab)))
    after = {artifact.name: artifact.sha256 for artifact in report.artifacts}
    assert redone(report) == {"export"} | STREAM
    assert {name for name, digest in after.items() if digest != before[name]} == {"weights", "onnx", "predictions"}


def test_weights_replaced_after_they_were_hashed_are_refused(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the wrong model's predictions would stand under the right model's key for good."""
    lab.cache, other, weights = tmp_path / "cache", other_weights(lab).read_bytes(), lab.folder / "weights.pth"
    right, export = weights.read_bytes(), model_stage.export_model

    def swapped(
        recipe: Recipe, fetched: Fetched, store: Store, warn: Callable[[str], None], code: None
    ) -> model_stage.ModelFile:
        weights.write_bytes(other)
        return export(recipe, fetched, store, warn, code)

    with monkeypatch.context() as patched:
        patched.setattr("zoo_runner.stages.export.stage.export_model", swapped)
        report = lab()
    assert (report.verdict, report.exit_code) == (Verdict.ERROR, 3)
    assert report.why[0].startswith(f"{weights}: changed while it was in use\n  expected sha256 ")
    assert not [path for kind in ("onnx", "predictions") for path in (lab.cache / kind).rglob("content")]
    weights.write_bytes(right)
    assert lab().verdict is Verdict.PASS


def spoil(entry: Path, name: str, content: bytes) -> None:
    """Write another file with a stamp that fits: what a fault of the program itself would leave."""
    (entry / "content" / name).write_bytes(content)
    (entry / "stamp.json").write_bytes(make_stamp(entry / "content").encoded())


def test_an_entry_that_is_damaged_is_made_again_and_named(lab: Lab, tmp_path: Path) -> None:
    lab.cache = tmp_path / "cache"
    lab()
    (entry,) = (path.parent for path in (lab.cache / "onnx").rglob("content"))
    for content, text in (
        (b"{", "parity.json or checkpoint.json cannot be understood"),
        (b"[]", "parity.json or checkpoint.json cannot be understood"),
    ):
        spoil(entry, "parity.json", content)
        report = lab()
        assert (report.verdict, redone(report)) == (Verdict.PASS, {"export"})
        assert next(line for line in lab.listener.heard if "damaged" in line).startswith(
            f"{entry}: damaged, and made again: {text}"
        )
    (entry / "content" / "model.onnx").write_bytes(b"")
    assert redone(lab()) == {"export"}
    assert redone(lab()) == NOTHING


def mislabel(entry: Path) -> None:
    """Give a chunk of predictions other labels, and a stamp that fits."""
    path = entry / "content" / "predictions.npz"
    wrong = read_predictions(path)
    for prediction in wrong:
        prediction["label"][:] = 0
    write_predictions(path, wrong)
    spoil(entry, path.name, path.read_bytes())


@pytest.mark.long
def test_without_the_store_everything_is_made_again_and_kept(lab: Lab, tmp_path: Path) -> None:
    lab.cache = tmp_path / "cache"
    lab()
    mislabel(min((lab.cache / "predictions").rglob("content")).parent)
    assert (lab().verdict, redone(lab())) == (Verdict.FAIL, NOTHING)
    again = lab(no_cache=True)
    assert (again.verdict, redone(again)) == (Verdict.PASS, {"export"} | STREAM)
    assert (lab().verdict, redone(lab())) == (Verdict.PASS, NOTHING)


def test_wrong_predictions_with_a_stamp_that_fits_are_found_when_drawn(lab: Lab, tmp_path: Path) -> None:
    lab.cache = tmp_path / "cache"
    lab()
    detections = (lab.folder / "out" / "predictions.npz").read_bytes()
    clean = lab(verify_cache=True, seed=1)
    assert (clean.verdict, redone(clean)) == (Verdict.PASS, STREAM)
    assert [line for line in lab.listener.heard if line.startswith("verify cache: ")] == [
        "verify cache: a tenth of what is reused is made again and compared; --seed 1 repeats it",
        "verify cache: onnx: 1 of 1 made again, with the same bytes",
        "verify cache: predictions: 1 of 3 made again, with the same bytes",
    ]
    assert (lab.folder / "out" / "predictions.npz").read_bytes() == detections
    entries = sorted(path.parent for path in (lab.cache / "predictions").rglob("content"))
    mislabel(entries[0])
    names = [entry.name for entry in entries]
    seed = next(seed for seed in range(100) if Audit(seed=seed).draw("predictions", names) == {names[0]})
    assert lab().verdict is Verdict.FAIL
    found = lab(verify_cache=True, seed=seed)
    assert (found.verdict, found.exit_code) == (Verdict.ERROR, 3)
    assert found.why[0].startswith(f"{entries[0]}: this entry of the store differs from what its inputs give now")
    assert lab(no_cache=True).verdict is Verdict.PASS
    assert lab(verify_cache=True, seed=seed).verdict is Verdict.PASS


def test_a_changed_file_redoes_its_chunk(lab: Lab) -> None:
    lab()
    (lab.folder / "data" / "dog_147.txt").write_text("0 0 0 5")
    report = lab()
    assert redone(report) == STREAM
    assert next(stage.why for stage in report.stages if stage.name == "infer").startswith("busy seconds; 22 of 150 ")


def test_a_limit_takes_what_whole_runs_left(lab: Lab) -> None:
    lab()
    report = lab(limit=64)
    assert (report.verdict, redone(report)) == (Verdict.INCONCLUSIVE, NOTHING)


@pytest.mark.long
def test_edited_plugin_code_redoes_everything(trial: ZooRun, trial_site: Path, tmp_path: Path) -> None:
    site = shutil.copytree(trial_site, tmp_path / "site")
    edited = trial.given(PYTHONPATH=site)
    from_files = ("--from", "postprocess", "--results", "files/results")

    def work(*arguments: str) -> set[str]:
        assert edited("trial.yaml", "--output", "out", *arguments).returncode == 0
        return {stage["name"] for stage in edited.report()["stages"] if not stage["skipped"]} - ALWAYS

    assert edited("trial.yaml", "--output", "files", "--until", "infer").returncode == 0
    work()
    work(*from_files)
    assert (work(), work(*from_files)) == (NOTHING, NOTHING)
    with (site / "trial_plugin.py").open("a") as file:
        file.write("# changed\n")
    assert (work(), work(*from_files)) == ({"export"} | STREAM, {"postprocess"})
