"""The sections ``inputs`` and ``outputs`` of a manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.checks import Problem
from zoo_runner.manifest.section import Positive, Section
from zoo_runner.plugin.interfaces import BATCH, TensorSpec

TENSOR: Final = r"^[^\s:;,]+$"
AXIS: Final = r"^[a-z][a-z0-9_]*$"

RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**53), 2**53),
    "float16": (-65504, 65504),
    "float32": (-3.4028234e38, 3.4028234e38),
}
"""What padding can be, by type; whole numbers beyond 2^53 are not exact as a manifest has them."""

AxisName = Annotated[str, Field(pattern=AXIS)]


class Tensor(Section):
    """A model input or output."""

    name: str = Field(pattern=TENSOR, description="as the network calls it")
    dtype: Literal["float32", "float16", "uint8", "int8", "int32", "int64"] = Field(
        default="float32", description="type of its elements"
    )
    shape: Annotated[tuple[Literal["batch"] | Positive | AxisName, ...], AfterValidator(checks.batch_first)] = Field(
        description="batch, then the sizes of the other axes, as in [batch, 3, 320, 320]; a name instead of a size is "
        "an open axis. Without batch it is a tensor of a call as a whole, which then has one sample"
    )

    @property
    def spec(self) -> TensorSpec:
        """The same as the record the rest of the program uses."""
        return TensorSpec(name=self.name, dtype=self.dtype, shape=self.shape)


class Padding(Section):
    """How a sample that is smaller than a gear is made as large."""

    value: float = Field(default=0.0, description="what stands around the sample")
    at: Literal["end", "start", "both"] = Field(
        default="end", description="where it stands on each axis; both: half of it in front, rounded down"
    )


class InputTensor(Tensor):
    """A model input."""

    pad: Padding | None = Field(
        default=None,
        description="of an input with open axes: how smaller samples are made as large as a gear; without it they are "
        "refused",
    )

    @model_validator(mode="after")
    def _check(self) -> InputTensor:
        checks.refuse(_input_problems(self))
        return self


class OutputTensor(Tensor):
    """A model output, and what its numbers are."""

    most: Mapping[str, Positive] = Field(
        default_factory=dict,
        description="of open axes that no input has: the greatest size, by name; memory is reserved by it",
    )

    kind: Literal["probabilities", "offsets", "logits"] | None = Field(
        default=None,
        description="probabilities lie in [0, 1] and sum to 1; offsets and logits differ from place to place; all of "
        "them follow from the input. By default the numbers must only be finite",
    )
    axis: int | None = Field(
        default=None, description="of probabilities: the axis of shape along which they sum to 1; by default the last"
    )
    range: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="least and greatest value, as in [0, 1]"
    )
    depends_on_input: Literal[False] | None = Field(
        default=None, description="false: the same for every input, as a table of anchors is; equal ones are no fault"
    )

    @model_validator(mode="after")
    def _check(self) -> OutputTensor:
        checks.refuse(_output_problems(self))
        return self


def _input_problems(tensor: InputTensor) -> Iterator[Problem]:
    """Check that there is something to pad, and that the tensor can hold what is padded with."""
    if tensor.pad is None:
        return
    if not tensor.spec.axes:
        yield ("pad",), "would have no effect: the shape has no open axis; remove it"
    value, (low, high) = tensor.pad.value, RANGES[tensor.dtype]
    if not tensor.dtype.startswith("float") and not value.is_integer():
        yield ("pad", "value"), f"expected a whole number, as the input is {tensor.dtype}, found {value:g}"
    elif not low <= value <= high:
        yield ("pad", "value"), f"expected {low:g} to {high:g}, as the input is {tensor.dtype}, found {value:g}"


def _output_problems(tensor: OutputTensor) -> Iterator[Problem]:
    """Check that what is said of an output can be looked at."""
    first = int(BATCH in tensor.shape)
    if tensor.axis is not None and tensor.kind != "probabilities":
        yield ("axis",), "would have no effect: only probabilities sum to 1 along an axis; add kind: probabilities"
    elif tensor.axis is not None and not first <= tensor.axis < len(tensor.shape):
        text = f"expected {first} to {len(tensor.shape) - 1}, an axis of shape behind batch"
        yield ("axis",), f"{text}, found {tensor.axis}"
    if tensor.kind == "probabilities" and len(tensor.shape) == first:
        yield ("kind",), "expected an axis behind batch, along which probabilities sum to 1, found none"
    if tensor.kind is not None and not tensor.dtype.startswith("float"):
        yield ("kind",), f"expected numbers of a floating type, found {tensor.dtype}"
    if tensor.range is not None and tensor.kind == "probabilities":
        yield ("range",), "would have no effect: probabilities lie in [0, 1]; remove it"
    elif tensor.range is not None and not tensor.range[0] < tensor.range[1]:
        yield ("range",), f"expected the least value before the greatest, found {list(tensor.range)}"
