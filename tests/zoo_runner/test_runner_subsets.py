"""Runs of a subset of the data set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lab import NOTHING, Lab, redone
from zoo_runner.job.options import Stage
from zoo_runner.report.model import Verdict
from zoo_runner.stages.gate.verdicts import NOTHING as NO_FIGURE

pytestmark = pytest.mark.slow  # whole runs

PR = "subsets={pr: {every: 10, offset: 3, expected: {value: 100, tolerance: {abs: 0.5}}}, bare: {every: 50}}"


def test_a_subset_is_all_that_is_inferred(lab: Lab) -> None:
    report = lab(PR, "plugin.config.offset=0.25", subset="pr")
    assert (report.verdict, report.subset) == (Verdict.PASS, "pr")
    assert report.why == ("accuracy (top1, subset pr): 100.00, expected at least 100 - 0.5",)
    (record,) = report.metrics
    assert (record.id, record.samples, record.dataset_samples) == ("accuracy/top1@pr", 15, 15)
    assert record.where.endswith("--set subsets")
    assert next(stage.why for stage in report.stages if stage.name == "infer").startswith("busy seconds; 15 of 15 ")
    with np.load(lab.folder / "out" / "predictions.npz") as file:
        assert int(file["count"]) == 15
    assert redone(lab(PR, "plugin.config.offset=0.25", subset="pr")) == NOTHING


def test_a_subset_and_the_whole_set_are_not_taken_for_each_other(lab: Lab) -> None:
    lab(PR)
    part, whole = lab(PR, subset="pr"), lab(PR)
    assert [(each.metrics[0].samples, each.metrics[0].dataset_samples) for each in (part, whole)] == [
        (15, 15),
        (150, 150),
    ]
    assert (whole.subset, whole.metrics[0].id) == (None, "accuracy/top1")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        pytest.param(
            {"subset": "bare"},
            (
                NO_FIGURE.text,
                (
                    "accuracy (top1, subset bare): the subset bare has no figure of its own; "
                    "measure one and add subsets.bare.expected"
                ),
            ),
            id="no figure",
        ),
        pytest.param(
            {"subset": "pr", "limit": 4},
            ("accuracy (top1, subset pr): only 4 of 15 samples of the subset pr were scored; run without --limit",),
            id="only some of it",
        ),
    ],
)
def test_a_subset_that_cannot_be_judged(lab: Lab, options: dict[str, Any], why: tuple[str, ...]) -> None:
    report = lab(PR, **options)
    assert (report.verdict, report.exit_code, report.why) == (Verdict.INCONCLUSIVE, 4, why)


def test_files_of_a_subset(lab: Lab) -> None:
    lab(PR, subset="pr", last=Stage.PREPROCESS)
    names = [path.name for path in sorted((lab.folder / "out" / "inputs").iterdir())]
    assert names == [f"{index:07d}.bin" for index in range(4, 151, 10)]  # called as in the whole set
    lab(PR, subset="pr", last=Stage.INFER)
    assert lab(PR, subset="pr", first=Stage.POSTPROCESS).verdict is Verdict.PASS
    report = lab(PR, first=Stage.POSTPROCESS)
    assert "missing: 0000001_0.bin" in report.why[0]
