"""From files to a manifest: what the plugin finds in them, written down, checked, and put in its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.draft.checkpoint import identified, require_fit, tensors_of
from zoo_runner.draft.graph_file import graph_file
from zoo_runner.draft.text import Facts, text
from zoo_runner.errors import DatasetError, PluginError, UsageError, listed
from zoo_runner.files.named_errors import naming
from zoo_runner.files.new_file import new_file
from zoo_runner.job.given_graph import GivenGraph, names_onnx
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import check_plugin_config, load
from zoo_runner.manifest.section import Section
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.drafting import Draft, Material
from zoo_runner.plugin.nouns import noun_of
from zoo_runner.store.durable import sync

if TYPE_CHECKING:
    from zoo_runner.draft.given import Given
    from zoo_runner.draft.graph_file import GraphFile
    from zoo_runner.plugin.interfaces import Dataset, Sample, TensorSpec
    from zoo_runner.plugin.loading import Plugin


SIZES: Final = frozenset({"input_shape_range", "dynamic_dims", "dynamic_image_size"})
"""Keys of the section ``atc`` of which one says the sizes of open axes."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The files that a manifest is drafted from.

    Attributes:
        weights: The checkpoint.
        data: The folder of the data set.
    """

    weights: Path
    data: Path


def require_free(target: Path) -> None:
    """Check that there is nothing where a manifest is to be written.

    Raises:
        UsageError: There is.
    """
    if os.path.lexists(target):
        raise UsageError(f"{target}: expected no such file, found one; choose another name, or move it away")


def draft_facts(name: str, plugin: Plugin, sources: Sources, given: Given) -> Facts:
    """Find out what a manifest has to say.

    Args:
        name: Of the manifest.
        plugin: What knows the model.
        sources: The files.
        given: What the user says of ``plugin.config``; it is stronger than what is found.

    Raises:
        UndecidedError: The files do not tell a key of ``plugin.config``.
        ZooError: The files cannot be read, or do not go together.
    """
    model = plugin.config_model() or Section
    given.check(model)
    if not sources.data.is_dir():
        instead = "a file" if sources.data.exists() else "no such folder"
        raise UsageError(f"--data {sources.data}: expected the folder of a data set, found {instead}")
    graph = graph_file(sources.weights) if names_onnx(str(sources.weights)) else None
    sha256, size = (graph.sha256, graph.size) if graph else identified(sources.weights)
    material = Material(
        tensors=() if graph else tensors_of(sources.weights, sha256),
        data=sources.data,
        config=given.values,
        inputs=graph.inputs if graph else (),
        outputs=graph.outputs if graph else (),
        metadata=graph.metadata if graph else {},
    )
    draft = _with_all(plugin.draft(material), given, graph)
    if graph is not None and not SIZES & draft.sections.get("atc", {}).keys():
        graph.require_sizes(sources.weights)
    config = check_plugin_config(draft.config, model, given.origin)
    parts = plugin.parts(config, None if graph is None else GivenGraph(graph.inputs, graph.outputs))
    if graph is None:
        require_fit(parts.network, sources.weights, sha256)
    return Facts(
        name=name,
        plugin=plugin.name,
        draft=draft,
        inputs=tuple(parts.network.inputs),
        outputs=_ordered(plugin.name, draft, parts.network.outputs),
        weights=sources.weights,
        sha256=sha256,
        size=size,
        data=sources.data,
        samples=len(_samples(parts.dataset, sources.data)),
        noun=noun_of(parts.dataset),
        measure=parts.metric.measures[0],
    )


def _with_all(found: Draft, given: Given, graph: GraphFile | None) -> Draft:
    """Add what the user said, and what an ONNX file says, to what the plugin found."""
    sections = {**found.sections, **(graph.sections if graph else {})}
    return replace(found, config={**found.config, **given.values}, sections=sections)


def write(facts: Facts, target: Path) -> None:
    """Write a manifest that is valid, over nothing.

    Raises:
        UsageError: There is something already.
        OSError: It cannot be written.
        ZooError: It would not be valid.
    """
    with new_file(target) as temporary, naming(target):
        temporary.write_text(text(facts, target.parent), encoding="utf-8")
        resolve(load(temporary), RunOptions(output=Path()))
        sync(temporary)
        try:
            os.link(temporary, target)
        except FileExistsError:
            require_free(target)
            raise
        except OSError:  # a file system without a second name for a file
            require_free(target)
            temporary.rename(target)


def _ordered(plugin: str, draft: Draft, outputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    by_name = {spec.name: spec for spec in outputs}
    if by_name.keys() != draft.kinds.keys():
        names, found = (", ".join(sorted(each)) or "none" for each in (by_name, draft.kinds))
        raise PluginError(f"plugin {plugin!r}: zoo_draft gives kinds of the outputs {found}, expected {names}")
    return tuple(by_name[name] for name in draft.kinds)


def _samples(dataset: Dataset, root: Path) -> Sequence[Sample]:
    """Read the data set, and check that there is a file for each sample.

    Raises:
        DatasetError: It cannot be read, or is not complete.
    """
    with calling("zoo_dataset"):
        samples = dataset.samples(root)
    missing = [f"{sample.id!r}: {sample.path}" for sample in samples if not sample.path.exists()]
    noun = noun_of(dataset)
    if missing:
        text = f"expected the files of {len(samples)} {noun}, found none of {len(missing)}"
        raise DatasetError(f"{root}: {text}:\n{listed(missing)}\nput them there, or take them out of the list")
    if not samples:
        raise DatasetError(f"{root}: expected {noun}, found none; give the folder of the data set with --data FOLDER")
    return samples
