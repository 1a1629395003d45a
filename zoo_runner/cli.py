"""``zoo-run``: the program that users start. What its commands do is in :mod:`zoo_runner.commands`."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, NoReturn

import click

from zoo_runner.commands.cache import cache
from zoo_runner.commands.completion import PROGRAM, answer, completion
from zoo_runner.commands.downloads import downloads
from zoo_runner.commands.failure import failed
from zoo_runner.commands.golden import golden
from zoo_runner.commands.history import history
from zoo_runner.commands.importing import import_
from zoo_runner.commands.machine import backends, doctor, plugins
from zoo_runner.commands.manifest import schema, validate
from zoo_runner.commands.new import new
from zoo_runner.commands.pack import pack
from zoo_runner.commands.precision import precision
from zoo_runner.commands.replay import replay
from zoo_runner.commands.run import run
from zoo_runner.commands.signals import handle_signals
from zoo_runner.commands.suggestions import manifests_here
from zoo_runner.commands.zoo import zoo
from zoo_runner.errors import ExitCode, distribution
from zoo_runner.known_secrets import learn
from zoo_runner.language.spoken import said
from zoo_runner.redaction import clean_stream
from zoo_runner.report.characters import ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem


class ManifestFirst(click.Group):
    """A group of commands in which ``zoo-run MANIFEST`` means ``zoo-run run MANIFEST``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front unless the first word is a command or one of the group's own options."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names, "--version"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer manifests beside the commands, and the options of a run beside the group's own."""
        offered = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            inner = click.Context(run, info_name="run", resilient_parsing=True)
            return list({each.value: each for each in (*offered, *run.shell_complete(inner, incomplete))}.values())
        files = manifests_here(incomplete)
        if any(each.type == "file" for each in files) and offered:
            return offered
        return [*files, *offered]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the main command's help, then the others by name."""
        formatter.write_usage(ctx.command_path, "MANIFEST... [OPTIONS]  |  COMMAND …")
        run.format_help_text(ctx, formatter)
        run.format_options(click.Context(run, info_name="run"), formatter)
        others = [(name, each.get_short_help_str(90)) for name, each in self.commands.items() if name != "run"]
        with formatter.section("Other commands"):
            formatter.write_dl(others)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), EXIT_MEANING[code]) for code in ExitCode])


EXIT_MEANING = {
    ExitCode.PASS: "every expectation that applies is met (or the run stopped where it was asked to)",
    ExitCode.GATE_FAILED: "an expectation is not met",
    ExitCode.USAGE: "wrong usage, manifest or plugin",
    ExitCode.STAGE_FAILED: "something is missing on this machine, or a stage failed",
    ExitCode.INCONCLUSIVE: "nothing failed, but not everything could be checked",
}


def _version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from importlib import metadata  # noqa: PLC0415 - not needed for --help

        click.echo(f"{PROGRAM}, version {metadata.version(distribution())}")
        context.exit()


@click.group(cls=ManifestFirst, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
def cli() -> None:
    """Run, score and gate model-zoo recipes."""


EVERYDAY = (run, validate, new, import_, pack, precision, golden, schema, zoo, history, replay)
HOUSEKEEPING = (cache, downloads, plugins, backends, doctor, completion)
for command in (*EVERYDAY, *HOUSEKEEPING):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that says how it went.

    Whatever goes wrong, the code is never 0, and never that of a failed gate.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors=ERRORS)  # a terminal without "≥" must not cost the verdict
        learn(*(sys.argv[1:] if arguments is None else arguments), *os.environ.values())
        sys.stdout, sys.stderr = clean_stream(sys.stdout), clean_stream(sys.stderr)
        handle_signals()
        code = _main(arguments)
    except BaseException:  # noqa: BLE001 - even the error could not be printed, as when standard error is closed
        code = ExitCode.STAGE_FAILED
    sys.exit(code)


def _show(error: click.ClickException) -> None:
    """Print wrong usage as click does, in the language of the terminal."""
    message = error.format_message()
    told = said(message)
    (error if told == message else click.UsageError(told, getattr(error, "ctx", None))).show()


def _main(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if (code := answer(cli)) is None:
            code = int(cli.main(given, prog_name=PROGRAM, standalone_mode=False, obj=given) or ExitCode.PASS)
        if sys.stdout:
            sys.stdout.flush()  # whether anybody reads it must show here, not when Python ends
        return code  # noqa: TRY300 - flushing may fail like the rest
    except click.ClickException as error:
        _show(error)
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.exceptions.Abort) as error:
        # click takes the end of any file for Ctrl-D
        return failed(error.__cause__ if isinstance(error.__cause__, EOFError) else error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Python's own exit code for a crash is 1, a failed gate's
        return failed(error)
