"""What is done with an image before a network gets it, as data: one frozen model for each operation.

``preprocess:`` of a manifest is a list of them, applied in its order, each chosen by its ``op``. Images begin as 8-bit
B, G, R of the decoded file. What an operation does to the numbers is in :mod:`zoo_images.chain`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LARGEST_SIDE: Final = 16_384
"""Pixels of a side that an operation may ask for."""

Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
Level = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Divisor = Annotated[float, Field(ge=1e-6, le=1e6, allow_inf_nan=False)]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "area", "lanczos"]
Library: TypeAlias = Literal["opencv", "pillow"]
Order: TypeAlias = Literal["RGB", "BGR"]


class _Operation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Resampling(_Operation):
    interpolation: Interpolation = Field(default="bilinear", description="filter between pixels")
    like: Library = Field(
        default="opencv",
        description="whose filter: opencv samples the image as it is, pillow widens the filter where it gets smaller; "
        "area is Pillow's box",
    )


class _Sized(_Operation):
    size: Side | None = Field(default=None, description="width and height in pixels, of a square")
    width: Side | None = Field(default=None, description="in pixels; with height, in place of size")
    height: Side | None = Field(default=None, description="in pixels; with width, in place of size")

    @model_validator(mode="after")
    def _one_size(self) -> _Sized:
        pair = (self.width, self.height)
        if (self.size is None) == (pair == (None, None)) or (self.size is None and None in pair):
            given = [name for name in ("size", "width", "height") if getattr(self, name) is not None]
            raise ValueError(
                f"expected size, or width and height; found {' and '.join(given) or 'none of them'}; "
                "write size: 224, or width: 320 with height: 240"
            )
        return self

    @property
    def wanted(self) -> tuple[int, int]:
        """Width and height."""
        return self.width or self.size or 0, self.height or self.size or 0


class Resize(_Sized, _Resampling):
    """Stretch the image to a size; its aspect ratio may change."""

    op: Literal["resize"]


class ResizeShortSide(_Resampling):
    """Make the shorter side so long; the longer one follows the aspect ratio, rounded down, as torchvision does."""

    op: Literal["resize_short_side"]
    size: Side = Field(description="of the shorter side, in pixels")


class ResizeHeight(_Resampling):
    """Make the image so high; the width follows the aspect ratio, rounded up, as PP-OCR does for lines of text."""

    op: Literal["resize_height"]
    height: Side = Field(description="in pixels")
    max_width: Side | None = Field(default=None, description="wider images are squeezed to it; by default none are")
    usual_width: Side | None = Field(
        default=None, description="widths beyond it are rounded down, as PP-OCR does; by default they are rounded up"
    )


class CentreCrop(_Sized):
    """Cut out the middle; where it cannot be exact, the half pixel goes to the even side, as torchvision does."""

    op: Literal["centre_crop"]


class Letterbox(_Sized, _Resampling):
    """Fit the whole image into a size with its aspect ratio, and fill what is left on both sides."""

    op: Literal["letterbox"]
    fill: Annotated[int, Field(ge=0, le=255)] = Field(default=114, description="value of all channels beside the image")
    scale_up: bool = Field(default=True, description="whether images that are smaller are made larger")


class Pad(_Operation):
    """Put pixels to the right of the image and below it; an image that is large enough stays as it is."""

    op: Literal["pad"]
    width: Side | None = Field(default=None, description="the least width, in pixels")
    height: Side | None = Field(default=None, description="the least height, in pixels")
    multiple: Side | None = Field(default=None, description="width and height become multiples of it")
    fill: Level = Field(
        default=0.0, description="value of all channels there; behind normalise on the scale of the network's input"
    )

    @model_validator(mode="after")
    def _pads(self) -> Pad:
        if self.width is None and self.height is None and self.multiple is None:
            raise ValueError("expected width, height or multiple; found none of them; write one, or remove the step")
        return self


Levels = Level | tuple[Level, Level, Level]
Divisors = Divisor | tuple[Divisor, Divisor, Divisor]
Factors = Annotated[float, Field(gt=0.0, le=1e6, allow_inf_nan=False)]


class Normalise(_Operation):
    """Turn pixels into the network's numbers: (pixel - mean) / std, or (pixel - mean) * scale, as float32."""

    op: Literal["normalise"]
    order: Order = Field(default="RGB", description="channels of the network's input; mean, std and scale are in it")
    mean: Levels = Field(default=0.0, description="subtracted; one number, or one for each channel")
    std: Divisors | None = Field(default=None, description="divided by; one number, or one for each channel")
    scale: Factors | tuple[Factors, Factors, Factors] | None = Field(
        default=None, description="multiplied by, in place of std"
    )
    white: Literal[1, 255] = Field(
        default=255, description="what mean and std call a white pixel: 255, or 1 where they are written as fractions"
    )

    @model_validator(mode="after")
    def _one_factor(self) -> Normalise:
        if self.std is not None and self.scale is not None:
            raise ValueError("expected std or scale; found both; scale is 1 / std: remove one of them")
        if self.scale is not None and self.white == 1:
            raise ValueError("expected white: 255 beside scale; found 1; write std, or mean and scale for 0 to 255")
        return self

    @property
    def arithmetic(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """What is subtracted from pixels of 0 to 255, and what they are multiplied with then, by channel of the input.

        Without std and scale the factor is 1, or 1 / 255 where white is 1.
        """
        mean = tuple(level * 255 / self.white for level in _three(self.mean))
        if self.scale is not None:
            return _three(mean), _three(self.scale)
        divisors = _three(1.0 if self.std is None else self.std)
        return _three(mean), _three(tuple(self.white / (255 * divisor) for divisor in divisors))


class Layout(_Operation):
    """Say where the channels stand in the network's input."""

    op: Literal["layout"]
    order: Literal["CHW", "HWC"] = Field(default="CHW", description="CHW has one plane after the other")


Operation = Annotated[
    Resize | ResizeShortSide | ResizeHeight | CentreCrop | Letterbox | Pad | Normalise | Layout,
    Field(discriminator="op"),
]


def _three(value: float | tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = value if isinstance(value, tuple) else (value,) * 3
    return first, second, third


def _in_order(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Refuse what would be applied to something else than it is made for."""
    seen: dict[str, int] = {}
    for number, each in enumerate(operations, start=1):
        later = "layout" if "layout" in seen else "normalise" if "normalise" in seen else ""
        if later and (each.op == later or each.op not in {"pad", "layout"} or later == "layout"):
            raise ValueError(
                f"expected {each.op} (step {number}) before {later} (step {seen[later]}), and each of normalise and "
                f"layout at most once; found {', '.join(other.op for other in operations)}; change the order"
            )
        if each.op == "pad" and not later and not (each.fill.is_integer() and 0 <= each.fill <= MOST):
            raise ValueError(
                f"expected a fill of 0 to 255 of pad (step {number}), as pixels have; found {each.fill:g}; "
                "correct it, or put the step behind normalise"
            )
        seen.setdefault(each.op, number)
    return operations


MOST: Final = 255
"""Value of an 8-bit pixel."""
Operations = Annotated[tuple[Operation, ...], Field(min_length=1), AfterValidator(_in_order)]
"""A ``preprocess:`` list."""
