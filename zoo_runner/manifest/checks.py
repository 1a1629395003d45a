"""What types cannot say: values that contradict each other, or would never have an effect."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from zoo_runner.errors import did_you_mean
from zoo_runner.interfaces import BATCH, TensorSpec
from zoo_runner.manifest import atc_flags
from zoo_runner.manifest.tree import KeyPath, dotted
from zoo_runner.manifest.wording import found

if TYPE_CHECKING:
    from zoo_runner.manifest.schema import AtcOptions, InferOptions, Manifest

Problem: TypeAlias = tuple[KeyPath, str]
"""Where, relative to the checked section, and what."""

PROBLEMS: Final = "problems"
"""Error type, and key in the error's context, under which problems travel through pydantic."""

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_SCHEMES: Final = ("http", "https", "file", "package")
_IMAGE_AXES: Final = 4
_CHANNELS: Final = 3
_AIPP_SIDE: Final = 4096
_AIPP_LEAST_WIDTH: Final = 2
"""Limits of src_image_size_w and src_image_size_h in ATC's documentation of AIPP."""


def refuse(problems: Iterable[Problem]) -> None:
    """Raise what pydantic collects, if there is any problem."""
    listed = list(problems)
    if listed:
        text = "; ".join(f"{dotted(path)}: {problem}" if path else problem for path, problem in listed)
        raise PydanticCustomError(PROBLEMS, "{text}", {"text": text, PROBLEMS: listed})


def url(value: str) -> str:
    """Check where a file is to come from."""
    parts = urlsplit(value)
    problem = ""
    if not value:
        problem = "expected a URL or path"
    elif parts.scheme and parts.scheme not in _SCHEMES:
        problem = "expected http(s):, file:, package: or a path relative to the manifest"
    elif parts.scheme.startswith("http") and not parts.hostname:
        problem = f"expected a host after {parts.scheme}://"
    elif parts.scheme == "package" and not all(parts.path.partition("/")[::2]):
        problem = "expected package:<package>/<path>"
    return _accept(value, problem)


def link(value: str) -> str:
    """Check for a link that a browser opens."""
    parts = urlsplit(value)
    good = parts.scheme in {"http", "https"} and parts.hostname
    return _accept(value, "" if good else "expected an http(s) link")


def subdir(value: str) -> str:
    """Check that a folder stays inside its archive."""
    path = PurePosixPath(value)
    escapes = path.is_absolute() or ".." in path.parts
    return _accept(value, "expected a folder inside the archive" if escapes else "")


def soc_version(value: str) -> str:
    """Check for the prefix that npu-smi leaves out and ATC wants."""
    return _accept(value, f"expected 'Ascend{value}', as ATC names chips" if value[:1].isdigit() else "")


def batch_first(shape: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Check that the batch axis is the first, and the only one."""
    if shape[:1] != (BATCH,) or BATCH in shape[1:]:
        refuse([((), f"expected {BATCH!r} first and nowhere else, found {list(shape)}")])
    return shape


def unique(values: tuple[int, ...]) -> tuple[int, ...]:
    """Check that nothing is listed twice."""
    refuse(_repeated(values))
    return values


def input_shape(value: str) -> str:
    """Check the placeholders of ATC's input shape."""
    refuse(((), problem) for problem in _placeholders(value, ("batch",)))
    return value


def side_file(value: str) -> str:
    """Check the placeholders of a file's path."""
    refuse(((), problem) for problem in _placeholders(value, ("batch", "soc")))
    return value


def out_nodes(nodes: tuple[str, ...]) -> tuple[str, ...]:
    """Check that output nodes have one of ATC's two forms."""
    indexed = [node for node in nodes if node.rpartition(":")[0] and node.rpartition(":")[2].isdecimal()]
    named = [node for node in nodes if node and ":" not in node]
    if nodes not in {tuple(indexed), tuple(named)}:
        text = f"expected node:index throughout, or output names throughout, found {list(nodes)}"
        refuse([((), text)])
    refuse(_repeated(nodes))
    return nodes


def flags(values: Mapping[str, str | int]) -> Mapping[str, str | int]:
    """Check flags against those that ATC knows."""
    refuse(((name,), problem) for name, value in values.items() for problem in _flag(name, value))
    return values


def exclusive(options: AtcOptions) -> Iterator[Problem]:
    """Check that no two options stand together that ATC takes only one of."""
    rivals = {"precision_mode_v2": ("precision_mode",), "input_fp16_nodes": ("insert_op_conf", "aipp")}
    for flag, keys in rivals.items():
        for key in keys:
            if flag in options.flags and getattr(options, key) is not None:
                yield ("flags", flag), f"ATC takes either this or {key}, found both; remove one"
    if options.aipp is not None and options.insert_op_conf is not None:
        yield ("aipp",), "makes an AIPP file, and insert_op_conf names one; remove one of the two"
    if options.aipp is not None and options.input_format != "NCHW":
        yield ("aipp",), f"expected atc.input_format NCHW, found {options.input_format}"


def command_only(options: InferOptions) -> Iterator[Problem]:
    """Check that a format is given only where files are written."""
    if options.outfmt != "BIN" and options.tool != "ais_bench-cli":
        yield ("outfmt",), f"would have no effect: infer.tool is {options.tool}; add tool: ais_bench-cli"


def _flag(name: str, value: str | int) -> Iterator[str]:
    if name in atc_flags.TYPED:
        yield f"has its own key; write atc.{name}"
    elif name in atc_flags.MANAGED:
        yield "is set by the run itself; remove it"
    elif name not in atc_flags.KNOWN:
        yield f"ATC is not known to have this flag{did_you_mean(name, atc_flags.KNOWN)}"
    elif isinstance(value, str):
        yield from _placeholders(value, ("batch", "soc"))


def _placeholders(text: str, allowed: Collection[str]) -> Iterator[str]:
    known = " and ".join(f"{{{name}}}" for name in allowed)
    unknown = [name for name in _PLACEHOLDER.findall(text) if name not in allowed]
    for name in unknown:
        yield f"expected no other placeholder than {known}, found {{{name}}}{did_you_mean(name, allowed)}"
    if not unknown and re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        yield f"expected braces only around {known}, found {text!r}"


def _accept(value: str, problem: str) -> str:
    refuse([((), f"{problem}, found {found(value)}")] if problem else [])
    return value


def _repeated(values: Sequence[object]) -> Iterator[Problem]:
    for position, value in enumerate(values):
        if value in values[:position]:
            yield (position,), f"expected each value once, found {value} again"


def across(manifest: Manifest) -> Iterator[Problem]:
    """Check sections against each other."""
    for kind, tensors in (("inputs", manifest.inputs), ("outputs", manifest.outputs)):
        names = [tensor.name for tensor in tensors]
        for (position,), problem in _repeated(names):
            yield (kind, position, "name"), problem
    atc_options = manifest.atc
    if atc_options.out_nodes is not None and len(atc_options.out_nodes) != len(manifest.outputs):
        text = f"expected {len(manifest.outputs)} nodes, one for each of outputs in their order"
        yield ("atc", "out_nodes"), f"{text}, found {len(atc_options.out_nodes)}"
    if atc_options.input_shape is not None:
        names = [part.rpartition(":")[0] for part in atc_options.input_shape.split(";")]
        wanted = [tensor.name for tensor in manifest.inputs]
        if sorted(names) != sorted(wanted):
            form = ";".join(f"{name}:..." for name in wanted)
            yield ("atc", "input_shape"), f"expected {form}, naming inputs, found {atc_options.input_shape!r}"
    if atc_options.aipp is not None and (problem := _no_image(manifest.input_specs)):
        yield ("atc", "aipp"), problem


def _no_image(inputs: Sequence[TensorSpec]) -> str:
    """Say why AIPP cannot make these inputs; empty when it can."""
    wanted = "expected one float32 input of shape [batch, 3, height, width]"
    if len(inputs) != 1:
        return f"{wanted}, found {len(inputs)} inputs"
    (image,) = inputs
    if image.dtype != "float32" or len(image.shape) != _IMAGE_AXES or image.shape[1] != _CHANNELS:
        return f"{wanted}, found {image.dtype} {list(image.shape)}"
    height, width = image.sample_shape()[1:]
    if height > _AIPP_SIDE or not _AIPP_LEAST_WIDTH <= width <= _AIPP_SIDE:
        limits = f"a height up to {_AIPP_SIDE} and a width of {_AIPP_LEAST_WIDTH} to {_AIPP_SIDE}"
        return f"AIPP takes {limits}, found {height} x {width}"
    return ""
