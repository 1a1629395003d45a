"""What a backend offers that does not run ONNX as it is: a conversion of its own.

All of it is optional. Backends may import this module as they may :mod:`zoo_runner.plugin.interfaces`. What is made
is kept for later runs, and checked, by the runner; a backend says what its key is made of, and makes the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

from zoo_runner.plugin.interfaces import Backend

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import TensorSpec
    from zoo_runner.plugin.pixels import Normalisation
    from zoo_runner.plugin.shapes import Shapes

Repeats: TypeAlias = "Literal['everywhere', 'here', 'never']"
"""Where converting again gives the same bytes: on every machine, on the type of processor that did it, or perhaps
not at all."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """What a conversion makes.

    Attributes:
        name: What reports and the store call it, such as ``om``.
        file: What the file is called, such as ``model.om``.
        tool: What makes it, such as ``atc``; its logs are named after it.
        by_batch: Whether there is one for each batch size; otherwise one file takes any.
        normalises: Whether the conversion itself puts the normalisation of ``atc.aipp`` in front of the network.
            Otherwise it is given a graph that has it already.
        settings: How the manifest's keys begin that the conversion reads. Result files say what these were, and are
            refused under a manifest in which they differ. By default all that a conversion is given.
        why: What the report says of the stage ``convert`` when there is something to say beside that it was done.
    """

    name: str
    file: str
    tool: str
    by_batch: bool = True
    normalises: bool = False
    settings: tuple[str, ...] = ("atc",)
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class ConversionRequest:
    """What to convert, and for what.

    Attributes:
        model: The ONNX file; in the plan of a run, which makes nothing, only what it will be called.
        sha256: Its hash; empty in a plan.
        inputs: What the graph takes.
        outputs: What it returns, in the manifest's order.
        batch: Samples per call.
        chip: The chip's name, as :meth:`Backend.chip` returns it. A plan may be for a chip that is not in this
            machine; where nobody named one it is empty.
        options: The manifest's section ``atc``.
        base: The folder that paths in ``options`` are relative to.
        keep: Keeps a small text file under a name for later runs, and returns its absolute path; for settings that
            a command reads from a file.
        normalisation: What to do to 8-bit pixels in front of the network, if the artifact ``normalises``; the model
            then takes uint8 [batch, height, width, channels].
        given: A file of the user's own that is to be used instead (``--om``). What was written beside it when it was
            made may stand for what only tools of a host that converts can say, and nothing else.
        shapes: The sizes that open axes of the tensors take; ``None`` where there are none. Where the batch axis is
            open, ``batch`` is its greatest size, and one file takes them all.
    """

    model: Path
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: int
    chip: str
    options: Any
    base: Path
    keep: Callable[[str, str], Path]
    normalisation: Normalisation | None = None
    given: Path | None = None
    shapes: Shapes | None = None


class Conversion(Protocol):
    """ONNX -> the file that a backend loads."""

    @property
    def makes(self) -> Artifact:
        """What it makes."""

    def conversion_parts(self, request: ConversionRequest) -> Mapping[str, object]:
        """Return everything that shapes the file, as text, numbers, lists and dictionaries of them.

        A file is kept under these parts, beside the backend's name, chip, graph and batch size. They must have the
        versions of the tools that convert, their settings, and hashes of all files that these name: of what is not
        in the parts, a change goes unnoticed, and a kept file is used for something else.

        Raises:
            ZooError: The model cannot be converted so.
        """

    def repeats(self, request: ConversionRequest) -> Repeats:
        """Say where converting again gives the same bytes; then kept files can be verified."""

    def convert(self, request: ConversionRequest, folder: Path, log: Path) -> None:
        """Write the artifact's file, and what else belongs beside it, into an empty folder.

        Args:
            request: What to convert.
            folder: Is kept, as it then is, when this returns.
            log: Where the tool's output goes, also when it fails; nothing need be written there.

        Raises:
            StageError: The tool failed.
            PrerequisiteError: It is missing.
        """


@runtime_checkable
class ConvertingBackend(Backend, Conversion, Protocol):
    """A backend that loads what its own conversion makes."""

    def differences(self, request: ConversionRequest, path: Path, sha256: str) -> Sequence[str]:
        """List how a file of the user's own (``--om``) differs from what would be made, a line each.

        Args:
            request: What would be converted.
            path: The file, which may not be there.
            sha256: Its hash.

        Returns:
            Nothing only if the file is known to be made of just what the request says.
        """

    def conversion_commands(
        self, request: ConversionRequest, target: Path, nodes: Callable[[], Sequence[str]]
    ) -> Iterator[str]:
        """Yield what ``--dry-run`` shows of the conversion: commands that can be pasted into a shell.

        Args:
            request: What would be converted.
            target: What the file would be called.
            nodes: Returns the graph's nodes that outputs come from, as ``name:index`` in the outputs' order. Calling
                it takes time: the network is exported without weights for that.
        """


@runtime_checkable
class StampingBackend(Protocol):
    """A backend that can tell whether anything says what a file of the user's own was made of."""

    def stamped(self, path: Path) -> bool:
        """Say so; also of a stamp that cannot be understood, so that a damaged one is not taken for none."""


@runtime_checkable
class SideFileBackend(Protocol):
    """A backend whose conversion reads files of the user's own, beside the graph: they belong into a pack."""

    def side_files(self, request: ConversionRequest) -> Mapping[str, Path]:
        """Return them by the key of the manifest's section ``atc`` that names them; they need not exist."""
