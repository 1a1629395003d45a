"""Rewrites the sample's weights so that its two location outputs cannot be taken for each other.

    python tools/sample/enlarge.py tools/run/weights.pth refinedet_plugin/sample/weights.pth

The first stage refines a prior to an anchor, the second an anchor to a box, both with small offsets. In a
network as small as this one the two stages' offsets can be exchanged with hardly any effect on the boxes, and
exchanging outputs of equal size is the very mistake that the sample has to show. So the anchors are made
larger by a constant factor, and the second stage takes it back: in real arithmetic the boxes stay what they
were, but an exchange now moves them.

With s = exp(0.2 k): arm_loc's width and height offsets grow by k, which makes anchors s times as large; odm_loc's
centre offsets, which count in anchor sizes, shrink by s, and its width and height offsets fall by k. (See
``zoo_detection.boxes.decode`` for the variances 0.1 and 0.2.)
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

K: Final = 7.5
"""Anchors become exp(1.5) = 4.5 times as large."""


def enlarged(state: Mapping[str, torch.Tensor], k: float = K) -> dict[str, torch.Tensor]:
    """Return the weights with larger anchors and the same boxes.

    Args:
        state: The network's state dict; every location head has four channels a prior (x, y, w, h).
        k: Added to the first stage's width and height offsets.
    """
    return {name: _rewritten(name, tensor, k) for name, tensor in state.items()}


def _rewritten(name: str, tensor: torch.Tensor, k: float) -> torch.Tensor:
    head, _, kind = name.partition(".")
    if head not in {"arm_loc", "odm_loc"}:
        return tensor
    offsets = tensor.clone().view(-1, 4, *tensor.shape[1:])
    if head == "odm_loc":
        offsets[:, :2] *= math.exp(-0.2 * k)
    if kind.endswith("bias"):
        offsets[:, 2:] += k if head == "arm_loc" else -k
    return offsets.view_as(tensor)


def main() -> None:
    """Read the command line and rewrite."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    state = torch.load(given.source, weights_only=True)
    torch.save(enlarged(state), given.target)
    print(f"wrote {given.target}")


if __name__ == "__main__":
    main()
