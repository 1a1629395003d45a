"""The hooks of the plugin ``detect``: a detector that a manifest configures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import ManifestError
from zoo_runner.plugin.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo_detection.coco.dataset import CocoDataset
    from zoo_detection.coco.metric import CocoMetric
    from zoo_detection.config import DetectConfig
    from zoo_detection.mean_ap.metric import VocMetric
    from zoo_detection.postprocess.finished import FinishedPostprocess
    from zoo_detection.postprocess.ssd import SsdPostprocess
    from zoo_detection.voc.dataset import VocDataset
    from zoo_images.preprocess import ImagePreprocess
    from zoo_networks.factory import FactoryNetwork
    from zoo_runner.plugin.drafting import Draft, Material
    from zoo_runner.plugin.interfaces import TensorSpec
    from zoo_runner.plugin.plain import Plain


@hookimpl
def zoo_config() -> type[DetectConfig]:
    """Type the manifest's ``plugin.config``."""
    from zoo_detection.config import DetectConfig  # noqa: PLC0415 - listing plugins needs no pydantic

    return DetectConfig


@hookimpl
def zoo_packages() -> list[str]:
    """Return the package with the networks: a published export is known by their code."""
    return ["zoo_networks"]


@hookimpl
def zoo_task() -> str:
    """Say what the models do."""
    return "object detection"


@hookimpl
def zoo_network(
    config: DetectConfig, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> FactoryNetwork:
    """Return the network that the manifest names, with the manifest's tensors."""
    from zoo_networks.factory import FactoryNetwork  # noqa: PLC0415 - the others need none of it

    return FactoryNetwork(config.network, inputs, outputs)


@hookimpl
def zoo_dataset(config: DetectConfig) -> VocDataset | CocoDataset:
    """Return the reader."""
    from zoo_detection.coco.dataset import CocoDataset  # noqa: PLC0415 - loads numpy
    from zoo_detection.voc.dataset import VocDataset  # noqa: PLC0415 - loads numpy

    reader = config.reader
    if reader.type == "coco":
        return CocoDataset(classes=config.classes, annotations=reader.annotations, images=reader.images)
    return VocDataset(config.classes, year=reader.year, image_set=reader.image_set)


@hookimpl
def zoo_preprocess(config: DetectConfig, inputs: tuple[TensorSpec, ...]) -> ImagePreprocess:
    """Return image file -> network input; a file must have the annotated size, in which the objects are given."""
    from zoo_detection.images.decoding import decode_image  # noqa: PLC0415 - loads OpenCV
    from zoo_images.preprocess import ImagePreprocess  # noqa: PLC0415 - loads OpenCV

    return ImagePreprocess(config.preprocess, _only(inputs), decode_image)  # type: ignore[arg-type] # own samples alone


@hookimpl
def zoo_postprocess(config: DetectConfig, outputs: tuple[TensorSpec, ...]) -> SsdPostprocess | FinishedPostprocess:
    """Return network outputs -> detections."""
    from zoo_detection.postprocess.finished import FinishedPostprocess  # noqa: PLC0415 - loads numpy
    from zoo_detection.postprocess.ssd import SsdPostprocess  # noqa: PLC0415 - loads numpy

    settings, classes = config.postprocess, len(config.classes)
    if settings.type == "ssd":
        return SsdPostprocess(settings, classes, config.preprocess, outputs)
    return FinishedPostprocess(settings, classes, config.preprocess, outputs)


@hookimpl
def zoo_metric(config: DetectConfig) -> VocMetric | CocoMetric:
    """Return VOC's or COCO's mAP."""
    from zoo_detection.coco.metric import CocoMetric  # noqa: PLC0415 - loads numpy
    from zoo_detection.mean_ap.metric import VocMetric  # noqa: PLC0415 - loads numpy

    return CocoMetric(config.classes) if config.metric.type == "coco" else VocMetric(config.classes)


def _only(inputs: tuple[TensorSpec, ...]) -> TensorSpec:
    """Return the network's input.

    Raises:
        ManifestError: There are several.
    """
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs) or "none"
        raise ManifestError(f"inputs: expected one input, an image; found {len(inputs)} ({names}); name one")
    return inputs[0]


@hookimpl
def zoo_draft(material: Material) -> Draft:
    """Return how to configure a detector for a model and a data set."""
    from zoo_detection.drafting import draft  # noqa: PLC0415 - only zoo-run new needs it

    return draft(material)


@hookimpl
def zoo_plain(config: DetectConfig, inputs: tuple[TensorSpec, ...]) -> Plain:
    """Return what pre- and postprocessing are held against when a gate is red."""
    from zoo_detection.plain import plain  # noqa: PLC0415 - loads numpy

    return plain(config, inputs)
