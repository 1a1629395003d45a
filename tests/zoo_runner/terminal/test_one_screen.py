"""At a terminal a run is shown on one screen, whatever its height."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shown_reports import GATED, INTERVAL, environment, metric, report, waiver
from terminals import at_a_terminal
from zoo_runner.report.changes import Comparison
from zoo_runner.report.model import (
    Report,
    Verdict,
    WaiverState,
)

LOST = tuple(f"throughput on 310P3 at batch {batch}: 400.0, expected at least 445.78 - 22.3" for batch in range(1, 8))
FULL: dict[str, Any] = {
    "verdict": Verdict.FAIL,
    "why": LOST,
    "environment": environment(),
    "metrics": (metric(interval=INTERVAL, expected=80.0, tolerance=0.1, verdict=Verdict.FAIL), metric(id="map/b")),
    "performance": tuple(GATED.model_copy(update={"batch": batch}) for batch in range(1, 8)),
    "waivers": (waiver(), waiver(WaiverState.OVERDUE, "long " * 30)),
    "comparison": Comparison(path="runs", verdict="pass", same_samples=9, notes=("note " * 30,) * 8),
    "warnings": ("a",),
}
MANY = tuple(metric(id=f"m{n}", verdict=Verdict.FAIL if n in {20, 150} else Verdict.PASS) for n in range(200))
SCRIPT = """
import sys
from pathlib import Path
from zoo_runner.report.model import Report
from zoo_runner.terminal.screen import show_report, show_reports
reports = [(Report.model_validate_json(text), Path("out")) for text in Path(sys.argv[1]).read_text().splitlines()]
show_report(*reports[0]) if len(reports) == 1 else show_reports(reports)
"""


def shown_of(reports: Sequence[Report], folder: Path, height: int, width: int) -> str:
    """What is shown of reports at a terminal of that size, without its colours."""
    (folder / "reports").write_text("\n".join(each.model_dump_json() for each in reports))
    unset = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    own = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-c", SCRIPT, str(folder / "reports")]
    start = partial(subprocess.Popen[str], command, env={**own, "TERM": "xterm"})
    shown = at_a_terminal(lambda its: start(stdout=its, stderr=its), height=height, width=width)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("reports", "height", "width", "texts"),
    [
        pytest.param([report(performance=(GATED,))], 24, 80, ["\nbatch "], id="small"),
        pytest.param(
            [report(**FULL)],
            *(
                24,
                80,
                [
                    "FAIL trial",
                    f"  {LOST[0]}",
                    "map/reference",
                    " fail, 1 not gated, see the report",
                    "waiver of map/refer",
                ],
            ),
            id="a lot",
        ),
        pytest.param([report(**FULL)], 60, 80, [f"  {LOST[6]}", "throughput/310P3/7", "\nbatch "], id="a tall one"),
        pytest.param(
            [report(verdict=Verdict.FAIL, why=LOST * 9, metrics=MANY)],
            *(24, 80, ["\nm20 ", "\nm150 ", "… and 190 pass"]),
            id="200 lines",
        ),
        pytest.param([report(**FULL), report(name="b"), report(**FULL)], 30, 100, ["\nb  "], id="several"),
    ],
)
def test_at_a_terminal_it_is_one_screen(
    tmp_path: Path, reports: list[Report], height: int, width: int, texts: list[str]
) -> None:
    shown = shown_of(reports, tmp_path, height, width)
    for text in (*texts, "report: out/report.json\n"):
        assert text in shown
    taken = sum(max(1, -(-len(line) // width)) for line in shown.splitlines())
    assert taken < height  # the last line is the shell's
