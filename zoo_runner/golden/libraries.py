"""The libraries that make inputs, and where they do: others may round a pixel otherwise without a fault."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Final

from zoo_runner.used_code.libraries import PREDICTING, versions

MACHINE: Final = "machine"
"""The key of the processor's kind: libraries have other code for each."""
INPUTS: Final = (
    *PREDICTING,
    *("scipy", "scikit-image", "simplejpeg", "imageio", "torchvision", "torchaudio", "librosa", "soundfile", "soxr"),
    *("tokenizers", "sentencepiece"),
)
"""Distributions that decode, resize or cut into tokens."""
NONE: Final = "none"


def input_versions() -> Mapping[str, str]:
    """Return the versions of what makes inputs here, and the kind of processor."""
    return {**versions(INPUTS), MACHINE: platform.machine()}


def other_versions(recorded: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Name what has another version here than where a bundle was recorded; empty where nothing has.

    Args:
        recorded: Versions in the bundle. An older release has noted some of them only, and no machine: what it has not
            noted says nothing.
        here: As :func:`input_versions` gives them.
    """
    whole = MACHINE in recorded
    names = [name for name in (*INPUTS, MACHINE) if whole or name in recorded]
    pairs = [(name, recorded.get(name, NONE), here.get(name, NONE)) for name in names]
    return ", ".join(f"{name} {now} here and {then} there" for name, then, now in pairs if then != now)
