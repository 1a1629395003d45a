"""Files of the ledger that are damaged, of another release or not to be written."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger_reports import make_report
from zoo_runner.errors import StageError
from zoo_runner.history import ledger as ledger_module
from zoo_runner.history.ledger import Ledger


def damage_with(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def overwrite_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def break_the_schema(path: Path) -> None:
    """Make SQLite complain with bytes that are no text."""
    data = path.read_bytes()
    assert data.count(b"CREATE TABLE run ") == 1
    path.write_bytes(data.replace(b"CREATE TABLE run ", b"CREATE TABLE\x80run "))


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
        pytest.param(break_the_schema, id="no text"),
        pytest.param(run_sql("DROP TABLE line"), id="a table is missing"),
        pytest.param(run_sql("ALTER TABLE run DROP COLUMN chip"), id="a column is missing"),
        pytest.param(run_sql("DROP TABLE settings"), id="the settings are missing"),
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


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", "no settings", '{"a": '])
def test_settings_that_are_none_are_damage(ledger: Ledger, content: str) -> None:
    ledger.append(make_report(), Path("report.json"))
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as connection:
        connection.execute("UPDATE settings SET content = ?", (content,))
    with pytest.raises(StageError, match="damaged or another file"):
        ledger.last("toy", 1)


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


def test_a_pipe_is_no_ledger_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ledger")
    with pytest.raises(StageError, match=r"cannot be opened or written \(.*expected a regular file, found a pipe"):
        Ledger(tmp_path / "ledger").last("toy", 1)
