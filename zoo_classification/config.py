"""What a manifest says of a classifier."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from zoo_classification.accuracy import AccuracyOptions
from zoo_classification.classes import Classes
from zoo_classification.readers import Reader
from zoo_classification.top_k import TopKOptions
from zoo_images.operations import Operations
from zoo_networks.factory import NetworkFactory


class ClassifyConfig(BaseModel):
    """What ``plugin.config`` says of a classifier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: Classes = Field(
        description="names in the order of the network's outputs; or how many there are; or a .txt file of the data "
        "set with one name a line"
    )
    reader: Reader = Field(description="where the images and their classes are")
    preprocess: Operations = Field(description="what is done with each image, in order")
    postprocess: TopKOptions = Field(default=TopKOptions(), description="what is kept of the outputs")
    metric: AccuracyOptions = Field(default=AccuracyOptions(), description="what is measured")
    network: NetworkFactory | None = Field(
        default=None, description="what makes the torch network of a checkpoint; a model given as ONNX needs none"
    )
