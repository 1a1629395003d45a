"""What ends a command, and what is said of it."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from zoo_runner.commands.failure import UNHEARD, failed, output_is_closed
from zoo_runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

COMMANDS = (
    "--help",
    "--version",
    "schema report",
    "plugins",
    "backends",
    "doctor",
    "validate trial.yaml",
    "completion bash",
    "trial.yaml --dry-run",
    "trial.yaml --output out",
    "trial.yaml --output out --quiet",
    "trial.yaml --output out --json",
    "missing.yaml --json",
    "trial.yaml second.yaml --output several",
    "history trial",
    "history trial --json",
)


def without_reader(run: ZooRun, *arguments: str) -> tuple[int, str]:
    """Run with a pipe for standard output that nobody reads any more; return the exit code and standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    process = run.start(*arguments, stdout=writing)
    os.close(writing)
    _, said = process.communicate(timeout=300)
    return process.returncode, said


@pytest.fixture
def entered(trial: ZooRun) -> ZooRun:
    """The trial after a run, which is in the history."""
    assert trial("trial.yaml", "--output", "out").returncode == 0
    (trial.folder / "second.yaml").write_text("extends: trial.yaml\nname: second\n")
    return trial


def test_output_that_nobody_reads_ends_every_command_quietly(entered: ZooRun) -> None:
    ends = {command: without_reader(entered, *command.split()) for command in COMMANDS}
    assert {command: code for command, (code, _) in ends.items() if code != UNHEARD} == {}
    complaints = ("Traceback", "bug", "Broken pipe", "BrokenPipe", "Exception ignored", "check the disk")
    assert [command for command, (_, said) in ends.items() if any(each in said for each in complaints)] == []


@pytest.mark.parametrize("command", ["history trial --json", "trial.yaml --json --output out"])
def test_a_reader_that_takes_its_first_letter_and_goes(entered: ZooRun, command: str) -> None:
    process = subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", f"zoo-run {command} | (head -c1 && exec <&-)"],  # noqa: S607 - of the user's path
        cwd=entered.folder,
        env=entered.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    taken, said = process.communicate(timeout=300)
    assert (taken, "Traceback" in said, "bug" in said) == ("{", False, False)
    assert process.returncode in {0, UNHEARD}  # the program may have written all of it before


def test_the_code_is_that_of_the_signal() -> None:
    assert UNHEARD == 128 + signal.SIGPIPE
    assert UNHEARD not in set(ExitCode)


def test_a_pipe_that_breaks_elsewhere_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    error = BrokenPipeError(32, "Broken pipe")
    assert not output_is_closed(error)
    assert failed(error) == ExitCode.STAGE_FAILED
    assert capsys.readouterr().err == "error: [Errno 32] Broken pipe; look at the file, its disk and its permissions\n"


def test_an_exit_of_a_plugin_is_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(SystemExit(1), "a.yaml") == ExitCode.STAGE_FAILED
    assert "error: a.yaml: this is a bug in zoo-run or a plugin" in capsys.readouterr().err


def test_an_error_says_what_it_is_about_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(UsageError("no such file"), "a.yaml") == ExitCode.USAGE
    assert failed(UsageError("a.yaml: no such file"), "a.yaml") == ExitCode.USAGE
    assert capsys.readouterr().err == "error: a.yaml: no such file\n" * 2
