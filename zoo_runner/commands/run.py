"""``zoo-run MANIFEST``: from the command line to runs, and from their reports to screen, CI and exit code."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zoo_runner.commands.chips import chip_meant
from zoo_runner.commands.device_numbers import device_numbers
from zoo_runner.commands.failure import failed, worst
from zoo_runner.commands.language import LANGUAGE
from zoo_runner.commands.signals import exit_code
from zoo_runner.commands.suggestions import backend_names, manifest_files, subset_names
from zoo_runner.errors import ExitCode, UsageError, interrupted
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.language.spoken import said
from zoo_runner.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo_runner.commands.execution import FinishedRun
    from zoo_runner.commands.orders import Order, Request

NOT_OF_RUNS: Final = {"quiet", "verbose", "as_json", "dry", "output", "overrides", "first", "last"}
"""Options that runs do not take as they were given."""
STAGES = click.Choice([stage.value for stage in Stage])
FOLDER = click.Path(path_type=Path)


def _names(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",")) if value else ()


class _Run(click.Command):
    """A command whose machine output is whole also when its options are wrong."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        given = list(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            _clear(given)
            if "--json" in given:
                lenient = super().make_context(info_name, given, parent, resilient_parsing=True)
                manifests = lenient.params.get("manifests") or ()
                _show_unfinished(manifests, RunsSoFar(), error.format_message(), ExitCode.USAGE)
            raise


def _clear(given: Sequence[str]) -> None:
    """Leave no old report where the command line cannot be read; what can be told of it is told from its words."""
    if "--dry-run" in given:
        return
    from zoo_runner.commands.orders import clear_reports  # noqa: PLC0415 - not needed for --help

    words = [*given, ""]
    values = {
        name: Path(word.partition("=")[2] or after)
        for word, after in pairwise(words)
        if (name := word.partition("=")[0]) in {"--output", "--baseline"}
    }
    manifests = [Path(word) for word in given if not word.startswith("-") and Path(word).is_file()]
    clear_reports(manifests, values.get("--output"), values.get("--baseline"))


@dataclass
class RunsSoFar:
    """How far a command came.

    Attributes:
        done: What became of the manifests, of those so far that did not have to wait.
        shown: Whether that was printed.
    """

    done: list[FinishedRun] = field(default_factory=list)
    shown: bool = False


@click.command(cls=_Run)
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
@click.option(
    "--explain",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="After a red gate, look for the stage that lost the accuracy; auto: within 30 s.",
)
@click.option("--batch-size", metavar="N", type=click.IntRange(min=1), help="Score and time at this batch size only.")
@click.option("--device", "devices", metavar="IDS", default="0", callback=device_numbers, help="Such as 0 or 0,1.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    help="First N samples (or groups) only; then inconclusive.",
)
@click.option("--from", "first", metavar="STAGE", type=STAGES, default=Stage.FETCH.value, help="Start there.")
@click.option("--until", "last", metavar="STAGE", type=STAGES, default=Stage.GATE.value, help="Stop after it.")
@click.option("--results", metavar="FOLDER", type=FOLDER, help="Score ais_bench's result files.")
@click.option("--by-position", is_flag=True, help="Take numbers in names of --results for positions, from 0 or 1.")
@click.option("--output", metavar="FOLDER", type=FOLDER, help="Default: zoo-output/<name>.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Replace a manifest value; repeatable.")
@click.option(
    "--soc", metavar="NAME", callback=chip_meant, help="Chip to convert for, instead of the one found, or if none is."
)
@click.option("--om", metavar="PACK", type=FOLDER, help="Use .om files of this pack, or one, instead of converting.")
@click.option("--accept-unstamped", is_flag=True, help="Use --om also if nothing says what it was made of.")
@click.option(
    "--om-outputs", metavar="NAMES", default="", callback=_names, help="Order of its outputs, such as loc,conf."
)
@click.option("--dry-run", "dry", is_flag=True, help="Print the plan, with every command, and do nothing.")
@click.option("--refetch", is_flag=True, help="Download again what was downloaded before.")
@click.option(
    "--downloads",
    metavar="FOLDER",
    type=FOLDER,
    envvar="ZOO_RUNNER_DOWNLOADS",
    help="Take files from there by name and hash, before the network is asked.",
)
@click.option("--no-cache", is_flag=True, help="Reuse nothing that is kept, but downloads that a hash confirms.")
@click.option("--verify-cache", is_flag=True, help="Make a tenth of what is reused again, and compare the bytes.")
@click.option("--seed", metavar="N", type=click.IntRange(min=0), help="Draw the same tenth as before.")
@click.option("--traceback", is_flag=True, help="Print the calls that led to an error.")
@click.option("--require-hash", is_flag=True, help="Refuse files that the manifest has no hash for.")
@click.option(
    "--trust-code", is_flag=True, help="Run scripts of the manifest (onnx.transforms); remembered by content."
)
@click.option("--accuracy-only", is_flag=True, help="Pass without a throughput figure for this chip and batch size.")
@click.option("--other-weights", is_flag=True, help="Pass with weights whose hash is not the manifest's.")
@click.option(
    "--trust-unwatched",
    is_flag=True,
    envvar="ZOO_RUNNER_TRUST_UNWATCHED",
    help="Judge a timing though no npu-smi could watch the device.",
)
@LANGUAGE
@click.option("--sbom", is_flag=True, help="Write sbom.cdx.json too: code, models and data of the run (CycloneDX).")
@click.option(
    "--keep-inputs", is_flag=True, help="Keep in the history what the verdict depends on, as zoo-run zoo does."
)
@click.option(
    "--replay",
    type=click.Choice(["auto", "no-data", "never"]),
    default="auto",
    help="Leave replay.zip where the accuracy gate is red or open.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print verdicts and errors only.")
@click.option("--verbose", "-v", is_flag=True, help="Print all timings, stages and notes.")
@click.option("--json", "as_json", is_flag=True, help="Print report.json, and nothing else on standard output.")
def run(manifests: tuple[Path, ...], **given: Any) -> int:
    """Run the model of each MANIFEST from weights to verdict.

    Stages: fetch, export, convert, preprocess, infer, postprocess, evaluate, benchmark, gate.
    What did not change since the last run is not done again. Of several manifests the worst verdict is the exit code's.
    """
    context, outcome = click.get_current_context(), RunsSoFar()
    try:
        return _run(context, manifests, given, outcome)
    except BaseException as error:  # noqa: BLE001 - whatever it is, JSON must be JSON, and no crash may exit as a gate does
        why, code = str(error), _say(error, context, manifests)
        if interrupted(error):
            why = "interrupted: nothing was scored"
        if given["as_json"] and not outcome.shown:
            _show_unfinished(manifests, outcome, why, code)
        return code


def _say(error: BaseException, context: click.Context, manifests: tuple[Path, ...]) -> int:
    """Say why a command could not finish, and return the exit code for it."""
    if not interrupted(error):
        return failed(error)
    again = shlex.join(["zoo-run", *map(redacted, _words(context))])
    if len(manifests) == 1:
        told = said("interrupted: nothing was scored; to go on where this was:")
    else:
        told = said("interrupted: nothing that had not ended was scored; to go on where this was:")
    click.echo(f"{told}\n  {again}", err=True)
    return exit_code(error)


def _show_unfinished(manifests: Sequence[Path], outcome: RunsSoFar, why: str, code: int) -> None:
    """Print the reports there are, and for each manifest without one a report that says why."""
    from zoo_runner.commands.execution import not_run  # noqa: PLC0415 - not needed for --help
    from zoo_runner.commands.results import show  # noqa: PLC0415 - loads rich
    from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich

    left = (manifests or (Path(),))[len(outcome.done) :]
    show([*outcome.done, *(not_run(path, why, code) for path in left)], Detail.NORMAL, as_json=True)


def _run(context: click.Context, manifests: tuple[Path, ...], given: dict[str, Any], outcome: RunsSoFar) -> int:
    with ExitStack() as held:
        orders = _orders(context, manifests, given, held)  # retires old reports: the rest is loaded after that
        from zoo_runner.commands.execution import plans, run_orders  # noqa: PLC0415 - not needed for --help
        from zoo_runner.commands.results import publish, show  # noqa: PLC0415 - loads rich
        from zoo_runner.terminal.console import Detail  # noqa: PLC0415 - loads rich
        from zoo_runner.terminal.progress import Terminal  # noqa: PLC0415 - loads rich

        detail, as_json = Detail.of(quiet=given["quiet"], verbose=given["verbose"]), given["as_json"]
        terminal = Terminal(detail)
        if given["dry"]:
            return plans(orders, terminal)
        for each in run_orders(orders, terminal):
            outcome.done.append(each)
        show(outcome.done, detail, as_json=as_json)
        outcome.shown = True
        publish(outcome.done, terminal, as_json=as_json, language=given["language"])
        return worst(each.code for each in outcome.done)


def _orders(
    context: click.Context, manifests: tuple[Path, ...], given: dict[str, Any], held: ExitStack
) -> tuple[Order, ...]:
    from zoo_runner.commands.orders import clear_reports, prepare_orders  # noqa: PLC0415 - not needed for --help

    try:
        _check_flags(given)
        return prepare_orders(manifests, _request(context, manifests, given), held)
    except UsageError:
        if not given["dry"]:
            clear_reports(manifests, given["output"], given["baseline"])
        raise


def _check_flags(given: Mapping[str, Any]) -> None:
    if given["quiet"] and given["verbose"]:
        raise UsageError("--quiet and --verbose contradict each other: drop one")
    if given["dry"] and given["as_json"]:
        raise UsageError("--json prints a report, and --dry-run makes none: drop one")


def _request(context: click.Context, manifests: tuple[Path, ...], given: Mapping[str, Any]) -> Request:
    from zoo_runner.commands.orders import Request  # noqa: PLC0415 - not needed for --help

    first, last = Stage(given["first"]), Stage(given["last"])
    others = {name: value for name, value in given.items() if name not in NOT_OF_RUNS}
    return Request(
        options=RunOptions(output=Path(), first=first, last=last, command=("zoo-run", *_words(context)), **others),
        output=given["output"],
        overrides=given["overrides"],
        several=len(manifests) > 1,
        dry=given["dry"],
        commands=_names_of_commands(context),
    )


def _words(context: click.Context) -> Sequence[str]:
    """Return what the user wrote after the program's name."""
    return context.find_root().obj or ()


def _names_of_commands(context: click.Context) -> tuple[str, ...]:
    group = context.parent.command if context.parent else None
    return tuple(group.commands) if isinstance(group, click.Group) else ()
