from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from zoo_runner.report.model import ManifestRecord, Report, Verdict
from zoo_runner.zoo import runs
from zoo_runner.zoo.models import Model

MODEL = Model(path=Path("z/toy.yaml"), name="toy", verdict=Verdict.PASS, changes=("data changed",))


@pytest.mark.parametrize(
    ("code", "verdict", "exit_code", "found", "error"),
    [
        pytest.param(0, Verdict.PASS, 0, 0, "", id="pass"),
        pytest.param(1, Verdict.FAIL, 1, 1, "", id="fail"),
        pytest.param(4, Verdict.INCONCLUSIVE, 4, 4, "", id="inconclusive"),
        pytest.param(3, Verdict.ERROR, 3, 3, "", id="error"),
        pytest.param(2, None, None, 2, "its run ended with exit code 2 and without a report", id="refused"),
        pytest.param(0, None, None, 3, "its run ended with exit code 0 and without a report", id="no report"),
        pytest.param(99, None, None, 3, "its run ended with exit code 99 and without a report", id="odd code"),
        pytest.param(-9, Verdict.PASS, 0, 3, "its run was ended by signal 9", id="killed"),
        pytest.param(0, Verdict.FAIL, 1, 3, "exit code 0, and its report says fail", id="report of another run"),
        pytest.param(1, Verdict.PASS, 0, 3, "exit code 1, and its report says pass", id="and the other way round"),
        pytest.param(0, Verdict.INCONCLUSIVE, 0, 3, "exit code 0, and its report says inc", id="a report that lies"),
        pytest.param(0, Verdict.STOPPED, 0, 3, "its run stopped before the gate", id="stopped"),
    ],
)
def test_only_a_run_that_passed_is_a_pass(
    code: int,
    verdict: Verdict | None,
    exit_code: int | None,
    found: int,
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Sequence[str]] = []

    def start(words: Sequence[str]) -> int:
        started.append(words)
        if verdict is not None and exit_code is not None:
            manifest = ManifestRecord(name="toy", path="", files=(), digest="")
            report = Report(
                verdict=verdict, exit_code=exit_code, manifest=manifest, started="2026-11-28T01:00:00+00:00"
            )
            (tmp_path / "report.json").write_text(report.to_json())
        return code

    monkeypatch.setattr(runs, "start", start)
    model = runs.run_model(MODEL, ["--quiet"], tmp_path)
    assert started == [["run", "z/toy.yaml", "--quiet", "--output", str(tmp_path), "--keep-inputs"]]
    assert (model.code, model.ran, model.changes) == (found, True, ())
    assert error in model.error
    assert model.verdict is (None if error else verdict)


def test_a_run_is_a_process_with_this_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "PROGRAM", f"import sys; path = {{path!r}}; sys.exit({str(tmp_path)!r} in path and 4)")
    monkeypatch.syspath_prepend(tmp_path)
    assert runs.start([]) == 4


def test_what_interrupts_the_zoo_interrupts_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import sys, time, signal; from pathlib import Path; {path!r}; seen = Path(sys.argv[1])\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n seen.touch(); time.sleep(600)\nexcept KeyboardInterrupt:\n seen.write_text('ended')\n"
    )
    monkeypatch.setattr(runs, "PROGRAM", program)
    seen, before = tmp_path / "seen", signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        while not seen.exists():
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            runs.start([str(seen)])
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert seen.read_text() == "ended"


def test_a_run_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "PATIENCE_S", 0.1)
    command = [
        sys.executable,
        "-c",
        "import signal, time; signal.signal(2, signal.SIG_IGN); print(1, flush=True); time.sleep(600)",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        runs.end(process)
        assert process.returncode == -signal.SIGKILL
