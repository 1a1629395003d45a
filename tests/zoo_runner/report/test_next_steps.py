from __future__ import annotations

from typing import Any

import pytest

from shown_reports import metric, report
from zoo_runner.report.changes import Comparison
from zoo_runner.report.evidence import DiagnosisRecord
from zoo_runner.report.model import ArtifactRecord, ManifestRecord, Verdict
from zoo_runner.report.next_steps import NextStep, next_steps

COMMAND = ("zoo-run", "my models/m.yaml", "--set", "a=[0, 1]")
TYPED = "zoo-run 'my models/m.yaml' --set 'a=[0, 1]'"
MANIFEST = ManifestRecord(name="trial", path="m.yaml", files=(), digest="0" * 64, command=COMMAND)
REPEAT = NextStep(kind="repeat", text=TYPED)
PLAIN = MANIFEST.model_copy(update={"command": ("zoo-run", "m.yaml")})
REPLAY = ArtifactRecord(name="replay", path="my out/replay.zip", sha256="0" * 64)
DIAGNOSIS = DiagnosisRecord(basis="all", kinds=("missed",), totals={"missed": 1})
COMPARED = Comparison(path="old", verdict="pass", same_samples=1)
MISSED = metric(Verdict.FAIL, value=1.0, expected=79.5)


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        pytest.param({}, [("repeat", TYPED), ("read", "docs/report.md")], id="a changed run passes"),
        pytest.param(
            {"manifest": PLAIN, "metrics": (metric(Verdict.PASS, value=79.6, expected=79.5),)},
            [("record", "zoo-run golden record m.yaml"), ("repeat", "zoo-run m.yaml"), ("read", "docs/report.md")],
            id="pass",
        ),
        pytest.param(
            {"verdict": Verdict.FAIL, "metrics": (MISSED,), "artifacts": (REPLAY,), "diagnosis": DIAGNOSIS},
            [
                ("replay", "zoo-run replay 'my out/replay.zip'"),
                ("samples", "#gallery"),
                ("compare", f"{TYPED} --baseline FOLDER_OF_A_GREEN_RUN"),
                ("repeat", TYPED),
                ("read", "docs/report.md#how-a-verdict-comes-about"),
            ],
            id="accuracy missed, with a replay file",
        ),
        pytest.param(
            {"verdict": Verdict.FAIL, "metrics": (MISSED,)},
            [
                ("compare", f"{TYPED} --baseline FOLDER_OF_A_GREEN_RUN"),
                ("repeat", TYPED),
                ("read", "docs/report.md#how-a-verdict-comes-about"),
            ],
            id="accuracy missed",
        ),
        pytest.param(
            {"verdict": Verdict.FAIL, "metrics": (MISSED,), "comparison": COMPARED},
            [("repeat", TYPED), ("read", "docs/report.md#how-a-verdict-comes-about")],
            id="compared already",
        ),
        pytest.param(
            {"verdict": Verdict.INCONCLUSIVE, "metrics": (metric(Verdict.INCONCLUSIVE, cause="no_interval"),)},
            [
                ("remedy", "Score more samples, or use the rule `point`."),
                ("repeat", TYPED),
                ("read", "docs/reference/exit-codes.md#inconclusive"),
            ],
            id="not clear",
        ),
        pytest.param(
            {"verdict": Verdict.INCONCLUSIVE, "metrics": (metric(Verdict.INCONCLUSIVE, cause="of the future"),)},
            [("repeat", TYPED), ("read", "docs/reference/exit-codes.md#inconclusive")],
            id="a cause that nobody knows",
        ),
        pytest.param(
            {"verdict": Verdict.ERROR},
            [("repeat", TYPED), ("read", "docs/reference/exit-codes.md#errors")],
            id="error",
        ),
    ],
)
def test_what_to_do_next(given: dict[str, Any], steps: list[tuple[str, str]]) -> None:
    found = next_steps(report(**{"manifest": MANIFEST, **given}))
    assert [(step.kind, step.text) for step in found] == steps


def test_only_commands_are_typed() -> None:
    assert [REPEAT.command, NextStep(kind="read", text="docs/report.md").command] == [True, False]


def test_a_report_without_a_command_has_pages_only() -> None:
    assert [step.kind for step in next_steps(report(metrics=(MISSED,), verdict=Verdict.FAIL))] == ["read"]
