"""A replay from file to page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.known_secrets import learn
from zoo_runner.output.folder import make_folder, writing
from zoo_runner.output.names import REPLAY_PAGE
from zoo_runner.output.writing import write_file
from zoo_runner.replay.page import page, rows
from zoo_runner.replay.reading import read_replay
from zoo_runner.replay.restoring import restore
from zoo_runner.replay.steps import replay
from zoo_runner.stages.threads import one_thread_a_call

if TYPE_CHECKING:
    from zoo_runner.replay.reading import ReplayFile
    from zoo_runner.replay.steps import Replayed


def replay_file(
    path: Path,
    output: Callable[[ReplayFile], Path],
    graph: Path | None,
    show: Callable[[ReplayFile, Replayed, list[tuple[str, ...]]], None],
) -> tuple[Replayed, Path]:
    """Replay a file and write its page.

    Args:
        path: The file.
        output: Returns the folder for the page.
        graph: An ONNX file to run the inputs through.
        show: Is given what came of it before the page is drawn.

    Returns:
        What came of it, and where the page is.

    Raises:
        UsageError: It cannot be replayed here.
        PrerequisiteError: Something that a step needs is missing.
        StageError: The page cannot be written.
    """
    file = read_replay(path)
    learn(file.manifest.decode("utf-8", "replace"))
    one_thread_a_call()
    with tempfile.TemporaryDirectory(prefix="zoo-run-replay-") as temporary:
        restored = restore(file, Path(temporary).resolve())
        replayed = replay(restored, graph)
        show(file, replayed, rows(restored, replayed))
        target = output(file)
        make_folder(target)
        with writing(target):
            write_file(target / REPLAY_PAGE, page(restored, replayed))
    return replayed, target / REPLAY_PAGE
