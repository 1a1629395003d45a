from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from places import ROOT

COMMAND = (sys.executable, "-m", "zoo_runner.testing")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param(["true"], 0, id="success"),
        pytest.param(["sh", "-c", "exit 7"], 7, id="its-own-code"),
        pytest.param(["sh", "-c", "kill -9 $$"], 128 + 9, id="killed"),
        pytest.param(["no-such-command"], 127, id="not-found"),
        pytest.param([os.devnull], 126, id="not-executable"),
    ],
)
def test_exit_code(command: list[str], code: int) -> None:
    assert run("--", *command).returncode == code


def test_tools_and_packages_are_found_say_what_they_are_and_go_away() -> None:
    script = (
        "import importlib.metadata as m, os, shutil, subprocess, ais_bench, aclruntime\n"
        "print(ais_bench.__version__, aclruntime.__version__, m.version('ais_bench'), m.version('aclruntime'))\n"
        "print(subprocess.check_output(['npu-smi', 'info'], text=True).splitlines()[1])\n"
        "print(open(os.environ['ASCEND_TOOLKIT_HOME'] + '/compiler/version.info').read().split()[1])\n"
        "print('toolkit_installed_version=[7.6.0.1.220:8.0.0-stand-in]' in "
        "open(os.environ['ASCEND_TOOLKIT_HOME'] + '/version.cfg').read().split())\n"
        "print(shutil.which('atc'))"
    )
    done = run("--devices", "3", "--", sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    versions, smi, cann, listed, atc = done.stdout.splitlines()
    assert versions == " ".join(["0.0.2+stand-in"] * 4)
    assert smi.startswith("| npu-smi 22.0.4-stand-in ")
    assert cann == "version_dir=8.0.0-stand-in"
    assert listed == "True"
    assert not Path(atc).exists()
    assert done.stderr.startswith("stand-in: no NPU here;")
    assert "(3 x 310P3, CANN 8.0.0)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--fault", "atc-silend", "--", "true"], "did you mean 'atc-silent'", id="fault"),
        pytest.param(["--chip", "310P4", "--", "true"], "unknown chip '310P4'; did you mean", id="chip"),
        pytest.param(["--devices", "0", "--", "true"], "at least 1 device, not 0", id="devices"),
        pytest.param(["--cann", "new", "--", "true"], "CANN release 'new': expected a version", id="cann"),
        pytest.param(["--chip", "310P3"], "a command is needed", id="no-command"),
        pytest.param(["--", *()], "a command is needed", id="nothing-after-dashes"),
        pytest.param(["true"], "unrecognized arguments: true", id="no-dashes"),
    ],
)
def test_usage_errors(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_importing_the_packages_without_a_host_says_how_to_start() -> None:
    site = ROOT / "zoo_runner" / "testing" / "site"
    done = subprocess.run(
        [sys.executable, "-c", "import aclruntime as a; a.InferenceSession('m.om', 0, a.session_options())"],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "start the stand-ins with `python -m zoo_runner.testing -- COMMAND`" in done.stderr


def test_terminating_passes_on_and_cleans_up() -> None:
    script = "import os, time; print(os.environ['ZOO_STAND_IN_FOLDER'], flush=True); time.sleep(60)"
    with subprocess.Popen(
        [*COMMAND, "--", sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        time.sleep(0.2)
        process.terminate()
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert not folder.exists()
