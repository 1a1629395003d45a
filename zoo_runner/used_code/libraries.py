"""Versions of the libraries that compute. Another version may give other numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Final

ARRAYS: Final = ("numpy",)
DECODING: Final = (
    *("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    *("opencv-python-rolling", "opencv-contrib-python-rolling", "pillow", "pillow-simd"),
)
COMPILING: Final = ("numba", "llvmlite")
RUNTIMES: Final = (
    *("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml", "onnxruntime-training"),
    *("onnxruntime-cann", "ort-nightly"),
)
"""Distributions of ONNX Runtime. If several are installed, the last one has overwritten the files of the others."""
EXPORTING: Final = ("torch", "safetensors", "onnx", "onnxsim", "onnxscript", *ARRAYS, *RUNTIMES)
"""Libraries that make the exported graph, or compare it with the network."""
FOLDING: Final = ("onnx", *ARRAYS)
PREDICTING: Final = (*ARRAYS, *DECODING, *COMPILING)
"""Libraries that compute before and after the model. The library that runs the model is in ``Backend.version``."""


def versions(names: Iterable[str]) -> Mapping[str, str]:
    """Return the versions of those of the distributions that are installed, by name; nothing is imported."""
    found = {name: _version(name) for name in names}
    return {name: version for name, version in found.items() if version is not None}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
