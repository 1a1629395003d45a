"""``zoo-run new``: a manifest for weights and data of one's own, by what the plugin finds in the files."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from zoo_runner.commands.suggestions import plugin_names
from zoo_runner.errors import ExitCode, UsageError
from zoo_runner.report.characters import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo_runner.draft.drafting import Sources
    from zoo_runner.draft.given import Given
    from zoo_runner.draft.text import Facts
    from zoo_runner.plugin.loading import Plugin

CLASSES: Final = "classes"
"""The one key of plugin.config that has a flag of its own."""
CLASSES_FLAG: Final = f"--{CLASSES}"
ENDINGS: Final = (".yaml", ".yml")
OWN: Final = "plugin"
"""What ``--from`` is given for a plugin to begin with."""
FILE = click.Path(path_type=Path)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked for on a terminal.

    Attributes:
        flag: What says it on the command line, up to the value.
        form: What stands for the value.
        wanted: What it is.
        why: Why it has to be asked for; empty if it was only not said.
        suggestion: What it is if nothing else is said; empty if nothing is suggested.
    """

    flag: str
    form: str
    wanted: str
    why: str = ""
    suggestion: str = ""


@click.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    metavar="PLUGIN",
    help="What knows the model; plugin for one to begin with.",
    shell_complete=plugin_names,
)
@click.option("--weights", metavar="FILE", type=FILE, help="The checkpoint, or the model as ONNX.")
@click.option("--data", metavar="FOLDER", type=FILE, help="The data set.")
@click.option(CLASSES_FLAG, "names", metavar="A,B", help="What the model tells apart, in the order of its training.")
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="A key of plugin.config that is known; repeatable."
)
def new(
    name: str,
    source: str | None,
    weights: Path | None,
    data: Path | None,
    names: str | None,
    overrides: tuple[str, ...],
) -> int:
    """Write NAME.yaml for weights and data of your own, and say what to run next.

    The plugin looks into the files for what the manifest has to say. What they do not tell is asked for on a terminal,
    and is an error elsewhere. With --from plugin it is a folder NAME with a plugin of your own to begin with.
    """
    from zoo_runner.draft.drafting import Sources, require_free, write  # noqa: PLC0415 - not needed for --help
    from zoo_runner.draft.given import given  # noqa: PLC0415 - loads pydantic

    target = Path(f"{_checked(name)}.yaml")
    if source == OWN:
        return _begin_plugin(name, {"--weights": weights, "--data": data, CLASSES_FLAG: names, "--set": overrides})
    require_free(target)
    plugin = _plugin(source)
    said = given(overrides, plugin.name)
    if names is not None:
        said = said.having(CLASSES, _listed(names), CLASSES_FLAG)
    sources = Sources(
        weights=weights or _ask_path("--weights ", "FILE", "the model (a checkpoint or ONNX)"),
        data=data or _ask_path("--data ", "FOLDER", "the folder of the data set"),
    )
    facts = _facts(name, plugin, sources, said)
    write(facts, target)
    _tell(facts, target)
    return ExitCode.PASS


def _begin_plugin(name: str, options: Mapping[str, object]) -> int:
    """Write a plugin to begin with.

    Raises:
        UsageError: There is something of that name, or an option would have no effect.
    """
    from zoo_runner.draft.plugin_files import write_plugin  # noqa: PLC0415 - not needed for --help

    for flag in (flag for flag, value in options.items() if value):
        raise UsageError(f"{flag}: has no effect with --from {OWN}, which writes code to begin with; leave it out")
    folder, files = write_plugin(name)
    click.echo(f"{folder}: written, with {', '.join(files)}")
    test = next(file for file in files if file.startswith("test_"))
    click.echo("next, its test, and then the plugin itself:\n  pip install pytest")
    click.echo(f"  {shlex.join(['python', '-m', 'pytest', f'{folder}/{test}'])}")
    click.echo(f"  {shlex.join(['pip', 'install', '--editable', str(folder)])}")
    return ExitCode.PASS


def _facts(name: str, plugin: Plugin, sources: Sources, said: Given) -> Facts:
    """Find out what the manifest says, and ask for what the files do not tell."""
    from zoo_runner.draft.drafting import draft_facts  # noqa: PLC0415 - not needed for --help
    from zoo_runner.plugin.drafting import UndecidedError  # noqa: PLC0415 - not needed for --help

    while True:
        try:
            return draft_facts(name, plugin, sources, said)
        except UndecidedError as error:
            several, key = error.key == CLASSES, f"plugin.config.{error.key}"
            flag, form = (f"{CLASSES_FLAG} ", "A,B") if several else (f"--set {key}=", "VALUE")
            question = Question(flag=flag, form=form, wanted=key, why=str(error), suggestion=error.suggestion)
            answer = _ask(question)
            value = _listed(answer) if several else _read(answer, key, plugin.name)
            said = said.having(error.key, value, flag.rstrip(" ="))


def _read(answer: str, key: str, plugin: str) -> object:
    """Return what an answer is: text, unless it is a mapping such as ``{type: ssd}``, written as for ``--set``."""
    from zoo_runner.draft.given import given  # noqa: PLC0415 - loads pydantic

    return given((f"{key}={answer}",), plugin).values[key.rpartition(".")[2]] if answer.startswith("{") else answer


def _checked(name: str) -> str:
    """Return the manifest's name, if it is one.

    Raises:
        UsageError: It is none.
    """
    from zoo_runner.manifest.schema import PATTERNS  # noqa: PLC0415 - loads pydantic
    from zoo_runner.manifest.section import NAME  # noqa: PLC0415 - loads pydantic

    if name.endswith(ENDINGS):
        raise UsageError(f"{name}: expected the manifest's name, found a file's; write {name.rpartition('.')[0]}")
    if not re.fullmatch(NAME, name):
        raise UsageError(f"{name!r}: expected {PATTERNS[NAME]}, beginning with a letter or digit")
    return name


def _plugin(source: str | None) -> Plugin:
    from zoo_runner.plugin.loading import drafters, load  # noqa: PLC0415 - looks through all installed distributions

    if source is None:
        known = ", ".join(drafters()) or "none that is installed"
        source = _ask(Question(flag="--from ", form="PLUGIN", wanted=f"the plugin that knows the model ({known})"))
    return load(source)


def _ask(question: Question) -> str:
    """Ask for something on a terminal.

    Raises:
        UsageError: Nobody is there to be asked.
    """
    suggestion, wanted = question.suggestion, question.wanted
    if not (sys.stdin and sys.stdin.isatty()):
        value = shlex.quote(suggestion) if suggestion else question.form
        raise UsageError(f"{question.why or f'expected {wanted}, found none'}; give {question.flag}{value}")
    if question.why:
        click.echo(visible(question.why), err=True)
    text = visible(f"{wanted} ({question.flag}{question.form})")
    return str(click.prompt(text, default=suggestion or None, err=True))


def _ask_path(flag: str, form: str, wanted: str) -> Path:
    """Ask for a path on a terminal; no shell has replaced a ``~`` in it.

    Raises:
        UsageError: Nobody is there to be asked.
    """
    return Path(_ask(Question(flag=flag, form=form, wanted=wanted))).expanduser()


def _listed(names: str) -> list[str]:
    """Split names at commas.

    Raises:
        UsageError: One is empty.
    """
    found = [each.strip() for each in names.split(",")]
    if not all(found):
        raise UsageError(f"{CLASSES_FLAG} {names!r}: expected names with commas between them, found an empty one")
    return found


def _tell(facts: Facts, target: Path) -> None:
    click.echo(f"{target}: written, and valid: {facts.samples} {facts.noun}")
    for note in facts.draft.notes:
        click.echo(visible(f"  {' '.join(note.split())}"))
    click.echo(f"next, to measure:\n  {shlex.join(['zoo-run', str(target)])}")
    click.echo(f"Nothing is expected yet, so this ends in exit code {int(ExitCode.INCONCLUSIVE)}. Then write what the")
    click.echo(f"model has to reach into {target}, at its end.")
