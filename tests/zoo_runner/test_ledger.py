from __future__ import annotations

import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo_runner import ledger as ledger_module
from zoo_runner.errors import ExitCode, StageError
from zoo_runner.ledger import LEDGER, Entry, EntryLine, Ledger
from zoo_runner.report.changes import Interval
from zoo_runner.report.model import (
    ArtifactRecord,
    Environment,
    ManifestRecord,
    MetricRecord,
    PerformanceRecord,
    Report,
    Verdict,
)

ROOT = Path(__file__).parents[2]
CPU = Environment(
    backend="onnxruntime", backend_version="1", chip="cpu", devices=(0,), host="h", python="3", packages={}
)
WRITER = """
import sys
from pathlib import Path
from zoo_runner.ledger import Ledger
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


def make_report(name: str = "toy", verdict: Verdict = Verdict.PASS, *, value: float = 79.58) -> Report:
    interval = Interval(low=79.1, high=80.0, level=0.95, method="bootstrap", resamples=1000, seed=0)
    metric = MetricRecord(
        id="voc07_map/reference",
        name="voc07_map",
        protocol="reference",
        value=value,
        unit="percent",
        expected=79.58,
        tolerance=0.02,
        verdict=Verdict.PASS,
        interval=interval,
        samples=10,
        dataset_samples=10,
    )
    timing = PerformanceRecord(id="throughput/cpu/1", backend="onnxruntime", chip="cpu", batch=1, loops=3)
    return Report(
        verdict=verdict,
        exit_code=0,
        started="2026-11-23T09:00:00+00:00",
        seconds=12.5,
        manifest=ManifestRecord(name=name, path="m.yaml", files=("m.yaml",), digest="d" * 64),
        environment=CPU,
        metrics=(metric,),
        performance=(timing,),
        artifacts=(ArtifactRecord(name="weights", path="w.pth", sha256="a" * 64),),
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "store" / LEDGER)


def test_no_file_means_no_runs_and_reading_makes_none(ledger: Ledger) -> None:
    assert (ledger.last("toy", 5), ledger.names()) == ((), ())
    assert not ledger.path.parent.exists()


def test_a_run_comes_back_whole(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    ledger.append(make_report(), Path("out/report.json"))
    assert ledger.last("toy", 5) == (
        Entry(
            started="2026-11-23T09:00:00+00:00",
            name="toy",
            digest="d" * 64,
            verdict=Verdict.PASS,
            exit_code=0,
            backend="onnxruntime",
            chip="cpu",
            subset=None,
            weights="a" * 64,
            seconds=12.5,
            manifest=tmp_path / "m.yaml",
            report=tmp_path / "out" / "report.json",
            lines=(
                EntryLine(
                    id="voc07_map/reference",
                    value=79.58,
                    unit="percent",
                    expected=79.58,
                    tolerance=0.02,
                    verdict=Verdict.PASS,
                    low=79.1,
                    high=80.0,
                    direction="at_least",
                ),
                EntryLine(id="throughput/cpu/1", value=None, unit="images/s", direction="at_least"),
            ),
        ),
    )


def test_a_run_that_ended_early_has_no_lines(ledger: Ledger) -> None:
    manifest = ManifestRecord(name="toy", path="m.yaml", files=(), digest="")
    ledger.append(Report(verdict=Verdict.ERROR, exit_code=3, manifest=manifest), Path("report.json"))
    (entry,) = ledger.last("toy", 1)
    assert (entry.verdict, entry.exit_code, entry.lines) == (Verdict.ERROR, ExitCode.STAGE_FAILED, ())
    assert (entry.backend, entry.chip, entry.weights, entry.started) == ("", "", None, "")


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(0, [], id="none"),
        pytest.param(1, [3.0], id="the newest"),
        pytest.param(2, [3.0, 1.0], id="newest first"),
        pytest.param(9, [3.0, 1.0], id="no more than there are"),
    ],
)
def test_the_last_runs_of_one_name(ledger: Ledger, count: int, expected: list[float]) -> None:
    for name, value in (("toy", 1.0), ("other", 2.0), ("toy", 3.0)):
        ledger.append(make_report(name, value=value), Path("report.json"))
    assert [entry.lines[0].value for entry in ledger.last("toy", count)] == expected
    assert ledger.names() == ("other", "toy")


def test_a_line_is_found_by_its_id(ledger: Ledger) -> None:
    ledger.append(make_report(), Path("report.json"))
    (entry,) = ledger.last("toy", 1)
    assert entry.line("throughput/cpu/1") is entry.lines[1]
    assert entry.line("throughput/cpu/2") is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.floats(), name=st.text(st.characters(codec="utf-8"), max_size=20), verdict=st.sampled_from(Verdict))
def test_any_figure_and_name_is_kept(ledger: Ledger, value: float, name: str, verdict: Verdict) -> None:
    ledger.append(make_report(name, verdict, value=value), Path("report.json"))
    (entry,) = ledger.last(name, 1)
    assert entry.lines[0].value == (None if math.isnan(value) else value)
    assert (entry.name, entry.verdict) == (name, verdict)


def damage_with(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def overwrite_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def run_sql(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()

    return change


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(damage_with(b"not a database, and long enough to be looked at by SQLite\n" * 20), id="text"),
        pytest.param(overwrite_the_middle, id="overwritten"),
        pytest.param(run_sql("DROP TABLE line"), id="a table is missing"),
        pytest.param(run_sql("ALTER TABLE run DROP COLUMN chip"), id="a column is missing"),
    ],
)
def test_a_damaged_file_is_named_with_the_remedy(ledger: Ledger, damage: Callable[[Path], object]) -> None:
    ledger.append(make_report(), Path("report.json"))
    damage(ledger.path)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: ledger.last("toy", 1),
        lambda: ledger.append(make_report(), Path("report.json")),
    )
    for attempt in attempts:
        with pytest.raises(StageError) as caught:
            attempt()
        text = str(caught.value)
        assert text.startswith(f"{ledger.path}: expected a ledger of runs, found a damaged or another file (")
        assert f"move it away, as in `mv {ledger.path} {ledger.path}.damaged`" in text
    ledger.path.rename(f"{ledger.path}.damaged")
    ledger.append(make_report(), Path("report.json"))
    assert len(ledger.last("toy", 9)) == 1


def test_a_verdict_that_does_not_exist_is_damage(ledger: Ledger) -> None:
    ledger.append(make_report(), Path("report.json"))
    run_sql("UPDATE line SET verdict = 'perhaps'")(ledger.path)
    with pytest.raises(StageError, match="damaged or another file \\('perhaps' is not a valid Verdict\\)"):
        ledger.last("toy", 1)


def test_an_empty_file_is_a_ledger_without_runs(ledger: Ledger) -> None:
    ledger.path.parent.mkdir()
    ledger.path.touch()
    assert ledger.last("toy", 1) == ()


def test_a_folder_in_its_place(ledger: Ledger) -> None:
    ledger.path.mkdir(parents=True)
    with pytest.raises(StageError, match=r"cannot be opened or written .* check the disk, and the permissions"):
        ledger.append(make_report(), Path("report.json"))


def test_a_file_in_place_of_its_folder(ledger: Ledger) -> None:
    ledger.path.parent.touch()
    with pytest.raises(StageError, match=r"cannot be opened or written .* check the disk, and the permissions"):
        ledger.append(make_report(), Path("report.json"))


def test_a_later_release_wrote_it(ledger: Ledger) -> None:
    ledger.append(make_report(), Path("report.json"))
    before = len(ledger_module.MIGRATIONS)
    run_sql(f"PRAGMA user_version = {before + 1}")(ledger.path)
    bytes_before = ledger.path.read_bytes()
    expected = f"expected a ledger of version {before} or before, found {before + 1}: a later release wrote it; upgrade"
    for attempt in (lambda: ledger.last("toy", 1), ledger.names):
        with pytest.raises(StageError, match=expected):
            attempt()
    with pytest.raises(StageError, match=expected):
        ledger.append(make_report(), Path("report.json"))
    assert ledger.path.read_bytes() == bytes_before


@pytest.mark.parametrize("first", ["reading", "writing"])
def test_an_older_file_is_brought_up_and_keeps_its_runs(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    ledger.append(make_report(), Path("report.json"))
    old = ledger.last("toy", 1)
    later = (*ledger_module.MIGRATIONS, ("ALTER TABLE run ADD COLUMN note TEXT", "CREATE TABLE more (id INTEGER)"))
    monkeypatch.setattr(ledger_module, "MIGRATIONS", later)
    if first == "writing":
        ledger.append(make_report(), Path("report.json"))
    assert ledger.last("toy", 9)[-1:] == old
    connection = sqlite3.connect(ledger.path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(later),)
    assert connection.execute("SELECT note FROM run").fetchone() == (None,)
    connection.close()


def test_a_file_of_the_first_version(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(ledger_module, "MIGRATIONS", ledger_module.MIGRATIONS[:1])
        ledger.path.parent.mkdir()
        ledger.path.touch()
        assert ledger.names() == ()
    with closing(sqlite3.connect(ledger.path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    ledger.append(make_report(), Path("report.json"))
    (entry,) = ledger.last("toy", 1)
    assert [line.direction for line in entry.lines] == ["at_least", "at_least"]


def test_a_migration_that_fails_changes_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.append(make_report(), Path("report.json"))
    before = ledger.path.read_bytes()
    published = ledger_module.MIGRATIONS
    monkeypatch.setattr(ledger_module, "MIGRATIONS", (*published, ("CREATE TABLE more (id INTEGER)", "NOT SQL")))
    with pytest.raises(StageError, match="NOT"):
        ledger.last("toy", 1)
    monkeypatch.undo()
    assert len(ledger.last("toy", 9)) == 1
    assert ledger.path.read_bytes() == before


def test_a_file_that_may_only_be_read_is_read(ledger: Ledger) -> None:
    ledger.append(make_report(), Path("report.json"))
    ledger.path.chmod(0o400)
    assert len(ledger.last("toy", 9)) == 1


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
from zoo_runner import ledger

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


def test_entries_are_records(ledger: Ledger) -> None:
    ledger.append(make_report(), Path("report.json"))
    (entry,) = ledger.last("toy", 1)
    assert replace(entry, name="other").lines == entry.lines
    with pytest.raises(AttributeError):
        entry.name = "other"  # type: ignore[misc] # which is the point
