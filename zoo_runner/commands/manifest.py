"""``zoo-run validate`` and ``schema``: what concerns manifests and not runs of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from zoo_runner.commands.suggestions import manifest_files
from zoo_runner.errors import ExitCode
from zoo_runner.job.options import RunOptions
from zoo_runner.redaction import write_json


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path), shell_complete=manifest_files)
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
def validate(manifest: Path, overrides: tuple[str, ...]) -> int:
    """Check MANIFEST, also against its plugin, and do nothing else."""
    from zoo_runner.job.recipe import resolve  # noqa: PLC0415 - not needed for --help
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic

    loaded = load(manifest, overrides)
    resolve(loaded, RunOptions(output=Path()))
    files = ", ".join(str(path) for path in loaded.sources)
    click.echo(f"{loaded.manifest.name}: valid (read {files})")
    return ExitCode.PASS


@click.command()
@click.argument("kind", type=click.Choice(["manifest", "report"]), default="manifest", required=False)
def schema(kind: str) -> int:
    """Print the JSON Schema of manifests, or of report.json, for editors and other tools."""
    from zoo_runner.report import json_schema  # noqa: PLC0415 - loads pydantic

    made = json_schema.json_schema() if kind == "manifest" else json_schema.report_schema()
    write_json(sys.stdout, f"{json.dumps(made, indent=2)}\n".encode())
    return ExitCode.PASS
