"""Where things are that tests use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout."""
PACKAGES: Final = (
    *("zoo_runner", "zoo_images", "zoo_networks", "zoo_detection", "zoo_classification", "zoo_segmentation"),
    *("zoo_text", "refinedet_plugin"),
)
"""What is installed, from what all others use upwards."""
_PROJECT: Final = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
MODELS: Final = tuple(sorted(re.findall(r'^(\w+) = "\w+\.plugin"$', _PROJECT, re.MULTILINE)))
"""The plugins of models that come along."""
MANIFESTS: Final = ROOT / "manifests"
SAMPLE: Final = MANIFESTS / "refinedet320-sample.yaml"
"""The manifest of the bundled sample."""
TRIAL: Final = ROOT / "tests" / "trial_plugin" / "trial.yaml"
"""The manifest of a plugin that takes milliseconds."""
VOC2007: Final = ROOT.parent / "shared" / "data" / "voc2007-test"
"""Data kept beside the checkout; tests that want it skip where it is not."""
