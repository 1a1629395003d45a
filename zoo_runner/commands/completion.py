"""``zoo-run completion``: the script with which a shell completes ``zoo-run``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import get_completion_class, shell_complete

from zoo_runner.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM: Final = "zoo-run"
VARIABLE: Final = "_ZOO_RUN_COMPLETE"
"""In which the script says what it wants when it calls the program."""
PREPARATION: Final = {"zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }\n"}
"""What must come before a shell's script: a zsh without a configuration has its completion system off."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script that makes SHELL complete zoo-run's words.

    In ~/.bashrc and ~/.zshrc write `eval "$(zoo-run completion SHELL)"`, in config.fish
    `zoo-run completion fish | source`.
    """
    script = get_completion_class(shell)
    if script is not None:
        click.echo(PREPARATION.get(shell, ""), nl=False)
        click.echo(script(context.find_root().command, {}, PROGRAM, VARIABLE).source())
    return ExitCode.PASS


def answer(group: click.Group, environment: Mapping[str, str] = os.environ) -> int | None:
    """Answer the script's question, if that is why the program was started, and return the exit code."""
    instruction = environment.get(VARIABLE)
    return shell_complete(group, {}, PROGRAM, VARIABLE, instruction) if instruction else None
