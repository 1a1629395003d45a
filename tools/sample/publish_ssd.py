"""Writes the ONNX file of the plugin detect's sample from its weights, and prints what to write into the manifest.

python tools/sample/publish_ssd.py tools/run-ssd/weights.pth zoo_detection/sample/ssd.onnx
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Final

import onnx
import onnxsim
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sample.scenes import CLASSES
from sample.ssd import SIDE, SmallSsd

OPSET: Final = 11


def publish(weights: Path, target: Path) -> None:
    """Export the network; batch normalisation becomes part of the convolutions."""
    model = SmallSsd(len(CLASSES))
    model.load_state_dict(torch.load(weights, weights_only=True))
    torch.onnx.export(
        model.eval(),
        (torch.zeros(1, 3, SIDE, SIDE),),
        target.with_suffix(".part"),
        input_names=["image"],
        output_names=["boxes", "scores"],
        dynamic_axes={name: {0: "batch"} for name in ("image", "boxes", "scores")},
        opset_version=OPSET,
        dynamo=False,
    )
    simplified, same = onnxsim.simplify(onnx.load(target.with_suffix(".part")))
    target.with_suffix(".part").unlink()
    if not same:
        raise SystemExit("the simplified network gives other numbers")
    onnx.save(simplified, target)


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    publish(given.weights, given.target)
    content = given.target.read_bytes()
    print(f"  sha256: {hashlib.sha256(content).hexdigest()}\n  size: {len(content)}")


if __name__ == "__main__":
    main()
