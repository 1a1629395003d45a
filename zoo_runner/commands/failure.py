"""What the command line says of an error, and the exit code for it."""

from __future__ import annotations

import traceback

import click

from zoo_runner.commands.signals import exit_code
from zoo_runner.errors import ExitCode, ZooError, interrupted
from zoo_runner.report.characters import visible


def failed(error: BaseException, subject: str = "") -> int:
    """Say what went wrong and return the exit code for it.

    Args:
        error: Whatever ended the work.
        subject: What it happened to, where that is not obvious.
    """
    start = f"error: {subject}: " if subject and not str(error).startswith(subject) else "error: "
    if interrupted(error) or isinstance(error, click.exceptions.Abort):
        click.echo("interrupted", err=True)
        return exit_code(error)
    if isinstance(error, ZooError):
        click.echo(visible(f"{start}{error}"), err=True)
        return error.exit_code
    if isinstance(error, OSError):
        click.echo(visible(f"{start}{error}; check the disk and permissions, then run again"), err=True)
        return ExitCode.STAGE_FAILED
    traceback.print_exception(error)
    click.echo(f"{start}this is a bug in zoo-run or a plugin; please report it with the lines above", err=True)
    return ExitCode.STAGE_FAILED
