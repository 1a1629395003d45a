"""The records and protocols that the runner, plugins and backends share.

Plugins and backends import this module, :mod:`zoo_runner.evidence`, :mod:`zoo_runner.speed`,
:mod:`zoo_runner.hookspecs` and :mod:`zoo_runner.errors`, and nothing else of ``zoo_runner``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

Arrays: TypeAlias = "Mapping[str, NDArray[Any]]"
"""Arrays by name. One sample's arrays have no batch axis; a batch's have it first."""

BATCH = "batch"
"""The symbolic size of a tensor's batch axis."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, dtype and shape of one model input or output.

    Attributes:
        name: Logical name, as in the ONNX graph.
        dtype: NumPy dtype name, such as ``float32``.
        shape: Axis sizes; the first may be ``"batch"``.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    def sized(self, batch: int) -> tuple[int, ...]:
        """Return the shape with the batch axis filled in."""
        return tuple(batch if size == BATCH else int(size) for size in self.shape)

    def sample_shape(self) -> tuple[int, ...]:
        """Return the shape of one sample, without the batch axis."""
        return tuple(int(size) for size in self.shape if size != BATCH)

    def empty(self, batch: int) -> NDArray[Any]:
        """Return a zeroed, C-contiguous array for ``batch`` samples."""
        import numpy as np  # noqa: PLC0415 - keeps `zoo-run --help` free of numpy

        return np.zeros(self.sized(batch), dtype=np.dtype(self.dtype))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One item of a data set; plugins add fields by subclassing.

    Attributes:
        index: Position in the data set, counted from 1. Input files are named after it.
        id: The data set's own name for the sample.
        path: The file that the preprocessing reads.
    """

    index: int
    id: str
    path: Path


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
    """

    name: str
    protocol: str
    value: float
    unit: str
    per_class: Mapping[str, float] = field(default_factory=dict)
    support: Mapping[str, int] = field(default_factory=dict)
    higher_is_better: bool = True


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


class Dataset(Protocol):
    """Where samples come from."""

    def samples(self, root: Path) -> Sequence[Sample]:
        """List the samples below ``root`` in data-set order.

        Raises:
            DatasetError: Files are missing or unreadable; all of them are named.
        """


class Preprocess(Protocol):
    """Sample -> model inputs. Called from several threads at once."""

    @property
    def identity(self) -> str:
        """Everything in the configuration that shapes the inputs, as text."""

    def __call__(self, sample: Sample) -> Arrays:
        """Return the sample's inputs by name, without batch axis, C-contiguous."""


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """What turns the pixels of an image into the network's input.

    For channel ``c`` of the input: ``(pixel - mean[c]) * scale[c]``.

    Attributes:
        mean: By channel of the network's input, on the scale of the pixels (0 to 255).
        scale: By channel of the network's input; multiplied after the subtraction.
        swap_red_blue: Whether the input's first channel is the pixels' last.
        height: Rows of the image.
        width: Columns of the image.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    swap_red_blue: bool
    height: int
    width: int


@runtime_checkable
class PixelPreprocess(Preprocess, Protocol):
    """A preprocessing that can stop at the pixels and leave the normalisation to the model."""

    @property
    def normalisation(self) -> Normalisation:
        """What the model then has to do itself."""

    def pixels(self, sample: Sample) -> Arrays:
        """Return the sample's pixels under the input's name: uint8 [height, width, channels]."""


class Postprocess(Protocol):
    """Model outputs -> prediction. Called from several threads at once."""

    @property
    def identity(self) -> str:
        """Everything in the configuration that shapes the predictions, as text."""

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return the sample's prediction as named arrays, from its outputs by name, without batch axis."""


class Metric(Protocol):
    """Predictions -> numbers."""

    @property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """What ``evaluate`` returns, as ``(name, protocol)``, headline first."""

    def evaluate(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        """Score ``predictions[i]`` against ``samples[i]``; the first value is the headline."""


@dataclass(frozen=True, kw_only=True)
class Prerequisite:
    """One thing a backend needs, and whether this machine has it.

    Attributes:
        name: What it is.
        ok: Whether it was found usable.
        found: What was found: a version, a path, or what is missing.
        remedy: What to do when it is not ok.
        required: Whether a run is refused when it is not ok; otherwise the run goes on, and its figures
            are judged with that in mind.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class SessionRequest:
    """What a backend is asked to load.

    Attributes:
        model: The model file, in the backend's ``model_format``.
        inputs: What it takes.
        outputs: What it returns; for ordered formats, in the model's own output order.
        batch: Samples per call.
        devices: Device numbers; backends without devices ignore them.
        threads: Host threads for the computation; ``None`` leaves the choice to the backend.
    """

    model: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: int
    devices: tuple[int, ...] = (0,)
    threads: int | None = None


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


class Backend(Protocol):
    """Something that runs models."""

    @property
    def name(self) -> str:
        """What ``--backend`` calls it."""

    @property
    def model_format(self) -> Literal["onnx", "om"]:
        """Which file ``open`` takes: the export's, or the conversion's."""

    def prerequisites(self) -> tuple[Prerequisite, ...]:
        """Say what the backend needs and what of it is here, without changing anything."""

    def chip(self) -> str:
        """Name the chip that would run the model, as manifests name it (``310P3``, ``cpu``)."""

    def version(self) -> str:
        """Name the software that would run the model; a change of it invalidates cached predictions."""

    def open(self, request: SessionRequest) -> Session:
        """Load a model.

        Raises:
            PrerequisiteError: Something the backend needs is missing.
            InferenceError: The model cannot be loaded or does not have the requested inputs and outputs.
        """


@runtime_checkable
class WatchedBackend(Backend, Protocol):
    """A backend whose devices others may use at the same time, which would spoil a timing."""

    def disturbances(self, before: Any, after: Any, devices: Sequence[int]) -> tuple[str, ...]:
        """List what makes a timing between two readings untrustworthy; empty when the devices were quiet."""

    def reading(self) -> object:
        """Take a reading of the devices."""


class Progress(Protocol):
    """Where long work reports to; the command line shows it, libraries may ignore it."""

    def track(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Callable[[int], None]]:
        """Open a bar for ``total`` units of work; the callable adds finished units."""

    def note(self, text: str) -> None:
        """Say something worth a line."""

    def warn(self, text: str) -> None:
        """Say something the user should act on, though the run goes on."""
