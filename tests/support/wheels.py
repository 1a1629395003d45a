"""Wheels made by hand, and pip's settings for a folder of them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def wheel(folder: Path, files: dict[str, bytes], name: str = "toy_net", version: str = "1.2") -> Path:
    """Write a wheel with these files, and with what pip wants to read in it."""
    info = f"{name}-{version}.dist-info"
    texts = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: no-such-xyz\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in {**files, **{key: text.encode() for key, text in texts.items()}}.items():
            archive.writestr(member, content)
    return path


def source_distribution(folder: Path, marker: Path, name: str = "toy_source", version: str = "1.2") -> Path:
    """Write a source distribution that leaves a mark where anything of it runs."""
    path = folder / f"{name}-{version}.tar.gz"
    setup = f"open({str(marker)!r}, 'w').close()\n".encode()
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(f"{name}-{version}/setup.py")
        member.size = len(setup)
        archive.addfile(member, io.BytesIO(setup))
    return path


def only_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip look into one folder, and ask no index."""
    settings = {"NO_INDEX": "1", "FIND_LINKS": str(folder), "CONFIG_FILE": "/dev/null"}
    for key, value in settings.items():
        monkeypatch.setenv(f"PIP_{key}", value)
