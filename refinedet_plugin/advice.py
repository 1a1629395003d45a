"""What a checkpoint's shapes say about the configuration it was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from refinedet_plugin.config import PRIORS_PER_CELL, RefineDetConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST: Final = "vgg.0.weight"
"""The first convolution, [64 * width, 3, 3, 3]."""
WIDEST: Final = "vgg.31.weight"
"""The sixth layer of VGG-16 as a convolution, [1024 * width, 512 * width, 3, 3]: of the widths the finest measure."""
HEAD: Final = "odm_conf.0.weight"
"""The classes of the finest map, [priors of a cell * (classes + 1), 256 * width, 3, 3]."""
CHANNELS: Final = {WIDEST: 1024, "vgg.17.weight": 512, "vgg.10.weight": 256, "vgg.5.weight": 128, FIRST: 64}
"""Channels of the published network, by the names of layers, the widest first."""
DIGITS: Final = 6
"""After the point, of a width."""


def width_of(shapes: Mapping[str, tuple[int, ...]]) -> float | None:
    """Return the shortest width that gives a checkpoint's numbers of channels; ``None`` if nothing tells it.

    Args:
        shapes: Of the checkpoint's tensors, by the network's names.
    """
    channels = {published: shapes[name][0] for name, published in CHANNELS.items() if shapes.get(name)}
    measured = next((number / published for published, number in channels.items()), 0.0)
    if not 0 < measured <= 1:
        return None
    tried = [round(measured, digits) for digits in range(1, DIGITS)]
    return next((width for width in tried if _gives(width, channels)), measured)


def classes_of(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """Return how many classes a checkpoint was trained for, without the background; ``None`` if nothing tells it.

    Args:
        shapes: Of the checkpoint's tensors, by the network's names.
    """
    channels = (shapes.get(HEAD) or (0,))[0]
    classes = channels // PRIORS_PER_CELL - 1
    return classes if classes >= 1 and not channels % PRIORS_PER_CELL else None


def advice(config: RefineDetConfig, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Say which keys of ``plugin.config`` make the network fit a checkpoint; empty if none is known to.

    Args:
        config: What does not fit.
        shapes: Of the checkpoint's tensors, by the network's names.
    """
    cures = []
    found = width_of(shapes)
    if found is not None and config.channels(CHANNELS[FIRST]) != (shapes.get(FIRST) or (0,))[0]:
        cures.append(f"the file has width {found:g}, the manifest {config.width:g}: set plugin.config.width: {found:g}")
    classes, known = classes_of(shapes), len(config.classes)
    if classes is not None and classes != known:
        cures.append(f"the file has {classes} classes, the manifest {known}: list {classes} in plugin.config.classes")
    return "; ".join(cures)


def _gives(width: float, channels: Mapping[int, int]) -> bool:
    if not 0 < width <= 1:
        return False
    config = RefineDetConfig(width=width)
    return all(config.channels(published) == number for published, number in channels.items())
