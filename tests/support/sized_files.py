"""The manifest of samples with sizes of their own, with its plugin, weights and data."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

PLUGINS = Path(__file__).parent.parent
SOURCE = PLUGINS / "sized_plugin"
SIZES = ((4, 8), (8, 4), (8, 12), (3, 7), (8, 8), (7, 2), (1, 1), (5, 12))
"""Of the grids, in turn; the second half of them fits no gear exactly."""
GRIDS = 24


def write_site(folder: Path, name: str = "sized") -> Path:
    """Write a folder that on the import path is as good as an installed plugin of the tests."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(PLUGINS / f"{name}_plugin" / f"{name}_plugin.py", folder)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[zoo_runner]\n{name} = {name}_plugin\n")
    return folder


def write_files(folder: Path) -> Path:
    """Write manifest, weights and data; the network doubles, and each file's name tells its highest place."""
    import torch  # noqa: PLC0415 - two seconds that most tests do not need

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCE / "sized.yaml", folder)
    state = {"layer.weight": torch.full((1, 1, 1, 1), 2.0), "layer.bias": torch.zeros(1)}
    torch.save(state, folder / "weights.pth")
    (folder / "data").mkdir()
    generator = np.random.default_rng(0)
    for index in range(GRIDS):
        height, width = SIZES[index % len(SIZES)]
        grid = generator.random((height, width), dtype=np.float32)
        row, column = index % height, (index * 5) % width
        grid[row, column] = 2.0
        np.save(folder / "data" / f"{index:02d}_{row}_{column}.npy", grid)
    return folder
