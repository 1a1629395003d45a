"""Archives of weights, and the checkpoints in them."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path


def zipped(path: Path, names: dict[str, Path]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in names.items():
            archive.write(file, name)
    return path


def tarred(path: Path, names: dict[str, Path]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, file in names.items():
            archive.add(file, name)
    return path
