"""Folders with a VOC data set, as small or as wrong as a test needs them."""

from __future__ import annotations

from pathlib import Path

from zoo_detection.voc.dataset import VocDataset

CLASSES = ("cat", "dog")
DATASET = VocDataset(CLASSES)
SIZE = "<size><width>353</width><height>500</height><depth>3</depth></size>"


def box_of(*sides: object) -> str:
    names = ("xmin", "ymin", "xmax", "ymax")
    return f"<bndbox>{''.join(f'<{n}>{s}</{n}>' for n, s in zip(names, sides, strict=True))}</bndbox>"


def object_of(name: str = "cat", body: str = box_of(1, 2, 30, 40), difficult: object = 0) -> str:
    return f"<object><name>{name}</name><difficult>{difficult}</difficult>{body}</object>"


def annotation(*objects: str, size: str = SIZE) -> str:
    return f"<annotation>{size}{''.join(objects)}</annotation>"


def devkit(root: Path, annotations: dict[str, str | bytes], ids: str | bytes | None = None) -> Path:
    """Write a VOCdevkit folder with these annotations and, unless told otherwise, the list of their ids."""
    folder = root / "VOCdevkit" / "VOC2007"
    for child in ("Annotations", "ImageSets/Main"):
        (folder / child).mkdir(parents=True)
    for name, content in annotations.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / "Annotations" / f"{name}.xml").write_bytes(raw)
    listed = "".join(f"{name}\n" for name in annotations) if ids is None else ids
    (folder / "ImageSets" / "Main" / "test.txt").write_bytes(listed if isinstance(listed, bytes) else listed.encode())
    return root / "VOCdevkit"
