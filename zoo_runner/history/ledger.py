"""Every run on this machine, appended to one SQLite file.

The file keeps SQLite's rollback journal: runs are written minutes apart, so that the write-ahead log would buy
nothing and would leave two more files beside this one.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zoo_runner.errors import StageError
from zoo_runner.files.regular import require_regular
from zoo_runner.manifest.direction import Direction
from zoo_runner.report.model import Line, MetricRecord, Report, Verdict
from zoo_runner.report.table import rate_noun, rate_unit

LEDGER: Final = "ledger.sqlite3"
"""Name of the file below the store's root."""
PATIENCE: Final = 30.0
"""Seconds to wait for other processes that write at the same time."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE run (
            id INTEGER PRIMARY KEY,
            started TEXT NOT NULL,
            name TEXT NOT NULL,
            digest TEXT NOT NULL,
            verdict TEXT NOT NULL,
            exit_code INTEGER NOT NULL,
            backend TEXT NOT NULL,
            chip TEXT NOT NULL,
            subset TEXT,
            weights TEXT,
            seconds REAL NOT NULL,
            manifest TEXT NOT NULL,
            report TEXT NOT NULL
        )""",
        "CREATE INDEX run_by_name ON run (name, id)",
        """CREATE TABLE line (
            run INTEGER NOT NULL REFERENCES run (id),
            position INTEGER NOT NULL,
            id TEXT NOT NULL,
            value REAL,
            unit TEXT NOT NULL,
            expected REAL,
            tolerance REAL,
            verdict TEXT NOT NULL,
            low REAL,
            high REAL,
            PRIMARY KEY (run, position)
        ) WITHOUT ROWID""",
    ),
    ("ALTER TABLE line ADD COLUMN direction TEXT",),
    (
        "CREATE TABLE settings (digest TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID",
        "ALTER TABLE run ADD COLUMN devices TEXT",
        "ALTER TABLE run ADD COLUMN settings TEXT REFERENCES settings (digest)",
        "ALTER TABLE line ADD COLUMN samples INTEGER",
        "ALTER TABLE line ADD COLUMN fresh INTEGER",
    ),
    ("ALTER TABLE run ADD COLUMN noun TEXT",),
    ("ALTER TABLE run ADD COLUMN inputs TEXT",),
)
"""The statements that lead from each version of the file to the next; the version is its ``PRAGMA user_version``.

What is here was published and stays as it is: a change is a new entry.
"""

_RUN: Final = (
    "started",
    "name",
    "digest",
    "verdict",
    "exit_code",
    "backend",
    "chip",
    "subset",
    "weights",
    "seconds",
    "manifest",
    "report",
    "devices",
    "noun",
    "inputs",
    "settings",
)
_LINE: Final = (
    *("id", "value", "unit", "expected", "tolerance", "verdict", "low", "high", "direction"),
    *("samples", "fresh"),
)
_INSERT_RUN: Final = f"INSERT INTO run ({', '.join(_RUN)}) VALUES ({', '.join('?' * len(_RUN))})"  # noqa: S608 - names from above
_INSERT_LINE: Final = f"INSERT INTO line (run, position, {', '.join(_LINE)}) VALUES (?, ?{', ?' * len(_LINE)})"  # noqa: S608 - names from above
_INSERT_SETTINGS: Final = "INSERT OR IGNORE INTO settings (digest, content) VALUES (?, ?)"
_SELECT_RUNS: Final = (
    f"SELECT run.id, {', '.join(f'run.{each}' for each in _RUN[:-1])}, settings.content FROM run "  # noqa: S608 - names from above
    "LEFT JOIN settings ON run.settings = settings.digest WHERE name = ? ORDER BY run.id DESC LIMIT ?"
)
_SELECT_LINES: Final = f"SELECT {', '.join(_LINE)} FROM line WHERE run = ? ORDER BY position"  # noqa: S608 - names from above
_CONFIG: Final = "plugin.config"
_ENVIRONMENT: Final = ("unable to open", "readonly", "is full", "disk I/O")
"""What SQLite says when not the file but what is around it is at fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """One line of a run's expectations table.

    Attributes:
        id: As :attr:`zoo_runner.report.model.Line.id`.
        value: What was measured, in ``unit``; ``None`` where nothing was, or what is not a number.
        unit: Such as ``percent``.
        expected: The figure it was held against, if any.
        tolerance: Allowed distance on the wrong side, in ``unit``.
        verdict: The line's own.
        low: Lower end of the bootstrap interval, if there was one.
        high: Its upper end.
        direction: Which side is the wrong one; ``None`` in what the first version of the file has.
        samples: How many samples were scored; ``None`` of timings, and in what versions before the third have.
        fresh: Whether the run measured it anew, and took nothing of it that was kept; ``None`` likewise, where nobody
            knows.
    """

    id: str
    value: float | None
    unit: str
    expected: float | None = None
    tolerance: float | None = None
    verdict: Verdict = Verdict.NOT_GATED
    low: float | None = None
    high: float | None = None
    direction: Direction | None = None
    samples: int | None = None
    fresh: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run.

    Attributes:
        started: UTC, ISO 8601.
        name: The manifest's.
        digest: The manifest's: equal for manifests that mean the same.
        verdict: The run's.
        exit_code: The run's.
        backend: What ran the model; empty when the run did not get that far.
        chip: Where it ran, as manifests name it.
        subset: The subset that was scored, if any.
        weights: SHA-256 of the checkpoint, where the run read it.
        seconds: Length of the run.
        manifest: The manifest's file, absolute.
        report: The run's ``report.json``, absolute; a later run into the same folder has replaced it.
        lines: Metrics, then throughputs, in the report's order.
        devices: Their numbers, as in ``0, 1``; ``None`` in what versions of the file before the third have.
        noun: What the samples are called, in the plural; ``None`` where the data set does not say, and likewise.
        settings: Every value of the manifest and of the plugin's configuration, by its dotted key; ``None`` likewise.
        inputs: What the verdict depends on beside them, by name; ``None`` in what versions before the fifth have.
    """

    started: str
    name: str
    digest: str
    verdict: Verdict
    exit_code: int
    backend: str
    chip: str
    subset: str | None
    weights: str | None
    seconds: float
    manifest: Path
    report: Path
    lines: tuple[EntryLine, ...] = ()
    devices: str | None = None
    noun: str | None = None
    settings: Mapping[str, str] | None = None
    inputs: Mapping[str, str] | None = None

    def line(self, name: str) -> EntryLine | None:
        """Return the line with that id, if the run has it."""
        return next((line for line in self.lines if line.id == name), None)


class Ledger:
    """The file of runs; processes may share it at the same time.

    Attributes:
        path: The file. It is made when the first run is appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, report: Report, report_path: Path, inputs: Mapping[str, str] | None = None) -> None:
        """Add a run: all of it, or after a crash nothing.

        Args:
            report: What the run found.
            report_path: Where that is written.
            inputs: What its verdict depends on, by name.

        Raises:
            StageError: The file cannot be written, is damaged, or is from a later release.
        """
        content = json.dumps(_settings(report), sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        kept = None if inputs is None else json.dumps(dict(inputs), sort_keys=True)
        run = (*_run_values(report, report_path), kept, digest)
        lines = [_line_values(line, report) for line in report.lines]
        with self._connected("rwc") as connection:
            self._bring_up(connection)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_INSERT_SETTINGS, (digest, content))
            row = connection.execute(_INSERT_RUN, run).lastrowid
            connection.executemany(_INSERT_LINE, [(row, place, *line) for place, line in enumerate(lines)])
            connection.execute("COMMIT")

    def last(self, name: str, count: int) -> tuple[Entry, ...]:
        """Return the last ``count`` runs of the manifest ``name``, newest first; none where there is no file.

        Raises:
            StageError: The file cannot be read, is damaged, or is from a later release.
        """
        if not self.path.exists():
            return ()
        with self._connected("rw") as connection:
            self._bring_up(connection)
            connection.execute("BEGIN")  # so that runs and lines are of one moment
            rows = connection.execute(_SELECT_RUNS, (name, count)).fetchall()
            return tuple(_entry(row[1:], connection.execute(_SELECT_LINES, row[:1]).fetchall()) for row in rows)

    def names(self) -> tuple[str, ...]:
        """Return the names of all manifests that have runs, in alphabetical order.

        Raises:
            StageError: As from :meth:`last`.
        """
        if not self.path.exists():
            return ()
        with self._connected("rw") as connection:
            self._bring_up(connection)
            return tuple(name for (name,) in connection.execute("SELECT DISTINCT name FROM run ORDER BY name"))

    @contextmanager
    def _connected(self, mode: str) -> Iterator[sqlite3.Connection]:
        """Open the file; what is not committed when the block ends is undone."""
        try:
            if mode == "rwc":
                self.path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                require_regular(self.path)
            address = f"{self.path.absolute().as_uri()}?mode={mode}"
            connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
            try:
                yield connection
            finally:
                connection.close()
        except (sqlite3.Error, _Damaged, OSError, UnicodeDecodeError) as error:  # the last of SQLite's complaint
            raise StageError(f"{self.path}: {_explained(error, self.path)}") from error

    def _bring_up(self, connection: sqlite3.Connection) -> None:
        """Apply the migrations that the file lacks, all or none."""
        if self._version(connection) == len(MIGRATIONS):
            return
        connection.execute("BEGIN IMMEDIATE")
        for statements in MIGRATIONS[self._version(connection) :]:  # another process may have been here first
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise StageError(
                f"{self.path}: expected a ledger of version {len(MIGRATIONS)} or before, found {version}: "
                "a later release wrote it; upgrade zoo-run, or set ZOO_RUNNER_CACHE to another folder"
            )
        return version


def entry_of(report: Report, report_path: Path) -> Entry:
    """Return a run as :meth:`Ledger.last` will return it."""
    settings = json.dumps(_settings(report), sort_keys=True)
    return _entry(
        (*_run_values(report, report_path), None, settings), [_line_values(each, report) for each in report.lines]
    )


class _Damaged(Exception):  # noqa: N818 - never leaves this module
    """The file can be read, and says what no run wrote."""


def _run_values(report: Report, report_path: Path) -> tuple[object, ...]:
    """Return the values of :data:`_RUN` but the last two."""
    here = report.environment
    weights = next((each.sha256 for each in report.artifacts if each.name == "weights"), None)
    return (
        report.started,
        report.manifest.name,
        report.manifest.digest,
        report.verdict.value,
        int(report.exit_code),
        here.backend if here else "",
        here.chip if here else "",
        report.subset,
        weights,
        report.seconds,
        str(Path(report.manifest.path).absolute()),
        str(report_path.absolute()),
        ", ".join(map(str, here.devices)) if here else None,
        report.noun or None,
    )


def _settings(report: Report) -> dict[str, str]:
    """Return what the run was made with; what the plugin made of its configuration stands for that."""
    config = {f"{_CONFIG}.{key}": value for key, value in report.manifest.config.items()}
    given = report.manifest.settings.items()
    return {key: value for key, value in given if not config or not key.startswith(_CONFIG)} | config


def _line_values(line: Line, report: Report) -> tuple[object, ...]:
    """Return the values of :data:`_LINE`. SQLite has no NaN and keeps it as NULL."""
    low, high = (line.spread.low, line.spread.high) if line.spread else (None, None)
    return (
        line.id,
        line.measured,
        rate_unit(line.unit, rate_noun(report)) if report.inferences else line.unit,
        line.expected,
        line.tolerance,
        line.verdict.value,
        low,
        high,
        line.direction.value,
        line.samples if isinstance(line, MetricRecord) else None,
        _fresh(line, report.inferred),
    )


def _fresh(line: Line, inferred: int | None) -> bool | None:
    """Say whether a line's figure was measured anew; timings always are."""
    if not isinstance(line, MetricRecord):
        return True
    return None if inferred is None else inferred == line.samples


def _entry(run: Sequence[Any], lines: Sequence[Sequence[Any]]) -> Entry:
    values: dict[str, Any] = dict(zip(_RUN, run, strict=True))
    rows = [dict(zip(_LINE, line, strict=True)) for line in lines]
    try:
        return Entry(
            **values
            | {
                "verdict": Verdict(values["verdict"]),
                "manifest": Path(values["manifest"]),
                "report": Path(values["report"]),
                "lines": tuple(map(_entry_line, rows)),
                "settings": _read_settings(values["settings"]),
                "inputs": _read_settings(values["inputs"]),
            }
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise _Damaged(str(error)) from error


def _read_settings(content: str | None) -> dict[str, str] | None:
    if content is None:
        return None
    found = json.loads(content)
    if not isinstance(found, dict):
        raise TypeError("expected settings by their keys")
    return {str(key): str(value) for key, value in found.items()}


def _entry_line(row: Mapping[str, Any]) -> EntryLine:
    direction = None if row["direction"] is None else Direction(row["direction"])
    fresh = None if row["fresh"] is None else bool(row["fresh"])
    return EntryLine(**{**row, "verdict": Verdict(row["verdict"]), "direction": direction, "fresh": fresh})


def _explained(error: Exception, path: Path) -> str:
    text = str(error)
    if isinstance(error, OSError) or any(sign in text for sign in _ENVIRONMENT):
        return f"cannot be opened or written ({text}); check the disk, and the permissions of the file and its folder"
    if "locked" in text:
        return f"other processes kept it busy for {PATIENCE:g} s; try again"
    return (
        f"expected a ledger of runs, found a damaged or another file ({text}); move it away, as in "
        f"`mv {path} {path}.damaged`, and the next run begins a new one (every run's own report.json is untouched)"
    )
