"""What a manifest says about a recogniser: reader, preprocessing, decoding and metric."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from zoo_images.operations import Operations
from zoo_networks.factory import NetworkFactory
from zoo_text.ctc import CtcConfig
from zoo_text.labels import LabelFileConfig, TextFilesConfig

Reader = Annotated[LabelFileConfig | TextFilesConfig, Field(discriminator="type")]


class TextAccuracyConfig(BaseModel):
    """Accuracy by character and by line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["text_accuracy"] = "text_accuracy"
    ignore_case: bool = Field(default=False, description="whether capital and small letters are the same")
    ignore_space: bool = Field(
        default=False, description="whether spaces count for nothing, as in PaddleOCR's metric by default"
    )


class RecogniseConfig(BaseModel):
    """What ``plugin.config`` says about a recogniser of text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: Reader = Field(description="where the lines and their texts come from")
    preprocess: Operations = Field(description="what is done with an image, in order")
    postprocess: CtcConfig = Field(description="how the output becomes a text")
    metric: TextAccuracyConfig = Field(default=TextAccuracyConfig(), description="what counts as a fault")
    network: NetworkFactory | None = Field(
        default=None, description="what makes the torch network of a checkpoint; a model given as ONNX needs none"
    )
