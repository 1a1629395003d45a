"""What a manifest may say. The published JSON Schema is made from these models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from zoo_runner.interfaces import TensorSpec
from zoo_runner.manifest import checks

_SHA256: Final = r"^[0-9a-f]{64}$"
_MD5: Final = r"^[0-9a-f]{32}$"
_NAME: Final = r"^[a-z0-9][a-z0-9._-]*$"
_TENSOR: Final = r"^[^\s:;,]+$"
PATTERNS: Final = {
    _SHA256: "64 lower-case hex digits (SHA-256)",
    _MD5: "32 lower-case hex digits (MD5)",
    _NAME: "lower-case letters, digits, '.', '_' and '-'",
    _TENSOR: "a name without spaces, ':', ';' and ','",
}
"""The patterns below, in words, for messages."""

Sha256 = Annotated[str, Field(pattern=_SHA256, description="SHA-256, 64 lower-case hex digits")]
Md5 = Annotated[str, Field(pattern=_MD5, description="MD5, 32 lower-case hex digits")]
Url = Annotated[str, AfterValidator(checks.url)]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
_BY_BATCH: Final[dict[str, Any]] = {"propertyNames": {"pattern": "^[1-9][0-9]*$"}}
"""JSON has no integer keys, and pydantic's JSON Schema does not say what theirs look like."""


class Section(BaseModel):
    """Base of every section: frozen, strict types, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PluginRef(Section):
    """Which plugin knows the model, and its configuration."""

    name: str = Field(description="entry point in the group zoo_runner")
    config: Mapping[str, Any] = Field(default_factory=dict, description="checked against the plugin's own model")


class SourceRef(Section):
    """Where the recipe comes from; shown in reports."""

    url: str
    commit: str | None = None
    note: str | None = None


class Weights(Section):
    """The checkpoint.

    ``url`` is http(s), ``file:``, ``package:<package>/<path>`` or a path relative to the file that says it.
    Without ``url`` the run asks for ``--weights``. Without ``sha256`` the first download is trusted, and its
    hash printed for pasting here.
    """

    url: Url | None = Field(
        default=None,
        description="http(s), file:, package:<package>/<path> or a path relative to this file; "
        "without it the run asks for --weights",
    )
    sha256: Sha256 | None = None
    size: Positive | None = Field(default=None, description="bytes")
    license: str | None = None


class DatasetRef(Section):
    """The data set: found through ``--data``, then ``root_env``, then ``url``."""

    name: str
    url: Url | None = Field(default=None, description="archive or package folder; schemes as for weights")
    md5: Md5 | None = None
    sha256: Sha256 | None = None
    size: Positive | None = Field(default=None, description="bytes of the archive")
    root_env: str | None = Field(default=None, description="environment variable naming a local copy")
    subdir: Annotated[str, AfterValidator(checks.subdir)] = Field(
        default="", description="folder inside the archive or package that is the root"
    )
    samples: Positive = Field(description="how many samples the whole set has")


class Tensor(Section):
    """A model input or output."""

    name: str = Field(pattern=_TENSOR)
    dtype: Literal["float32", "float16", "uint8", "int8", "int32", "int64"] = "float32"
    shape: Annotated[tuple[Literal["batch"] | Positive, ...], AfterValidator(checks.batch_first)]

    @property
    def spec(self) -> TensorSpec:
        """The same as the record the rest of the program uses."""
        return TensorSpec(name=self.name, dtype=self.dtype, shape=self.shape)


class OnnxOptions(Section):
    """How the network becomes ONNX."""

    opset: Annotated[int, Field(ge=11)] = 17
    simplify: bool = True
    dynamic_batch: bool = True
    exporter: Literal["torchscript", "dynamo"] = "torchscript"


class AtcOptions(Section):
    """How ONNX becomes an .om.

    ``{batch}`` stands for the batch size in ``input_shape``, ``insert_op_conf`` and the values of ``flags``;
    ``{soc}`` for the chip's ``soc_version`` in the latter two.
    """

    framework: Literal[5] = 5
    input_format: Literal["NCHW", "NHWC", "ND", "NCDHW", "NDHWC"] = "NCHW"
    input_shape: Annotated[str, AfterValidator(checks.input_shape)] | None = Field(
        default=None, description="such as image:{batch},3,320,320; by default from inputs"
    )
    out_nodes: Annotated[tuple[str, ...], AfterValidator(checks.out_nodes)] | None = Field(
        default=None, description="node:index, in output order; by default resolved from the graph's outputs"
    )
    precision_mode: (
        Literal[
            "force_fp16",
            "force_fp32",
            "allow_fp32_to_fp16",
            "must_keep_origin_dtype",
            "allow_mix_precision",
            "cube_fp16in_fp32out",
        ]
        | None
    ) = None
    log: Literal["debug", "info", "warning", "error", "null"] = "error"
    soc_version: Annotated[str, AfterValidator(checks.soc_version)] | None = Field(
        default=None, description="such as Ascend310P3; by default from npu-smi"
    )
    insert_op_conf: Annotated[str, AfterValidator(checks.side_file)] | None = Field(
        default=None, description="AIPP file, relative to the manifest"
    )
    aipp: Literal["auto"] | None = Field(
        default=None, description="auto: let the model normalise, by an AIPP file made from what the plugin declares"
    )
    flags: Annotated[Mapping[str, str | int], AfterValidator(checks.flags)] = Field(
        default_factory=dict, description="any other ATC flag, without --"
    )

    @model_validator(mode="after")
    def _check(self) -> AtcOptions:
        checks.refuse(checks.exclusive(self))
        return self


class InferOptions(Section):
    """How the data set is run through the model."""

    batch: Positive = 1
    threads: Positive | None = Field(default=None, description="host threads of the computation")
    tool: Literal["in-process", "ais_bench-cli"] = Field(
        default="in-process", description="ais_bench-cli: run `python -m ais_bench` over files; Ascend only"
    )
    outfmt: Literal["BIN", "NPY", "TXT"] = Field(
        default="BIN", description="format of the files that ais_bench-cli writes; TXT rounds to six digits"
    )

    @model_validator(mode="after")
    def _check(self) -> InferOptions:
        checks.refuse(checks.command_only(self))
        return self


class BenchmarkOptions(Section):
    """How pure inference is timed."""

    batch: Annotated[tuple[Positive, ...], Field(min_length=1), AfterValidator(checks.unique)] = (1,)
    loop: Positive = 100
    warmup: Annotated[int, Field(ge=0)] = 5
    max_seconds: Rate = Field(
        default=10.0, description="longest time for one batch size where no throughput expectation applies"
    )


class Tolerance(Section):
    """How far on the wrong side of the expectation still passes; the wider of the two."""

    abs: Annotated[float, Field(ge=0, description="in the unit of the value")] = 0.0
    rel: Annotated[float, Field(ge=0, lt=1, description="fraction of the value")] = 0.0

    def margin(self, value: float) -> float:
        """Return the allowed distance in the unit of ``value``."""
        return max(self.abs, self.rel * abs(value))


Direction = Literal["at_least", "at_most", "within"]
Rule = Literal["point", "interval", "paired"]
_TOO_GOOD: Final = "how far beyond the expectation is suspicious: a warning, not a failure"


class AccuracyFigure(Section):
    """A figure that samples must reach, and how it is held against the measurement."""

    value: float
    tolerance: Tolerance = Tolerance()
    direction: Direction | None = Field(default=None, description="by default the metric's own")
    rule: Rule = Field(
        default="point",
        description="point compares the measured value; interval its bootstrap interval; "
        "paired the interval of the difference from --baseline",
    )
    too_good: Tolerance | None = Field(default=None, description=_TOO_GOOD)
    published: str | None = Field(default=None, description="where the figure was published")


class AccuracyExpectation(AccuracyFigure):
    """A figure the whole data set must reach."""

    metric: str
    protocol: str
    unit: str = "percent"


class Subset(Section):
    """Some of the samples, always the same, with a figure of their own."""

    every: Annotated[int, Field(ge=2, description="takes each n-th sample")]
    offset: Annotated[int, Field(ge=0, description="position of the first one, from 0")] = 0
    expected: AccuracyFigure | None = Field(
        default=None, description="in place of expected.accuracy, whose metric and protocol it keeps"
    )


class Waiver(Section):
    """Lets an expectation be missed for a while: down to ``floor``, up to the day ``until``."""

    line: str = Field(description="id of the report's line, such as voc07_map/reference or throughput/310P3/16")
    owner: str = Field(min_length=1, description="who sees to it")
    issue: Annotated[str, AfterValidator(checks.link)] = Field(description="where it is followed up, http(s)")
    until: Annotated[date, Field(strict=False, description="last day it holds")]
    floor: float = Field(description="in the unit of the line; what is worse fails all the same")
    reason: str = ""


class Uncertainty(Section):
    """How the bootstrap is done."""

    resamples: Annotated[int, Field(ge=0, le=100_000, description="0 does without")] = 1000
    seed: Annotated[int, Field(ge=0)] = 0
    level: Annotated[float, Field(gt=0.5, lt=1, description="of the two-sided interval")] = 0.95


class ChipExpectation(Section):
    """Figures published for one chip, by batch size."""

    accuracy: Mapping[Positive, float] = Field(
        default_factory=dict,
        description="replaces expected.accuracy.value for these batch sizes",
        json_schema_extra=_BY_BATCH,
    )
    throughput: Mapping[Positive, Rate] = Field(
        default_factory=dict, description="by batch size", json_schema_extra=_BY_BATCH
    )
    unit: Literal["images/s"] = Field(default="images/s", description="of the throughput")
    tolerance: Tolerance = Field(default=Tolerance(), description="of the throughput")
    too_good: Tolerance | None = Field(default=None, description=f"of the throughput: {_TOO_GOOD}")
    backend: str | None = Field(default=None, description="the figures hold for this backend only; by default for all")
    cann: str | None = Field(default=None, description="CANN release the figures were measured with")
    published: str | None = Field(default=None, description="where the figures were published")


class Expected(Section):
    """What the gate asks for."""

    accuracy: AccuracyExpectation | None = None
    chips: Mapping[str, ChipExpectation] = Field(
        default_factory=dict, description="by chip, as npu-smi names it, such as 310P3"
    )

    @model_validator(mode="after")
    def _check(self) -> Expected:
        checks.refuse(checks.expected(self))
        return self


class Manifest(Section):
    """One model-zoo recipe."""

    name: str = Field(pattern=_NAME)
    description: str = ""
    plugin: PluginRef
    source: SourceRef | None = None
    weights: Weights = Weights()
    dataset: DatasetRef
    inputs: Annotated[tuple[Tensor, ...], Field(min_length=1)]
    outputs: Annotated[tuple[Tensor, ...], Field(min_length=1, description="in the .om's output order")]
    onnx: OnnxOptions = OnnxOptions()
    atc: AtcOptions = AtcOptions()
    infer: InferOptions = InferOptions()
    benchmark: BenchmarkOptions = BenchmarkOptions()
    expected: Expected = Expected()
    uncertainty: Uncertainty = Uncertainty()
    subsets: Mapping[str, Subset] = Field(default_factory=dict, description="by name; --subset picks one")
    waivers: tuple[Waiver, ...] = ()

    @property
    def input_specs(self) -> tuple[TensorSpec, ...]:
        """The inputs as records."""
        return tuple(tensor.spec for tensor in self.inputs)

    @property
    def output_specs(self) -> tuple[TensorSpec, ...]:
        """The outputs as records, in the .om's order."""
        return tuple(tensor.spec for tensor in self.outputs)

    @model_validator(mode="after")
    def _check(self) -> Manifest:
        checks.refuse(checks.across(self))
        return self
