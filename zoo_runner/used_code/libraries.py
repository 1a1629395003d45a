"""Versions of the libraries that compute: another one may give other numbers."""

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
"""Distributions of ONNX Runtime; more than one may be installed, and the last one's files count."""
EXPORTING: Final = ("torch", "safetensors", "onnx", "onnxsim", "onnxscript", *ARRAYS, *RUNTIMES)
"""Shape the exported graph, and the comparison that it had to pass."""
FOLDING: Final = ("onnx", *ARRAYS)
PREDICTING: Final = (*ARRAYS, *DECODING, *COMPILING)
"""Compute before and after the model; what runs the model names itself (``Backend.version``)."""


def versions(names: Iterable[str]) -> Mapping[str, str]:
    """Return the versions of those distributions that are installed, without importing anything."""
    found = {name: _version(name) for name in names}
    return {name: version for name, version in found.items() if version is not None}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
