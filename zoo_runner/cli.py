"""``zoo-run``: the only place that prints and exits."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from zoo_runner.errors import ExitCode, UsageError, ZooError, did_you_mean, interrupted
from zoo_runner.options import RunOptions, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.manifest.load import LoadedManifest

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

STAGES = click.Choice([stage.value for stage in Stage])


class ManifestFirst(click.Group):
    """A group of commands in which ``zoo-run MANIFEST`` means ``zoo-run run MANIFEST``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front unless the first word is a command or one of the group's own options."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names, "--version"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the main command's help, then the others by name."""
        main_command = self.commands["run"]
        formatter.write_usage(ctx.command_path, "MANIFEST [OPTIONS]  |  COMMAND …")
        main_command.format_help_text(ctx, formatter)
        main_command.format_options(click.Context(main_command, info_name="run"), formatter)
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


@click.group(cls=ManifestFirst, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="refinedet-plugin", prog_name="zoo-run")
def cli() -> None:
    """Run, score and gate model-zoo recipes."""


def _devices(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        devices = tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected device numbers such as 0 or 0,1; found {value!r}") from None
    if min(devices) < 0 or len(set(devices)) != len(devices):
        raise click.BadParameter(f"expected different, non-negative device numbers, found {value!r}")
    return devices


@cli.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--backend", metavar="NAME", default="auto", show_default=True, help="auto, onnxruntime or ascend.")
@click.option("--weights", metavar="PATH|URL", help="Checkpoint to use instead of the manifest's.")
@click.option("--data", metavar="FOLDER", type=click.Path(path_type=Path), help="Data set, such as VOCdevkit.")
@click.option("--batch-size", metavar="N", type=click.IntRange(min=1), help="Score and time at this batch size only.")
@click.option("--device", "devices", metavar="IDS", default="0", callback=_devices, help="Such as 0 or 0,1.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="First N samples only; then inconclusive.")
@click.option("--from", "first", metavar="STAGE", type=STAGES, default=Stage.FETCH.value, help="Start there.")
@click.option("--until", "last", metavar="STAGE", type=STAGES, default=Stage.GATE.value, help="Stop after it.")
@click.option("--results", metavar="FOLDER", type=click.Path(path_type=Path), help="Score ais_bench's result files.")
@click.option("--output", metavar="FOLDER", type=click.Path(path_type=Path), help="Default: zoo-output/<name>.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
@click.option("--soc", metavar="NAME", help="Chip to convert for, instead of the one found.")
@click.option("--om", metavar="FILE", type=click.Path(path_type=Path), help="Use this .om instead of converting.")
@click.option("--dry-run", is_flag=True, help="Print the plan, with every command, and do nothing.")
@click.option("--require-hash", is_flag=True, help="Refuse files that the manifest has no hash for.")
def run(manifest: Path, overrides: tuple[str, ...], dry_run: bool, **given: Any) -> int:
    """Run the model of MANIFEST from weights to verdict.

    Stages: fetch, export, convert, preprocess, infer, postprocess, evaluate, benchmark, gate.
    What did not change since the last run is not done again.
    """
    if given["output"] and not dry_run:
        from zoo_runner.report.files import remove_report  # noqa: PLC0415 - not needed for --help

        remove_report(given["output"])  # a manifest that cannot be read must not leave an old verdict standing
    loaded = _load(manifest, overrides)
    given["output"] = given["output"] or Path("zoo-output") / loaded.manifest.name
    options = RunOptions(**given | {"first": Stage(given["first"]), "last": Stage(given["last"])})
    from zoo_runner.artifacts import Store, default_root  # noqa: PLC0415 - not needed for --help
    from zoo_runner.report.terminal import Terminal, show_report  # noqa: PLC0415 - loads rich

    store, terminal = Store(default_root()), Terminal()
    if dry_run:
        from zoo_runner.plan import plan  # noqa: PLC0415 - not needed for --help

        for line in plan(loaded, options, store=store, progress=terminal):
            click.echo(line)
        return ExitCode.PASS
    from zoo_runner.runner import run as run_manifest  # noqa: PLC0415 - loads numpy

    report = run_manifest(loaded, options, store=store, progress=terminal)
    show_report(report, options.output)
    return report.exit_code


@cli.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
def validate(manifest: Path, overrides: tuple[str, ...]) -> int:
    """Check MANIFEST, also against its plugin, and do nothing else."""
    loaded = _load(manifest, overrides)
    from zoo_runner.recipe import resolve  # noqa: PLC0415 - not needed for --help

    resolve(loaded, RunOptions(output=Path()))
    files = ", ".join(str(path) for path in loaded.sources)
    click.echo(f"{loaded.manifest.name}: valid (read {files})")
    return ExitCode.PASS


@cli.command()
def schema() -> int:
    """Print the JSON Schema of manifests, for editors."""
    import json  # noqa: PLC0415 - not needed for --help

    from zoo_runner.manifest.json_schema import json_schema  # noqa: PLC0415 - loads pydantic

    click.echo(json.dumps(json_schema(), indent=2))
    return ExitCode.PASS


@cli.command()
def plugins() -> int:
    """List the model plugins that manifests can name."""
    return _list("model")


@cli.command()
def backends() -> int:
    """List the backends that --backend can name."""
    return _list("backend")


@cli.command()
@click.option("--backend", metavar="NAME", help="Only this one; exit 3 if it lacks something.")
def doctor(backend: str | None) -> int:
    """Show what is installed and what each backend still needs."""
    from zoo_runner.doctor import examine  # noqa: PLC0415 - loads the backends
    from zoo_runner.report.terminal import show_findings  # noqa: PLC0415 - loads rich

    findings = examine(backend)
    show_findings(findings)
    return ExitCode.PASS if findings.usable else ExitCode.STAGE_FAILED


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that says how it went.

    Whatever goes wrong, the code is never 0, and never that of a failed gate.
    """
    try:
        code = _main(arguments)
    except BaseException:  # noqa: BLE001 - even the error could not be printed, as when standard error is closed
        code = ExitCode.STAGE_FAILED
    sys.exit(code)


def _main(arguments: Sequence[str] | None) -> int:
    try:
        return int(cli.main(arguments, prog_name="zoo-run", standalone_mode=False) or ExitCode.PASS)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.exceptions.Abort) as error:
        # click takes the end of any file for Ctrl-D
        return _failed(error.__cause__ if isinstance(error.__cause__, EOFError) else error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Python's own exit code for a crash is 1, a failed gate's
        return _failed(error)


def _failed(error: BaseException) -> int:
    """Say what went wrong and return the exit code for it."""
    if interrupted(error) or isinstance(error, click.exceptions.Abort):
        click.echo("interrupted: nothing was scored; the same command goes on where this one was", err=True)
        return INTERRUPTED
    if isinstance(error, ZooError):
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    if isinstance(error, OSError):
        click.echo(f"error: {error}; check the disk and permissions, then run again", err=True)
        return ExitCode.STAGE_FAILED
    traceback.print_exception(error)
    click.echo("error: this is a bug in zoo-run or a plugin; please report it with the lines above", err=True)
    return ExitCode.STAGE_FAILED


def _load(manifest: Path, overrides: tuple[str, ...]) -> LoadedManifest:
    name = str(manifest)
    if name in cli.commands and not manifest.exists():
        raise UsageError(f"{name}: expected a command's options after its name: zoo-run {name} [OPTIONS]")
    if not manifest.exists() and (hint := did_you_mean(name, cli.commands)):
        raise UsageError(f"{name}: neither a manifest file nor a command{hint}")
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - loads pydantic

    return load(manifest, overrides)


def _list(kind: str) -> int:
    from zoo_runner.plugins import listing  # noqa: PLC0415 - looks through all installed distributions

    for entry in listing():
        if entry.kind == kind:
            click.echo(f"{entry.name:<20} {entry.distribution:<28} {entry.target}")
        elif entry.kind == "broken":
            click.echo(f"{entry.name:<20} broken: {entry.problem}", err=True)
    return ExitCode.PASS
