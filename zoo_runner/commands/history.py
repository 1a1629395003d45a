"""``zoo-run history``: the last runs of a manifest, their trends, and tolerances made from them."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from zoo_runner.errors import ExitCode, UsageError, ZooError, did_you_mean
from zoo_runner.redaction import write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.history.ledger import Entry, Ledger
    from zoo_runner.manifest.load import LoadedManifest

LOOK_BACK = 1000
"""Runs among which repeats are looked for."""


def _names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Offer the names that have runs, else files."""
    from zoo_runner.history.ledger import LEDGER, Ledger  # noqa: PLC0415 - loads pydantic
    from zoo_runner.store.store import default_root  # noqa: PLC0415 - not needed for --help

    try:
        names = Ledger(default_root() / LEDGER).names()
    except ZooError:  # pressing TAB is no time for errors; the command itself shows them
        names = ()
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


@click.command()
@click.argument("manifest", metavar="NAME|MANIFEST", shell_complete=_names)
@click.option("--last", "count", metavar="N", type=click.IntRange(min=1), default=20, show_default=True, help="Runs.")
@click.option("--line", metavar="ID", help="Follow this figure only, such as throughput/310P3/16.")
@click.option("--propose", metavar="K", type=click.IntRange(min=1), help="Tolerances from the last K repeats, as YAML.")
@click.option("--diff", "as_diff", is_flag=True, help="With --propose: a diff of MANIFEST, as git apply takes it.")
@click.option("--json", "machine", is_flag=True, help="For programs.")
def history(manifest: str, count: int, line: str | None, propose: int | None, machine: bool, as_diff: bool) -> int:
    """Show the last runs of a manifest, and how its figures move.

    NAME is a manifest's name; MANIFEST a file, read for its name. Every run on this machine is kept in one
    file below the cache folder. With --propose, print a manifest that extends this one, with figures and tolerances
    that cover what varied between the last K runs; save and run it. With --diff as well, the same as a change to
    MANIFEST itself, for git apply or patch -p1.
    """
    if as_diff and propose is None:
        raise UsageError("--diff is about what --propose proposes; add --propose K")
    if propose is not None and (machine or line is not None):
        raise UsageError(f"--propose prints a manifest; drop {'--json' if machine else '--line'}")
    from zoo_runner.history.ledger import LEDGER, Ledger  # noqa: PLC0415 - loads pydantic
    from zoo_runner.store.store import default_root  # noqa: PLC0415 - not needed for --help

    ledger = Ledger(default_root() / LEDGER)
    loaded = _loaded(manifest)
    name = loaded.manifest.name if loaded else manifest
    entries = ledger.last(name, LOOK_BACK if propose is not None else count)
    if not entries and not loaded:
        raise UsageError(_unknown(name, ledger))
    if propose is not None:
        return _propose(entries, loaded or _of_newest(entries), propose, as_diff=as_diff)
    from zoo_runner.history.tables import show  # noqa: PLC0415 - loads rich
    from zoo_runner.history.trends import as_json  # noqa: PLC0415 - loads rich

    if line is not None and entries:
        entries = _with_line(entries, line)
    if machine:
        write_json(sys.stdout, f"{as_json(name, entries)}\n".encode())
    elif entries:
        show(name, entries)
    else:
        click.echo(f"{name}: no run yet in {ledger.path}")
    return ExitCode.PASS


def _loaded(text: str) -> LoadedManifest | None:
    """Load what is a file, or is written like one; anything else is a name."""
    path = Path(text)
    if not path.is_file() and path.suffix not in {".yaml", ".yml"} and os.sep not in text:
        return None
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - not needed for --help

    return load(path)


def _of_newest(entries: Sequence[Entry]) -> LoadedManifest:
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - not needed for --help

    path = entries[0].manifest
    if not path.is_file():
        raise UsageError(f"{entries[0].name}: the manifest was {path}, which is gone; give --propose the file instead")
    return load(path)


def _unknown(name: str, ledger: Ledger) -> str:
    known = ledger.names()
    if not known:
        return f"{name}: no manifest of that name has a run: {ledger.path} has none at all; `zoo-run MANIFEST` adds one"
    return f"{name}: no manifest of that name has a run{did_you_mean(name, known) or '; known: ' + ', '.join(known)}"


def _with_line(entries: Sequence[Entry], line: str) -> tuple[Entry, ...]:
    found = tuple(replace(entry, lines=(each,)) for entry in entries if (each := entry.line(line)))
    if not found:
        known = list(dict.fromkeys(each.id for entry in entries for each in entry.lines))
        hint = did_you_mean(line, known) or f"; known: {', '.join(known) or 'none'}"
        raise UsageError(f"--line {line}: the last {len(entries)} runs have no such figure{hint}")
    return found


def _propose(entries: Sequence[Entry], loaded: LoadedManifest, count: int, *, as_diff: bool) -> int:
    from zoo_runner.history.proposal import propose  # noqa: PLC0415 - not needed for --help
    from zoo_runner.history.proposal_text import diff, patch  # noqa: PLC0415 - not needed for --help

    write = diff if as_diff else patch
    click.echo(write(propose(entries, loaded, count), Path.cwd()), nl=False)
    return ExitCode.PASS
