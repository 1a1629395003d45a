"""A run that was stopped half way is continued by the same command, to the same bytes."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo_runner.stages.predict.pipeline import CHUNK
from zoo_runner.stages.threads import workers

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

SAMPLES = 150
PATIENCE = 300
CHUNK_SECONDS = 3.0
MESSAGE = "interrupted: nothing was scored; to go on where this was:\n  zoo-run trial.yaml --output out --set {}\n"


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def wait_for_a_chunk(cache: Path) -> None:
    wait_for(lambda: bool(list(cache.glob("predictions/[!.]*/stamp.json"))))


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        pytest.param(signal.SIGINT, 130, MESSAGE, id="interrupted"),
        pytest.param(signal.SIGTERM, 143, MESSAGE, id="cancelled, as CI systems do"),
        pytest.param(signal.SIGHUP, 129, MESSAGE, id="terminal closed"),
        pytest.param(signal.SIGKILL, -signal.SIGKILL, "", id="killed"),
    ],
)
@pytest.mark.long_rows("terminal closed", "cancelled, as CI systems do")
def test_it_goes_on_where_it_was(trial: ZooRun, tmp_path: Path, number: signal.Signals, code: int, text: str) -> None:
    assert trial("trial.yaml", "--output", "whole").returncode == 0
    fresh = trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text('{"verdict": "pass", "exit_code": 0}')
    pace = f"plugin.config.pace={CHUNK_SECONDS * workers() / CHUNK}"
    process = fresh.start("trial.yaml", "--output", "out", "--set", pace)
    wait_for_a_chunk(fresh.cache)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (code, ""), stderr
    assert stderr.endswith(text.format(pace))
    assert "Traceback" not in stderr
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {".zoo-run.json", "previous-report.json"} | ({".zoo-run.lock"} if code == -signal.SIGKILL else set())

    done = fresh("trial.yaml", "--output", "out")
    assert done.returncode == 0, done.stderr
    stages = {stage["name"]: stage for stage in fresh.report()["stages"]}
    assert stages["export"]["skipped"]
    redone = re.fullmatch(rf"busy seconds; (\d+) of {SAMPLES} samples, stages overlap", stages["infer"]["why"])
    assert redone
    assert int(redone[1]) in {SAMPLES - CHUNK, SAMPLES - 2 * CHUNK}
    assert (tmp_path / "out" / "predictions.npz").read_bytes() == (tmp_path / "whole" / "predictions.npz").read_bytes()
    assert list(fresh.cache.glob("*/.*.new")) == []


@pytest.mark.usefixtures("interruptible")
def test_it_ends_all_manifests_and_tells_how_to_go_on(trial: ZooRun, tmp_path: Path) -> None:
    (tmp_path / "two words.yaml").write_text("extends: trial.yaml\nname: second\n")
    assert trial("two words.yaml", "--limit", "1").returncode == 4  # an older verdict
    fresh = trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache")
    pace = f"plugin.config.pace={CHUNK_SECONDS * workers() / CHUNK}"
    address = "source.url=https://me:{}@example.org/recipe"
    options = ["--set", pace, "--json", "--quiet", "--set"]
    process = fresh.start("trial.yaml", "two words.yaml", *options, address.format("secret"))
    wait_for_a_chunk(fresh.cache)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    for found, name in zip(json.loads(stdout), ("trial", "two words"), strict=True):
        assert (found["manifest"]["name"], found["verdict"], found["exit_code"]) == (name, "error", 130)
        assert (found["why"], found["metrics"]) == (["interrupted: nothing was scored"], [])
    again = " ".join(["zoo-run trial.yaml 'two words.yaml'", *options, "'source.url=https://***@example.org/recipe'"])
    assert stderr == f"interrupted: nothing that had not ended was scored; to go on where this was:\n  {again}\n"
    assert list(tmp_path.glob("zoo-output/*/report.json")) == []


@pytest.mark.usefixtures("interruptible")
def test_what_had_ended_is_kept(trial: ZooRun, tmp_path: Path) -> None:
    fresh = trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache")
    pace = CHUNK_SECONDS * workers() / CHUNK
    slow = f"extends: trial.yaml\nname: slow\nplugin: {{config: {{pace: {pace}}}}}\n"
    (tmp_path / "slow.yaml").write_text(slow)
    assert fresh("trial.yaml").returncode == 0
    process = fresh.start("trial.yaml", "slow.yaml", "--json", "--quiet")
    wait_for((tmp_path / "zoo-output" / "slow").exists)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    ended, lost = json.loads(stdout)
    assert ended == fresh.report("zoo-output/trial")
    assert (lost["manifest"]["name"], lost["verdict"], lost["exit_code"]) == ("slow", "error", 143)
    left = {path.name for path in (tmp_path / "zoo-output" / "slow").iterdir()}
    assert left <= {".zoo-run.json", ".zoo-run.lock"}  # it had only just been made, and the lock is nobody's any more


@pytest.mark.usefixtures("interruptible")
def test_one_that_is_told_to_ignore_a_hangup_does(trial: ZooRun) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = trial.start("trial.yaml", "--output", "out")
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_for((trial.folder / "out").exists)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
