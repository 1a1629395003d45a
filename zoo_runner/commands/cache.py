"""``zoo-run cache``: what is kept for later runs, and why it is reused or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from zoo_runner.commands.run import run
from zoo_runner.commands.suggestions import backend_names, manifest_files, subset_names
from zoo_runner.errors import ExitCode
from zoo_runner.job.options import RunOptions, Stage

MEANT: Final = {
    *("manifests", "backend", "weights", "data", "subset", "batch_size", "devices", "limit", "first", "results"),
    *("overrides", "soc", "om", "seed", "require_hash"),
}
"""Options of a run that say what it would reuse."""


@click.group()
def cache() -> None:
    """Look at what is kept for later runs."""


@cache.command()
@click.argument(
    "manifests", metavar="MANIFEST", nargs=1, type=click.Path(path_type=Path), shell_complete=manifest_files
)
@click.option("--backend", metavar="NAME", default="auto", show_default=True, shell_complete=backend_names)
@click.option("--weights", metavar="PATH|URL", help="As in the run that is meant.")
@click.option("--data", metavar="FOLDER", type=click.Path(path_type=Path), help="Likewise.")
@click.option("--subset", metavar="NAME", help="Likewise.", shell_complete=subset_names)
@click.option("--batch-size", metavar="N", type=click.IntRange(min=1), help="Likewise.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Likewise.")
@click.option("--soc", metavar="NAME", help="Likewise.")
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
