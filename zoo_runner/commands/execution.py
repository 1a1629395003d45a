"""One manifest after the other: what keeps one from running does not keep the others from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from traceback import print_exception
from typing import TYPE_CHECKING

import click

from zoo_runner.commands.failure import failed, worst
from zoo_runner.errors import ZooError, interrupted
from zoo_runner.output.names import NAME
from zoo_runner.output.writing import is_own
from zoo_runner.plan import plan
from zoo_runner.report.model import ManifestRecord, Report, Verdict, clean_report
from zoo_runner.runner import run
from zoo_runner.store.store import Store, default_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zoo_runner.commands.orders import Order
    from zoo_runner.plugin.interfaces import Progress


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """What became of one manifest.

    Attributes:
        report: Of the run; of a manifest that could not be run, one that says why.
        code: The exit code for it.
        folder: Where the report was written, or ``None`` if it was not.
        said: Whether the user was told already why it could not finish.
    """

    report: Report
    code: int
    folder: Path | None
    said: bool = False


def run_orders(orders: Sequence[Order], progress: Progress) -> Iterator[FinishedRun]:
    """Run every manifest that can be run and say of each what became of it, as soon as it is known.

    Those that cannot are named before the first one starts: a typing error must not show after hours.
    """
    several, store = len(orders) > 1, Store(default_root())
    refused = {
        number: _refused(order, order.error, str(order.path) if several else "")
        for number, order in enumerate(orders)
        if order.error
    }
    for number, order in enumerate(orders):
        if several and number not in refused:
            progress.note(f"{order.name}: {number + 1} of {len(orders)}")
        done = refused.get(number) or _run_order(order, store, progress, str(order.path) if several else "")
        if several and number not in refused:
            progress.note(f"{order.name}: {done.report.verdict.value}")
        yield done


def not_run(path: Path, why: str, code: int, *, name: str = "", digest: str = "") -> FinishedRun:
    """Return what became of a manifest that was not run, or whose run was interrupted: a report without any figure.

    Args:
        path: The manifest, as the user wrote it.
        why: What kept it from running; it has been said already.
        code: The exit code for that.
        name: What reports call it; by default what the file is called.
        digest: Of the manifest, where it was read.
    """
    manifest = ManifestRecord(name=name or path.stem, path=str(path), files=(str(path),), digest=digest)
    report = Report(verdict=Verdict.ERROR, exit_code=code, why=(why,), manifest=manifest)
    return FinishedRun(report=clean_report(report), code=code, folder=None, said=True)


def plans(orders: Sequence[Order], progress: Progress) -> int:
    """Print what the runs would do and return the exit code."""
    codes, store = [], Store(default_root())
    for order in orders:
        try:
            for line in plan(order.checked(), order.options, store=store, progress=progress):
                click.echo(line)
        except (Exception, SystemExit) as error:
            if len(orders) == 1 or interrupted(error):
                raise
            codes.append(failed(error, str(order.path)))
    return worst(codes)


def _run_order(order: Order, store: Store, progress: Progress, subject: str) -> FinishedRun:
    folder = order.options.output
    for note in order.notes:
        progress.warn(note)
    try:
        trace = print_exception if order.options.traceback else None
        report = run(order.checked(), order.options, store=store, progress=progress, trace=trace)
    except (Exception, SystemExit) as error:
        if interrupted(error):
            raise
        if (folder / NAME).is_file() and is_own(folder / NAME):  # a bug is in the report too
            return FinishedRun(report=_written(folder), code=failed(error, subject), folder=folder, said=True)
        return _refused(order, error, subject)
    return FinishedRun(report=report, code=report.exit_code, folder=folder)


def _written(folder: Path) -> Report:
    return Report.model_validate_json((folder / NAME).read_bytes())


def _refused(order: Order, error: BaseException, subject: str) -> FinishedRun:
    code = failed(error, subject, trace=order.options.traceback)
    return not_run(order.path, error_text(error), code, name=order.name, digest=order.digest)


def error_text(error: BaseException) -> str:
    """Write an error as reports do: those not meant for users with their kind."""
    return str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
