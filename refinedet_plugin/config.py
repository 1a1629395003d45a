"""What a manifest says about a RefineDet model: classes, size, width and thresholds."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

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
]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class RefineDetConfig(BaseModel):
    """The ``model`` section of a RefineDet manifest.

    Attributes:
        input_size: Side of the square network input, in pixels.
        classes: The foreground classes in label order. A manifest may say ``voc`` for the 20 VOC classes.
        width: Factor on every hidden channel count; 1 is the published network.
        mean: Subtracted from the pixels (0 to 255), in B, G, R order.
        confidence_threshold: Class confidences up to and including this are no detections.
        objectness_threshold: Priors whose ARM objectness is at most this are dropped.
        nms_threshold: A box goes if its IoU with a kept box of its class exceeds this.
        nms_top_k: Boxes per class that enter NMS.
        image_set: Name of the list under ``ImageSets/Main``.
        year: Folder of the data set under ``VOCdevkit``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_size: InputSize = 320
    classes: Classes = VOC_CLASSES
    width: Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)] = 1.0
    mean: tuple[Finite, Finite, Finite] = (104.0, 117.0, 123.0)
    confidence_threshold: Fraction = 0.01
    objectness_threshold: Fraction = 0.01
    nms_threshold: Fraction = 0.45
    nms_top_k: Annotated[int, Field(gt=0)] = 1000
    image_set: Annotated[str, StringConstraints(min_length=1, pattern=r"^[\w.-]+$")] = "test"
    year: Annotated[str, StringConstraints(min_length=1, pattern=r"^[\w.-]+$")] = "VOC2007"

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
