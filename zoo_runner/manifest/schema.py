"""What a manifest may say. The published JSON Schema is made from these models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from zoo_runner.interfaces import TensorSpec
from zoo_runner.manifest import checks, expectation_checks
from zoo_runner.manifest.expectations import Expected, Subset, Uncertainty, Waiver
from zoo_runner.manifest.section import DAY, NAME, Positive, Rate, Section

_SHA256: Final = r"^[0-9a-f]{64}$"
_MD5: Final = r"^[0-9a-f]{32}$"
_TENSOR: Final = r"^[^\s:;,]+$"
PATTERNS: Final = {
    _SHA256: "64 lower-case hex digits (SHA-256)",
    _MD5: "32 lower-case hex digits (MD5)",
    NAME: "lower-case letters, digits, '.', '_' and '-'",
    DAY: "a day as YYYY-MM-DD",
    _TENSOR: "a name without spaces, ':', ';' and ','",
}
"""The patterns below, in words, for messages."""

Sha256 = Annotated[str, Field(pattern=_SHA256)]
Md5 = Annotated[str, Field(pattern=_MD5)]
Url = Annotated[str, AfterValidator(checks.url)]


class PluginRef(Section):
    """Which plugin knows the model, and its configuration."""

    name: str = Field(description="entry point in the group zoo_runner")
    config: Mapping[str, Any] = Field(default_factory=dict, description="checked against the plugin's own model")


class SourceRef(Section):
    """Where the recipe comes from; shown in reports."""

    url: str = Field(description="the repository or page")
    commit: str | None = Field(default=None, description="the state of it that the recipe follows")
    note: str | None = Field(default=None, description="for people, such as what differs from it")


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
    sha256: Sha256 | None = Field(
        default=None, description="of the file, 64 lower-case hex digits; without it the first download is trusted"
    )
    size: Positive | None = Field(default=None, description="bytes")
    license: str | None = Field(default=None, description="shown in reports")


class DatasetRef(Section):
    """The data set: found through ``--data``, then ``root_env``, then ``url``."""

    name: str = Field(description="what reports and messages call it")
    url: Url | None = Field(default=None, description="archive or package folder; schemes as for weights")
    md5: Md5 | None = Field(default=None, description="of the archive, 32 lower-case hex digits")
    sha256: Sha256 | None = Field(default=None, description="of the archive, 64 lower-case hex digits")
    size: Positive | None = Field(default=None, description="bytes of the archive")
    root_env: str | None = Field(default=None, description="environment variable naming a local copy")
    subdir: Annotated[str, AfterValidator(checks.subdir)] = Field(
        default="", description="folder inside the archive or package that is the root"
    )
    samples: Positive = Field(description="how many samples the whole set has")


class Tensor(Section):
    """A model input or output."""

    name: str = Field(pattern=_TENSOR, description="as the network calls it")
    dtype: Literal["float32", "float16", "uint8", "int8", "int32", "int64"] = Field(
        default="float32", description="type of its elements"
    )
    shape: Annotated[tuple[Literal["batch"] | Positive, ...], AfterValidator(checks.batch_first)] = Field(
        description="batch, then the sizes of the other axes, as in [batch, 3, 320, 320]"
    )

    @property
    def spec(self) -> TensorSpec:
        """The same as the record the rest of the program uses."""
        return TensorSpec(name=self.name, dtype=self.dtype, shape=self.shape)


class OnnxOptions(Section):
    """How the network becomes ONNX."""

    opset: Annotated[int, Field(ge=11)] = Field(default=17, description="version of ONNX's operators, at least 11")
    simplify: bool = Field(default=True, description="run onnxsim")
    dynamic_batch: bool = Field(default=True, description="leave the batch size open")
    exporter: Literal["torchscript", "dynamo"] = Field(default="torchscript", description="which of torch's exporters")


class AtcOptions(Section):
    """How ONNX becomes an .om.

    ``{batch}`` stands for the batch size in ``input_shape``, ``insert_op_conf`` and the values of ``flags``;
    ``{soc}`` for the chip's ``soc_version`` in the latter two.
    """

    framework: Literal[5] = Field(default=5, description="5: ONNX")
    input_format: Literal["NCHW", "NHWC", "ND", "NCDHW", "NDHWC"] = Field(
        default="NCHW", description="order of the inputs' axes"
    )
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
    ) = Field(default=None, description="precision of the computation; by default ATC's own choice")
    log: Literal["debug", "info", "warning", "error", "null"] = Field(
        default="error", description='how much ATC says; write "null" in quotes'
    )
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

    batch: Positive = Field(default=1, description="images a call while scoring")
    threads: Positive | None = Field(
        default=None, description="host threads of the computation; by default the backend's choice"
    )
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

    batch: Annotated[tuple[Positive, ...], Field(min_length=1), AfterValidator(checks.unique)] = Field(
        default=(1,), description="batch sizes to time, each once"
    )
    loop: Positive = Field(default=100, description="timed calls at each batch size")
    warmup: Annotated[int, Field(ge=0)] = Field(default=5, description="calls before them that are not timed")
    max_seconds: Rate = Field(
        default=10.0, description="longest time, in seconds, for one batch size where no throughput is expected"
    )


class Manifest(Section):
    """One model-zoo recipe."""

    name: str = Field(pattern=NAME, description="what reports and history call it")
    description: str = Field(default="", description="one line for people")
    plugin: PluginRef
    source: SourceRef | None = Field(default=None, description="where the recipe comes from; shown in reports")
    weights: Weights = Weights()
    dataset: DatasetRef
    inputs: Annotated[tuple[Tensor, ...], Field(min_length=1, description="what the network takes")]
    outputs: Annotated[
        tuple[Tensor, ...], Field(min_length=1, description="what the network gives, in the order of the .om's outputs")
    ]
    onnx: OnnxOptions = OnnxOptions()
    atc: AtcOptions = AtcOptions()
    infer: InferOptions = InferOptions()
    benchmark: BenchmarkOptions = BenchmarkOptions()
    expected: Expected = Expected()
    uncertainty: Uncertainty = Uncertainty()
    subsets: Annotated[Mapping[str, Subset], AfterValidator(expectation_checks.names)] = Field(
        default_factory=dict,
        description="by name; --subset picks one",
        json_schema_extra={"propertyNames": {"pattern": NAME}},
    )
    waivers: tuple[Waiver, ...] = Field(
        default=(), description="expectations that need not be met for a while, at most one a line"
    )

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
        checks.refuse([*checks.across(self), *expectation_checks.across(self)])
        return self
