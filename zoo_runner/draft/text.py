"""The text of a manifest that was drafted: what was found, and where the expectation goes."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from zoo_runner.plugin.interfaces import SAMPLES
from zoo_runner.report.characters import visible

if TYPE_CHECKING:
    from zoo_runner.plugin.drafting import Draft
    from zoo_runner.plugin.interfaces import TensorSpec

WIDTH: Final = 112
"""Characters of a line of comment."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a manifest says.

    Attributes:
        name: Of the manifest.
        plugin: Its plugin's name.
        draft: What the plugin found out, with what the user said.
        inputs: The network's.
        outputs: The network's, in the order in which the converted model returns them.
        weights: The checkpoint.
        sha256: Its hash.
        size: Its bytes.
        data: The folder of the data set.
        samples: How many it has.
        measure: Name and protocol of the plugin's first metric.
        noun: What the samples are called, in the plural.
    """

    name: str
    plugin: str
    draft: Draft
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    weights: Path
    sha256: str
    size: int
    data: Path
    samples: int
    measure: tuple[str, str]
    noun: str = SAMPLES


def text(facts: Facts, folder: Path) -> str:
    """Write a manifest.

    Args:
        facts: What it says.
        folder: Where it is to lie; what lies below is named relative to it.
    """
    weights = {"url": location(facts.weights, folder), "sha256": facts.sha256, "size": facts.size}
    dataset = {
        "name": facts.data.resolve().name or "data",
        "url": location(facts.data, folder),
        "samples": facts.samples,
    }
    return "\n".join(
        [
            *comment([f"Written by zoo-run new {facts.name} --from {facts.plugin}. Change what you like."]),
            *_entries({"name": facts.name}),
            "plugin:",
            *_entries({"name": facts.plugin}, 1),
            "  config:",
            *(f"    {line}" for line in comment(facts.draft.notes)),
            *_entries(facts.draft.config, 2),
            *_section("weights", weights),
            *_section("dataset", dataset),
            *_tensors("inputs", facts.inputs, {}, facts.draft.tensors),
            *_tensors("outputs", facts.outputs, facts.draft.kinds, facts.draft.tensors),
            *(line for name, values in facts.draft.sections.items() for line in _section(name, values)),
            *_expectation(*facts.measure),
        ]
    )


def location(path: Path, folder: Path) -> str:
    """Name a file as a manifest in ``folder`` does: relative to it if it lies below, and never like a URL."""
    whole, base = Path(os.path.abspath(path)), Path(os.path.abspath(folder))  # noqa: PTH100 - links keep their names
    shown = whole.relative_to(base).as_posix() if whole.is_relative_to(base) else str(whole)
    return f"./{shown}" if ":" in shown.partition("/")[0] else shown


def comment(remarks: Iterable[str]) -> Iterator[str]:
    """Write remarks as lines of comment. Names of files and data in them end no line and hide no character."""
    for remark in remarks:
        plain = visible(" ".join(remark.split()))
        yield from textwrap.wrap(plain, WIDTH, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)


def _section(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"{name}:")
    yield from _entries(values, 1)


def _entries(values: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    for key, value in values.items():
        yield f"{'  ' * depth}{flow({key: value})[1:-1]}"


def _tensors(
    name: str, specs: Iterable[TensorSpec], kinds: Mapping[str, str], more: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    yield from ("", f"{name}:")
    for spec in specs:
        kind = {"kind": kinds[spec.name]} if kinds.get(spec.name) else {}
        beside = {**kind, **more.get(spec.name, {})}
        yield f"  - {flow({'name': spec.name, 'dtype': spec.dtype, 'shape': list(spec.shape), **beside})}"


def flow(value: Any) -> str:
    """Write a value in one line of YAML; with characters that end a line or hide, all that is not ASCII is escaped."""
    shown = _dumped(value, allow_unicode=True)
    return shown if shown.isprintable() else _dumped(value, allow_unicode=False)


def _dumped(value: Any, *, allow_unicode: bool) -> str:
    wide = float("inf")
    shown = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=allow_unicode, width=wide)
    return shown.rstrip("\n")


def _expectation(metric: str, protocol: str) -> Iterator[str]:
    remark = (
        "Nothing is expected yet, so that a run measures and is inconclusive (exit code 4). What the model has to "
        "reach goes here, as it was published, or as it was measured where it was trained:"
    )
    yield from ("", *comment([remark]), "# expected:", "#   accuracy:")
    yield from (f"#     {flow({key: value})[1:-1]}" for key, value in (("metric", metric), ("protocol", protocol)))
    yield from ("#     value: ...", "#     tolerance: {abs: ...}", "")
