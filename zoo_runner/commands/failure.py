"""What the command line says of an error, and the exit code for one or for several."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Final

import click

from zoo_runner.commands.signals import exit_code
from zoo_runner.errors import ExitCode, ZooError, interrupted
from zoo_runner.files.remedies import explained
from zoo_runner.language.spoken import said
from zoo_runner.report.characters import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

UNHEARD: Final = 128 + signal.SIGPIPE
"""Exit code where nobody reads what the program prints, as shells have it for programs that this signal ends."""


def failed(error: BaseException, subject: str = "", *, trace: bool = False) -> int:
    """Say what went wrong and return the exit code for it.

    Args:
        error: Whatever ended the work.
        subject: What it happened to, where that is not obvious.
        trace: Print the calls that led to it, also where the error is meant for users.
    """
    if output_is_closed(error):
        _print_no_more()
        return UNHEARD
    start = f"{said('error')}: {subject}: " if subject and not str(error).startswith(subject) else f"{said('error')}: "
    if interrupted(error) or isinstance(error, click.exceptions.Abort):
        click.echo(said("interrupted"), err=True)
        return exit_code(error)
    if trace and isinstance(error, ZooError | OSError):
        traceback.print_exception(error)
    if isinstance(error, ZooError):
        click.echo(visible(f"{start}{said(str(error))}"), err=True)
        return error.exit_code
    if isinstance(error, OSError):
        click.echo(visible(f"{start}{said(explained(error))}"), err=True)
        return ExitCode.STAGE_FAILED
    traceback.print_exception(error)
    click.echo(
        f"{start}{said('this is a bug in zoo-run or a plugin; please report it with the lines above')}", err=True
    )
    return ExitCode.STAGE_FAILED


def worst(codes: Iterable[int]) -> int:
    """Return the gravest exit code: failed gate, wrong usage, failed stage, open question."""
    return min((code for code in codes if code), default=ExitCode.PASS)


def output_is_closed(error: BaseException) -> bool:
    """Say whether the error is that nobody reads what the program prints, as in ``zoo-run ... | head -1``.

    rich and click make an exit with the code 1 of it, which here would be a failed gate's: rich lets standard output
    lead nowhere before, click keeps no trace of the error. A pipe that breaks between this process and another one of
    its own is something else: then whoever reads the output is still there.
    """
    left, unread = isinstance(error, SystemExit), any(map(_unread, (1, 2)))
    return (_broken_pipe(error) and (left or unread)) or (left and unread)


def _broken_pipe(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.errno == errno.EPIPE):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _unread(stream: int) -> bool:
    """Say whether a stream is a pipe whose other end is closed."""
    poll = select.poll()
    poll.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _print_no_more() -> None:
    """Let what is printed from here on go nowhere: Python would complain of it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        if stream and _unread(number):
            os.dup2(nowhere, number)
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os.close(nowhere)
