"""Golden samples among result files, and in a run that only infers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from golden_bundles import golden, named, wrong
from lab import Lab
from zoo_runner.job.job import Job
from zoo_runner.job.options import Stage
from zoo_runner.output.names import ORIGIN
from zoo_runner.report.model import Verdict
from zoo_runner.stages.predict.inference import ModelOutputs

pytestmark = pytest.mark.slow  # whole runs


def test_results_are_held_against_the_bundle(lab: Lab, bundle: Path) -> None:
    made = lab(*named(bundle), last=Stage.INFER)
    assert (made.verdict, golden(made).state, golden(made).inferred) == (Verdict.STOPPED, "equal", True)
    results = lab.folder / "out" / "results"
    scored = partial(lab, *named(bundle), first=Stage.POSTPROCESS, results=results, output=lab.folder / "scored")
    for _ in range(2):  # the second one finds its predictions
        report = scored()
        assert (report.exit_code, golden(report).state, golden(report).inferred) == (0, "equal", True)
    (results / ORIGIN).unlink()
    report = scored()
    assert (report.exit_code, golden(report).state) == (0, "equal")
    for path in results.iterdir():
        (2 * np.fromfile(path, np.float32)).tofile(path)
    for _ in range(2):
        report = scored()
        assert report.exit_code == 4, "nobody knows what inferred them: it may be a device"
        (finding,) = golden(report).findings
        assert finding.stage == "infer"
        assert finding.text.startswith("result files have other outputs of 8 of 8 golden samples (")


def test_a_device_in_doubt_makes_a_run_inconclusive_that_only_infers(
    lab: Lab, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Job, "chip", property(lambda _job: "X1"))
    whole = lab(*named(bundle), last=Stage.INFER)
    assert (whole.verdict, list(golden(whole).repeats)) == (Verdict.STOPPED, [""])
    monkeypatch.setattr(ModelOutputs, "outputs", wrong)
    report = lab(*named(bundle), last=Stage.INFER)
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 4)
    assert report.why[0].startswith("golden samples differ: infer: ")
