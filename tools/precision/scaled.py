"""The bundled sample with larger numbers inside: activations scaled by a power of two and scaled back, fp32 unchanged.

Wider networks have larger activations than the sample. Convolution k of the ten from conv1_1
to conv4_3 makes its share of the factor; conv5_1 takes it back, or fc7. All factors are powers of two, so that no bit
of fp32 changes, unless an epsilon shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

ROOT: Final = Path(__file__).resolve().parents[2]
SAMPLE: Final = ROOT / "manifests" / "refinedet320-sample.yaml"
WEIGHTS: Final = ROOT / "refinedet_plugin" / "sample" / "weights.pth"
GROWING: Final = tuple(f"vgg.{number}" for number in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21))
"""conv1_1 to conv4_3."""
BACK: Final = {"conv5_1": ((), "vgg.24"), "fc7": (("vgg.24", "vgg.26", "vgg.28", "vgg.31"), "vgg.33")}
"""By what takes the factor back: the layers in between, and its own. Up to fc7 both L2 norms get larger numbers."""


def scaled_weights(weights: Mapping[str, torch.Tensor], exponent: int, back: str) -> dict[str, torch.Tensor]:
    """Return weights whose activations behind conv4_3 are ``2 ** exponent`` times as large, until ``back``."""
    made = dict(weights)
    before = 0
    between, last = BACK[back]
    for number, layer in enumerate((*GROWING, *between), start=1):
        after = min(round(exponent * number / len(GROWING)), exponent)
        made[f"{layer}.weight"] = weights[f"{layer}.weight"] * 2.0 ** (after - before)
        made[f"{layer}.bias"] = weights[f"{layer}.bias"] * 2.0**after
        before = after
    made[f"{last}.weight"] = weights[f"{last}.weight"] * 2.0**-exponent
    return made


def write_scaled(folder: Path, exponent: int, *, back: str = "conv5_1", onnx: str = "") -> Path:
    """Write scaled weights and a manifest of them to a folder, and return the manifest's path.

    Args:
        folder: Exists.
        exponent: Of the factor 2.
        back: What takes the factor back.
        onnx: More lines of the section ``onnx``, in YAML's flow style, such as ``safe_l2_norm: 6``.
    """
    import torch  # noqa: PLC0415 - two seconds that --help need not wait for

    weights = torch.load(WEIGHTS, weights_only=True)
    torch.save(scaled_weights(weights, exponent, back), folder / f"scaled{exponent}.pth")
    manifest = folder / f"scaled{exponent}.yaml"
    manifest.write_text(
        f"extends: {SAMPLE}\n"
        f"name: scaled{exponent}\n"
        f"weights: {{url: scaled{exponent}.pth, sha256: null, size: null}}\n"
        f"onnx: {{url: null, sha256: null, size: null{', ' if onnx else ''}{onnx}}}\n",
        encoding="utf-8",
    )
    return manifest
