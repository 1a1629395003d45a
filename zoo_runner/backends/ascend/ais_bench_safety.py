"""What the ais_bench command of 2024 refuses before it runs, said in advance and with a remedy."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from zoo_runner.errors import InferenceError

OTHERS: int = stat.S_IWGRP | stat.S_IWOTH


def check_safety(model: Path, output: Path) -> None:
    """Check a model and an output folder; links were followed before.

    Raises:
        InferenceError: Others may write to the model, it is somebody else's, or the folder's path has a space.
    """
    if " " in str(output):
        raise InferenceError(
            f"expected a path without spaces, found {output}: ais_bench of 2024 refuses it; choose another --output"
        )
    found = model.stat()
    if found.st_mode & OTHERS:
        raise InferenceError(
            f"{model}: expected a model that only its owner may write to, found mode {stat.S_IMODE(found.st_mode):o}: "
            f"ais_bench of 2024 refuses it; run `chmod 644 {model}`"
        )
    if found.st_uid not in {os.getuid(), 0}:
        raise InferenceError(
            f"{model}: expected a model of this user's or of root's, found one of user {found.st_uid}: ais_bench of "
            "2024 refuses it; give a copy of your own with --om"
        )
