"""The hooks of the RefineDet plugin: wiring only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import BATCH, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from refinedet_plugin.config import RefineDetConfig
    from refinedet_plugin.postprocess import RefineDetPostprocess
    from refinedet_plugin.preprocess import RefineDetPreprocess
    from zoo_detection.mean_ap.metric import VocMetric
    from zoo_detection.voc.dataset import VocDataset
    from zoo_runner.plugin.drafting import Draft, Material
    from zoo_runner.plugin.plain import Plain


@dataclass(frozen=True)
class RefineDetNetwork:
    """The network as the runner sees it; torch is loaded when it is built."""

    config: RefineDetConfig

    @property
    def identity(self) -> str:
        """The configuration that shapes the network; class names and thresholds do not."""
        config = self.config
        return json.dumps([config.input_size, config.num_classes, config.width])

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """``image``: RGB, mean subtracted."""
        side = self.config.input_size
        return (TensorSpec("image", "float32", (BATCH, 3, side, side)),)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The four heads in the order the network returns them, which is not the .om's order."""
        priors, classes = self.config.num_priors, self.config.num_classes
        widths = {"arm_loc": 4, "arm_conf": 2, "odm_loc": 4, "odm_conf": classes}
        return tuple(TensorSpec(name, "float32", (BATCH, priors, width)) for name, width in widths.items())

    @property
    def modules(self) -> tuple[str, ...]:
        """Where the network is made."""
        return ("refinedet_plugin.network",)

    def build(self) -> torch.nn.Module:
        """Return the network in evaluation mode, with random weights."""
        from refinedet_plugin.network import RefineDet  # noqa: PLC0415 - loads torch

        return RefineDet(self.config).eval()

    def advice(self, shapes: Mapping[str, tuple[int, ...]]) -> str:
        """Say which keys of the configuration make the network fit tensors of these shapes."""
        from refinedet_plugin.advice import advice  # noqa: PLC0415 - listing plugins needs no pydantic

        return advice(self.config, shapes)


@hookimpl
def zoo_config() -> type[RefineDetConfig]:
    """Type the manifest's ``plugin.config``."""
    from refinedet_plugin.config import RefineDetConfig  # noqa: PLC0415 - listing plugins needs no pydantic

    return RefineDetConfig


@hookimpl
def zoo_task() -> str:
    """Say what the models do."""
    return "object detection"


@hookimpl
def zoo_network(config: RefineDetConfig) -> RefineDetNetwork:
    """Return the network."""
    return RefineDetNetwork(config)


@hookimpl
def zoo_dataset(config: RefineDetConfig) -> VocDataset:
    """Return the VOC reader."""
    from zoo_detection.voc.dataset import VocDataset  # noqa: PLC0415 - loads numpy

    return VocDataset(config.classes, year=config.year, image_set=config.image_set)


@hookimpl
def zoo_preprocess(config: RefineDetConfig) -> RefineDetPreprocess:
    """Return JPEG -> network input."""
    from refinedet_plugin.preprocess import RefineDetPreprocess  # noqa: PLC0415 - loads OpenCV

    return RefineDetPreprocess(config)


@hookimpl
def zoo_postprocess(config: RefineDetConfig) -> RefineDetPostprocess:
    """Return network outputs -> detections."""
    from refinedet_plugin.postprocess import RefineDetPostprocess  # noqa: PLC0415 - loads numpy

    return RefineDetPostprocess(config)


@hookimpl
def zoo_metric(config: RefineDetConfig) -> VocMetric:
    """Return VOC mAP."""
    from zoo_detection.mean_ap.metric import VocMetric  # noqa: PLC0415 - loads numpy

    return VocMetric(config.classes)


@hookimpl
def zoo_plain(config: RefineDetConfig) -> Plain:
    """Return what pre- and postprocessing are held against when a gate is red."""
    from refinedet_plugin.plain import plain  # noqa: PLC0415 - loads numpy

    return plain(config)


@hookimpl
def zoo_draft(material: Material) -> Draft:
    """Return how to configure RefineDet for a checkpoint and a data set."""
    from refinedet_plugin.drafting import draft  # noqa: PLC0415 - loads numpy

    return draft(material)
