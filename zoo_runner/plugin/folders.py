"""What a backend offers that works through files: a command of its own that runs a whole folder of inputs.

All of it is optional. Backends may import this module as they may :mod:`zoo_runner.plugin.interfaces`. The runner
writes the inputs, reads the results back, and holds them against what they must be; a backend runs its command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from zoo_runner.plugin.interfaces import Backend

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, SessionRequest, TensorSpec, Timings
    from zoo_runner.plugin.shapes import Shapes, Sizes


@dataclass(frozen=True, kw_only=True)
class FolderPart:
    """Samples whose inputs have the same sizes.

    Attributes:
        sizes: Those of the open axes of the inputs.
        inputs: As in :class:`FolderRequest`, of these samples alone.
        samples: How many samples there are.
    """

    sizes: Sizes
    inputs: tuple[Path, ...]
    samples: int


@dataclass(frozen=True, kw_only=True)
class FolderRequest:
    """One run of a command over the input files of a data set.

    Attributes:
        model: The model file, as in :class:`~zoo_runner.plugin.interfaces.SessionRequest`.
        inputs: A folder of files for each of the graph's inputs, in its order: ``0000001.bin`` and so on, one sample
            each, raw, C order, little-endian. Where :func:`reads_sizes` says so, ``.npy`` with a batch axis of 1.
        samples: How many samples there are.
        outputs: How many outputs each has.
        batch: Samples per inference.
        devices: Device numbers.
        output: Folder below which results go.
        dirname: Name of the results' folder in it.
        format: Format of the results, as ``infer.outfmt`` has it.
        shapes: The sizes that open axes take; ``None`` where there are none.
        takes: The graph's inputs, in its order.
        returns: The outputs, in the order in which results are numbered.
        parts: The samples by the sizes of their inputs, where these lie in folders of their own; else none.
        sizes: Those of the open axes of all inputs, where they are the same.
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
    shapes: Shapes | None = None
    takes: tuple[TensorSpec, ...] = ()
    returns: tuple[TensorSpec, ...] = ()
    parts: tuple[FolderPart, ...] = ()
    sizes: Sizes = field(default_factory=dict)

    def each(self) -> tuple[FolderRequest, ...]:
        """Return a request for each part; without parts, this request alone."""
        return tuple(
            replace(self, inputs=part.inputs, samples=part.samples, sizes=part.sizes, parts=()) for part in self.parts
        ) or (self,)


def reads_sizes(shapes: Shapes | None, batch: int) -> bool:
    """Say whether a command has to read the sizes of each sample from its files, so that these must tell them.

    That is so within bounds, where there is no list of sizes, and for gears of any axes at one sample a call.
    """
    return shapes is not None and (shapes.opened == "range" or (shapes.opened == "dims" and batch == 1))


def sizes_folder(sizes: Mapping[str, int]) -> str:
    """Return the name of the folder of inputs with these sizes, such as ``height-320_width-480``; empty without any."""
    return "_".join(f"{axis}-{size}" for axis, size in sorted(sizes.items()))


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
        """Return the command as a list of arguments, of a request without parts; ``--dry-run`` shows it."""

    def run_folder(self, request: FolderRequest, log: Path, note: Callable[[str], None]) -> Path:
        """Run the command over all samples: once, or once for each part of the request.

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
        """Return what times the model by the command; it is given inputs of zeros, with the sizes to time."""


@runtime_checkable
class ToolBackend(Backend, Protocol):
    """A backend that can work in another way than in this process, which the manifest asks for by ``infer.tool``."""

    def using(self, tool: str) -> Backend | None:
        """Return the backend that works by this tool; ``None`` if it has no such tool."""
