"""What a manifest says about a detector of the plugin ``detect``: its classes, and the four steps."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from zoo_detection.coco.classes import COCO_CLASSES
from zoo_detection.postprocess.settings import MOST_CLASSES, Outputs
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_images.operations import Operations
from zoo_networks.factory import NetworkFactory

PRESETS: Final = {"voc": VOC_CLASSES, "coco": COCO_CLASSES}
"""Lists of classes that have a name."""


def _resolved(value: Any) -> Any:
    """Replace the name of a preset by its classes and leave everything else to the field's own check."""
    if isinstance(value, str):
        if value not in PRESETS:
            raise ValueError(
                f"expected the preset {' or '.join(PRESETS)}, or a list of class names; found {value!r}; "
                "write the classes as a list"
            )
        return PRESETS[value]
    return value


def _unique(classes: tuple[str, ...]) -> tuple[str, ...]:
    if repeated := sorted(name for name, number in Counter(classes).items() if number > 1):
        raise ValueError(f"expected unique class names; found repeated: {', '.join(repeated)}; remove the repetitions")
    return classes


def _below(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or set(path) & set("\\\0"):
        raise ValueError(
            f"expected a path below the data set's folder; found {path!r}; write it without / before it or .."
        )
    return path


ClassName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Classes = Annotated[
    tuple[ClassName, ...],
    BeforeValidator(_resolved),
    AfterValidator(_unique),
    Field(min_length=1, max_length=MOST_CLASSES),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(PRESETS)},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]
FileName = Annotated[str, StringConstraints(min_length=1, pattern=r"^[\w.-]+$")]
Below = Annotated[str, StringConstraints(min_length=1), AfterValidator(_below)]
"""A path below the data set's folder."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VocReader(_Part):
    """A data set in the form of PASCAL VOC."""

    type: Literal["voc"]
    image_set: FileName = Field(default="test", description="name of the list below ImageSets/Main")
    year: FileName = Field(default="VOC2007", description="folder of the data set below VOCdevkit")


class CocoReader(_Part):
    """A data set in the form of COCO."""

    type: Literal["coco"]
    annotations: Below = Field(
        default="annotations/instances_val2017.json", description="instances file, below the data set's folder"
    )
    images: Below = Field(default="val2017", description="folder of the images, below the data set's folder")


class VocScore(_Part):
    """Mean average precision as PASCAL VOC defines it."""

    type: Literal["voc"]


class CocoScore(_Part):
    """Mean average precision as COCO defines it."""

    type: Literal["coco"]


class DetectConfig(_Part):
    """What ``plugin.config`` says about a detector."""

    classes: Classes = Field(
        description="foreground classes in the order of the network's outputs; voc and coco stand for their classes"
    )
    reader: Annotated[VocReader | CocoReader, Field(discriminator="type")] = Field(
        description="form of the data set: voc or coco"
    )
    preprocess: Operations = Field(description="what is done with an image before the network gets it, step by step")
    postprocess: Outputs = Field(
        description="what the outputs are: ssd (boxes and class scores of priors) or detections (boxes, scores, labels)"
    )
    metric: Annotated[VocScore | CocoScore, Field(discriminator="type")] = Field(
        description="mean average precision of voc or coco"
    )
    network: NetworkFactory | None = Field(
        default=None, description="what makes the torch network of a checkpoint; a model given as ONNX needs none"
    )
