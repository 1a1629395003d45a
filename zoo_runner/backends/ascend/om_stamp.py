"""The stamp beside an .om: what the file was made of, so that it is never used for something else.

An .om is bound to one graph, chip, CANN release, batch size and set of flags, and its outputs are known by
their position only. None of that can be read off the file; the stamp ``NAME.om.json`` says it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from zoo_runner.backends.ascend.cann import UNKNOWN
from zoo_runner.files.regular import read_regular
from zoo_runner.store.durable import write_durably
from zoo_runner.store.fingerprints import file_digest

SCHEMA_VERSION = 1
GEAR_FLAGS = ("dynamic_batch_size", "dynamic_image_size", "dynamic_dims")
LARGEST = 1 << 20
"""Bytes of a stamp that are read; those written have some kilobytes."""


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Where an .om comes from.

    Attributes:
        onnx_sha256: Hash of the graph.
        arguments: ATC's arguments, with ``{model}``, ``{output}`` and ``{base}`` for the paths that differ
            between machines without making a difference.
        side_files: Hash of each file that a flag names, by flag.
        chip: ATC's name of the chip, such as ``Ascend310P3``.
        cann: CANN release that compiled it.
        batch: Samples per call.
        outputs: Logical names of the outputs in the order in which the .om returns them.
        out_nodes: The graph nodes they come from, in the same order.
        om_sha256: Hash of the .om; empty in a stamp that says what is expected of a file not made yet.
        sizes: What sizes its open axes take, in words, gear by gear; empty without open axes, as in any stamp from
            before there were some.
    """

    onnx_sha256: str
    arguments: tuple[str, ...]
    chip: str
    cann: str
    batch: int
    outputs: tuple[str, ...]
    out_nodes: tuple[str, ...]
    side_files: Mapping[str, str] = field(default_factory=dict)
    om_sha256: str = ""
    sizes: tuple[str, ...] = ()

    def values(self) -> dict[str, object]:
        """Return what the stamp says, by name; nothing of open axes where there are none."""
        values = asdict(self)
        return values if self.sizes else {name: value for name, value in values.items() if name != "sizes"}


def stamp_path(om: Path) -> Path:
    """Return where the stamp of an .om is."""
    return om.with_name(f"{om.name}.json")


def write_stamp(om: Path, stamp: Stamp) -> None:
    """Write the stamp beside the .om."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **stamp.values()}, indent=2)
    write_durably(stamp_path(om), f"{text}\n".encode())


def read_stamp(om: Path) -> Stamp | None:
    """Read the stamp of an .om; ``None`` when there is none or it cannot be understood."""
    try:
        values = json.loads(read_regular(stamp_path(om), LARGEST))
        if values.pop("schema_version") != SCHEMA_VERSION:
            return None
        for key in ("arguments", "outputs", "out_nodes"):
            values[key] = tuple(values[key])
        values["sizes"] = tuple(values.get("sizes", ()))
        return Stamp(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # absent, or not a stamp
        return None


def check_stamp(om: Path, expected: Stamp, digest: str | None = None) -> list[str]:
    """List how an .om differs from what is wanted; empty when it may be used.

    Args:
        om: The file, with its stamp beside it.
        expected: What it should have been made of; its ``om_sha256`` is not looked at.
        digest: The file's hash, if it is known; by default it is hashed.
    """
    if not om.is_file():
        return [f"{om}: there is no such file"]
    found = read_stamp(om)
    if found is None:
        return [f"{stamp_path(om)}: there is no stamp of this program, so nobody knows what the .om was made of"]
    differences = list(_differences(found, expected))
    digest = digest or file_digest(om)
    if digest != found.om_sha256:
        differences.append(
            f"content: the file has SHA-256 {digest}, its stamp says {found.om_sha256 or 'nothing'}; "
            "the file was changed or replaced"
        )
    return differences


def _differences(found: Stamp, expected: Stamp) -> Iterator[str]:
    labels = {
        "onnx_sha256": "ONNX model (SHA-256)",
        "chip": "chip",
        "cann": "CANN release",
        "batch": "batch size",
        "outputs": "output order",
        "out_nodes": "output nodes",
    }
    for name, label in labels.items():
        was, wanted = getattr(found, name), getattr(expected, name)
        if was != wanted:
            yield f"{label}: expected {_phrase(wanted)}, found {_phrase(was)}"
    if found.sizes != expected.sizes:
        yield f"sizes of open axes: expected {_listed(expected.sizes)}, found {_listed(found.sizes)}"
    if found.cann == expected.cann == UNKNOWN:  # of two releases that nobody knows nobody knows that they are one
        yield "CANN release: expected the one that made the .om, found two unknown ones; source set_env.sh on both"
    # The chip, the nodes and the gears are arguments too, and were named above.
    named = ("soc_version", "out_nodes", *(GEAR_FLAGS if found.sizes != expected.sizes else ()))
    was_arguments, wanted_arguments = _without(found.arguments, *named), _without(expected.arguments, *named)
    if was_arguments != wanted_arguments:
        extra = [argument for argument in was_arguments if argument not in wanted_arguments]
        lacking = [argument for argument in wanted_arguments if argument not in was_arguments]
        yield f"ATC arguments: expected {_phrase(lacking)}, found {_phrase(extra)}"
    for flag in sorted({*found.side_files, *expected.side_files}):
        if found.side_files.get(flag) != expected.side_files.get(flag):
            yield f"file of --{flag}: its content is another one"


def _without(arguments: tuple[str, ...], *flags: str) -> list[str]:
    return [argument for argument in arguments if not argument.startswith(tuple(f"--{flag}=" for flag in flags))]


def _listed(sizes: tuple[str, ...]) -> str:
    return "; ".join(sizes) or "none (sizes are fixed)"


def _phrase(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return " ".join(str(item) for item in value) or "none"
    return str(value)
