"""Write scenes as a VOCdevkit directory: JPEGs, XML annotations and an image set."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import cv2

from sample.scenes import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sample.scenes import Scene, SceneObject


def write_voc(
    root: Path,
    scenes: Iterable[tuple[str, Scene]],
    image_set: str = "test",
    quality: int = 85,
    folder: str = "VOC2007",
) -> None:
    """Write scenes in the layout of the VOC development kit.

    Creates ``JPEGImages/<id>.jpg``, ``Annotations/<id>.xml`` and
    ``ImageSets/Main/<image_set>.txt`` below ``root / folder``. Equal scenes give equal
    bytes; files that are already there are overwritten.

    Args:
        root: The development kit's directory; made if it is missing.
        scenes: Image ids with their scenes, in the order the image set lists them.
        image_set: Name of the image set.
        quality: JPEG quality, 1 to 100.
        folder: Name of the year's directory, which the annotations repeat.

    Raises:
        ValueError: An id is empty, repeated or no plain file name.
        OSError: A file cannot be written.
    """
    base = root / folder
    images, annotations, sets = (base / part for part in ("JPEGImages", "Annotations", "ImageSets/Main"))
    for directory in (images, annotations, sets):
        directory.mkdir(parents=True, exist_ok=True)
    written: dict[str, None] = {}
    for image_id, scene in scenes:
        if image_id in written or not image_id.replace("_", "").isalnum():
            raise ValueError(
                f"expected unused image ids of letters, digits and '_', found {image_id!r}; "
                "number the scenes, for example as 000001"
            )
        _, data = cv2.imencode(".jpg", scene.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        (images / f"{image_id}.jpg").write_bytes(data.tobytes())
        (annotations / f"{image_id}.xml").write_bytes(_annotation(scene, folder, f"{image_id}.jpg"))
        written[image_id] = None
    (sets / f"{image_set}.txt").write_bytes("".join(f"{image_id}\n" for image_id in written).encode())


def _annotation(scene: Scene, folder: str, filename: str) -> bytes:
    height, width, depth = scene.image.shape
    root = ET.Element("annotation")
    _add_texts(root, folder=folder, filename=filename)
    _add_texts(ET.SubElement(root, "size"), width=width, height=height, depth=depth)
    _add_texts(root, segmented=0)
    for item in scene.objects:
        _add_object(root, item)
    ET.indent(root, "\t")
    return bytes(ET.tostring(root, encoding="utf-8")) + b"\n"


def _add_object(root: ET.Element, item: SceneObject) -> None:
    element = ET.SubElement(root, "object")
    flags = {"truncated": int(item.truncated), "difficult": int(item.difficult)}
    _add_texts(element, name=CLASSES[item.label], pose="Unspecified", **flags)
    xmin, ymin, xmax, ymax = item.box
    _add_texts(ET.SubElement(element, "bndbox"), xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)


def _add_texts(parent: ET.Element, **texts: str | int) -> None:
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = str(text)
