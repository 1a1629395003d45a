from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from places import MANIFESTS
from zoo_runner.errors import FetchError
from zoo_runner.job.journal import STAND_IN_NOTICE, Journal, StageNote
from zoo_runner.job.options import Stage
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import STAND_IN
from zoo_runner.report.evidence import CurveRecord, DiagnosisRecord
from zoo_runner.report.model import Verdict, WaiverRecord, WaiverState

if TYPE_CHECKING:
    from tests.conftest import Listener

MANIFEST = MANIFESTS / "refinedet320.yaml"


@pytest.fixture
def journal(listener: Listener) -> Journal:
    return Journal(loaded=load(MANIFEST, ["infer.batch=4"]), progress=listener)


def test_stages_are_recorded_in_order_with_what_they_say(journal: Journal, listener: Listener) -> None:
    with journal.stage(Stage.FETCH) as note:
        note.skip("everything is here")
    with journal.stage(Stage.EXPORT) as note:
        note.why = "close enough"
    journal.record(Stage.INFER, 1.23456789, StageNote())
    stages = journal.report(Verdict.PASS, []).stages
    assert [(stage.name, stage.skipped, stage.why) for stage in stages] == [
        ("fetch", True, "everything is here"),
        ("export", False, "close enough"),
        ("infer", False, ""),
    ]
    assert all(stage.seconds >= 0 for stage in stages)
    assert stages[2].seconds == 1.2346
    assert listener.heard == ["fetch: everything is here", "export: 0 of None "]


@pytest.mark.parametrize("error", [FetchError("gone"), ValueError("a bug"), KeyboardInterrupt()], ids=repr)
def test_a_stage_that_fails_is_recorded_as_failed(journal: Journal, listener: Listener, error: BaseException) -> None:
    def fail() -> None:
        with journal.stage(Stage.FETCH) as note:
            note.skip("everything is here")
            raise error

    with pytest.raises(type(error)):
        fail()
    (stage,) = journal.report(Verdict.ERROR, ["why"]).stages
    assert (stage.skipped, stage.why) == (False, "failed")
    assert listener.heard == []


def test_progress_is_passed_on_and_warnings_are_kept(journal: Journal, listener: Listener) -> None:
    with journal.track("work", 3, "items") as advance:
        advance(2)
    journal.note("a note")
    journal.warn("a warning")
    assert listener.heard == ["work: 2 of 3 items", "a note", "warning: a warning"]
    assert journal.report(Verdict.PASS, []).warnings == ("a warning",)


def test_artifacts(journal: Journal) -> None:
    journal.artifact("weights", Path("a.pth"), sha256="0" * 64, origin="https://example.org/a.pth")
    journal.artifact("inputs", Path("out/inputs"))
    found = [(each.name, each.path, each.sha256, each.origin) for each in journal.report(Verdict.PASS, []).artifacts]
    assert found == [
        ("weights", "a.pth", "0" * 64, "https://example.org/a.pth"),
        ("inputs", "out/inputs", None, ""),
    ]


def test_the_report_names_the_manifest_as_it_was_run(journal: Journal) -> None:
    manifest = journal.report(Verdict.PASS, ["met"]).manifest
    assert (manifest.name, manifest.path) == ("refinedet320", str(MANIFEST))
    assert manifest.files == (str(MANIFEST),)
    assert manifest.overrides == ("infer.batch=4",)
    assert manifest.digest == journal.loaded.digest != load(MANIFEST).digest
    assert manifest.source == "https://github.com/luuuyi/RefineDet.PyTorch"


@pytest.mark.parametrize(
    ("verdict", "given", "code"),
    [
        pytest.param(Verdict.PASS, None, 0, id="pass"),
        pytest.param(Verdict.STOPPED, None, 0, id="stopped"),
        pytest.param(Verdict.FAIL, None, 1, id="fail"),
        pytest.param(Verdict.ERROR, None, 3, id="error"),
        pytest.param(Verdict.INCONCLUSIVE, None, 4, id="inconclusive"),
        pytest.param(Verdict.ERROR, 2, 2, id="an error's own"),
    ],
)
def test_exit_codes(journal: Journal, verdict: Verdict, given: int | None, code: int) -> None:
    report = journal.report(verdict, ["why"], exit_code=given)
    assert (report.verdict, report.exit_code, report.why) == (verdict, code, ("why",))


def test_the_report_says_when_and_how_long(journal: Journal) -> None:
    first = journal.report(Verdict.PASS, [])
    later = journal.report(Verdict.PASS, [])
    started = datetime.fromisoformat(first.started)
    assert started.utcoffset() == timedelta(0)
    assert abs(started - datetime.now(tz=timezone.utc)) < timedelta(minutes=10)
    assert (later.started, later.subset) == (first.started, None)
    assert 0 <= first.seconds <= later.seconds


def test_the_settings_are_those_that_were_used(journal: Journal, listener: Listener) -> None:
    report = Journal(loaded=journal.loaded, progress=listener, subset="pr").report(Verdict.PASS, [])
    assert (report.manifest.settings["infer.batch"], report.subset) == ("4", "pr")
    assert report.manifest.settings["expected.accuracy.value"] == "79.58"


def test_what_evaluation_and_gate_found_is_passed_on(journal: Journal) -> None:
    plain = journal.report(Verdict.PASS, [])
    assert (plain.curves, plain.diagnosis, plain.waivers, plain.comparison) == ((), None, (), None)
    curve = CurveRecord(label="cat", average=1.0, recall=(0.0,), precision=(1.0,))
    diagnosis = DiagnosisRecord(basis="all", kinds=("wrong",), totals={"wrong": 3})
    waiver = WaiverRecord(line="l", owner="o", issue="i", until="2030-01-01", floor=1, state=WaiverState.USED)
    journal.curves, journal.diagnosis, journal.waivers = (curve,), diagnosis, (waiver,)
    report = journal.report(Verdict.PASS, [])
    assert (report.curves, report.diagnosis, report.waivers) == ((curve,), diagnosis, (waiver,))


def test_the_environment_names_the_versions_that_matter(journal: Journal) -> None:
    assert journal.report(Verdict.ERROR, []).environment is None
    journal.describe(backend="onnxruntime", version="onnxruntime 1", chip="cpu", devices=[0, 1])
    environment = journal.report(Verdict.PASS, []).environment
    assert environment is not None
    assert (environment.backend, environment.backend_version) == ("onnxruntime", "onnxruntime 1")
    assert (environment.chip, environment.devices) == ("cpu", (0, 1))
    for package in ("zoo-runner", "numpy", "onnxruntime"):
        assert environment.packages[package] == metadata.version(package)


@pytest.mark.parametrize(
    ("chip", "notice"),
    [pytest.param("310P3", "", id="real"), pytest.param(f"310P3{STAND_IN}", STAND_IN_NOTICE, id="stand-in")],
)
def test_stand_ins_are_never_taken_for_the_real_thing(journal: Journal, chip: str, notice: str) -> None:
    journal.describe(backend="ascend", version="", chip=chip, devices=[0])
    assert journal.report(Verdict.PASS, []).notice == notice
