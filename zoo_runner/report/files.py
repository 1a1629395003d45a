"""Writing ``report.json``, and making sure that an old one is never taken for a new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo_runner.errors import StageError

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_runner.report.model import Report

NAME = "report.json"


def remove_report(folder: Path) -> None:
    """Remove the report of an earlier run, if there is one.

    Raises:
        StageError: It cannot be removed.
    """
    with _writing(folder):
        (folder / NAME).unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make the output folder, before there are hours of work to lose.

    Raises:
        StageError: It cannot be made.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_report(folder: Path, report: Report) -> Path:
    """Write the report in one step and return its path.

    Raises:
        StageError: It cannot be written.
    """
    target = folder / NAME
    temporary = folder / f".{NAME}.{os.getpid()}.tmp"
    with _writing(folder):
        temporary.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
        temporary.replace(target)
    return target


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"--output {folder}: cannot be written ({error.strerror}); choose another folder"
        raise StageError(msg) from error
