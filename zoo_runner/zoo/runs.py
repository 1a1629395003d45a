"""Running models of a zoo: each in a process of its own, as ``zoo-run MANIFEST`` does it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ExitCode
from zoo_runner.output.names import NAME
from zoo_runner.process import GRACE_S
from zoo_runner.report.model import EXIT_CODES, Report, Verdict

if TYPE_CHECKING:
    from zoo_runner.zoo.models import Model

PROGRAM: Final = "import sys; sys.path[:] = {path!r}; from zoo_runner.cli import main; main()"
"""What the process runs: the program with the import path of this one, so that both find the same plugins."""
PATIENCE_S: Final = 6 * GRACE_S
"""How long a run may take to end when it is asked to: it ends tools of its own, one after the other."""


def start(words: Sequence[str]) -> int:
    """Run ``zoo-run`` with these words to its end; return its exit code, or minus a signal that killed it.

    It ends with this process: what interrupts this one interrupts it.
    """
    program = PROGRAM.format(path=sys.path)
    command = [sys.executable, "-c", program, *words]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - no shell
    try:
        return process.wait()
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a run that still goes on, as Ctrl-C does; one that does not end is killed with all that it started."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_model(model: Model, options: Sequence[str], output: Path) -> Model:
    """Run a model and return it with its verdict.

    Args:
        model: One that can be run.
        options: Of ``zoo-run MANIFEST``.
        output: The run's own folder.
    """
    code = start(["run", str(model.path), *options, "--output", str(output), "--keep-inputs"])
    fresh = replace(model, ran=True, changes=(), verdict=None, started=None, report=None)
    report = _report(output / NAME)
    if code < 0:
        return replace(fresh, code=ExitCode.STAGE_FAILED, error=f"its run was ended by signal {-code}")
    if report is None:
        left = code if code in {*ExitCode} - {ExitCode.PASS} else ExitCode.STAGE_FAILED
        return replace(fresh, code=left, error=f"its run ended with exit code {code} and without a report")
    if code != report.exit_code or (code == ExitCode.PASS) != (EXIT_CODES.get(report.verdict) == ExitCode.PASS):
        why = f"its run ended with exit code {code}, and its report says {report.verdict.value}"
        return replace(fresh, code=ExitCode.STAGE_FAILED, error=f"{why}: nobody knows which is right")
    if report.verdict is Verdict.STOPPED:
        return replace(fresh, code=ExitCode.STAGE_FAILED, error="its run stopped before the gate")
    started = datetime.fromisoformat(report.started) if report.started else None
    return replace(fresh, code=code, verdict=report.verdict, started=started, report=output / NAME)


def _report(path: Path) -> Report | None:
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
