"""The section ``atc`` of a manifest: how ONNX becomes an .om, and the sizes that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.checks import Problem
from zoo_runner.manifest.section import Positive, Section

Pair = Annotated[tuple[Positive, ...], Field(min_length=2, max_length=2)]


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
    dynamic_batch_size: Annotated[tuple[Positive, ...], AfterValidator(checks.gears)] = Field(
        default=(), description="batch sizes that one .om takes, as in [1, 4, 16]; by default each has an .om"
    )
    dynamic_image_size: Annotated[tuple[Pair, ...], AfterValidator(checks.gears)] = Field(
        default=(), description="gears of height and width of one input: [height, width] of each"
    )
    dynamic_dims: Annotated[tuple[Mapping[str, Positive], ...], AfterValidator(checks.gears)] = Field(
        default=(), description="gears of any open axes: the sizes of each by name, as in [{length: 64}, {length: 128}]"
    )
    input_shape_range: Mapping[str, Pair] = Field(
        default_factory=dict, description="any size of open axes: the least and the greatest of each, by name"
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
