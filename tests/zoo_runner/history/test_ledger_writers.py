"""Several processes that write the ledger, and those that are killed while they do."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger_reports import make_report
from places import ROOT
from zoo_runner.errors import StageError
from zoo_runner.history import ledger as ledger_module
from zoo_runner.history.ledger import Ledger

pytestmark = pytest.mark.slow  # whole runs of the command

WRITER = """
import sys
from pathlib import Path
from zoo_runner.history.ledger import Ledger
from zoo_runner.report.model import ManifestRecord, PerformanceRecord, Report, Verdict

path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
lines = tuple(
    PerformanceRecord(id=f"throughput/cpu/{n}", backend="b", chip="cpu", batch=n, loops=1, throughput=n)
    for n in range(1, 51)
)
manifest = ManifestRecord(name=name, path="m.yaml", files=("m.yaml",), digest="0" * 64)
report = Report(verdict=Verdict.PASS, exit_code=0, manifest=manifest, performance=lines)
print("ready", flush=True)
for _ in range(count):
    Ledger(path).append(report, Path("report.json"))
"""
LINES = 50
"""Lines of each run that the writer adds."""


def start_writer(ledger: Ledger, name: str, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, ledger.path, name, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_write_at_the_same_time(ledger: Ledger) -> None:
    writers = [start_writer(ledger, f"m{number}", 15) for number in range(4)]
    while any(writer.poll() is None for writer in writers):
        ledger.names()  # and read
    for writer in writers:
        assert (writer.communicate()[1], writer.returncode) == ("", 0)
    for number in range(4):
        entries = ledger.last(f"m{number}", 99)
        assert [len(entry.lines) for entry in entries] == [LINES] * 15


def test_a_writer_waits_no_longer_than_it_says(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.append(make_report(), Path("report.json"))
    monkeypatch.setattr(ledger_module, "PATIENCE", 0.05)
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StageError, match=r"other processes kept it busy for 0\.05 s; try again"):
        ledger.append(make_report(), Path("report.json"))
    assert len(ledger.last("toy", 9)) == 1
    other.close()


def test_a_killed_writer_leaves_whole_runs(ledger: Ledger) -> None:
    chance = random.Random(7)  # noqa: S311 - when to kill, not a secret
    for attempt in range(6):
        writer = start_writer(ledger, "m", 100_000)
        known = len(ledger.last("m", 10**6))
        while len(ledger.last("m", known + 1)) == known:
            assert writer.poll() is None
        time.sleep(chance.uniform(0, 0.02))
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        assert len(ledger.last("m", 10**6)) > known, attempt
    entries = ledger.last("m", 10**6)
    assert {len(entry.lines) for entry in entries} == {LINES}
    connection = sqlite3.connect(ledger.path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (orphans,) = connection.execute("SELECT count(*) FROM line WHERE run NOT IN (SELECT id FROM run)").fetchone()
    connection.close()
    assert orphans == 0


DEADLY = """
import os, signal, sqlite3, sys
from pathlib import Path
from zoo_runner.history import ledger

class Deadly(sqlite3.Connection):
    left = int(sys.argv[2])

    def count(self):
        Deadly.left -= 1
        if Deadly.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, *arguments):
        self.count()
        return super().execute(*arguments)

    def executemany(self, sql, rows):
        def each():
            for row in rows:
                self.count()
                yield row
        return super().executemany(sql, each())

connect = sqlite3.connect
sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Deadly, **kwargs)
from zoo_runner.report.model import ManifestRecord, PerformanceRecord, Report, Verdict
lines = tuple(PerformanceRecord(id=str(n), backend="b", chip="c", batch=n, loops=1) for n in range(2))
manifest = ManifestRecord(name="m", path="m.yaml", files=(), digest="")
report = Report(verdict=Verdict.PASS, exit_code=0, manifest=manifest, performance=lines)
ledger.Ledger(Path(sys.argv[1])).append(report, Path("report.json"))
"""


@pytest.mark.parametrize("new", [True, False], ids=["first run", "later run"])
def test_killed_at_any_statement_it_leaves_all_or_nothing(ledger: Ledger, *, new: bool) -> None:
    finished = False
    for statements in range(25):
        ledger.path.unlink(missing_ok=True)
        if not new:
            ledger.append(make_report("m"), Path("report.json"))
        before = len(ledger.last("m", 9))
        command = [sys.executable, "-c", DEADLY, str(ledger.path), str(statements)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        entries = ledger.last("m", 9)
        if done.returncode == 0:
            assert [len(entry.lines) for entry in entries[:1]] == [2]
            assert len(entries) == before + 1
            finished = True
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert len(entries) == before, statements
        ledger.append(make_report("m"), Path("report.json"))
        assert len(ledger.last("m", 9)) == before + 1
    assert finished
