"""``zoo-run validate`` and ``schema``: what concerns manifests and not runs of them."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo_runner.commands.failure import failed, worst
from zoo_runner.commands.suggestions import manifest_files
from zoo_runner.errors import ExitCode, ZooError
from zoo_runner.job.options import RunOptions
from zoo_runner.redaction import redacted, write_json

if TYPE_CHECKING:
    from pydantic import BaseModel

    from zoo_runner.report.model import Report


@click.command()
@click.argument(
    "manifests",
    metavar="MANIFEST...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=manifest_files,
)
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print a list with an entry for each manifest.")
def validate(manifests: tuple[Path, ...], overrides: tuple[str, ...], *, as_json: bool) -> int:
    """Check each MANIFEST, also against its plugin, and do nothing else.

    What an imported manifest lacks is a note.
    """
    checked = [_checked(path, overrides) for path in manifests]
    for each in checked:
        if each.error:
            failed(each.error)
            _annotate(each, as_json=as_json)
        elif not as_json:
            click.echo(f"{each.name}: valid (read {', '.join(each.files)})")
        for note in each.notes:
            click.echo(f"{each.name}: note: {note}", err=True)
    if as_json:
        write_json(sys.stdout, f"{json.dumps([_row(each) for each in checked], indent=2)}\n".encode())
    return worst(each.error.exit_code if each.error else ExitCode.PASS for each in checked)


@dataclass(frozen=True, kw_only=True)
class _Checked:
    """What became of one manifest: its name, the files it was read from, notes; or why it cannot be run."""

    path: Path
    name: str | None = None
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: ZooError | None = None

    def report(self) -> Report:
        from zoo_runner.commands.execution import not_run  # noqa: PLC0415 - not needed for --help

        return not_run(self.path, str(self.error), self.error.exit_code if self.error else 0).report


def _checked(path: Path, overrides: tuple[str, ...]) -> _Checked:
    from zoo_runner.job.imported import missing  # noqa: PLC0415 - not needed for --help
    from zoo_runner.job.recipe import resolve  # noqa: PLC0415 - not needed for --help
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic

    try:
        loaded = load(path, overrides)
        # Nothing of an imported manifest can be held against a plugin that is still to be named or written.
        notes = missing(loaded) or resolve(loaded, RunOptions(output=Path())).parts.notes
    except ZooError as error:
        return _Checked(path=path, error=error)
    files = tuple(str(each) for each in loaded.sources)
    return _Checked(path=path, name=loaded.manifest.name, files=files, notes=notes)


def _annotate(refused: _Checked, *, as_json: bool) -> None:
    from zoo_runner.report.annotations import workflow_commands  # noqa: PLC0415 - loads pydantic

    for line in workflow_commands(refused.report()):
        click.echo(line, err=as_json)


def _row(checked: _Checked) -> dict[str, object]:
    """Return what ``--json`` says of a manifest: problems with their lines, without secrets."""
    from zoo_runner.report.findings import findings  # noqa: PLC0415 - loads pydantic

    problems = findings(checked.report()) if checked.error else ()
    return {
        "manifest": redacted(str(checked.path)),
        "name": checked.name and redacted(checked.name),
        "valid": checked.error is None,
        "files": [redacted(each) for each in checked.files],
        "notes": [redacted(each) for each in checked.notes],
        "problems": [{"file": each.path, "line": each.line, "message": each.message} for each in problems],
    }


@click.command()
@click.argument("kind", type=click.Choice(["manifest", "report"]), default="manifest", required=False)
def schema(kind: str) -> int:
    """Print the JSON Schema of manifests, or of report.json, for editors and other tools."""
    from zoo_runner.report import json_schema  # noqa: PLC0415 - loads pydantic

    made = json_schema.json_schema(_configs()) if kind == "manifest" else json_schema.report_schema()
    write_json(sys.stdout, f"{json.dumps(made, indent=2)}\n".encode())
    return ExitCode.PASS


def _configs() -> dict[str, type[BaseModel]]:
    """Return what the installed plugins check their configuration against; where that fails, the plugin is left out."""
    from pydantic import PydanticUserError  # noqa: PLC0415 - not needed for --help

    from zoo_runner.plugin.loading import listing, load  # noqa: PLC0415 - looks through all installed distributions

    models: dict[str, type[BaseModel]] = {}
    for entry in listing():
        with suppress(ZooError, PydanticUserError):  # editors need the schema also where one plugin is broken
            if entry.kind == "model" and (model := load(entry.name).config_model()):
                model.model_json_schema(mode="validation")
                models[entry.name] = model
    return models
