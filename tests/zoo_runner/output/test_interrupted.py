"""Ctrl-C and SIGTERM may come between any two steps: what is there is whole and zoo-run's own, nothing half done.

An old folder whose removal is interrupted is removed by the next run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from zoo_runner.files import new_file
from zoo_runner.output import inventory, writing
from zoo_runner.output.names import INVENTORY
from zoo_runner.output.writing import is_own, replacing_folder, write_file

STEPS = {module.__file__ for module in (inventory, new_file, writing)}


def interrupted(action: Callable[[], None], step: int) -> bool:
    """Run an action that a signal comes to before a line of it, counted from 0; say whether it has that many."""
    left = step
    before = sys.gettrace()

    def trace(frame: FrameType, event: str, _value: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in STEPS:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                sys.settrace(before)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def write_folder(path: Path, content: str) -> None:
    with replacing_folder(path) as fresh:
        (fresh / "a").write_text(content)


def write_text(path: Path, content: str) -> None:
    write_file(path, content)


@pytest.mark.parametrize("write", [write_text, write_folder])
@pytest.mark.parametrize("earlier", [True, False])
def test_at_every_step(tmp_path: Path, write: Callable[[Path, str], None], *, earlier: bool) -> None:
    step = 0
    while True:
        folder = tmp_path / str(step)
        folder.mkdir()
        path = folder / "summary.md"
        if earlier:
            write(path, "old")
        if not interrupted(partial(write, path, "new"), step):
            break
        left = {found.name for found in folder.iterdir()} - {INVENTORY, path.name}
        assert {name for name in left if not name.endswith(".old")} == set()
        if earlier or path.exists():
            assert (path / "a" if path.is_dir() else path).read_text() in (("old", "new") if earlier else ("new",))
            assert is_own(path)
        step += 1
    assert step > 30
