"""A plugin's normalisation in the terms of AIPP, so that a model can take 8-bit pixels.

AIPP exchanges the first and the third channel where asked to, and then computes, by channel,
``(pixel - mean_chn - min_chn) * var_reci_chn`` (ATC's documentation, "Configuration File Template" of AIPP).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_runner.plugin.pixels import Normalisation

CHANNELS: Final = 3
LARGEST_MEAN: Final = 255
"""Of ``mean_chn``, which is an 8-bit integer, and of ``min_chn``."""
LARGEST_FACTOR: Final = 65504.0
"""Of ``var_reci_chn``, a float16."""


@dataclass(frozen=True, kw_only=True)
class AippParameters:
    """A normalisation in AIPP's terms, by channel of the network's input.

    Attributes:
        mean: ``mean_chn``, whole numbers from 0 to 255, subtracted first.
        minimum: ``min_chn``, from 0 to 255, subtracted second; float32 values.
        factor: ``var_reci_chn``, multiplied last; float32 values.
        swap: ``rbuv_swap_switch``.
        height: ``src_image_size_h``.
        width: ``src_image_size_w``.
    """

    mean: tuple[int, ...]
    minimum: tuple[float, ...]
    factor: tuple[float, ...]
    swap: bool
    height: int
    width: int


def aipp_parameters(normalisation: Normalisation) -> AippParameters:
    """Split the mean so that AIPP's two subtractions give, in float32, exactly the one of the plugin.

    ``mean_chn`` is the whole part of the mean, ``min_chn`` the rest. Pixel minus whole part is a small whole
    number and the rest has no more digits than the mean, so neither rounds; the second subtraction rounds the same
    exact difference as ``pixel - mean`` does.

    Raises:
        PluginError: There are not three channels, or AIPP cannot express a value.
    """
    import numpy as np  # noqa: PLC0415 - validating a manifest stays free of numpy

    problems = list(_problems(normalisation))
    if problems:
        raise PluginError(
            f"the plugin's normalisation cannot be written as AIPP: {'; '.join(problems)}; "
            "remove atc.aipp, or normalise on the host what AIPP cannot"
        )
    means = [float(np.float32(value)) for value in normalisation.mean]
    whole = tuple(min(math.floor(value), LARGEST_MEAN) for value in means)
    return AippParameters(
        mean=whole,
        minimum=tuple(value - part for value, part in zip(means, whole, strict=True)),
        factor=tuple(float(np.float32(value)) for value in normalisation.scale),
        swap=normalisation.swap_red_blue,
        height=normalisation.height,
        width=normalisation.width,
    )


def _problems(normalisation: Normalisation) -> Iterator[str]:
    for name, values in (("mean", normalisation.mean), ("scale", normalisation.scale)):
        if len(values) != CHANNELS:
            yield f"{name}: expected {CHANNELS} numbers, one a channel, found {len(values)}"
    yield from (
        f"mean: expected 0 to {2 * LARGEST_MEAN}, found {value}"
        for value in normalisation.mean
        if not 0 <= value <= 2 * LARGEST_MEAN
    )
    yield from (
        f"scale: expected a number from {-LARGEST_FACTOR:g} to {LARGEST_FACTOR:g}, found {value}"
        for value in normalisation.scale
        if not abs(value) <= LARGEST_FACTOR
    )
