"""What a manifest says about the outputs of a detector: one frozen model for each kind of them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zoo_detection.priors import Priors

Name = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
Overlap = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
Variance = Annotated[float, Field(gt=0.0, le=10.0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Form = Literal["xyxy", "yxyx", "xywh", "cxcywh"]
MOST_CLASSES: Final = 32_767
"""Labels are 16-bit numbers."""


class SsdOutputs(BaseModel):
    """A box and a score for each class, of every prior: what is left to do is decoding and suppression."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["ssd"]
    boxes: Name = Field(description="output with the boxes, float32 [batch, N, 4]")
    scores: Name = Field(description="output with the scores, float32 [batch, N, classes and background]")
    priors: Priors | None = Field(
        default=None, description="what the boxes are offsets from; without it they are boxes already, see form"
    )
    variances: tuple[Variance, Variance] = Field(
        default=(0.1, 0.2), description="what offsets of centres and of sizes are multiplied with"
    )
    form: Form | None = Field(
        default=None, description="of boxes that are no offsets, as fractions of the input: xyxy, yxyx, xywh or cxcywh"
    )
    activation: Literal["none", "softmax", "sigmoid"] = Field(
        default="none", description="what makes scores from 0 to 1 of the output; none where the model does it"
    )
    background: Literal["first", "last", "none"] = Field(
        default="first", description="where the background's score stands, if there is one"
    )
    score_threshold: Fraction = Field(default=0.01, description="scores up to and including this are no detections")
    nms_threshold: Overlap = Field(
        default=0.45, description="a box goes if its IoU with a kept box of its class exceeds this"
    )
    nms_top_k: Count = Field(default=400, description="boxes of a class that enter the suppression, the best ones")
    keep_top_k: Count = Field(default=200, description="detections of an image that are kept, the best ones")

    @model_validator(mode="after")
    def _offsets_or_boxes(self) -> SsdOutputs:
        if (self.priors is None) == (self.form is None):
            found = "neither" if self.priors is None else "both"
            raise ValueError(
                f"expected priors, or the form of boxes that are no offsets; found {found}; write one of them"
            )
        if self.priors is None and "variances" in self.model_fields_set:
            raise ValueError("expected no variances beside form: they belong to offsets; remove them, or write priors")
        return self


class FinishedOutputs(BaseModel):
    """Detections that the model made itself: boxes, a score and a label for each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["detections"]
    boxes: Name = Field(description="output with the boxes, float32 [batch, K, 4]")
    scores: Name = Field(description="output with the scores, float32 [batch, K]")
    labels: Name = Field(description="output with the labels, [batch, K], whole numbers of any type")
    form: Form = Field(default="xyxy", description="what the four numbers of a box are")
    unit: Literal["input", "fraction", "image"] = Field(
        default="input", description="of the boxes: pixels of the input, fractions of it, or pixels of the image"
    )
    first_label: Annotated[int, Field(ge=0)] = Field(
        default=0, description="label of the first class; 1 where 0 is the background"
    )
    label_values: tuple[int, ...] | None = Field(
        default=None, description="label of each class, where they do not follow each other, as in COCO with 90"
    )
    score_threshold: Fraction = Field(default=0.0, description="scores up to and including this are no detections")

    @model_validator(mode="after")
    def _one_numbering(self) -> FinishedOutputs:
        values = self.label_values
        if values is not None and "first_label" in self.model_fields_set:
            raise ValueError("expected first_label or label_values; found both; remove one of them")
        if values is not None and len(set(values)) < len(values):
            raise ValueError(f"expected a label of its own for each class; found {list(values)}; correct label_values")
        return self


Outputs = Annotated[SsdOutputs | FinishedOutputs, Field(discriminator="type")]
