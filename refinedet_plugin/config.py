"""What a manifest says about a RefineDet model: classes, size, width and thresholds."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from zoo_detection.voc.classes import VOC_CLASSES

PRESETS: Final = {"voc": VOC_CLASSES}
PRIORS_PER_CELL: Final = 3
MIN_CHANNELS: Final = 8

InputSize = Literal[320, 512]


def _resolve_preset(value: object) -> object:
    """Replace the name of a preset by its classes and leave everything else to the field's own check."""
    if isinstance(value, str):
        if value not in PRESETS:
            raise ValueError(
                f"expected the preset {' or '.join(PRESETS)}, or a list of class names; found {value!r}; "
                "write the classes as a list"
            )
        return PRESETS[value]
    return value


def _require_unique(classes: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({name for name in classes if classes.count(name) > 1})
    if repeated:
        raise ValueError(f"expected unique class names; found repeated: {', '.join(repeated)}; remove the repetitions")
    return classes


ClassName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Classes = Annotated[
    tuple[ClassName, ...],
    BeforeValidator(_resolve_preset),
    AfterValidator(_require_unique),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(PRESETS)},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class RefineDetConfig(BaseModel):
    """What ``plugin.config`` says about a RefineDet model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_size: InputSize = Field(default=320, description="side of the square network input, in pixels")
    classes: Classes = Field(
        default=VOC_CLASSES, description="foreground classes in label order; voc stands for the 20 of Pascal VOC"
    )
    width: Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)] = Field(
        default=1.0, description="factor on every hidden channel count; 1 is the published network"
    )
    mean: tuple[Finite, Finite, Finite] = Field(
        default=(104.0, 117.0, 123.0), description="subtracted from the pixels (0 to 255), in B, G, R order"
    )
    confidence_threshold: Fraction = Field(
        default=0.01, description="class confidences up to and including this are no detections"
    )
    objectness_threshold: Fraction = Field(
        default=0.01, description="priors whose ARM objectness is at most this are dropped"
    )
    nms_threshold: Fraction = Field(
        default=0.45, description="a box goes if its IoU with a kept box of its class exceeds this"
    )
    nms_top_k: Annotated[int, Field(gt=0)] = Field(default=1000, description="boxes of a class that enter NMS")
    image_set: Annotated[str, StringConstraints(min_length=1, pattern=r"^[\w.-]+$")] = Field(
        default="test", description="name of the list below ImageSets/Main"
    )
    year: Annotated[str, StringConstraints(min_length=1, pattern=r"^[\w.-]+$")] = Field(
        default="VOC2007", description="folder of the data set below VOCdevkit"
    )

    @property
    def num_classes(self) -> int:
        """Class channels of the network: the foreground classes and the background, which is channel 0."""
        return len(self.classes) + 1

    @property
    def feature_maps(self) -> tuple[int, int, int, int]:
        """Sides of the four square source maps, fine to coarse (strides 8, 16, 32 and 64)."""
        return (self.input_size // 8, self.input_size // 16, self.input_size // 32, self.input_size // 64)

    @property
    def num_priors(self) -> int:
        """Number N of priors: 6375 at 320 and 16320 at 512."""
        return PRIORS_PER_CELL * sum(side * side for side in self.feature_maps)

    def channels(self, published: int) -> int:
        """Channel count of a layer at this width.

        Args:
            published: The layer's channel count in the published network (width 1).

        Returns:
            ``published`` times the width, rounded to the nearest integer, at least 8.
        """
        return max(MIN_CHANNELS, round(published * self.width))
