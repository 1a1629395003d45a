"""Runs of ``zoo-run`` as forks of one process that has loaded everything: each costs a fraction of a new process.

``with RunServer(...) as server: server(Call(...), Call(...))`` runs the calls at once and waits for all of them.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn

from disk_points import Plan, install
from write_sequence import watch

LIMIT_S: Final = 240.0
"""What takes longer hangs."""
_LOADED: Final = (
    "onnxruntime",
    "matplotlib.figure",
    "filelock",
    "zoo_runner.backends.ascend.backend",
    "zoo_runner.backends.devices",
    "zoo_runner.commands.orders",
    "zoo_runner.runner",
    "zoo_runner.commands.execution",
    "zoo_runner.commands.results",
    "zoo_runner.report.html",
    "zoo_runner.report.junit",
    "zoo_runner.report.sarif",
    "zoo_runner.report.summary",
    "zoo_runner.replay.recording",
    "zoo_runner.terminal.progress",
)
_WITH_EXPORT: Final = ("torch", "onnx", "onnxscript", "onnxsim", "torch.onnx")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One run.

    Attributes:
        arguments: Of ``zoo-run``.
        folder: Its current folder.
        variables: Environment variables that differ from the server's.
        alone: Whether it has no variables but those.
        disk: What happens to its files.
        file_limit: Bytes past which no file of it can grow (``RLIMIT_FSIZE``). 0 for none.
        trace: File that gets what it asks the system for, if any; see :mod:`write_sequence`.
    """

    arguments: Sequence[str]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    disk: Plan | None = None
    file_limit: int = 0
    trace: str = ""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run that is over.

    Attributes:
        code: Exit code; the negative number of the signal that ended it.
        stdout: What it printed.
        stderr: Likewise.
    """

    code: int
    stdout: str
    stderr: str


class RunServer:
    """The process that is forked.

    Args:
        site: Folder with the plugin; on the import path.
        export: Whether to load what an export needs.
    """

    def __init__(self, site: Path, *, export: bool = False) -> None:
        support = str(Path(__file__).parent)
        paths = [str(site), support, *filter(None, [os.environ.get("PYTHONPATH")])]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
        words = [sys.executable, "-m", "run_server", *(["export"] if export else [])]
        self._process = subprocess.Popen(
            words, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            self._answer()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> RunServer:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=LIMIT_S)
        self._process.stdout.close()

    def __call__(self, *calls: Call) -> list[Ended]:
        """Run the calls at once.

        Raises:
            TimeoutError: One did not end; all were killed.
        """
        rows = [{**asdict(call), "folder": str(call.folder)} for call in calls]
        found = self._ask({"runs": rows})
        if found["late"]:
            raise TimeoutError(f"not ended after {LIMIT_S} s: {found['late']}")
        return [Ended(**row) for row in found["ended"]]

    def warm(self, report: Path) -> None:
        """Load what only the rendering of a report loads."""
        self._ask({"warm": str(report)})

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the server ended with {self._process.wait(timeout=LIMIT_S)}"
        found: dict[str, Any] = json.loads(line)
        return found


def serve() -> None:
    """Answer questions from standard input until it ends."""
    for name in (*(_WITH_EXPORT if "export" in sys.argv[1:] else ()), *_LOADED):
        importlib.import_module(name)
    _draw()
    _parse()
    _say({})
    for line in sys.stdin:
        question = json.loads(line)
        if "warm" in question:
            _render(Path(question["warm"]))
            _say({})
        else:
            _say(_run_all(question["runs"]))


def _draw() -> None:
    """Draw something, and compile what pages are made of: both take most of a second in each process."""
    from zoo_runner.report.evidence import CurveRecord  # noqa: PLC0415 - loads what was loaded above
    from zoo_runner.report.html.language import texts  # noqa: PLC0415 - likewise
    from zoo_runner.report.html.plots import precision_recall  # noqa: PLC0415 - likewise
    from zoo_runner.report.html.render import environment  # noqa: PLC0415 - likewise

    every = environment(texts("en"))
    for name in every.list_templates():
        every.get_template(name)  # compiled, for all runs
    row = (0.0, 1.0)
    curve = CurveRecord(label="any", average=0.5, recall=row, precision=row, levels=row, level_precision=row)
    precision_recall(curve, prefix="any", title="any")


def _parse() -> None:
    """Read what the runner's modules import, as each run does that keeps what it made."""
    from zoo_runner.used_code.static import imported  # noqa: PLC0415 - loads what was loaded above

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "zoo_runner" and (path := getattr(module, "__file__", None)):
            imported(Path(path).read_bytes(), name, is_package=Path(path).stem == "__init__")


def _say(answer: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _render(path: Path) -> None:
    from zoo_runner.report.html import render  # noqa: PLC0415 - loaded above
    from zoo_runner.report.model import Report  # noqa: PLC0415 - likewise

    render(Report.model_validate_json(path.read_bytes()), (), "en")


def _run_all(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        pids = [_start(row, place / str(number)) for number, row in enumerate(rows)]
        watchers = [watch(pid, row["trace"]) for pid, row in zip(pids, rows, strict=True) if row["trace"]]
        codes, late = _wait(pids)
        for watcher in watchers:
            watcher.wait(timeout=LIMIT_S)
        ended = [
            {
                "code": code,
                "stdout": (place / f"{number}.out").read_text(encoding="utf-8", errors="replace"),
                "stderr": (place / f"{number}.err").read_text(encoding="utf-8", errors="replace"),
            }
            for number, code in enumerate(codes)
        ]
    return {"ended": ended, "late": [rows[number]["arguments"] for number in late]}


def _wait(pids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Wait for all; end those that take too long, and their children."""
    end, left, codes = time.monotonic() + LIMIT_S, set(pids), dict[int, int]()
    late: list[int] = []
    while left:
        for pid in list(left):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                codes[pid] = os.waitstatus_to_exitcode(status)
                left.remove(pid)
        if left and time.monotonic() > end:
            late = [pids.index(pid) for pid in left]
            for pid in left:
                os.killpg(pid, signal.SIGKILL)
            end += LIMIT_S
        time.sleep(0.005)
    return [codes[pid] for pid in pids], late


def _start(row: Mapping[str, Any], place: Path) -> int:
    pid = os.fork()
    if pid == 0:
        _become(row, place)
    return pid


def _become(row: Mapping[str, Any], place: Path) -> NoReturn:
    """Be the run, in a group of processes of its own."""
    code = 70
    try:
        os.setpgid(0, 0)
        os.chdir(row["folder"])
        for number, suffix in ((0, ""), (1, ".out"), (2, ".err")):
            name = f"{place}{suffix}" if suffix else os.devnull
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
            os.dup2(descriptor, number)
            os.close(descriptor)
        if row["alone"]:
            os.environ.clear()
        os.environ.update(row["variables"])
        # Processes that it spawns would load the main module, which is this one, first.
        vars(sys.modules["__main__"]).update(__spec__=None, __file__=None)
        sys.path[1:1] = [each for each in row["variables"].get("PYTHONPATH", "").split(os.pathsep) if each]
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 - of this process
        code = _ran(row)
    finally:
        os._exit(code)


def _wait_for_watcher() -> None:
    while "TracerPid:\t0" in Path("/proc/self/status").read_text(encoding="ascii"):
        time.sleep(0.01)


def _ran(row: Mapping[str, Any]) -> int:
    from zoo_runner.cli import main  # noqa: PLC0415 - loaded by the server

    if row["file_limit"]:
        import resource  # noqa: PLC0415 - of this run only

        resource.setrlimit(resource.RLIMIT_FSIZE, (row["file_limit"], row["file_limit"]))
    if row["trace"]:
        _wait_for_watcher()
    if row["disk"]:
        install(Plan(**row["disk"]))
    try:
        main(row["arguments"])
    except SystemExit as error:
        sys.stdout.flush()
        sys.stderr.flush()
        return int(error.code or 0)


if __name__ == "__main__":
    serve()
