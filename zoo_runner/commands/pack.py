"""``zoo-run pack``: the model files of a manifest, in a folder or an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_runner.commands.chips import chip_meant
from zoo_runner.commands.suggestions import backend_names, manifest_files
from zoo_runner.errors import ExitCode
from zoo_runner.job.options import RunOptions, Stage

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("manifest", metavar="MANIFEST", type=FILE, shell_complete=manifest_files)
@click.option("--output", "-o", metavar="FOLDER|FILE.zip", required=True, type=FILE, help="Where the pack goes.")
@click.option("--backend", metavar="NAME", default="auto", show_default=True, shell_complete=backend_names)
@click.option("--weights", metavar="PATH|URL", help="Where the manifest's weights are taken from instead.")
@click.option("--downloads", metavar="FOLDER", type=FILE, envvar="ZOO_RUNNER_DOWNLOADS", help="As in a run.")
@click.option("--batch-size", metavar="N", type=click.IntRange(min=1), help="Convert for this batch size only.")
@click.option("--soc", metavar="NAME", callback=chip_meant, help="Chip to convert for, instead of the one found.")
@click.option("--require-hash", is_flag=True, help="Refuse weights that the manifest has no hash for.")
@click.option("--trust-code", is_flag=True, help="As in a run.")
@click.option("--export", "anew", is_flag=True, help="Export anew, also where the manifest names a published ONNX.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
def pack(manifest: Path, output: Path, overrides: tuple[str, ...], *, anew: bool, **given: Any) -> int:
    """Export and convert the model of MANIFEST, and pack it by readable names.

    A pack has the ONNX file, what the backend made of it for each batch size, the weights, the manifest in effect,
    checksums and a README. The data set stays out. Nothing is inferred or scored.
    """
    from rich.filesize import decimal  # noqa: PLC0415 - not needed for --help

    from zoo_runner.commands.orders import OUTPUT  # noqa: PLC0415 - likewise
    from zoo_runner.known_secrets import learn  # noqa: PLC0415 - likewise
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic
    from zoo_runner.pack.pack import pack as made  # noqa: PLC0415 - loads numpy
    from zoo_runner.store.store import Store, default_root  # noqa: PLC0415 - not needed for --help
    from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich
    from zoo_runner.terminal.progress import Terminal  # noqa: PLC0415 - loads rich

    learn(given["weights"] or "")
    loaded = load(manifest, overrides)
    options = RunOptions(output=OUTPUT / loaded.manifest.name, last=Stage.CONVERT, **given)
    terminal = Terminal(Detail.NORMAL)
    packed = made(loaded, options, output, store=Store(default_root()), progress=terminal, anew=anew)
    click.echo(f"packed {loaded.manifest.name} into {packed.target}: {decimal(sum(packed.sizes.values()))}")
    for name, size in packed.sizes.items():
        click.echo(f"  {name:<40} {decimal(size):>10}")
    return ExitCode.PASS
