"""The manifest of utterances, with its plugin, weights and data."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).parent.parent / "speech_plugin"
SPEAKERS = ("ann", "ben", "cid", "dot", "eve", "flo")
WRONG = "dot"
"""The speaker of whom every file is called after another column than the largest one."""
UTTERANCES = 24
LENGTHS = (3, 1, 2, 5)
"""Of the utterances, in turn: three at a time."""
ROWS = 66
"""Of all utterances."""


def write_site(folder: Path) -> Path:
    """Write a folder that on the import path is as good as the installed plugin."""
    info = folder / "speech-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(SOURCE / "speech_plugin.py", folder)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: speech\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo_runner]\nspeech = speech_plugin\n")
    return folder


def write_files(folder: Path) -> Path:
    """Write manifest, weights and data; utterance k is the (k mod 6)-th speaker's."""
    import torch  # noqa: PLC0415 - two seconds that most tests do not need

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCE / "speech.yaml", folder)
    torch.save({"layer.weight": torch.eye(4), "layer.bias": torch.zeros(4)}, folder / "weights.pth")
    (folder / "data").mkdir()
    for index in range(UTTERANCES):
        speaker, label = SPEAKERS[index % len(SPEAKERS)], index % 4
        signal = np.zeros((LENGTHS[(index // 3) % len(LENGTHS)], 4), np.float32)
        signal[:, (label + 1) % 4] = 0.5  # what a single part may be mistaken by
        signal[-1, label] = 0.25 + 0.5 * len(signal) + index / 64
        said = (label + 1) % 4 if speaker == WRONG else label
        np.save(folder / "data" / f"{speaker}_{index:02d}_{said}.npy", signal)
    return folder
