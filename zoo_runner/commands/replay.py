"""``zoo-run replay``: a failed gate looked at again, on any machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo_runner.errors import ExitCode

if TYPE_CHECKING:
    from zoo_runner.replay.reading import ReplayFile
    from zoo_runner.replay.steps import Replayed

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--onnx", "graph", metavar="MODEL", type=FILE, help="Run the recorded inputs through this ONNX file too.")
@click.option("--output", "-o", metavar="FOLDER", type=FILE, help="For the page; default: zoo-output/<name>-replay.")
@click.option("--open", "shown", is_flag=True, help="Open the page in a browser.")
def replay(file: Path, graph: Path | None, output: Path | None, *, shown: bool) -> int:
    """Go through a failed gate again: FILE is the replay.zip that its run left, or the folder with it.

    Needs the plugin, and neither torch, the card nor the data set. Exit code 1 says that a step differs.
    """
    from zoo_runner.commands.orders import OUTPUT  # noqa: PLC0415 - not needed for --help
    from zoo_runner.output.names import REPLAY  # noqa: PLC0415 - likewise
    from zoo_runner.replay.replaying import replay_file  # noqa: PLC0415 - loads numpy

    path = file / REPLAY if file.is_dir() else file
    replayed, page = replay_file(path, lambda found: output or OUTPUT / f"{found.record.name}-replay", graph, _show)
    click.echo(f"page: {page}")
    if shown:
        import webbrowser  # noqa: PLC0415 - rarely asked for

        webbrowser.open(page.resolve().as_uri())
    return ExitCode.PASS if replayed.same else ExitCode.GATE_FAILED


def _show(file: ReplayFile, replayed: Replayed, rows: list[tuple[str, ...]]) -> None:
    """Print the steps and the table of samples."""
    from rich.table import Table  # noqa: PLC0415 - not needed for --help

    from zoo_runner.replay.page import COLUMNS  # noqa: PLC0415 - loads numpy
    from zoo_runner.report.characters import visible  # noqa: PLC0415 - not needed for --help
    from zoo_runner.terminal.console import console, literal  # noqa: PLC0415 - loads rich

    record, report = file.record, file.report
    place = (report.get("environment") or {}).get("chip", "an unknown chip")
    click.echo(
        visible(
            f"replay of {record.name}: {report.get('verdict')} on {place}, {len(record.samples)} of "
            f"{record.run_samples} {record.noun}, by release {record.runner}"
        )
    )
    for text in (*map(str, report.get("why", ())), *record.notes):
        click.echo(visible(f"  {text}"))
    for step in replayed.steps:
        click.echo(visible(f"{step.name}: {step.line}"))
    moved = sum(each.again == "differs" for each in record.samples)
    if moved:
        click.echo(
            f"comes and goes: inferred again at the end of the run, {moved} of {len(record.samples)} {record.noun} "
            "got another prediction than the one that was scored"
        )
    table = Table(box=None, pad_edge=False, show_edge=False)
    for name in COLUMNS:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(literal, row))
    console().print(table)
