"""The hooks of the plugin ``classify``: wiring only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import ManifestError
from zoo_runner.plugin.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo_classification.accuracy import Accuracy
    from zoo_classification.config import ClassifyConfig
    from zoo_classification.readers import LabelledImages
    from zoo_classification.top_k import TopK
    from zoo_images.preprocess import ImagePreprocess
    from zoo_networks.factory import FactoryNetwork
    from zoo_runner.plugin.drafting import Draft, Material
    from zoo_runner.plugin.interfaces import TensorSpec
    from zoo_runner.plugin.plain import Plain

    Tensors = tuple[TensorSpec, ...]


@hookimpl
def zoo_config() -> type[ClassifyConfig]:
    """Return the model of ``plugin.config``."""
    from zoo_classification.config import ClassifyConfig  # noqa: PLC0415 - loads numpy

    return ClassifyConfig


@hookimpl
def zoo_packages() -> list[str]:
    """Return the package with the networks: a published export is known by their code."""
    return ["zoo_networks"]


@hookimpl
def zoo_task() -> str:
    """Say what the models do."""
    return "classification"


@hookimpl
def zoo_network(config: ClassifyConfig, inputs: Tensors, outputs: Tensors) -> FactoryNetwork:
    """Return the network that the manifest names, with the manifest's tensors, or the usual ones without a manifest."""
    from zoo_classification.tensors import usual_tensors  # noqa: PLC0415 - the others need none of it
    from zoo_networks.factory import FactoryNetwork  # noqa: PLC0415 - likewise

    return FactoryNetwork(config.network, *((inputs, outputs) if inputs else usual_tensors(config)))


@hookimpl
def zoo_dataset(config: ClassifyConfig) -> LabelledImages:
    """Return the reader."""
    from zoo_classification.readers import LabelledImages  # noqa: PLC0415 - likewise

    return LabelledImages(config.reader, config.classes)


@hookimpl
def zoo_preprocess(config: ClassifyConfig, inputs: Tensors) -> ImagePreprocess:
    """Return image file -> network input."""
    from zoo_images.preprocess import ImagePreprocess  # noqa: PLC0415 - loads numpy

    if len(inputs) != 1:
        raise ManifestError(f"inputs: expected one, the image, found {len(inputs)}")
    return ImagePreprocess(config.preprocess, inputs[0])


@hookimpl
def zoo_postprocess(config: ClassifyConfig, outputs: Tensors) -> TopK:
    """Return network outputs -> the best classes."""
    from zoo_classification.top_k import TopK  # noqa: PLC0415 - loads numpy

    return TopK(config.postprocess, config.classes, outputs)


@hookimpl
def zoo_draft(material: Material) -> Draft:
    """Return how to configure a classifier for a model and its images."""
    from zoo_classification.drafting import draft  # noqa: PLC0415 - only zoo-run new needs it

    return draft(material)


@hookimpl
def zoo_metric(config: ClassifyConfig, outputs: Tensors) -> Accuracy:
    """Return the accuracy."""
    from zoo_classification.accuracy import Accuracy  # noqa: PLC0415 - loads numpy
    from zoo_classification.top_k import TopK  # noqa: PLC0415 - likewise

    found = TopK(config.postprocess, config.classes, outputs)
    names = config.classes if isinstance(config.classes, tuple) else ()
    return Accuracy(config.metric, found.kept, found.number, names)


@hookimpl
def zoo_plain(config: ClassifyConfig, inputs: Tensors, outputs: Tensors) -> Plain:
    """Return what pre- and postprocessing are held against when a gate is red."""
    from zoo_classification.plain import plain  # noqa: PLC0415 - loads numpy

    return plain(config, inputs, outputs)
