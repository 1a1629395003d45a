"""Another CANN release makes everything anew, wherever it writes its number; what cannot be told apart is not kept."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ascend_host import ASCEND, TIMEOUT_S, Host, on
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs on the stand-ins

RUN = ("trial.yaml", *ASCEND, "--until", "evaluate", "--output", "out")
MADE = {"convert", "preprocess", "infer", "postprocess"}
CONFIG = "toolkit_running_version=[1.0.0:{release}]\ncompiler_running_version=[1.0.0:{release}]\n"
OLD_INFO = "Version=1.2.3.4\nversion_dir={release}\n"
NEW_INFO = "Version={release}\nversion_dir=cann\n"
LAYOUTS = [
    pytest.param(("5.1.RC1", "5.1.RC2"), {"version.cfg": CONFIG}, id="5.1"),
    pytest.param(
        ("6.0.RC1", "6.0.1"),
        {"version.cfg": CONFIG, "compiler/version.info": OLD_INFO},
        marks=pytest.mark.long,
        id="6.0",
    ),
    pytest.param(("7.0.RC1", "7.0.0"), {"compiler/version.info": OLD_INFO}, marks=pytest.mark.long, id="7.0"),
    pytest.param(("8.0.RC2", "8.0.0"), {"runtime/version.info": OLD_INFO}, marks=pytest.mark.long, id="8.0"),
    pytest.param(("8.5.0", "9.0.0"), {"compiler/version.info": NEW_INFO}, marks=pytest.mark.long, id="8.5"),
    pytest.param(("9.0.0", "9.0.1"), {"share/info/runtime/version.info": NEW_INFO}, id="9.0"),
    pytest.param(("x", "y"), {"lib64/libascendcl.so": "{release}"}, id="library"),
]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@dataclass(frozen=True)
class Toolkit:
    """The trial's host, whose toolkit has only the files that a test writes."""

    run: ZooRun
    folder: Path

    def write(self, files: dict[str, str], release: str) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{release}", release))

    def made(self) -> set[str]:
        """Run the trial, and return what it made."""
        done = self.run(*RUN)
        assert done.returncode == 0, done.stderr
        return {stage["name"] for stage in self.report["stages"] if not stage["skipped"]} & MADE

    @property
    def report(self) -> dict[str, Any]:
        return self.run.report("out")


@pytest.fixture
def toolkit(host: Host, tmp_path: Path) -> Toolkit:
    return Toolkit(on(host.run, stand_in_environment(tmp_path / "host")), tmp_path / "host" / "ascend-toolkit")


@pytest.mark.parametrize(("releases", "files"), LAYOUTS)
@pytest.mark.long_rows("5.1", "library")
def test_another_release_reuses_nothing(toolkit: Toolkit, releases: tuple[str, str], files: dict[str, str]) -> None:
    first, second = releases
    toolkit.write(files, first)
    assert toolkit.made() == MADE
    toolkit.write(files, second)
    assert toolkit.made() == MADE
    version = toolkit.report["environment"]["backend_version"].partition("CANN ")[2]
    assert version == second or version.startswith("unknown (libascendcl.so ")


@pytest.mark.long
def test_another_release_beside_it_reuses_nothing(toolkit: Toolkit, tmp_path: Path) -> None:
    """The first folder tells the same release before and after; the libraries may be those of the second."""
    second = tmp_path / "nnrt"
    toolkit.write({"version.cfg": CONFIG}, "8.0.0")
    both = Toolkit(toolkit.run.given(ASCEND_HOME_PATH=second), toolkit.folder)
    for release in ("8.0.RC3", "8.1.0"):
        (second / "runtime").mkdir(parents=True, exist_ok=True)
        (second / "runtime" / "version.info").write_text(f"Version={release}\n")
        assert both.made() == MADE
    assert both.report["environment"]["backend_version"].endswith("CANN 8.0.0 beside 8.1.0")
    assert both.made() == set()


def test_the_same_release_reuses_everything(toolkit: Toolkit) -> None:
    for _ in range(2):
        toolkit.write({"share/info/runtime/version.info": NEW_INFO}, "9.0.0")
        again = toolkit.made()
    assert again == set()


def test_an_unknown_release_keeps_nothing_for_another_run(toolkit: Toolkit) -> None:
    toolkit.write({}, "")
    assert toolkit.made() == MADE
    assert toolkit.report["environment"]["backend_version"].endswith("CANN unknown")
    assert toolkit.made() == MADE


@pytest.mark.usefixtures("interruptible")
@pytest.mark.long
def test_of_an_unknown_release_an_interrupted_run_goes_on(toolkit: Toolkit) -> None:
    toolkit.write({}, "")
    om = toolkit.run.cache / "om"
    before = set(om.glob("[!.]*"))
    process = toolkit.run.start(*RUN)
    wait_for(lambda: bool(set(om.glob("[!.]*")) - before))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert "convert" not in toolkit.made()
    assert toolkit.made() == MADE
