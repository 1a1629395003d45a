"""``zoo-run cache``: what is kept for later runs, why it is reused or not, and how to be rid of it."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zoo_runner.commands.chips import chip_meant
from zoo_runner.commands.run import run
from zoo_runner.commands.suggestions import backend_names, manifest_files, subset_names
from zoo_runner.errors import ExitCode
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.redaction import redacted, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zoo_runner.store.contents import Kept

MEANT: Final = {
    *("manifests", "backend", "weights", "data", "subset", "batch_size", "devices", "limit", "first", "results"),
    *("overrides", "soc", "om", "seed", "require_hash", "downloads", "by_position"),
}
"""Options of a run that say what it would reuse."""


@click.group()
def cache() -> None:
    """Look at what is kept for later runs, and remove it."""


@cache.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list with an entry for each thing kept.")
def list_(*, as_json: bool) -> int:
    """Say how much is kept of each kind, and when it was last used."""
    from zoo_runner.store.contents import contents  # noqa: PLC0415 - not needed for --help
    from zoo_runner.store.root import default_root  # noqa: PLC0415 - likewise

    root = default_root()
    kept = list(contents(root))
    if as_json:
        rows = [
            {"kind": each.kind, "path": redacted(str(each.path)), "bytes": each.size, "used": each.used}
            for each in kept
        ]
        write_json(sys.stdout, f"{json.dumps(rows, indent=2)}\n".encode())
        return ExitCode.PASS
    click.echo(f"kept in {root}: {_size(kept)}")
    for kind in dict.fromkeys(each.kind for each in kept):
        some = [each for each in kept if each.kind == kind]
        last = datetime.fromtimestamp(max(each.used for each in some), tz=timezone.utc).astimezone()
        click.echo(f"  {kind:<16} {len(some):>6}  {_size(some):>10}  last used {last:%Y-%m-%d}")
    return ExitCode.PASS


@cache.command()
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="Keep what was used within so many days.",
)
def prune(days: int) -> int:
    """Remove what no run used for a while; it is made or downloaded again when it is needed."""
    from zoo_runner.store.contents import TABLES  # noqa: PLC0415 - not needed for --help

    return _remove(lambda each: each.kind not in TABLES and each.days() > days, f"that no run used for {days} days")


@cache.command()
def clear() -> int:
    """Remove everything that can be made or downloaded again.

    The history of runs and the hashes trusted on first use stay. A run that is going on may have to be started again.
    """
    return _remove(lambda _: True, "that can be made or downloaded again")


def _remove(chosen: Callable[[Kept], bool], which: str) -> int:
    from zoo_runner.store.contents import contents  # noqa: PLC0415 - not needed for --help
    from zoo_runner.store.root import default_root  # noqa: PLC0415 - likewise

    root = default_root()
    wanted = [each for each in contents(root) if chosen(each)]
    freed = sum(each.discard() for each in wanted)
    left = sum(os.path.lexists(each.path) for each in wanted)
    click.echo(f"removed {_bytes(freed)} {which} from {root}")
    if left:
        click.echo(
            f"error: {left} of {len(wanted)} could not be removed: a run uses them, or they are not yours", err=True
        )
    return ExitCode.STAGE_FAILED if left else ExitCode.PASS


def _size(kept: Iterable[Kept]) -> str:
    return _bytes(sum(each.size for each in kept))


@cache.command()
@click.argument(
    "manifests", metavar="MANIFEST", nargs=1, type=click.Path(path_type=Path), shell_complete=manifest_files
)
@click.option("--backend", metavar="NAME", default="auto", show_default=True, shell_complete=backend_names)
@click.option("--weights", metavar="PATH|URL", help="As in the run that is meant.")
@click.option("--data", metavar="FOLDER", type=click.Path(path_type=Path), help="Likewise.")
@click.option(
    "--downloads", metavar="FOLDER", type=click.Path(path_type=Path), envvar="ZOO_RUNNER_DOWNLOADS", help="Likewise."
)
@click.option("--subset", metavar="NAME", help="Likewise.", shell_complete=subset_names)
@click.option("--batch-size", metavar="N", type=click.IntRange(min=1), help="Likewise.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Likewise.")
@click.option("--soc", metavar="NAME", callback=chip_meant, help="Likewise.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
def explain(manifests: Path, overrides: tuple[str, ...], **given: Any) -> int:
    """Say what the keys of MANIFEST's results are made of, and what differs from the last run.

    Nothing is fetched, exported, converted or run.
    """
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic
    from zoo_runner.reuse.explanation import explain as lines  # noqa: PLC0415 - loads numpy
    from zoo_runner.store.store import Store, default_root  # noqa: PLC0415 - not needed for --help
    from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich
    from zoo_runner.terminal.progress import Terminal  # noqa: PLC0415 - loads rich

    loaded = load(manifests, overrides)
    options = RunOptions(output=Path("zoo-output") / loaded.manifest.name, **given)
    for line in lines(loaded, options, store=Store(default_root()), progress=Terminal(Detail.QUIET)):
        click.echo(line)
    return ExitCode.PASS


@cache.command(params=[parameter for parameter in run.params if parameter.name in MEANT])
def verify(manifests: tuple[Path, ...], overrides: tuple[str, ...], first: str, **given: Any) -> int:
    """Make a tenth of what a run of each MANIFEST would reuse again, and compare the bytes.

    At least one of each kind is drawn. A difference ends in exit code 3. Nothing is scored.
    """
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic
    from zoo_runner.reuse.verification import verify as audited  # noqa: PLC0415 - loads numpy
    from zoo_runner.store.store import Store, default_root  # noqa: PLC0415 - not needed for --help
    from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich
    from zoo_runner.terminal.progress import Terminal  # noqa: PLC0415 - loads rich

    terminal = Terminal(Detail.NORMAL)
    for path in manifests:
        loaded = load(path, overrides)
        output = Path("zoo-output") / loaded.manifest.name
        options = RunOptions(output=output, first=Stage(first), verify_cache=True, **given)
        for line in audited(loaded, options, store=Store(default_root()), progress=terminal).lines():
            click.echo(f"{loaded.manifest.name}: {line}")
    return ExitCode.PASS


def _bytes(count: int) -> str:
    from rich.filesize import decimal  # noqa: PLC0415 - not needed for --help

    return decimal(count)
