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
CHANNELS: Final = {FIRST: 64, WIDEST: 1024}


def advice(config: RefineDetConfig, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Say which keys of ``plugin.config`` make the network fit a checkpoint; empty if none is known to.

    Args:
        config: What does not fit.
        shapes: Of the checkpoint's tensors, by the network's names.
    """
    cures = []
    found = next((shapes[name][0] / CHANNELS[name] for name in (WIDEST, FIRST) if shapes.get(name)), None)
    if found is not None and 0 < found <= 1 and config.channels(CHANNELS[FIRST]) != (shapes.get(FIRST) or (0,))[0]:
        cures.append(f"the file has width {found:g}, the manifest {config.width:g}: set plugin.config.width: {found:g}")
    channels = (shapes.get(HEAD) or (0,))[0]
    classes = channels // PRIORS_PER_CELL - 1
    if classes >= 1 and not channels % PRIORS_PER_CELL and classes != len(config.classes):
        known = len(config.classes)
        cures.append(f"the file has {classes} classes, the manifest {known}: list {classes} in plugin.config.classes")
    return "; ".join(cures)
