"""Whole runs that begin with a golden bundle: the stage that differs is named, and by itself decides nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Lab, other_weights
from zoo_runner.commands.golden_bundle import Recorded, recorded
from zoo_runner.errors import UsageError
from zoo_runner.golden.checking import ANEW, ORDER
from zoo_runner.golden.file import read_bundle, write_bundle
from zoo_runner.golden.recording import annotations_digest
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.job.recipe import Recipe
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.report.model import Verdict
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from zoo_runner.report.golden import GoldenRecord
    from zoo_runner.report.model import Report

pytestmark = pytest.mark.slow  # whole runs


def record(lab: Lab, *overrides: str, untrusted: bool = False) -> Recorded:
    options = RunOptions(output=lab.folder / "golden-out", backend="onnxruntime")
    return recorded(
        load(lab.folder / "trial.yaml", overrides),
        options,
        lab.folder / "trial.golden.npz",
        untrusted=untrusted,
        store=Store(lab.cache),
        progress=lab.listener,
    )


def named(lab: Lab, made: Recorded) -> tuple[str, str]:
    lines = dict(line.strip().split(": ") for line in made.lines.splitlines()[1:])
    assert lines["url"] == "trial.golden.npz"  # beside the manifest
    return f"golden.url={lab.folder / lines['url']}", f"golden.sha256={lines['sha256']}"


def golden_of(report: Report) -> GoldenRecord:
    assert report.golden is not None, report.why
    return report.golden


def test_a_run_is_held_against_what_was_recorded(lab: Lab) -> None:
    made = record(lab)
    assert made.samples == 8
    bundle = named(lab, made)
    first = lab(*bundle, batch_size=5)  # another batch size than was recorded
    assert (first.verdict, golden_of(first).state, golden_of(first).inferred) == (Verdict.PASS, "equal", True)
    again = golden_of(lab(*bundle, batch_size=5))
    assert (again.state, again.inferred) == ("equal", False)  # all predictions were kept
    assert golden_of(lab(*bundle, limit=10, last=Stage.EVALUATE)).samples == 1

    shifted = lab(*bundle, "plugin.config.offset=0.25")
    assert shifted.verdict is Verdict.PASS, "a finding by itself makes no red"
    (finding,) = golden_of(shifted).findings
    assert finding.stage in ORDER
    assert finding.stage == "preprocess"
    assert finding.text.partition("differ: ")[2] == "the mean looks wrong: values are the right ones +0.25"
    assert any("golden samples: preprocess: " in warning for warning in shifted.warnings)

    floored = golden_of(lab(*bundle, "plugin.config.floor=3.0")).findings
    assert [(each.stage, "differ for the same outputs" in each.text) for each in floored] == [("postprocess", True)]

    sample = lab.folder / "data" / "ant_000.txt"
    shutil.copy(lab.folder / "data" / "ant_004.txt", sample)
    (found,) = golden_of(lab(*bundle)).findings
    assert (found.stage, found.text) == (
        "data",
        "files of 1 of 8 golden samples (ant_000) are not those that were recorded",
    )

    stale = lab(*bundle, weights=str(other_weights(lab)), other_weights=True)
    assert (golden_of(stale).state, golden_of(stale).findings) == ("stale", ())
    assert golden_of(stale).note.startswith("it is of the weights ")
    assert any("stale" in each and ANEW in each for each in lab.listener.heard)

    wrong = lab(bundle[0], "golden.sha256=" + "ab" * 32)
    assert (wrong.verdict, wrong.exit_code) == (Verdict.ERROR, 3)

    unnamed = lab()
    assert unnamed.golden is None


def test_only_a_run_that_passes_is_recorded(lab: Lab) -> None:
    worse = "expected.accuracy.value=100.0", "plugin.config.classes=[bee, ant, cat, dog]"
    with pytest.raises(UsageError, match="expected a run that passes"):
        record(lab, *worse)
    assert not (lab.folder / "trial.golden.npz").exists()
    record(lab, *worse, untrusted=True)
    bundle = read_bundle(lab.folder / "trial.golden.npz")
    assert bundle.provenance.untrusted == "its verdict is fail"
    record(lab)  # an older bundle is replaced
    assert read_bundle(lab.folder / "trial.golden.npz").provenance.untrusted == ""


def test_nothing_but_a_bundle_is_written_over(lab: Lab) -> None:
    mine = lab.folder / "trial.golden.npz"
    mine.write_text("mine")
    with pytest.raises(UsageError, match="expected no file, or an older bundle, found something else"):
        record(lab)
    assert mine.read_text() == "mine"


def test_manifests_that_bundles_cannot_be_of_are_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recipe, "fan_out", object())
    with pytest.raises(UsageError, match="one network with inputs of one size, found several inferences of a sample"):
        record(lab)


def test_the_digest_of_annotations_depends_on_all_samples() -> None:
    samples = [Sample(index=place, id=str(place), path=Path("x")) for place in range(3)]
    digests = {annotations_digest(samples[:count]) for count in range(4)}
    assert len(digests) == 4


def test_classes_that_lost_objects_are_named(lab: Lab) -> None:
    record(lab)
    path = lab.folder / "trial.golden.npz"
    write_bundle(path, replace(read_bundle(path), support={"red": 61}))
    bundle = f"golden.url={path}", f"golden.sha256={file_digest(path)}"
    found = golden_of(lab(*bundle)).findings
    assert [(each.stage, each.text) for each in found] == [("data", "annotations changed: class red lost 61 objects")]
    assert golden_of(lab(*bundle, limit=10)).findings == (), "a part of the data has fewer objects anyway"
