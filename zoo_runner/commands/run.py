"""``zoo-run MANIFEST``: from the command line to runs, and from their reports to screen, CI and exit code."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from zoo_runner.commands.failure import INTERRUPTED
from zoo_runner.commands.suggestions import backend_names, manifest_files, subset_names
from zoo_runner.errors import UsageError, interrupted
from zoo_runner.options import RunOptions, Stage
from zoo_runner.redaction import redacted

STAGES = click.Choice([stage.value for stage in Stage])
FOLDER = click.Path(path_type=Path)


def _devices(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        devices = tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected device numbers such as 0 or 0,1; found {value!r}") from None
    if min(devices) < 0 or len(set(devices)) != len(devices):
        raise click.BadParameter(f"expected different, non-negative device numbers, found {value!r}")
    return devices


@click.command()
@click.argument("manifests", metavar="MANIFEST...", nargs=-1, required=True, type=FOLDER, shell_complete=manifest_files)
@click.option(
    "--backend",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="auto, onnxruntime or ascend.",
    shell_complete=backend_names,
)
@click.option("--weights", metavar="PATH|URL", help="Checkpoint to use instead of the manifest's.")
@click.option("--data", metavar="FOLDER", type=FOLDER, help="Data set, such as VOCdevkit.")
@click.option("--subset", metavar="NAME", help="Score a subset of the manifest's.", shell_complete=subset_names)
@click.option("--baseline", metavar="PATH", type=FOLDER, help="Earlier run to compare with: its folder or report.json.")
@click.option("--batch-size", metavar="N", type=click.IntRange(min=1), help="Score and time at this batch size only.")
@click.option("--device", "devices", metavar="IDS", default="0", callback=_devices, help="Such as 0 or 0,1.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="First N samples only; then inconclusive.")
@click.option("--from", "first", metavar="STAGE", type=STAGES, default=Stage.FETCH.value, help="Start there.")
@click.option("--until", "last", metavar="STAGE", type=STAGES, default=Stage.GATE.value, help="Stop after it.")
@click.option("--results", metavar="FOLDER", type=FOLDER, help="Score ais_bench's result files.")
@click.option("--output", metavar="FOLDER", type=FOLDER, help="Default: zoo-output/<name>.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
@click.option("--soc", metavar="NAME", help="Chip to convert for, instead of the one found.")
@click.option("--om", metavar="FILE", type=FOLDER, help="Use this .om instead of converting.")
@click.option("--dry-run", "dry", is_flag=True, help="Print the plan, with every command, and do nothing.")
@click.option("--require-hash", is_flag=True, help="Refuse files that the manifest has no hash for.")
@click.option(
    "--lang",
    "language",
    type=click.Choice(["en", "zh"]),
    default="en",
    envvar="ZOO_RUNNER_LANG",
    help="Language of report.html and summary.md.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print verdicts and errors only.")
@click.option("--verbose", "-v", is_flag=True, help="Print all timings, stages and notes.")
@click.option("--json", "as_json", is_flag=True, help="Print report.json, and nothing else on standard output.")
def run(manifests: tuple[Path, ...], **given: Any) -> int:
    """Run the model of each MANIFEST from weights to verdict.

    Stages: fetch, export, convert, preprocess, infer, postprocess, evaluate, benchmark, gate.
    What did not change since the last run is not done again. Of several manifests the worst verdict is the exit code's.
    """
    context = click.get_current_context()
    try:
        return _run(context, manifests, given)
    except BaseException as error:
        if not interrupted(error):
            raise
        again = shlex.join(["zoo-run", *map(redacted, context.find_root().obj or ())])
        lost = "nothing" if len(manifests) == 1 else "nothing that had not ended"
        click.echo(f"interrupted: {lost} was scored; to go on where this was:\n  {again}", err=True)
        return INTERRUPTED


def _run(context: click.Context, manifests: tuple[Path, ...], given: dict[str, Any]) -> int:
    if given["quiet"] and given["verbose"]:
        raise UsageError("--quiet and --verbose contradict each other: drop one")
    if given["dry"] and given["as_json"]:
        raise UsageError("--json prints a report, and --dry-run makes none: drop one")
    from zoo_runner.commands.execution import carry_out, plans, worst  # noqa: PLC0415 - not needed for --help
    from zoo_runner.commands.orders import Request, take  # noqa: PLC0415 - not needed for --help
    from zoo_runner.commands.results import publish, show  # noqa: PLC0415 - loads rich
    from zoo_runner.report.console import Detail  # noqa: PLC0415 - loads rich
    from zoo_runner.report.progress import Terminal  # noqa: PLC0415 - loads rich

    dry, as_json = given.pop("dry"), given.pop("as_json")
    detail = Detail.of(quiet=given.pop("quiet"), verbose=given.pop("verbose"))
    output, overrides = given.pop("output"), given.pop("overrides")
    given |= {"output": Path(), "first": Stage(given["first"]), "last": Stage(given["last"])}
    request = Request(
        options=RunOptions(**given),
        output=output,
        overrides=overrides,
        several=len(manifests) > 1,
        dry=dry,
        commands=_names_of_commands(context),
    )
    orders, terminal = take(manifests, request), Terminal(detail)
    if dry:
        return plans(orders, terminal)
    done = carry_out(orders, terminal)
    show(done, detail, as_json=as_json)
    publish(done, terminal, as_json=as_json)
    return worst(each.code for each in done)


def _names_of_commands(context: click.Context) -> tuple[str, ...]:
    group = context.parent.command if context.parent else None
    return tuple(group.commands) if isinstance(group, click.Group) else ()
