"""CI tries failed tests once more only where all tests ran and few failed; whatever else happened stays red."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from places import ROOT

SCRIPT = (ROOT / ".ci" / "run").read_text()
FUNCTION = re.search(r"^try_again\(\) \{.*?^\}$", SCRIPT, flags=re.MULTILINE | re.DOTALL)
RUN = """\
set -euo pipefail
artifacts={artifacts}
{function}
bash -c "exit {first}" || try_again $?
echo went on
"""


def ran(folder: Path, *, first: int, again: int, failed: int | None) -> tuple[int, str]:
    """Run the step whose pytest ends with ``first``, and with ``again`` when it is tried once more."""
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {again}\n")
    python.chmod(0o755)
    if failed is not None:
        cache = folder / ".pytest_cache" / "v" / "cache"
        cache.mkdir(parents=True)
        rows = ",\n".join(f'  "tests/test_a.py::test_{number}": true' for number in range(failed))
        (cache / "lastfailed").write_text(f"{{\n{rows}\n}}")
    assert FUNCTION is not None
    script = RUN.format(artifacts=folder, function=FUNCTION[0], first=first)
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607 - as CI does
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("first", "again", "failed", "goes_on"),
    [
        pytest.param(0, 1, None, True, id="all passed"),
        pytest.param(1, 0, 1, True, id="one failed and then passed"),
        pytest.param(1, 0, 3, True, id="three did"),
        pytest.param(1, 0, 4, False, id="too many"),
        pytest.param(1, 1, 1, False, id="it failed again"),
        pytest.param(1, 5, 1, False, id="nothing was tried again"),
        pytest.param(1, 0, None, False, id="no test ran"),
        pytest.param(2, 0, 1, False, id="interrupted: not all ran"),
        pytest.param(3, 0, 1, False, id="pytest itself failed"),
        pytest.param(137, 0, 1, False, id="killed"),
    ],
)
def test_failed_tests_are_tried_once_more(
    tmp_path: Path, first: int, again: int, failed: int | None, *, goes_on: bool
) -> None:
    code, said = ran(tmp_path, first=first, again=again, failed=failed)
    assert (code == 0, "went on" in said) == (goes_on, goes_on)
    assert ("UNSTEADY" in said) == (goes_on and first == 1)


def test_the_step_of_the_tests_is_the_one_that_may_be_tried_again() -> None:
    assert re.findall(r"\|\| try_again \$\?$", SCRIPT, flags=re.MULTILINE) == ["|| try_again $?"]


def test_a_flag_that_is_not_known_is_refused_before_anything_runs(tmp_path: Path) -> None:
    words = ["bash", str(ROOT / ".ci" / "run"), "--long", "--benchmark"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(": expected --long or --benchmarks, found --benchmark\n")


def test_the_long_tests_run_where_they_are_asked_for() -> None:
    (step,) = re.findall(r'^if \[ "\$long" \]; then\n(.*?)^fi$', SCRIPT, flags=re.MULTILINE | re.DOTALL)
    assert step.endswith("pytest -n auto --dist loadfile -m long\n")
    assert SCRIPT.count("-m long") == 1
