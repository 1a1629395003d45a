"""What a backend offers that works through files: a command of its own that runs a whole folder of inputs.

All of it is optional. Backends may import this module as they may :mod:`zoo_runner.plugin.interfaces`. The runner
writes the inputs, reads the results back, and holds them against what they must be; a backend runs its command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from zoo_runner.plugin.interfaces import Backend

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, SessionRequest, Timings


@dataclass(frozen=True, kw_only=True)
class FolderRequest:
    """One run of a command over the input files of a data set.

    Attributes:
        model: The model file, as in :class:`~zoo_runner.plugin.interfaces.SessionRequest`.
        inputs: A folder of files for each of the graph's inputs, in its order: ``0000001.bin`` and so on, one sample
            each, raw, C order, little-endian.
        samples: How many samples there are.
        outputs: How many outputs each has.
        batch: Samples per inference.
        devices: Device numbers.
        output: Folder below which results go.
        dirname: Name of the results' folder in it.
        format: Format of the results, as ``infer.outfmt`` has it.
    """

    model: Path
    inputs: tuple[Path, ...]
    samples: int
    outputs: int
    batch: int
    devices: tuple[int, ...]
    output: Path
    dirname: str
    format: Literal["BIN", "NPY", "TXT"]


class Timer(Protocol):
    """What can be timed: every :class:`~zoo_runner.plugin.interfaces.Session`, and commands that do nothing else."""

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times and return how long the last ``loop`` took."""

    def close(self) -> None:
        """Release the device."""


@runtime_checkable
class FolderBackend(Backend, Protocol):
    """A backend that infers a data set, and times a model, by a command of its own."""

    @property
    def tool(self) -> str:
        """What the command is called; its logs are named after it."""

    def folder_command(self, request: FolderRequest) -> Sequence[str]:
        """Return the command as a list of arguments; ``--dry-run`` shows it."""

    def run_folder(self, request: FolderRequest, log: Path, note: Callable[[str], None]) -> Path:
        """Run the command over all samples.

        Args:
            request: What to run.
            log: Where what it prints is kept, also when it fails.
            note: Call it once, before the command starts, with a line that says what runs on which device.

        Returns:
            The folder with the results: ``0000001_0.bin`` for the first output of the first sample, and so on.

        Raises:
            InferenceError: The command failed, or did not infer just what was asked for.
            PrerequisiteError: Something it needs is missing.
        """

    def timer(self, request: SessionRequest, log: Path) -> Timer:
        """Return what times the model by the command; it is given inputs of zeros."""


@runtime_checkable
class ToolBackend(Backend, Protocol):
    """A backend that can work in another way than in this process, which the manifest asks for by ``infer.tool``."""

    def using(self, tool: str) -> Backend | None:
        """Return the backend that works by this tool; ``None`` if it has no such tool."""
