"""``zoo-run`` as the process that users start, and a model so small that whole runs of it are cheap."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from driven_files import write_driven
from places import ROOT
from run_server import Call, RunServer
from sized_files import write_files, write_site
from zoo_runner.used_code import executed, opened

# A busy machine is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SCRIPT = Path(sys.executable).with_name("zoo-run")
FOREIGN = (
    *("FORCE_COLOR", "NO_COLOR", "COLUMNS", "TTY_", "VOCDEVKIT", "ASCEND_", "PYTHON"),
    *("GITHUB_", "CI_PROJECT_DIR", "ZOO_RUNNER_LANG", "ZOO_RUNNER_TRUST_UNWATCHED", "_ZOO_RUN"),
)
"""How variables begin with which whoever runs the tests would change what is tested."""
PATH = os.pathsep.join((str(SCRIPT.parent), os.defpath))
"""Without the folders where an Ascend host has its tools."""
TRIAL = ROOT / "tests" / "trial_plugin"
CLASSES = ("ant", "bee", "cat", "dog")
SAMPLES = 150
TIMEOUT = 600


@dataclass(frozen=True)
class ZooRun:
    """``zoo-run`` in a folder of its own.

    Attributes:
        folder: The current folder of its runs.
        variables: Environment variables they get beside those of the tests.
        server: Forks them where it can, which saves the seconds that a new process takes to load everything.
    """

    folder: Path
    variables: Mapping[str, str]
    server: RunServer | None = None

    def __call__(self, *arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        read_at_the_start = self.variables.keys() & {"PYTHONIOENCODING", "LC_ALL", "LANG"}
        if self.server and stdin is None and not read_at_the_start:
            words = [str(each) for each in arguments]
            (ended,) = self.server(Call(arguments=words, folder=self.folder, variables=self.environment, alone=True))
            return subprocess.CompletedProcess(words, ended.code, ended.stdout, ended.stderr)
        process = self.start(*arguments, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        stdout, stderr = process.communicate(stdin, timeout=TIMEOUT)
        return subprocess.CompletedProcess([str(each) for each in arguments], process.returncode, stdout, stderr)

    def start(
        self,
        *arguments: str | Path,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [SCRIPT, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )

    def given(self, **variables: str | Path) -> ZooRun:
        """Return the same with more environment variables."""
        return replace(self, variables={**self.variables, **{name: str(value) for name, value in variables.items()}})

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {**own, "PATH": PATH, **self.variables}

    @property
    def cache(self) -> Path:
        return Path(self.variables["ZOO_RUNNER_CACHE"])

    def report(self, output: str = "out") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / output / "report.json").read_text(encoding="utf-8"))
        return found


class Listener:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @contextmanager
    def track(self, label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        done = [0]
        yield lambda amount: done.__setitem__(0, done[0] + amount)
        self.heard.append(f"{label}: {done[0]} of {total} {unit}")

    def note(self, text: str) -> None:
        self.heard.append(text)

    def warn(self, text: str) -> None:
        self.heard.append(f"warning: {text}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the rows that ``long_rows`` names, before rows are chosen by their marks."""
    for item in items:
        row = item.callspec.id if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ""
        if any(row in mark.args for mark in item.iter_markers("long_rows")):
            item.add_marker("long")


@pytest.fixture(autouse=True)
def code_of_this_test_only() -> Iterator[None]:
    """Files that a test ran, read or imported, and changed or removed later, are no part of what the next one runs."""
    modules = set(sys.modules)
    run, first, read = dict(executed._executed), dict(executed._first), dict(opened._opened)
    yield
    opened._opened.clear()
    opened._opened.update(read)
    executed._executed.clear()
    executed._executed.update(run)
    executed._first.clear()
    executed._first.update(first)
    for name in sys.modules.keys() - modules:
        if (place := getattr(sys.modules[name], "__file__", None)) and not Path(place).exists():
            del sys.modules[name]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="session")
def cache_of_all_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one test exported and inferred, another finds again."""
    return tmp_path_factory.mktemp("zoo-runner-cache")


@pytest.fixture(scope="session")
def session_zoo_run(
    tmp_path_factory: pytest.TempPathFactory, cache_of_all_tests: Path, run_server: RunServer
) -> ZooRun:
    """For runs that several tests look at."""
    return ZooRun(tmp_path_factory.mktemp("runs"), {"ZOO_RUNNER_CACHE": str(cache_of_all_tests)}, run_server)


@pytest.fixture(scope="session")
def run_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunServer]:
    """A process that has loaded everything and forks into runs."""
    with RunServer(tmp_path_factory.mktemp("no-site"), export=True) as running:
        yield running


@pytest.fixture
def zoo_run(tmp_path: Path, cache_of_all_tests: Path, run_server: RunServer) -> ZooRun:
    return ZooRun(tmp_path, {"ZOO_RUNNER_CACHE": str(cache_of_all_tests)}, run_server)


@pytest.fixture(scope="session")
def trial_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that on the import path is as good as an installed distribution."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(TRIAL / "trial_plugin.py", site)
    info = site / "trial-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo_runner]\ntrial = trial_plugin\n")
    return site


@pytest.fixture(scope="session")
def trial_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trial manifest with its weights and data; in sample k the largest number is at the label's place."""
    import torch  # noqa: PLC0415 - two seconds that most tests do not need

    folder = tmp_path_factory.mktemp("trial")
    shutil.copy(TRIAL / "trial.yaml", folder)
    torch.save({"weight": torch.eye(len(CLASSES)), "bias": torch.zeros(len(CLASSES))}, folder / "weights.pth")
    (folder / "data").mkdir()
    for index in range(SAMPLES):
        label = index % len(CLASSES)
        numbers = [index / SAMPLES] * len(CLASSES)
        numbers[label] = 2.0
        (folder / "data" / f"{CLASSES[label]}_{index:03d}.txt").write_text(" ".join(map(str, numbers)))
    return folder


@pytest.fixture(scope="session")
def sized_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin whose samples have sizes of their own, as good as installed."""
    return write_site(tmp_path_factory.mktemp("sized-site"))


@pytest.fixture(scope="session")
def sized_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its manifest, with weights and data."""
    return write_files(tmp_path_factory.mktemp("sized") / "files")


@pytest.fixture(scope="session")
def driven_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin of two networks, as good as installed."""
    return write_site(tmp_path_factory.mktemp("driven-site"), "driven")


@pytest.fixture(scope="session")
def driven_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its manifest, with weights and data."""
    return write_driven(tmp_path_factory.mktemp("driven") / "files")


@pytest.fixture
def trial(zoo_run: ZooRun, trial_site: Path, trial_files: Path) -> ZooRun:
    """``zoo-run`` beside a copy of the trial manifest, which is ``trial.yaml``."""
    shutil.copytree(trial_files, zoo_run.folder, dirs_exist_ok=True)
    return zoo_run.given(PYTHONPATH=trial_site)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Lets SIGINT and SIGHUP reach the processes a test starts, also where the tests themselves run without them."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
