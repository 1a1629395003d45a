"""What the command of 2024 refuses before it runs: files and folders that others could have put there or changed."""

from __future__ import annotations

import argparse
import os
import stat
from pathlib import Path
from typing import NoReturn

from .log import logger


def check_safety(options: argparse.Namespace) -> None:
    """Check the paths on the command line.

    Raises:
        RuntimeError: The model may be written to by others or is somebody else's, a path has soft links, or that of the
            output a space.
    """
    if options.output is not None and " " in options.output:
        _refuse(f"--output {options.output}: special characters in the path")
    given = [] if options.input is None else options.input.split(",")
    for text in (options.model, *given, *([options.output] if options.output else [])):
        if any(part.is_symlink() for part in (Path(text), *Path(text).parents)):
            _refuse(f"{text}: is or goes through a soft link")
    found = Path(options.model).stat()
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        _refuse(f"{options.model}: group or others may write to the file (mode {found.st_mode & 0o777:o})")
    if found.st_uid not in {os.getuid(), 0}:
        _refuse(f"{options.model}: the file is another user's")


def _refuse(text: str) -> NoReturn:
    logger.error("%s (stand-in)", text)
    raise RuntimeError(text)
