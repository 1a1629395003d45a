"""What a manifest may say. The published JSON Schema is made from these models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.checks import Problem
from zoo_runner.manifest.expectations import Expected, Subset, Uncertainty, Waiver
from zoo_runner.manifest.section import DAY, NAME, WORDS, Positive, Rate, Section, Words
from zoo_runner.plugin.interfaces import TensorSpec

_SHA256: Final = r"^[0-9a-f]{64}$"
_MD5: Final = r"^[0-9a-f]{32}$"
_TENSOR: Final = r"^[^\s:;,]+$"
PATTERNS: Final = {
    _SHA256: "64 lower-case hex digits (SHA-256)",
    _MD5: "32 lower-case hex digits (MD5)",
    NAME: "lower-case letters, digits, '.', '_' and '-'",
    DAY: "a day as YYYY-MM-DD",
    WORDS: "some words",
    _TENSOR: "a name without spaces, ':', ';' and ','",
}
"""The patterns below, in words, for messages."""

Sha256 = Annotated[str, Field(pattern=_SHA256)]
Md5 = Annotated[str, Field(pattern=_MD5)]
Url = Annotated[str, AfterValidator(checks.url)]
Mirrors = Annotated[tuple[Url, ...], Field(min_length=1), AfterValidator(checks.unique)]


def _form(value: Any) -> str:
    """Return which form of a location is meant, so that only its faults are told."""
    return "several" if isinstance(value, tuple | list) else "one"


Location = Annotated[
    Annotated[Url, Tag("one")] | Annotated[Mirrors, Tag("several")],
    Discriminator(_form),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
"""Where a file comes from: one address, or several that are tried in this order."""


IN_PROCESS: Final = "in-process"
OWN_TOOLS: Final[Mapping[str, tuple[str, str]]] = {"ais_bench-cli": ("runs .om files", "ascend")}
"""The other values of ``infer.tool``: what each does, and the one backend that has it."""


def _output_problems(tensor: OutputTensor) -> Iterator[Problem]:
    """Check that what is said of an output can be looked at."""
    if tensor.axis is not None and tensor.kind != "probabilities":
        yield ("axis",), "would have no effect: only probabilities sum to 1 along an axis; add kind: probabilities"
    elif tensor.axis is not None and not 0 < tensor.axis < len(tensor.shape):
        yield ("axis",), f"expected 1 to {len(tensor.shape) - 1}, an axis of shape behind batch, found {tensor.axis}"
    if tensor.kind == "probabilities" and len(tensor.shape) == 1:
        yield ("kind",), "expected an axis behind batch, along which probabilities sum to 1, found none"
    if tensor.kind is not None and not tensor.dtype.startswith("float"):
        yield ("kind",), f"expected numbers of a floating type, found {tensor.dtype}"
    if tensor.range is not None and tensor.kind == "probabilities":
        yield ("range",), "would have no effect: probabilities lie in [0, 1]; remove it"
    elif tensor.range is not None and not tensor.range[0] < tensor.range[1]:
        yield ("range",), f"expected the least value before the greatest, found {list(tensor.range)}"


def _onnx_problems(options: OnnxOptions) -> Iterator[Problem]:
    if options.url is not None and options.sha256 is None:
        yield (
            ("sha256",),
            "expected the hash of the published export that onnx.url names; nothing else says which it is",
        )


def _atc_problems(options: AtcOptions) -> Iterator[Problem]:
    """Check that no two options stand together that ATC takes only one of."""
    rivals = {"precision_mode_v2": ("precision_mode",), "input_fp16_nodes": ("insert_op_conf", "aipp")}
    for flag, keys in rivals.items():
        for key in keys:
            for where, given in (("flags", options.flags), ("unchecked_flags", options.unchecked_flags)):
                if flag in given and getattr(options, key) is not None:
                    yield (where, flag), f"ATC takes either this or {key}, found both; remove one"
    for flag in options.unchecked_flags:
        if flag in options.flags:
            yield ("unchecked_flags", flag), "is in atc.flags too; remove one"
    if options.aipp is not None and options.insert_op_conf is not None:
        yield ("aipp",), "makes an AIPP file, and insert_op_conf names one; remove one of the two"
    if options.aipp is not None and options.input_format != "NCHW":
        yield ("aipp",), f"expected atc.input_format NCHW, found {options.input_format}"


def _infer_problems(options: InferOptions) -> Iterator[Problem]:
    """Check that a format is given only where files are written."""
    if options.outfmt != "BIN" and options.tool == IN_PROCESS:
        yield ("outfmt",), f"would have no effect: infer.tool is {options.tool}; add tool: ais_bench-cli"


def addresses(location: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the addresses of a location, in the order in which they are tried; none where it is not given."""
    if location is None:
        return ()
    return (location,) if isinstance(location, str) else location


def _location_problems(location: str | tuple[str, ...] | None, *digests: str | None) -> Iterator[Problem]:
    """Check that something says that several addresses have the same file."""
    if len(addresses(location)) > 1 and not any(digests):
        text = "expected a sha256 beside several addresses, as nothing else says that they have the same file"
        yield ("url",), f"{text}; run once with one of them, and paste the line that the run prints"


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
    Of a list of them the first one is taken that has the file with this ``sha256``.
    Without ``url`` the run asks for ``--weights``. Without ``sha256`` the first download is trusted, and its
    hash printed for pasting here.
    """

    url: Location | None = Field(
        default=None,
        description="http(s), file:, package:<package>/<path> or a path relative to this file, or a list of mirrors; "
        "without it the run asks for --weights",
    )
    sha256: Sha256 | None = Field(
        default=None, description="of the file, 64 lower-case hex digits; without it the first download is trusted"
    )
    size: Positive | None = Field(default=None, description="bytes")
    license: str | None = Field(default=None, description="shown in reports")

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, in the order in which they are tried."""
        return addresses(self.url)

    @model_validator(mode="after")
    def _check(self) -> Weights:
        checks.refuse(_location_problems(self.url, self.sha256))
        return self


class DamagedSamples(Section):
    """Samples that are scored although their files are damaged; the report names them."""

    ids: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(checks.unique)] = Field(
        description="as the data set calls them"
    )
    reason: Words = Field(description="why they may count, shown in reports")


class DatasetRef(Section):
    """The data set: found through ``--data``, then ``root_env``, then ``url``."""

    name: str = Field(description="what reports and messages call it")
    url: Location | None = Field(
        default=None, description="archive or package folder, or a list of mirrors of an archive; as for weights"
    )
    md5: Md5 | None = Field(default=None, description="of the archive, 32 lower-case hex digits")
    sha256: Sha256 | None = Field(default=None, description="of the archive, 64 lower-case hex digits")
    size: Positive | None = Field(default=None, description="bytes of the archive")
    root_env: str | None = Field(default=None, description="environment variable naming a local copy")
    subdir: Annotated[str, AfterValidator(checks.subdir)] = Field(
        default="", description="folder inside the archive or package that is the root"
    )
    samples: Positive = Field(description="how many samples the whole set has")
    damaged: DamagedSamples | None = Field(
        default=None, description="samples to score although their files are damaged; other damage is an error"
    )

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, in the order in which they are tried."""
        return addresses(self.url)

    @model_validator(mode="after")
    def _check(self) -> DatasetRef:
        checks.refuse(_location_problems(self.url, self.sha256, self.md5))
        return self


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


class OutputTensor(Tensor):
    """A model output, and what its numbers are."""

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


class OnnxOptions(Section):
    """How the network becomes ONNX.

    With ``url`` a published export is run, which needs no torch. It must say of itself that it is of these weights and
    of the network's code as it is installed. Where the extra ``export`` is installed, it is compared with a new export.
    """

    opset: Annotated[int, Field(ge=11)] = Field(default=17, description="version of ONNX's operators, at least 11")
    simplify: bool = Field(default=True, description="run onnxsim")
    dynamic_batch: bool = Field(default=True, description="leave the batch size open")
    exporter: Literal["torchscript", "dynamo"] = Field(default="torchscript", description="which of torch's exporters")
    url: Location | None = Field(
        default=None, description="a published export of the weights, or a list of mirrors; as for weights"
    )
    sha256: Sha256 | None = Field(default=None, description="of the published export, 64 lower-case hex digits")
    size: Positive | None = Field(default=None, description="bytes of the published export")

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the published export, in the order in which they are tried."""
        return addresses(self.url)

    @model_validator(mode="after")
    def _check(self) -> OnnxOptions:
        checks.refuse(_onnx_problems(self))
        return self


class AtcOptions(Section):
    """How ONNX becomes an .om.

    ``{batch}`` stands for the batch size in ``input_shape``, ``insert_op_conf`` and the values of ``flags`` and
    ``unchecked_flags``; ``{soc}`` for the chip's ``soc_version`` in all but the first.
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
    unchecked_flags: Annotated[Mapping[str, str | int], AfterValidator(checks.unchecked_flags)] = Field(
        default_factory=dict,
        description="flags of a newer ATC that are not known here, without --; files begin with ./ or /",
    )

    @model_validator(mode="after")
    def _check(self) -> AtcOptions:
        checks.refuse(_atc_problems(self))
        return self


class InferOptions(Section):
    """How the data set is run through the model."""

    batch: Positive = Field(default=1, description="samples a call while scoring")
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
        checks.refuse(_infer_problems(self))
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
        tuple[OutputTensor, ...],
        Field(min_length=1, description="what the network gives, in the order of the .om's outputs"),
    ]
    onnx: OnnxOptions = OnnxOptions()
    atc: AtcOptions = AtcOptions()
    infer: InferOptions = InferOptions()
    benchmark: BenchmarkOptions = BenchmarkOptions()
    expected: Expected = Expected()
    uncertainty: Uncertainty = Uncertainty()
    subsets: Annotated[Mapping[str, Subset], AfterValidator(checks.names)] = Field(
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
