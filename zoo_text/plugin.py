"""The hooks of the plugin ``recognise``: recognisers of text that need no code. Wiring only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import ManifestError
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.tensors import declared_texts

if TYPE_CHECKING:
    from zoo_images.preprocess import ImagePreprocess
    from zoo_networks.factory import FactoryNetwork
    from zoo_runner.plugin.drafting import Draft, Material
    from zoo_runner.plugin.interfaces import TensorSpec
    from zoo_runner.plugin.plain import Plain
    from zoo_text.config import RecogniseConfig
    from zoo_text.ctc import CtcGreedy
    from zoo_text.labels import LabelFile, TextFiles
    from zoo_text.metric import TextMetric


@hookimpl
def zoo_config() -> type[RecogniseConfig]:
    """Type the manifest's ``plugin.config``."""
    from zoo_text.config import RecogniseConfig  # noqa: PLC0415 - listing plugins needs no pydantic

    return RecogniseConfig


@hookimpl
def zoo_packages() -> list[str]:
    """Return the package with the networks: a published export is known by their code."""
    return ["zoo_networks"]


@hookimpl
def zoo_network(
    config: RecogniseConfig, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> FactoryNetwork:
    """Return the network that the manifest names, with the manifest's tensors."""
    from zoo_networks.factory import FactoryNetwork  # noqa: PLC0415 - the others need none of it

    return FactoryNetwork(config.network, inputs, outputs)


@hookimpl
def zoo_task() -> str:
    """Say what the models do."""
    return "text recognition"


@hookimpl
def zoo_draft(material: Material) -> Draft:
    """Return how to configure a recogniser for a model and its lines."""
    from zoo_text.drafting import draft  # noqa: PLC0415 - only zoo-run new needs it

    return draft(material)


@hookimpl
def zoo_dataset(config: RecogniseConfig) -> LabelFile | TextFiles:
    """Return the reader of labelled lines."""
    from zoo_text.labels import LabelFile, LabelFileConfig, TextFiles  # noqa: PLC0415 - loads pydantic

    source = config.postprocess.dictionary
    dictionary = source.file if source.type == "file" else ""
    if isinstance(config.reader, LabelFileConfig):
        return LabelFile(config.reader, dictionary)
    return TextFiles(config.reader, dictionary)


@hookimpl
def zoo_preprocess(config: RecogniseConfig, inputs: tuple[TensorSpec, ...]) -> ImagePreprocess:
    """Return image file -> network input."""
    from zoo_images.preprocess import ImagePreprocess  # noqa: PLC0415 - loads OpenCV

    if len(inputs) != 1:
        found = ", ".join(declared_texts(inputs)) or "none"
        raise ManifestError(f"inputs: expected one input, an image, found {found}; correct the manifest's inputs")
    return ImagePreprocess(config.preprocess, inputs[0])


@hookimpl
def zoo_postprocess(config: RecogniseConfig, outputs: tuple[TensorSpec, ...]) -> CtcGreedy:
    """Return network outputs -> text."""
    from zoo_text.ctc import CtcGreedy  # noqa: PLC0415 - loads numpy

    if config.network is not None and config.postprocess.dictionary.type == "metadata":
        raise ManifestError(
            "plugin.config.postprocess.dictionary: expected a dictionary that is written out, or a file, as a torch "
            "checkpoint has no metadata, found type: metadata; write type: characters or type: file, or remove "
            "plugin.config.network where the model is given as ONNX"
        )
    return CtcGreedy(config.postprocess, outputs)


@hookimpl
def zoo_metric(config: RecogniseConfig) -> TextMetric:
    """Return accuracy by character and by line."""
    from zoo_text.metric import TextMetric  # noqa: PLC0415 - loads numpy

    metric = config.metric
    return TextMetric(ignore_case=metric.ignore_case, ignore_space=metric.ignore_space)


@hookimpl
def zoo_plain(config: RecogniseConfig, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Plain:
    """Return what pre- and postprocessing are held against when a gate is red."""
    from zoo_text.plain import plain  # noqa: PLC0415 - loads numpy

    return plain(config, inputs, outputs)
