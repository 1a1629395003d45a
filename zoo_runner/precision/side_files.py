"""What files beside a manifest ask of ATC about precision: each read as far as it can be emulated."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ManifestError, did_you_mean, shortened
from zoo_runner.files.regular import read_regular
from zoo_runner.precision.ascend import ascend_type

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.precision.graph import FloatGraph

LARGEST_FILE: Final = 4_000_000
"""Bytes of a side file that are read."""
BY_TYPE: Final = "OpType::"
"""Begins what names all operators of one of Ascend's types."""
HALF: Final = "float16"
SINGLE: Final = "float32"
DTYPES: Final = (HALF, SINGLE)
"""Dtypes that can be emulated."""
_CUSTOM: Final = re.compile(r"(?P<name>.+?)::?\s*(?P<rest>(InputDtype|OutputDtype)\s*:.*)")
_PARTS: Final = re.compile(r"(InputDtype|OutputDtype)\s*:\s*([^:]*?)\s*,?\s*(?=InputDtype|OutputDtype|$)")


@dataclass(frozen=True, kw_only=True)
class CustomDtypes:
    """The dtypes of an operator's inputs and outputs, as ``customize_dtypes`` has them; empty where it says none."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a manifest's own files ask for, by the names of the graph's operators.

    Attributes:
        kept: Operators that ``keep_dtype`` keeps.
        custom: Dtypes by ``customize_dtypes``.
        mixlist: What ``modify_mixlist`` adds and removes, in words.
        notes: Names that match nothing, and what has no effect, each with its file.
    """

    kept: frozenset[str] = frozenset()
    custom: Mapping[str, CustomDtypes] = field(default_factory=dict)
    mixlist: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Reader:
    """Matches names of one graph, and notes those that match nothing."""

    graph: FloatGraph
    notes: list[str] = field(default_factory=list)

    def named(self, name: str, where: str) -> tuple[str, ...]:
        """Return the operators that a line of a file names; what names none is noted."""
        if name.startswith(BY_TYPE):
            return self.of_type(name.removeprefix(BY_TYPE).strip(), where)
        names = [node.name for node in self.graph.nodes]
        if name in names:
            return (name,)
        self.notes.append(f"{where}: no operator is named {shortened(name)!r}{did_you_mean(name, names)}")
        return ()

    def of_type(self, kind: str, where: str) -> tuple[str, ...]:
        """Return the operators of one of Ascend's types."""
        found = tuple(node.name for node in self.graph.nodes if ascend_type(node.op_type) == kind)
        if not found:
            types = sorted({ascend_type(node.op_type) for node in self.graph.nodes})
            hint = did_you_mean(kind, types)
            onnx_type = next((node.op_type for node in self.graph.nodes if node.op_type == kind), "")
            if onnx_type and not hint:
                hint = f"; did you mean {ascend_type(onnx_type)!r}?"
            self.notes.append(f"{where}: no operator is of Ascend's type {shortened(kind)!r} (unverified names){hint}")
        return found


def read_wishes(loaded: LoadedManifest, graph: FloatGraph, soc: str, batch: int) -> Wishes:
    """Read what the manifest's ``atc.flags`` ask for.

    Args:
        loaded: The manifest.
        graph: The network.
        soc: Stands for ``{soc}`` in the files' names.
        batch: Stands for ``{batch}``.

    Raises:
        ManifestError: A file cannot be read, or is not in its form; with the file and line.
    """
    reader = _Reader(graph)
    found: dict[str, tuple[Path, str]] = {}
    for flag in ("keep_dtype", "customize_dtypes", "modify_mixlist", "op_precision_mode"):
        found |= _text(loaded, flag, {"soc": soc, "batch": str(batch)})
    kept: set[str] = set()
    for where, line in _lines(*found.get("keep_dtype", (Path(), ""))):
        kept.update(reader.named(line, where))
    custom = _custom(reader, *found.get("customize_dtypes", (Path(), "")))
    mixlist = _mixlist(reader, *found["modify_mixlist"]) if "modify_mixlist" in found else ()
    if "op_precision_mode" in found:
        _op_precision(reader, *found["op_precision_mode"])
    return Wishes(kept=frozenset(kept), custom=custom, mixlist=mixlist, notes=tuple(reader.notes))


def _text(loaded: LoadedManifest, flag: str, fill: Mapping[str, str]) -> dict[str, tuple[Path, str]]:
    """Return a file that a flag names, and its content; nothing where the manifest has no such flag."""
    options, key = loaded.manifest.atc, ("atc", "flags", flag)
    if flag not in options.flags:
        return {}
    value = str(options.flags[flag])
    for name, text in fill.items():
        value = value.replace(f"{{{name}}}", text)
    path = loaded.origin(key).folder / value
    try:
        return {flag: (path, read_regular(path, LARGEST_FILE).decode("utf-8-sig"))}
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"{loaded.locate(key)}: atc.flags.{flag}: expected a text file, found {shortened(value)}: {error}"
        ) from error


def _lines(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Yield lines that say something, each with its place."""
    for number, line in enumerate(text.splitlines(), start=1):
        if stripped := line.strip():
            yield f"{path}:{number}", stripped


def _custom(reader: _Reader, path: Path, text: str) -> dict[str, CustomDtypes]:
    custom: dict[str, CustomDtypes] = {}
    for where, line in _lines(path, text):
        match = _CUSTOM.fullmatch(line)
        if match is None:
            raise ManifestError(
                f"{where}: expected NAME::InputDtype:float16,OutputDtype:float16 or {BY_TYPE}TYPE:InputDtype:…, found "
                f"{shortened(line)}"
            )
        parts = {kind: tuple(filter(None, re.split(r"\s*,\s*", text))) for kind, text in _PARTS.findall(match["rest"])}
        wish = CustomDtypes(inputs=parts.get("InputDtype", ()), outputs=parts.get("OutputDtype", ()))
        for dtype in dict.fromkeys((*wish.inputs, *wish.outputs)):
            if dtype not in DTYPES:
                reader.notes.append(f"{where}: {dtype} is not emulated; such a tensor is taken as the mode has it")
        name = match["name"].strip()
        by_type = name.startswith(BY_TYPE)
        for operator in reader.named(name, where):
            if not by_type or operator not in custom:  # what names one operator is nearer than what names a type
                custom[operator] = wish
    return custom


def _mixlist(reader: _Reader, path: Path, text: str) -> tuple[str, ...]:
    try:
        lists = json.loads(text)
        rows = [(name, change, list(types)) for name, part in lists.items() for change, types in part.items()]
    except (ValueError, AttributeError, TypeError) as error:
        raise ManifestError(
            f'{path}: expected JSON such as {{"black-list": {{"to-add": ["RealDiv"]}}}}, found something else ({error})'
        ) from error
    said = []
    for name, change, types in rows:
        if name not in {"black-list", "white-list", "gray-list"} or change not in {"to-add", "to-remove"}:
            reader.notes.append(f"{path}: {shortened(f'{name}/{change}')} is no list that is known")
        matched = [str(kind) for kind in types if reader.of_type(str(kind), str(path))]
        said += [f"{name} {change} {', '.join(matched)}"] if matched else []
    return tuple(said)


def _op_precision(reader: _Reader, path: Path, text: str) -> None:
    parser = configparser.ConfigParser(delimiters=("=",), strict=False, interpolation=None)
    parser.optionxform = _as_written  # type: ignore[assignment,method-assign] # its documented use
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ManifestError(f"{path}: expected sections [ByOpType] and [ByNodeName], found {error}") from error
    for section in parser.sections():
        for name in parser[section]:
            if section == "ByOpType":
                reader.of_type(name, str(path))
            else:
                reader.named(name, str(path))
    reader.notes.append(
        f"{path}: op_precision_mode is about a kernel's inside, not about its dtypes: nothing of it is emulated"
    )


def _as_written(name: Any) -> Any:
    return name
