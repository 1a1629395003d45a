"""Runs that are held against several figures of accuracy: all of them count, and each has its own line."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dates import SOON
from lab import Lab
from places import ROOT
from zoo_runner.causes import Cause
from zoo_runner.report.findings import findings
from zoo_runner.report.junit import junit
from zoo_runner.report.model import Report, Verdict, WaiverState

pytestmark = pytest.mark.slow  # whole runs

TOP1 = "accuracy/top1: {value: 100, tolerance: {abs: 0.5}}"
ERRORS = "errors/top1: {value: 1, direction: at_most, confirm: a test}"
MEAN = "score/mean: {value: 2, unit: points, direction: within, tolerance: {rel: 0.01}}"
UNJUDGED = (
    "score (mean) was not judged: the subset pr has no figure of it; measure one and add subsets.pr.expected.score/mean"
)


@pytest.fixture
def several(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    site = tmp_path / "several-site"
    shutil.copytree(ROOT / "tests" / "several_plugin", site)
    info = site / "several-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: several\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo_runner]\nseveral = several_plugin\n")
    monkeypatch.syspath_prepend(site)
    text = (lab.folder / "trial.yaml").read_text().replace("name: trial, config", "name: several, config")
    (lab.folder / "several.yaml").write_text(text[: text.index("expected:")])
    yield lab
    sys.modules.pop("several_plugin", None)  # its file goes with the folder


def run(lab: Lab, *figures: str, more: tuple[str, ...] = (), **options: Any) -> Report:
    return lab(f"expected.accuracy={{{', '.join(figures)}}}", *more, manifest="several.yaml", **options)


def verdicts(report: Report) -> dict[str, str]:
    return {line.id: line.verdict.value for line in report.metrics}


def test_all_figures_are_met(several: Lab) -> None:
    chips = "expected.chips={cpu: {accuracy: {score/mean: {8: 1.99}}}}"
    report = run(several, TOP1, ERRORS, MEAN, more=(chips,))
    assert (report.verdict, report.exit_code) == (Verdict.PASS, 0)
    assert report.why == (
        "accuracy (top1): 100.00, expected at least 100 - 0.5",
        "errors (top1): 0.00, expected at most 1 + 0; confirmed: a test",
        "score (mean): 2.00, expected 1.99 ± 0.0199",
    )
    units = {line.id: (line.unit, line.direction.value, line.expected, line.tolerance) for line in report.metrics}
    assert units == {
        "accuracy/top1": ("percent", "at_least", 100.0, 0.5),
        "errors/top1": ("percent", "at_most", 1.0, 0.0),
        "score/mean": ("points", "within", 1.99, 0.0199),
    }
    assert {line.where.rpartition(" ")[2] for line in report.metrics} == {"expected.accuracy", "expected.chips"}


def test_one_of_two_is_missed(several: Lab) -> None:
    report = run(several, TOP1, "score/mean: {value: 3, unit: points}")
    assert (report.verdict, report.exit_code) == (Verdict.FAIL, 1)
    assert report.why == ("score (mean): 2.00, expected at least 3 - 0",)
    assert verdicts(report) == {"accuracy/top1": "pass", "errors/top1": "not_gated", "score/mean": "fail"}
    cases = re.findall(r'<testcase name="([^"]+)"[^>]*>\s*<([a-z-]+)', junit(report).decode())
    assert [case for case in cases if "/" in case[0] and "throughput" not in case[0]] == [
        ("accuracy/top1", "system-out"),
        ("errors/top1", "skipped"),
        ("score/mean", "failure"),
    ]
    assert ("expectation-missed", "score/mean") in [(each.rule, each.subject) for each in findings(report)]


def test_a_waiver_is_of_its_own_line_only(several: Lab) -> None:
    waiver = f"owner: ann, issue: 'https://example.org/1', until: {SOON}, floor: 1.9"
    missed = (
        "score/mean: {value: 2.1, unit: points, direction: at_least}",
        "accuracy/top1: {value: 99, direction: within}",
    )
    more = (f"waivers=[{{line: score/mean, {waiver}, confirm: a test}}]",)
    report = run(several, missed[0], more=more)
    assert (report.verdict, report.waivers[0].state) == (Verdict.PASS, WaiverState.USED)
    report = run(several, *missed, more=more)
    assert (report.verdict, report.exit_code) == (Verdict.FAIL, 1)
    assert report.why == ("accuracy (top1): 100.00, expected 99 ± 0",)
    assert verdicts(report)["score/mean"] == "waived"


@pytest.mark.parametrize(
    ("figures", "more", "options", "cause", "why"),
    [
        pytest.param(
            (TOP1, MEAN),
            (),
            {"limit": 8},
            Cause.PARTIAL,
            (
                "accuracy (top1): only 8 of 150 samples were scored; run without --limit",
                "score (mean): only 8 of 150 samples were scored; run without --limit",
            ),
            id="some of the samples",
        ),
        pytest.param(
            (TOP1, MEAN),
            ("subsets={pr: {every: 10, expected: {accuracy/top1: {value: 100}}}}",),
            {"subset": "pr"},
            "",
            (UNJUDGED,),
            id="a subset with a figure of one",
        ),
        pytest.param(
            (TOP1, MEAN),
            ("plugin.config.breaks={values: bug}",),
            {},
            "",
            ("score (mean) was not measured; run all the stages",),
            id="a metric that does not give one",
        ),
        pytest.param(
            (TOP1, "score/mean: {value: 2, unit: metres}"),
            (),
            {},
            Cause.UNIT,
            (
                (
                    "score (mean): --set expected.accuracy: the figure is in 'metres', the metric in 'points'; write "
                    "the figure in that, with unit: points"
                ),
            ),
            id="a unit that cannot be converted",
        ),
    ],
)
def test_a_figure_that_is_not_compared_is_never_green(
    several: Lab,
    figures: tuple[str, ...],
    more: tuple[str, ...],
    options: dict[str, Any],
    cause: str,
    why: tuple[str, ...],
) -> None:
    report = run(several, *figures, more=more, **options)
    assert (report.verdict, report.exit_code, report.why) == (Verdict.INCONCLUSIVE, 4, why)
    assert {line.cause for line in report.metrics if line.verdict is Verdict.INCONCLUSIVE} == ({cause} - {""})


def test_all_figures_of_a_subset(several: Lab) -> None:
    own = "subsets={pr: {every: 10, expected: {accuracy/top1: {value: 100}, score/mean: {value: 2.5}}}}"
    report = run(several, TOP1, MEAN, more=(own,), subset="pr")
    assert verdicts(report) == {"accuracy/top1@pr": "pass", "errors/top1@pr": "not_gated", "score/mean@pr": "fail"}
    assert report.why == ("score (mean, subset pr): 2.00, expected at least 2.5 - 0",)
