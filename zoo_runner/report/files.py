"""Writing ``report.json``, and making sure that an old one is never taken for a new one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from zoo_runner.errors import StageError

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_runner.report.model import Report

NAME = "report.json"


def clear_report(folder: Path) -> None:
    """Make the folder and remove the report of an earlier run from it.

    Raises:
        StageError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NAME).unlink(missing_ok=True)
    except OSError as error:
        msg = f"--output {folder}: cannot be written ({error.strerror}); choose another folder"
        raise StageError(msg) from error


def write_report(folder: Path, report: Report) -> Path:
    """Write the report in one step and return its path."""
    target = folder / NAME
    temporary = folder / f".{NAME}.{os.getpid()}.tmp"
    text = json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(target)
    return target
