"""Reference of the command line, from the commands themselves."""

from __future__ import annotations

import inspect
import re
from typing import Final

import click

from reference.markdown import code, heading, inline, table

AS_IT_STANDS: Final = "\b\n"
"""What begins a paragraph that click does not wrap."""


def commands(group: click.Group, program: str) -> str:
    """Describe every command that is not hidden, the main one first."""
    context = click.Context(group, info_name=program)
    named = sorted(group.commands.items(), key=lambda item: item[0] != "run")
    return "\n".join(_command(command, context, name) for name, command in named if not command.hidden)


def _command(command: click.Command, parent: click.Context, name: str) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = [heading(2, code(name)), f"```text\n{' '.join(usage.split())}\n```\n", _help(command)]
    rows = [
        [code(record[0]), _meaning(option, *record)]
        for option in command.params
        if isinstance(option, click.Option) and (record := option.get_help_record(context))
    ]
    if rows:
        parts.append(table(["option", "meaning"], rows))
    if isinstance(command, click.Group):
        parts += [_command(inner, context, inner_name) for inner_name, inner in command.commands.items()]
    return "\n".join(parts)


def _help(command: click.Command) -> str:
    """Return the help; paragraphs that click is told not to wrap are shown as they stand."""
    paragraphs = filter(None, inspect.cleandoc(command.help or "").split("\n\n"))
    return "\n".join(
        f"```text\n{text.removeprefix(AS_IT_STANDS)}\n```\n" if text.startswith(AS_IT_STANDS) else f"{inline(text)}\n"
        for text in paragraphs
    )


def _meaning(option: click.Option, form: str, text: str) -> str:
    """Return the help, with what the option takes where it takes one of a few words."""
    words = option.type.choices if isinstance(option.type, click.Choice) else ()
    plain = inline(re.sub(r"\s+", " ", text))
    choices = " ".join(code(str(word)) for word in words if str(word) not in f"{form} {plain}")
    return f"{plain} {choices}".rstrip()
