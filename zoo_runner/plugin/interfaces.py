"""The records and protocols that the runner, plugins and backends share.

Plugins and backends import the modules of this package, without ``calls`` and ``loading``, and
:mod:`zoo_runner.errors`; nothing else of ``zoo_runner``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from zoo_runner.plugin.shapes import Shapes

Arrays: TypeAlias = "Mapping[str, NDArray[Any]]"
"""Arrays by name. One sample's arrays have no batch axis; a batch's have it first."""


class DeviceArrays(dict[str, "NDArray[Any]"]):
    """Arrays that one device computed.

    Attributes:
        device: Its number.
        row: Where they are of one sample, its place in the batch, from 0; ``None`` where that is unknown.
    """

    def __init__(self, arrays: Arrays, device: int, row: int | None = None) -> None:
        super().__init__(arrays)
        self.device = device
        self.row = row


BATCH = "batch"
"""The symbolic size of a tensor's batch axis."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, dtype and shape of one model input or output.

    Attributes:
        name: Logical name, as in the ONNX graph.
        dtype: NumPy dtype name, such as ``float32``.
        shape: Axis sizes; the first may be ``"batch"``, others the name of an open axis (:mod:`.shapes`).
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the open axes, in order; the batch axis is none of them."""
        return tuple(size for size in self.shape if isinstance(size, str) and size != BATCH)

    def at(self, sizes: Mapping[str, int]) -> TensorSpec:
        """Return the same tensor with those open axes filled in that ``sizes`` has."""
        named = self.axes
        return replace(self, shape=tuple(sizes.get(str(size), size) if size in named else size for size in self.shape))

    def sized(self, batch: int) -> tuple[int, ...]:
        """Return the shape with the batch axis filled in; open axes must have been filled in before.

        Raises:
            ValueError: An axis is open.
        """
        return tuple(batch if size == BATCH else int(size) for size in self.shape)

    def sample_shape(self) -> tuple[int, ...]:
        """Return the shape of one sample, without the batch axis; open axes must have been filled in before.

        Raises:
            ValueError: An axis is open.
        """
        return tuple(int(size) for size in self.shape if size != BATCH)

    def empty(self, batch: int) -> NDArray[Any]:
        """Return a zeroed, C-contiguous array for ``batch`` samples."""
        import numpy as np  # noqa: PLC0415 - keeps `zoo-run --help` free of numpy

        return np.zeros(self.sized(batch), dtype=np.dtype(self.dtype))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a look at a sample's files found.

    Attributes:
        text: What is wrong, in words that stay true when the files are copied elsewhere: no names or paths.
        damage: Whether it changes what the network is given. Otherwise it is only worth a note.
    """

    text: str
    damage: bool


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One item of a data set; plugins add fields by subclassing.

    Attributes:
        index: Position in the data set, counted from 1. Input files are named after it.
        id: The data set's own name for the sample.
        path: The file that the preprocessing reads.
        files: All files and folders that the sample consists of, with all below them; none means ``path`` alone.
            Predictions are made again when the content of any of them changes.
        group: What it belongs to, such as a video or a speaker. Intervals, subsets and ``--limit`` count groups.
        finding: What its check (:class:`CheckedPreprocess`) found; set by the runner. The manifest accepts damage.
    """

    index: int
    id: str
    path: Path
    files: tuple[Path, ...] = ()
    group: str = ""
    finding: Finding | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class MetricValue:
    """One number a metric gives for the whole set of samples it was shown.

    Attributes:
        name: Metric, such as ``voc07_map``.
        protocol: Which definition of it, such as ``reference`` or ``devkit``.
        value: The number, in ``unit``.
        unit: Such as ``percent``.
        per_class: The same by class, where that makes sense.
        support: How many annotated objects of each class count, where that makes sense.
        higher_is_better: The direction a gate compares in.
        tie_spread: The least and the greatest value over all orders of predictions with equal scores, where the metric
            sorts by score; ``value`` is within.
    """

    name: str
    protocol: str
    value: float
    unit: str
    per_class: Mapping[str, float] = field(default_factory=dict)
    support: Mapping[str, int] = field(default_factory=dict)
    higher_is_better: bool = True
    tie_spread: tuple[float, float] | None = None


class Network(Protocol):
    """A network that can be built without weights and exported."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What ``forward`` takes, in order."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What ``forward`` returns, in order."""

    @property
    def identity(self) -> str:
        """Everything in the configuration that shapes the network, as text."""

    def build(self) -> torch.nn.Module:
        """Return the network in evaluation mode; ``forward`` takes ``inputs`` and returns ``outputs``."""


@runtime_checkable
class AdvisedNetwork(Network, Protocol):
    """A network that can tell from a checkpoint what it was configured with."""

    def advice(self, shapes: Mapping[str, tuple[int, ...]]) -> str:
        """Say what to set in ``plugin.config`` so that the network fits a checkpoint; empty if nothing is known to.

        Args:
            shapes: Of the checkpoint's tensors, by the network's names.
        """


@runtime_checkable
class SourcedNetwork(Network, Protocol):
    """A network that says where its code is, so that a published export can be told from one of older code."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules, by dotted name, that make the network; what they import of the plugin counts too."""


class Dataset(Protocol):
    """Where samples come from."""

    def samples(self, root: Path) -> Sequence[Sample]:
        """List the samples below ``root`` in data-set order.

        Raises:
            DatasetError: Files are missing or unreadable; all of them are named.
        """


SAMPLES = "samples"
"""What samples are called, unless the data set is a :class:`NamedSamples`."""


@runtime_checkable
class NamedSamples(Dataset, Protocol):
    """A data set that says what its samples are called."""

    @property
    def noun(self) -> str:
        """The plural, such as ``images``: what progress, reports and rates are counted in."""


class Preprocess(Protocol):
    """Sample -> model inputs. Called from several threads at once."""

    @property
    def identity(self) -> str:
        """Everything in the configuration that shapes the inputs, as text."""

    def __call__(self, sample: Sample) -> Arrays:
        """Return the sample's inputs by name, without batch axis, C-contiguous."""


@runtime_checkable
class CheckedPreprocess(Preprocess, Protocol):
    """A preprocessing that can look for damage in files that would go unnoticed when they are read."""

    @property
    def check_identity(self) -> str:
        """Everything but the files' content that a finding depends on, such as versions of libraries, as text."""

    def check(self, sample: Sample) -> Finding | None:
        """Look for damage. Called once for each content of the file ``sample.path``, from several threads at once.

        Returns:
            What was found; ``None`` for a file without fault.

        Raises:
            DatasetError: The file is missing or cannot be read.
            PrerequisiteError: What the check needs is not installed.
        """


class Postprocess(Protocol):
    """Model outputs -> prediction. Called from several threads at once."""

    @property
    def identity(self) -> str:
        """Everything in the configuration that shapes the predictions, as text."""

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return the sample's prediction as named arrays, from its outputs by name, without batch axis."""


Way: TypeAlias = "Literal['convert', 'infer']"
"""What a backend is needed for: a host may convert models that others infer with, or infer with what others made."""
WAYS: Final[tuple[Way, ...]] = ("convert", "infer")


@dataclass(frozen=True, kw_only=True)
class Prerequisite:
    """One thing a backend needs, and whether this machine has it.

    Attributes:
        name: What it is.
        ok: Whether it was found usable.
        found: What was found: a version, a path, or what is missing.
        remedy: What to do when it is not ok.
        required: Whether a run is refused when it is not ok; otherwise its figures are judged with that in mind.
        ways: What it is needed for.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
    required: bool = True
    ways: tuple[Way, ...] = WAYS


@dataclass(frozen=True, kw_only=True)
class SessionRequest:
    """What a backend is asked to load.

    Attributes:
        model: The model file: the exported ONNX graph, or what a converting backend made of it.
        inputs: What it takes.
        outputs: What it returns; for ordered formats, in the model's own output order.
        batch: Samples per call.
        devices: Device numbers; backends without devices ignore them.
        threads: Host threads for the computation; ``None`` leaves the choice to the backend.
        shapes: The sizes that open axes take; each call has one for each axis. ``None`` where there are none.
    """

    model: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: int
    devices: tuple[int, ...] = (0,)
    threads: int | None = None
    shapes: Shapes | None = None


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Milliseconds of repeated calls.

    Attributes:
        compute_ms: Computation only, one value a call.
        to_device_ms: Copying inputs to the device, where the backend knows it.
        from_device_ms: Copying outputs back, where the backend knows it.
    """

    compute_ms: tuple[float, ...]
    to_device_ms: tuple[float, ...] = ()
    from_device_ms: tuple[float, ...] = ()

    def __add__(self, later: Timings) -> Timings:
        """Return these calls and later ones."""
        return Timings(
            compute_ms=self.compute_ms + later.compute_ms,
            to_device_ms=self.to_device_ms + later.to_device_ms,
            from_device_ms=self.from_device_ms + later.from_device_ms,
        )


class Session(Protocol):
    """A loaded model."""

    def infer(self, inputs: Arrays) -> Arrays:
        """Run one full batch: arrays by input name in, arrays by output name out, batch axis first.

        Raises:
            InferenceError: The device failed, or an output has the wrong shape or dtype.
        """

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times and return how long the last ``loop`` took."""

    def close(self) -> None:
        """Release the device. Calling it again does nothing."""


@runtime_checkable
class ParallelSession(Session, Protocol):
    """A session that can work on several batches at once, on one device or many."""

    def infer_many(self, batches: Iterator[Arrays]) -> Iterator[Arrays]:
        """Yield the outputs of full batches in the order of the batches, taking only a few of them ahead."""

    @property
    def lost(self) -> tuple[tuple[int, str], ...]:
        """Devices that were given up, each with the reason; others did their work."""


STAND_IN: Final = " stand-in"
"""Ends the chip name of a machine whose tools are imitations, so that no accelerator's figures apply to it."""


class Backend(Protocol):
    """Something that runs ONNX models; of other ones, see :mod:`zoo_runner.plugin.conversion`."""

    @property
    def name(self) -> str:
        """What ``--backend`` calls it."""

    def prerequisites(self) -> tuple[Prerequisite, ...]:
        """Say what the backend needs and what of it is here, without changing anything."""

    def chip(self) -> str:
        """Name the chip that would run the model, as manifests name it (``310P3``, ``cpu``).

        The name of an imitation ends in :data:`STAND_IN`.
        """

    def version(self) -> str:
        """Name the software that would run the model; a change of it invalidates cached predictions."""

    def open(self, request: SessionRequest) -> Session:
        """Load a model.

        Raises:
            PrerequisiteError: Something the backend needs is missing.
            InferenceError: The model cannot be loaded or does not have the requested inputs and outputs.
        """


class Progress(Protocol):
    """Where long work reports to; the command line shows it, libraries may ignore it."""

    def track(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Callable[[int], None]]:
        """Open a bar for ``total`` units of work; the callable adds finished units."""

    def note(self, text: str) -> None:
        """Say something worth a line."""

    def warn(self, text: str) -> None:
        """Say something the user should act on, though the run goes on."""
