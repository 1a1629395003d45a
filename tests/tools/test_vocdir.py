from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from defusedxml.ElementTree import fromstring

from sample.scenes import CLASSES, Scene, SceneObject, draw_scene
from sample.vocdir import write_voc

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def numbered(count: int) -> list[tuple[str, Scene]]:
    return [(f"{seed + 1:06d}", draw_scene(seed)) for seed in range(count)]


def text(element: Element, path: str) -> str:
    found = element.findtext(path)
    assert found is not None
    return found


def parsed(path: Path) -> tuple[dict[str, str], tuple[SceneObject, ...]]:
    root = fromstring(path.read_text(encoding="utf-8"))
    tags = ("folder", "filename", "size/width", "size/height", "size/depth", "segmented")
    objects = []
    for element in root.iter("object"):
        assert text(element, "pose") == "Unspecified"
        edges = [int(text(element, f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax")]
        objects.append(
            SceneObject(
                CLASSES.index(text(element, "name")),
                (edges[0], edges[1], edges[2], edges[3]),
                difficult=text(element, "difficult") == "1",
                truncated=text(element, "truncated") == "1",
            )
        )
    return {tag: text(root, tag) for tag in tags}, tuple(objects)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_written_directory_reads_back(tmp_path: Path) -> None:
    scenes = numbered(12)
    write_voc(tmp_path, iter(scenes))
    base = tmp_path / "VOC2007"
    assert (base / "ImageSets/Main/test.txt").read_text().split() == [image_id for image_id, _ in scenes]
    for image_id, scene in scenes:
        facts, objects = parsed(base / "Annotations" / f"{image_id}.xml")
        height, width, depth = scene.image.shape
        assert objects == scene.objects
        assert facts == {
            "folder": "VOC2007",
            "filename": f"{image_id}.jpg",
            "segmented": "0",
            "size/width": str(width),
            "size/height": str(height),
            "size/depth": str(depth),
        }
        image = cv2.imread(str(base / "JPEGImages" / f"{image_id}.jpg"))
        assert image is not None
        assert image.shape == scene.image.shape
        assert np.abs(image.astype(int) - scene.image).mean() < 6


def test_equal_scenes_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("first", "second", "second"):  # the last run overwrites
        write_voc(tmp_path / name, numbered(3))
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_240_images_fit_the_size_limit(tmp_path: Path) -> None:
    write_voc(tmp_path, numbered(40))
    size = sum(len(data) for data in contents(tmp_path).values())
    assert size * 240 / 40 < 5_500_000


@pytest.mark.parametrize("quality", [30, 95], ids=["low", "high"])
def test_options_reach_the_files(tmp_path: Path, quality: int) -> None:
    write_voc(tmp_path, numbered(1), image_set="val", quality=quality, folder="VOC2012")
    expected = cv2.imencode(".jpg", draw_scene(0).image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    assert (tmp_path / "VOC2012/JPEGImages/000001.jpg").read_bytes() == expected
    assert parsed(tmp_path / "VOC2012/Annotations/000001.xml")[0]["folder"] == "VOC2012"
    assert (tmp_path / "VOC2012/ImageSets/Main/val.txt").read_bytes() == b"000001\n"


def test_no_scenes_give_an_empty_set(tmp_path: Path) -> None:
    write_voc(tmp_path, [])
    assert contents(tmp_path) == {"VOC2007/ImageSets/Main/test.txt": b""}


@pytest.mark.parametrize(
    "ids",
    [[""], ["../000001"], ["a b"], ["000001.jpg"], ["000001", "000001"]],
    ids=["empty", "path", "blank", "suffix", "repeated"],
)
def test_bad_ids_are_refused(tmp_path: Path, ids: list[str]) -> None:
    with pytest.raises(ValueError, match=r"expected unused image ids of letters, digits and '_', found .*number"):
        write_voc(tmp_path, [(image_id, draw_scene(0)) for image_id in ids])
