"""The stage ``export``: a network and its checkpoint become one ONNX file, shown to be faithful."""

from __future__ import annotations

import importlib
import importlib.metadata
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.errors import ExportError, InferenceError, PrerequisiteError, installing
from zoo_runner.files.named_errors import naming
from zoo_runner.onnx_graph import name_nodes, strip_provenance
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import AdvisedNetwork, SessionRequest
from zoo_runner.plugin.tensors import array_texts, batch_texts, bound, mismatch, sizes_of
from zoo_runner.stages.export.checkpoint import load_checkpoint
from zoo_runner.stages.export.compared_sizes import FIXED, Opening, calls, compared_sizes
from zoo_runner.stages.export.differences import refuse_differences, relative_difference
from zoo_runner.stages.export.exporters import RETRY, convert, packages, simplify
from zoo_runner.stages.export.random_inputs import random_inputs
from zoo_runner.stages.steps import step

if TYPE_CHECKING:
    import torch

    from zoo_runner.manifest.schema import OnnxOptions
    from zoo_runner.plugin.interfaces import Arrays, Network
    from zoo_runner.plugin.shapes import Sizes
    from zoo_runner.stages.export.place import Place
    from zoo_runner.stages.export.state_dicts import Advise

CORRECT: Final = "correct the plugin, or plugin.config"
UNFAITHFUL: Final = "the exported model is not faithful"
FROM_TORCH: Final = "ONNX Runtime differs from torch"
OTHER_WEIGHTS: Final = "the published ONNX does not compute what these weights do"
FROM_PUBLISHED: Final = "a new export differs from it"
TRACED_BATCH: Final = 2
"""Not 1, which exporters take for a constant."""
FIXED_BATCH: Final = Opening()
COMPARED_BATCHES: Final = (1, 3)
"""Neither is the traced one, so that a batch size baked into the graph shows."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What is known about a finished export.

    Attributes:
        differences: By output, the largest difference between torch and ONNX Runtime, as
            ``relative_difference`` defines it, over all batches compared.
        tools: Versions of the packages that made the file.
        notes: What was taken of the checkpoint where it left a choice, and what was left out.
    """

    differences: Mapping[str, float]
    tools: Mapping[str, str]
    notes: tuple[str, ...] = ()


def export(  # noqa: PLR0913 - each is another thing that an export is made of
    network: Network,
    checkpoint: Path,
    options: OnnxOptions,
    destination: Path,
    *,
    opening: Opening = FIXED_BATCH,
    sha256: str | None = None,
    place: Place | None = None,
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> Exported:
    """Write the network with the checkpoint's weights as an ONNX file, and compare the two.

    The file's inputs and outputs are named as the network's specifications, its nodes have unique names, and
    it holds no trace of the machine or time it was made on: the same arguments and tools give the same bytes.
    The finished file, after simplification, runs in ONNX Runtime on the same seeded random input as the
    network in torch: at batch 1 and 3 when the batch axis is dynamic, else at ``opening.batch``. Inputs are drawn
    from the standard normal distribution; 8-bit integers from their whole range, wider ones from 0 and 1. Open axes
    have their least and their greatest sizes in turn.

    Args:
        network: What to export.
        checkpoint: Its weights.
        options: The manifest's ``onnx`` section.
        destination: The file to write; it appears complete or not at all.
        opening: The sizes of what the file leaves open, or does not.
        sha256: What the checkpoint's content must be.
        place: Where in it the tensors stand; ``None`` where that is searched.
        metadata: What the file says of itself.

    Raises:
        ChangedError: The checkpoint is another file than that.
        PrerequisiteError: A package is missing, or too old for the chosen exporter.
        ExportError: The checkpoint does not fit, the network does not do what it declares, an exporter
            failed, or the difference exceeds 1e-3.
    """
    tools = tool_versions(options)
    _import(tools)
    module = _build(network)
    notes = load_checkpoint(module, checkpoint, sha256, _adviser(network), place)
    batches = COMPARED_BATCHES if options.dynamic_batch else (opening.batch,)
    sizes, shapes = compared_sizes(opening.shapes), opening.shapes
    with step("export: running the network in torch"):
        references = [_reference(module, network, *call) for call in calls(batches, sizes)]
    with _draft(destination) as draft:
        draft.write_bytes(_serialised(module, network, options, opening.batch, metadata, sizes[0]))
        if options.check == "none":
            return Exported(differences={}, tools=tools, notes=notes)
        request = SessionRequest(
            model=draft, inputs=network.inputs, outputs=network.outputs, batch=max(batches), shapes=shapes
        )
        differences = _compare(request, references)
        refuse_differences(differences, f"{UNFAITHFUL}; {FROM_TORCH}", RETRY)
    return Exported(differences=differences, tools=tools, notes=notes)


def compare_published(
    published: Path,
    exported: Path,
    network: Network,
    options: OnnxOptions,
    *,
    opening: Opening = FIXED_BATCH,
) -> Mapping[str, float]:
    """Hold a published ONNX file against a new export, as :func:`export` holds that against torch.

    Returns:
        By output, the largest difference, as ``relative_difference`` defines it.

    Raises:
        ExportError: The published file is not usable, or the difference exceeds 1e-3.
    """
    batches, shapes = COMPARED_BATCHES if options.dynamic_batch else (opening.batch,), opening.shapes
    request = SessionRequest(
        model=exported, inputs=network.inputs, outputs=network.outputs, batch=max(batches), shapes=shapes
    )
    session = OnnxRuntimeBackend().open(request)
    inputs = [random_inputs(network.inputs, *call) for call in calls(batches, compared_sizes(shapes))]
    references = [(each, session.infer(each)) for each in inputs]
    session.close()
    differences = _compare(replace(request, model=published), references)
    refuse_differences(
        differences,
        f"{OTHER_WEIGHTS}; {FROM_PUBLISHED}",
        "publish a new export, or leave out onnx.url",
    )
    return differences


def export_graph(network: Network, options: OnnxOptions, destination: Path, *, opening: Opening = FIXED_BATCH) -> None:
    """Write the network without trained weights: the same nodes under the same names, for planning.

    Args:
        network: What to export; its weights are those of ``build``, from fixed random numbers.
        options: The manifest's ``onnx`` section.
        destination: The file to write; it appears complete or not at all.
        opening: The sizes of what the file leaves open, or does not.

    Raises:
        PrerequisiteError: A package is missing, or too old for the chosen exporter.
        ExportError: An exporter failed.
    """
    _import(tool_versions(options))
    with _draft(destination) as draft:
        draft.write_bytes(
            _serialised(_build(network), network, options, opening.batch, sizes=compared_sizes(opening.shapes)[0])
        )


def tool_versions(options: OnnxOptions) -> dict[str, str]:
    """Return the versions of the packages that an export with these options uses, without importing them.

    Raises:
        PrerequisiteError: One is not installed.
    """
    try:
        return {name: importlib.metadata.version(name) for name in packages(options)}
    except importlib.metadata.PackageNotFoundError as error:
        msg = f"exporting needs the package {error.name}, which is not installed: {installing('export')}"
        raise PrerequisiteError(msg) from error


def _import(names: Iterable[str]) -> None:
    """Import packages, to find a broken installation before any work is done."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            msg = f"the package {name} is installed, but cannot be imported ({error}): {installing('export')}"
            raise PrerequisiteError(msg) from error


def _adviser(network: Network) -> Advise | None:
    return network.advice if isinstance(network, AdvisedNetwork) else None


def _build(network: Network) -> torch.nn.Module:
    """Build the network without disturbing torch's random numbers, and always from the same ones."""
    import torch  # noqa: PLC0415 - torch is an optional extra

    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(0)
        with calling("zoo_network"):
            return network.build().eval()


def _serialised(
    module: torch.nn.Module,
    network: Network,
    options: OnnxOptions,
    batch: int,
    metadata: Mapping[str, str] = MappingProxyType({}),
    sizes: Sizes = FIXED,
) -> bytes:
    """Return the finished ONNX file, traced at these sizes."""
    import onnx  # noqa: PLC0415 - onnx is an optional extra

    examples = random_inputs(network.inputs, TRACED_BATCH if options.dynamic_batch else batch, sizes)
    with step("export: tracing the network"):
        model = convert(module, tuple(examples.values()), network, options)
    strip_provenance(model)
    if options.simplify:
        with step("export: simplifying the graph"):
            model = simplify(model)
    name_nodes(model)
    onnx.helper.set_model_props(model, dict(metadata))
    try:
        content: bytes = model.SerializeToString(deterministic=True)
    except Exception as error:  # of what kind depends on the release of protobuf
        raise ExportError(
            f"the exported model does not fit into one ONNX file, which holds 2 GB at most ({error}); export it by "
            "hand with its tensors in other files, and give all of them as one archive (weights.member)"
        ) from error
    return content


@contextmanager
def _draft(destination: Path) -> Iterator[Path]:
    """Give a path to write to, and put the file in its place when all went well."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with naming(destination), tempfile.TemporaryDirectory(dir=destination.parent, prefix=".export-") as folder:
        draft = Path(folder) / "model.onnx"
        yield draft
        draft.replace(destination)


def _reference(module: torch.nn.Module, network: Network, batch: int, sizes: Sizes) -> tuple[Arrays, Arrays]:
    """Run the network in torch; return its inputs and, checked against the specifications, its outputs."""
    import numpy as np  # noqa: PLC0415 - kept out of the command line's start
    import torch  # noqa: PLC0415 - torch is an optional extra

    inputs = random_inputs(network.inputs, batch, sizes)
    with torch.no_grad(), calling("zoo_network"):
        # Copies, for a network may work on its input in place.
        result = module(*(torch.from_numpy(array.copy()) for array in inputs.values()))
    tensors = tuple(result) if isinstance(result, tuple | list) else (result,)
    if len(tensors) != len(network.outputs) or not all(isinstance(item, torch.Tensor) for item in tensors):
        types = [type(item).__name__ for item in tensors]
        raise ExportError(mismatch("outputs of the network", batch_texts(network.outputs, batch), types, CORRECT))
    outputs = {spec.name: tensor.numpy() for spec, tensor in zip(network.outputs, tensors, strict=True)}
    for declared in network.outputs:
        array = outputs[declared.name]
        spec = bound(declared, array, sizes, {})
        sizes = {**sizes_of([declared], {declared.name: array}), **sizes}  # axes of one name have one size
        if spec.axes or array.dtype.name != spec.dtype or array.shape != spec.sized(batch):
            wrong = mismatch(
                "an output of the network", batch_texts([spec], batch), array_texts({spec.name: array}), CORRECT
            )
            raise ExportError(wrong)
        if not np.isfinite(array).all():
            msg = (
                f"output {spec.name!r} of the network is not finite on random input; "
                "the checkpoint does not belong to this network, or its training diverged"
            )
            raise ExportError(msg)
    return inputs, outputs


def _compare(request: SessionRequest, references: Sequence[tuple[Arrays, Arrays]]) -> dict[str, float]:
    """Check the finished file and return its largest difference from the references, by output."""
    import onnx  # noqa: PLC0415 - onnx is an optional extra

    try:
        onnx.checker.check_model(request.model, full_check=True)
        with step("export: opening the graph in ONNX Runtime"):
            session = OnnxRuntimeBackend().open(request)
        found = []
        for number, (inputs, _) in enumerate(references, start=1):
            with step(f"export: checking against ONNX Runtime: {number} of {len(references)} inputs"):
                found.append(session.infer(inputs))
        session.close()
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, InferenceError) as error:
        msg = f"the exported model is not usable: {error}; {RETRY}"
        raise ExportError(msg) from error
    return {
        spec.name: max(
            relative_difference(outputs[spec.name], result[spec.name])
            for (_, outputs), result in zip(references, found, strict=True)
        )
        for spec in request.outputs
    }
