"""What a manifest may say. The published JSON Schema is made from these models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zoo_runner.interfaces import BATCH, TensorSpec

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, 64 lower-case hex digits")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="MD5, 32 lower-case hex digits")]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """Base of every section: frozen, strict types, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PluginRef(Section):
    """Which plugin knows the model, and its configuration."""

    name: str = Field(description="entry point in the group zoo_runner")
    config: Mapping[str, Any] = Field(
        default_factory=dict, description="checked against the plugin's own model"
    )


class SourceRef(Section):
    """Where the recipe comes from; shown in reports."""

    url: str
    commit: str | None = None
    note: str | None = None


class Weights(Section):
    """The checkpoint.

    ``url`` is http(s), ``file:``, ``package:<package>/<path>`` or a path relative to the manifest.
    Without ``sha256`` the first download is trusted, and its hash printed for pasting here.
    """

    url: str
    sha256: Sha256 | None = None
    size: Positive | None = Field(default=None, description="bytes")
    license: str | None = None


class DatasetRef(Section):
    """The data set: found through ``--data``, then ``root_env``, then ``url``."""

    name: str
    url: str | None = Field(default=None, description="archive or package folder; schemes as for weights")
    md5: Md5 | None = None
    sha256: Sha256 | None = None
    size: Positive | None = Field(default=None, description="bytes of the archive")
    root_env: str | None = Field(default=None, description="environment variable naming a local copy")
    subdir: str = Field(default="", description="folder inside the archive or package that is the root")
    samples: Positive = Field(description="how many samples the whole set has")


class Tensor(Section):
    """A model input or output."""

    name: str
    dtype: Literal["float32", "float16", "uint8", "int8", "int32", "int64"] = "float32"
    shape: tuple[Literal["batch"] | Positive, ...]

    @property
    def spec(self) -> TensorSpec:
        """The same as the record the rest of the program uses."""
        return TensorSpec(name=self.name, dtype=self.dtype, shape=self.shape)

    @model_validator(mode="after")
    def _batch_first(self) -> Tensor:
        if self.shape[:1] != (BATCH,) or BATCH in self.shape[1:]:
            msg = f"shape must begin with {BATCH!r} and name it once, found {list(self.shape)}"
            raise ValueError(msg)
        return self


class OnnxOptions(Section):
    """How the network becomes ONNX."""

    opset: Annotated[int, Field(ge=11)] = 17
    simplify: bool = True
    dynamic_batch: bool = True
    exporter: Literal["torchscript", "dynamo"] = "torchscript"


class AtcOptions(Section):
    """How ONNX becomes an .om; ``{batch}`` in ``input_shape`` is filled in."""

    framework: Literal[5] = 5
    input_format: Literal["NCHW", "NHWC", "ND", "NCDHW", "NDHWC"] = "NCHW"
    input_shape: str | None = Field(
        default=None, description="such as image:{batch},3,320,320; by default from inputs"
    )
    out_nodes: tuple[str, ...] | None = Field(
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
    soc_version: str | None = Field(default=None, description="such as Ascend310P3; by default from npu-smi")
    insert_op_conf: str | None = Field(default=None, description="AIPP file, relative to the manifest")
    flags: Mapping[str, str | int] = Field(default_factory=dict, description="any other ATC flag, without --")


class InferOptions(Section):
    """How the data set is run through the model."""

    batch: Positive = 1
    threads: Positive | None = Field(default=None, description="host threads of the computation")


class BenchmarkOptions(Section):
    """How pure inference is timed."""

    batch: tuple[Positive, ...] = (1,)
    loop: Positive = 100
    warmup: Annotated[int, Field(ge=0)] = 5
    max_seconds: Rate = Field(
        default=10.0, description="longest time for one batch size where no throughput expectation applies"
    )


class Tolerance(Section):
    """How far below the expectation still passes; the wider of the two."""

    abs: Annotated[float, Field(ge=0, description="in the unit of the value")] = 0.0
    rel: Annotated[float, Field(ge=0, lt=1, description="fraction of the value")] = 0.0

    def margin(self, value: float) -> float:
        """Return the allowed shortfall in the unit of ``value``."""
        return max(self.abs, self.rel * abs(value))


class AccuracyExpectation(Section):
    """A figure the whole data set must reach."""

    metric: str
    protocol: str
    unit: str = "percent"
    value: float
    tolerance: Tolerance = Tolerance()
    published: str | None = Field(default=None, description="where the figure was published")


class ChipExpectation(Section):
    """Figures published for one chip, by batch size."""

    accuracy: Mapping[Positive, float] = Field(
        default_factory=dict, description="replaces expected.accuracy.value for these batch sizes"
    )
    throughput: Mapping[Positive, Rate] = Field(default_factory=dict, description="images/s by batch size")
    tolerance: Tolerance = Field(default=Tolerance(), description="of the throughput")
    cann: str | None = Field(default=None, description="CANN release the figures were measured with")
    published: str | None = Field(default=None, description="where the figures were published")


class Expected(Section):
    """What the gate asks for."""

    accuracy: AccuracyExpectation | None = None
    chips: Mapping[str, ChipExpectation] = Field(default_factory=dict)


class Manifest(Section):
    """One model-zoo recipe."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    description: str = ""
    plugin: PluginRef
    source: SourceRef | None = None
    weights: Weights
    dataset: DatasetRef
    inputs: Annotated[tuple[Tensor, ...], Field(min_length=1)]
    outputs: Annotated[tuple[Tensor, ...], Field(min_length=1, description="in the .om's output order")]
    onnx: OnnxOptions = OnnxOptions()
    atc: AtcOptions = AtcOptions()
    infer: InferOptions = InferOptions()
    benchmark: BenchmarkOptions = BenchmarkOptions()
    expected: Expected = Expected()

    @property
    def input_specs(self) -> tuple[TensorSpec, ...]:
        """The inputs as records."""
        return tuple(tensor.spec for tensor in self.inputs)

    @property
    def output_specs(self) -> tuple[TensorSpec, ...]:
        """The outputs as records, in the .om's order."""
        return tuple(tensor.spec for tensor in self.outputs)

    @model_validator(mode="after")
    def _unique_names(self) -> Manifest:
        for kind in (self.inputs, self.outputs):
            names = [tensor.name for tensor in kind]
            if len(set(names)) != len(names):
                msg = f"tensor names must differ, found {names}"
                raise ValueError(msg)
        return self
