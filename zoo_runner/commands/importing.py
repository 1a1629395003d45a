"""``zoo-run import``: a manifest that says what a recipe of the Ascend model zoo says."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from zoo_runner.commands.suggestions import plugin_names
from zoo_runner.errors import ExitCode
from zoo_runner.report.characters import visible

if TYPE_CHECKING:
    from zoo_runner.importing.importing import Written

FILE: Final = click.Path(path_type=Path)
_SHOWN: Final = 20
"""Warnings and keys that are printed; all of them stand in the manifest."""


@click.command("import")
@click.argument("recipe", metavar="README.md", type=FILE)
@click.option("-o", "--output", "target", metavar="M.yaml", type=FILE, required=True, help="The manifest to write.")
@click.option("--plugin", metavar="NAME", help="What knows the model.", shell_complete=plugin_names)
def import_(recipe: Path, target: Path, plugin: str | None) -> int:
    """Write the manifest M.yaml that says what a recipe of the Ascend model zoo says.

    A comment stands for each command, table row and link of README.md that the manifest does not have. No file is
    replaced.
    """
    from zoo_runner.importing.importing import import_recipe  # noqa: PLC0415 - not needed for --help

    written = import_recipe(recipe, target, plugin)
    for warning in written.warnings[:_SHOWN]:
        click.echo(visible(f"warning: {recipe}:{warning.line}: {warning.text}"), err=True)
    _more(len(written.warnings), "warnings", target, err=True)
    _tell(written, target)
    return ExitCode.PASS


def _more(count: int, what: str, target: Path, *, err: bool = False) -> None:
    if count > _SHOWN:
        click.echo(f"  and {count - _SHOWN} more {what}; {target} has all of them", err=err)


def _tell(written: Written, target: Path) -> None:
    click.echo(f"{target}: written, and valid; {written.left_out} things of {visible(written.recipe)} are left out")
    if written.unsaid:
        click.echo("still to be written, as the recipe does not say it:")
        for key in written.unsaid[:_SHOWN]:
            click.echo(visible(f"  {key}"))
        _more(len(written.unsaid), "keys", target)
    click.echo(f"next:\n  {shlex.join(['zoo-run', 'validate', str(target)])}")
