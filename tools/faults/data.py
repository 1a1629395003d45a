"""Faults in the data set, each in a copy of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from faults.bench import replace
from faults.records import EITHER, REFUSED, Fault
from faults.ways import data

AREA: Final = "data"
END: Final = b"\xff\xd9"
SIDES: Final = re.compile(r"<(xmin|ymin|xmax|ymax)>(\d+)<")
OBJECT: Final = re.compile(r"\s*<object>.*?</object>", re.DOTALL)
SIZE: Final = re.compile(r"<width>(\d+)</width>\s*<height>(\d+)</height>")


def texts(change: Callable[[str], str], every: int = 1) -> Callable[[Path], None]:
    """Change every so many annotations."""

    def apply(folder: Path) -> None:
        for path in sorted(folder.glob("Annotations/*.xml"))[::every]:
            before = path.read_text(encoding="utf-8")
            if (after := change(before)) != before:
                replace(path, after)

    return apply


def images(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Change the bytes of all images."""

    def apply(folder: Path) -> None:
        for path in sorted(folder.glob("JPEGImages/*.jpg")):
            replace(path, change(path.read_bytes()))

    return apply


def pixels(change: Callable[[Any], Any], quality: int = 95) -> Callable[[Path], None]:
    """Change the pixels of all images."""

    def changed(content: bytes) -> bytes:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        done, encoded = cv2.imencode(".jpg", change(image), [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not done:
            raise OSError("OpenCV cannot write a JPEG")
        return encoded.tobytes()

    return images(changed)


def exchanged(first: str, second: str) -> Callable[[str], str]:
    """Exchange two classes."""
    names = {first: second, second: first}
    return lambda text: re.sub(rf"<name>({first}|{second})<", lambda found: f"<name>{names[found[1]]}<", text)


def moved(right: int) -> Callable[[str], str]:
    """Move all boxes, as far as the image goes."""

    def change(text: str) -> str:
        width = size_of(text)[0]
        return SIDES.sub(
            lambda found: f"<{found[1]}>{min(width, int(found[2]) + right) if found[1][0] == 'x' else found[2]}<", text
        )

    return change


def size_of(text: str) -> tuple[int, int]:
    """Read width and height of the image."""
    found = SIZE.search(text)
    if found is None:
        raise OSError("an annotation without a size")
    return int(found[1]), int(found[2])


def normalised(text: str) -> str:
    """Write coordinates as fractions of the image."""
    sides = dict(zip("xy", size_of(text), strict=True))
    return SIDES.sub(lambda found: f"<{found[1]}>{int(found[2]) / sides[found[1][0]]:.4f}<", text)


def outside(text: str) -> str:
    """Move boxes out of the image to the right."""
    width = size_of(text)[0]
    return SIDES.sub(lambda found: f"<{found[1]}>{int(found[2]) + (width if found[1][0] == 'x' else 0)}<", text)


def rescaled(text: str) -> str:
    """Say that the image has half its width and height, and leave the boxes."""
    width, height = size_of(text)
    return SIZE.sub(f"<width>{width // 2}</width><height>{height // 2}</height>", text)


def turned(text: str) -> str:
    """Exchange width and height."""
    width, height = size_of(text)
    return SIZE.sub(f"<width>{height}</width><height>{width}</height>", text)


def without(name: str) -> Callable[[str], str]:
    """Leave out the objects of a class."""
    return lambda text: OBJECT.sub(lambda found: "" if f"<name>{name}<" in found[0] else found[0], text)


def easy_for_difficult(text: str) -> str:
    """Turn the difficult flags around."""
    return re.sub(r"<difficult>([01])<", lambda found: f"<difficult>{1 - int(found[1])}<", text)


def rotated(folder: Path) -> None:
    """Give each image the file of the next one of its size."""
    groups: dict[tuple[int, int], list[Path]] = defaultdict(list)
    for path in sorted(folder.glob("Annotations/*.xml")):
        groups[size_of(path.read_text(encoding="utf-8"))].append(folder / "JPEGImages" / f"{path.stem}.jpg")
    for paths in groups.values():
        contents = [path.read_bytes() for path in paths]
        for path, content in zip(paths, contents[1:] + contents[:1], strict=True):
            replace(path, content)


def halved(folder: Path) -> None:
    """Halve images and the sizes that annotations give them."""
    pixels(lambda image: cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2)))(folder)
    texts(rescaled)(folder)


def listed(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    """Change the list of ids."""

    def apply(folder: Path) -> None:
        path = folder / "ImageSets" / "Main" / "test.txt"
        replace(path, "\n".join(change(path.read_text(encoding="utf-8").split())) + "\n")

    return apply


def scan_of(content: bytes) -> int:
    """Find where the image's entropy-coded data begin."""
    start = content.index(b"\xff\xda")
    return start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")


def cut(content: bytes) -> bytes:
    """Keep half of the entropy-coded data."""
    start = scan_of(content)
    return content[: start + (len(content) - start) // 2]


def zeroed(content: bytes) -> bytes:
    """Overwrite a part of the entropy-coded data."""
    start = scan_of(content)
    middle = start + (len(content) - start) // 3
    return content[:middle] + bytes(200) + content[middle + 200 :]


def skipped(content: bytes) -> bytes:
    """Take a part of the entropy-coded data out."""
    start = scan_of(content)
    middle = start + (len(content) - start) // 3
    return content[:middle] + content[middle + 300 :]


FAULTS: Final = (
    Fault(
        name="classes-exchanged",
        area=AREA,
        what="two classes exchanged in the annotations",
        act=data(texts(exchanged("red_disc", "blue_disc"))),
        quick=True,
    ),
    Fault(
        name="class-missing",
        area=AREA,
        what="one class missing from half of the annotations",
        act=data(texts(without("red_disc"), every=2)),
    ),
    Fault(
        name="class-unknown",
        area=AREA,
        what="one class under a name that the manifest does not have",
        act=data(texts(lambda text: text.replace("<name>red_disc<", "<name>red_circle<"))),
        expect=REFUSED,
        names="red_circle",
    ),
    Fault(
        name="digits-changed",
        area=AREA,
        what="half the left edge of every box",
        act=data(texts(lambda text: re.sub(r"<xmin>(\d+)<", lambda x: f"<xmin>{max(1, int(x[1]) // 2)}<", text))),
    ),
    Fault(
        name="boxes-moved",
        area=AREA,
        what="boxes 20 pixels to the right",
        act=data(texts(moved(20))),
    ),
    Fault(
        name="boxes-moved-by-one",
        area=AREA,
        what="boxes one pixel to the right: 0-based for 1-based",
        act=data(texts(moved(1))),
        expect=EITHER,
    ),
    Fault(
        name="boxes-normalised",
        area=AREA,
        what="coordinates between 0 and 1",
        act=data(texts(normalised)),
        expect=REFUSED,
        quick=True,
        names="between 0 and 1",
    ),
    Fault(
        name="boxes-outside",
        area=AREA,
        what="boxes outside the image",
        act=data(texts(outside)),
        expect=REFUSED,
        names="inside the annotated",
    ),
    Fault(
        name="difficult-turned",
        area=AREA,
        what="difficult for easy and easy for difficult",
        act=data(texts(easy_for_difficult)),
    ),
    Fault(
        name="objects-lost",
        area=AREA,
        what="every third annotation without objects",
        act=data(texts(lambda text: OBJECT.sub("", text), every=3)),
    ),
    Fault(
        name="sizes-turned",
        area=AREA,
        what="annotated width and height exchanged",
        act=data(texts(turned)),
        expect=REFUSED,
        names="inside the annotated",
    ),
    Fault(
        name="images-rotated",
        area=AREA,
        what="every image in the place of another one of its size",
        act=data(rotated),
    ),
    Fault(
        name="images-halved",
        area=AREA,
        what="images and annotated sizes halved, boxes left",
        act=data(halved),
    ),
    Fault(
        name="images-black",
        area=AREA,
        what="all images black",
        act=data(pixels(np.zeros_like)),
    ),
    Fault(
        name="images-compressed",
        area=AREA,
        what="images written again at the lowest quality",
        act=data(pixels(lambda image: image, quality=1)),
    ),
    Fault(
        name="truncated-with-end",
        area=AREA,
        what="half of each image, and an end marker",
        act=data(images(lambda content: cut(content) + END)),
        expect=REFUSED,
        names=r"\.jpg",
        quick=True,
    ),
    Fault(
        name="truncated-with-image",
        area=AREA,
        what="half of each image, and another whole image behind it",
        act=data(images(lambda content: cut(content) + content)),
        expect=REFUSED,
        names=r"\.jpg",
    ),
    Fault(
        name="entropy-zeroed",
        area=AREA,
        what="some of each image's data overwritten",
        act=data(images(zeroed)),
        expect=REFUSED,
        names=r"\.jpg",
    ),
    Fault(
        name="entropy-skipped",
        area=AREA,
        what="some of each image's data missing",
        act=data(images(skipped)),
        expect=REFUSED,
        names=r"\.jpg",
    ),
    Fault(
        name="image-gone",
        area=AREA,
        what="one image file missing",
        act=data(lambda folder: (folder / "JPEGImages" / "000001.jpg").unlink()),
        expect=REFUSED,
        names=r"000001\.jpg",
    ),
    Fault(
        name="ids-twice",
        area=AREA,
        what="one id listed twice in the place of another one",
        act=data(listed(lambda ids: [*ids[:1], *ids[:1], *ids[2:]])),
        expect=REFUSED,
        names="already on line 1",
    ),
    Fault(
        name="ids-missing",
        area=AREA,
        what="half of the ids",
        act=data(listed(lambda ids: ids[:120])),
    ),
    Fault(
        name="ids-reversed",
        area=AREA,
        what="the list of ids from its end, so that the subset has other images",
        act=data(listed(lambda ids: ids[::-1])),
        expect=EITHER,
    ),
)
