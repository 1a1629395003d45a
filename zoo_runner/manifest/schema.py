"""What a manifest may say. The published JSON Schema is made from these models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.manifest.checks import Problem
from zoo_runner.manifest.expectations import Expected, Uncertainty, Waiver
from zoo_runner.manifest.figures import LINE
from zoo_runner.manifest.imported import Imported
from zoo_runner.manifest.rates import NAME_OF_RATE
from zoo_runner.manifest.section import DAY, NAME, WORDS, Positive, Rate, Section, Words
from zoo_runner.manifest.subsets import Subset
from zoo_runner.manifest.tensors import AXIS, TENSOR, InputTensor, OutputTensor

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import TensorSpec

_SHA256: Final = r"^[0-9a-f]{64}$"
_MD5: Final = r"^[0-9a-f]{32}$"
_COMMIT: Final = r"^[0-9a-f]{40}$"
PATTERNS: Final = {
    _SHA256: "64 lower-case hex digits (SHA-256)",
    _MD5: "32 lower-case hex digits (MD5)",
    _COMMIT: "40 lower-case hex digits (a commit)",
    NAME: "lower-case letters, digits, '.', '_' and '-'",
    DAY: "a day as YYYY-MM-DD",
    LINE: "METRIC/PROTOCOL",
    NAME_OF_RATE: "a count per second that ends in /s, such as frames/s",
    WORDS: "some words",
    TENSOR: "a name without spaces, ':', ';' and ','",
    AXIS: "an axis name of lower-case letters, digits and '_'",
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


Key = Annotated[
    Annotated[Words, Tag("one")] | Annotated[tuple[str, ...], Tag("several")],
    Discriminator(_form),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}}]}),
]
"""A place in a checkpoint: names with points between, or a list of them; an empty list is its top."""


IN_PROCESS: Final = "in-process"
OWN_TOOLS: Final[Mapping[str, tuple[str, str]]] = {"ais_bench-cli": ("runs .om files", "ascend")}
"""The other values of ``infer.tool``: what each does, and the one backend that has it."""


def _onnx_problems(options: OnnxOptions) -> Iterator[Problem]:
    if options.url is not None and options.sha256 is None:
        yield (
            ("sha256",),
            "expected the hash of the published export that onnx.url names; nothing else says which it is",
        )


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


class CodeRef(Section):
    """The code of another project, from which the plugin builds its network. It is fetched by its hash, and patched.

    It can be imported while the network is built, and runs only with ``--trust-code``.
    """

    url: Location = Field(description="an archive of the code; as for weights, and {commit} stands for the commit")
    commit: Annotated[str, Field(pattern=_COMMIT)] | None = Field(
        default=None, description="the state of it, 40 lower-case hex digits; a release on pypi: needs none"
    )
    sha256: Sha256 = Field(description="of the archive, 64 lower-case hex digits")
    size: Positive | None = Field(default=None, description="bytes of the archive")
    subdir: Annotated[str, AfterValidator(checks.subdir)] = Field(
        default="", description="folder that is importable, below the only one at the archive's top where there is one"
    )
    patches: tuple[Annotated[str, AfterValidator(checks.patch)], ...] = Field(
        default=(), description="unified diffs that change it, in order, relative to this file"
    )
    requires: tuple[str, ...] = Field(default=(), description="what must be installed for it, such as timm>=0.9")

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, in the order in which they are tried."""
        return tuple(each.replace("{commit}", self.commit or "") for each in addresses(self.url))

    @model_validator(mode="after")
    def _has_a_state(self) -> CodeRef:
        released = all(each.startswith("pypi:") and "{commit}" not in each for each in addresses(self.url))
        if self.commit is None and not released:
            text = "expected the state of the code, 40 hex digits; found none; only a release on pypi: needs none"
            checks.refuse([(("commit",), text)])
        return self


class Weights(Section):
    """The checkpoint, or the network with its weights as ONNX.

    ``member`` names it in an archive; then ``url``, ``sha256`` and ``size`` are the archive's. ``key`` and ``strip``
    say what of the checkpoint is meant; without them the loader searches.

    ``url`` is http(s), ``file:``, ``package:<package>/<path>``, ``pypi:NAME==VERSION/FILE`` or a path relative to the
    file that says it.
    Of a list of them the first one is taken that has the file with this ``sha256``. A name that ends in ``.onnx`` is
    that of the network itself: nothing is exported.
    Without ``url`` the run asks for ``--weights``. Without ``sha256`` the first download is trusted, and its
    hash printed for pasting here.
    """

    url: Location | None = Field(
        default=None,
        description="http(s), file:, package:<package>/<path>, pypi:NAME==VERSION/FILE, a path relative to this file, "
        "or a list of mirrors; "
        "without it the run asks for --weights",
    )
    sha256: Sha256 | None = Field(
        default=None, description="of the file, 64 lower-case hex digits; without it the first download is trusted"
    )
    size: Positive | None = Field(default=None, description="bytes")
    member: Annotated[str, AfterValidator(checks.member)] | None = Field(
        default=None, description="the file in the archive that url names, by its whole name there"
    )
    key: Key | None = Field(
        default=None, description="where in the checkpoint the tensors are, as in model.state, or a list of names"
    )
    strip: Words | None = Field(default=None, description="what all names of tensors begin with, and the network's not")
    license: str | None = Field(default=None, description="shown in reports")

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, in the order in which they are tried."""
        return addresses(self.url)

    @property
    def part(self) -> dict[str, Any]:
        """What of the file is meant: ``member``, ``key`` and ``strip``, those that are given."""
        return self.model_dump(mode="json", include={"member", "key", "strip"}, exclude_none=True)

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


class GoldenRef(Section):
    """What each stage gave for a few samples in a run that was trusted, as ``zoo-run golden record`` writes it."""

    url: Location = Field(description="the bundle, or a list of mirrors; as for weights")
    sha256: Sha256 = Field(description="of the bundle, 64 lower-case hex digits")
    size: Positive | None = Field(default=None, description="bytes of the bundle")

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, in the order in which they are tried."""
        return addresses(self.url)


class OnnxOptions(Section):
    """How the network becomes ONNX.

    With ``url`` a published export is run, which needs no torch. It must say of itself that it is of these weights and
    of the network's code as it is installed. Where the extra ``export`` is installed, it is compared with a new export.
    """

    opset: Annotated[int, Field(ge=11)] = Field(default=17, description="version of ONNX's operators, at least 11")
    simplify: bool = Field(default=True, description="run onnxsim")
    dynamic_batch: bool = Field(default=True, description="leave the batch size open")
    exporter: Literal["torchscript", "dynamo"] = Field(default="torchscript", description="which of torch's exporters")
    check: Literal["ort", "none"] = Field(
        default="ort",
        description="run the graph in ONNX Runtime to check it; none: for operators that only the target has",
    )
    safe_l2_norm: Annotated[int, Field(ge=1, le=16)] | None = Field(
        default=None, description="L2 norms that fp16 can hold: what they square is scaled by 2 to minus this; proven"
    )
    url: Location | None = Field(
        default=None, description="a published export of the weights, or a list of mirrors; as for weights"
    )
    sha256: Sha256 | None = Field(default=None, description="of the published export, 64 lower-case hex digits")
    size: Positive | None = Field(default=None, description="bytes of the published export")
    transforms: tuple[Annotated[str, AfterValidator(checks.script)], ...] = Field(
        default=(),
        description="Python scripts that change the graph, in order, relative to this file; they run with --trust-code",
    )

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the published export, in the order in which they are tried."""
        return addresses(self.url)

    @model_validator(mode="after")
    def _check(self) -> OnnxOptions:
        checks.refuse(_onnx_problems(self))
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
    sizes: Mapping[str, Positive] = Field(
        default_factory=dict, description="of open axes while timing, by name; by default the greatest gear's"
    )


class ModelSection(Section):
    """One of several networks that form one result: its weights, its tensors, and how it is exported and converted."""

    weights: Weights = Weights()
    inputs: Annotated[tuple[InputTensor, ...], Field(min_length=1, description="what this network takes")]
    outputs: Annotated[
        tuple[OutputTensor, ...],
        Field(min_length=1, description="what this network gives, in the order of its .om's outputs"),
    ]
    onnx: OnnxOptions = OnnxOptions()
    atc: AtcOptions = AtcOptions()


class Manifest(Section):
    """One model-zoo recipe."""

    name: str = Field(pattern=NAME, description="what reports and history call it")
    description: str = Field(default="", description="one line for people")
    plugin: PluginRef
    source: SourceRef | None = Field(default=None, description="where the recipe comes from; shown in reports")
    imported: Imported | None = Field(
        default=None, description="the recipe that zoo-run import made this of, and what it does not say"
    )
    code: CodeRef | None = Field(
        default=None,
        description="code of another project, from which the network is built; it runs only with --trust-code",
    )
    weights: Weights = Weights()
    dataset: DatasetRef
    inputs: Annotated[tuple[InputTensor, ...], Field(min_length=1, description="what the network takes")]
    outputs: Annotated[
        tuple[OutputTensor, ...],
        Field(min_length=1, description="what the network gives, in the order of the .om's outputs"),
    ]
    onnx: OnnxOptions = OnnxOptions()
    atc: AtcOptions = AtcOptions()
    models: Annotated[Mapping[str, ModelSection], AfterValidator(checks.names)] = Field(
        default_factory=dict,
        description="several networks that form one result, by name, in place of weights, onnx and atc; the plugin's "
        "driver (zoo_driver) runs them, and makes the outputs of the inputs",
        json_schema_extra={"propertyNames": {"pattern": NAME}},
    )
    golden: GoldenRef | None = Field(
        default=None, description="recorded samples that each run is held against; a difference is a finding"
    )
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
