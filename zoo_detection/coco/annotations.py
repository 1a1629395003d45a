"""The JSON file of a COCO data set, ``instances_*.json``: read up to a bound, every value checked, all faults told.

The file may come from anywhere. What it names stays below the folder of images, and numbers are finite.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from zoo_runner.errors import DatasetError, listed, shortened
from zoo_runner.plugin.files import Bound, read_regular

LARGEST: Final = Bound("ZOO_RUNNER_COCO_LIMIT", 500 * 10**6)
"""Bytes of the file; what Python makes of it takes several times as much memory."""
MOST_ID: Final = 2**63 - 1
MOST_PIXELS: Final = 10**6
"""Of a coordinate, or of a side of an image."""
SHOWN: Final = 60
NUMBERS: Final = 4
"""Of a box."""


class _FaultError(ValueError):
    """What is wrong with one record."""


class _TwiceError(ValueError):
    """A key that is there twice; JSON does not say which of its values counts."""


@dataclass(frozen=True, kw_only=True)
class CocoObject:
    """One annotated object: category, box (x, y, width, height), area, and whether it is a crowd."""

    category: int
    box: tuple[float, float, float, float]
    area: float
    crowd: bool


@dataclass(frozen=True, kw_only=True)
class CocoImage:
    """One image: its id, the name of its file, its size, and its objects in the file's order."""

    id: int
    file: str
    width: int
    height: int
    objects: list[CocoObject] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CocoFile:
    """What the file holds.

    Attributes:
        images: By ascending id, as COCO's own program orders them.
        categories: Names by id, by ascending id.
    """

    images: Sequence[CocoImage]
    categories: Mapping[int, str]


def read_annotations(path: Path) -> CocoFile:
    """Read and check the file.

    Raises:
        DatasetError: It is missing, too large, no JSON, or no instances file; the first faults are named.
    """
    data = _parsed(path)
    faults: list[str] = []
    categories = _categories(data["categories"], faults)
    images: dict[int, CocoImage] = {}
    files: dict[str, int] = {}
    for image in _records(data["images"], "images", _image, faults):
        if image.id in images:
            faults.append(f"images: id {image.id} is there more than once")
        elif image.file in files:
            faults.append(f"images: {image.file!r} is the file of {files[image.file]} and of {image.id}")
        images.setdefault(image.id, image)
        files.setdefault(image.file, image.id)
    for place, (owner, one) in enumerate(_records(data["annotations"], "annotations", _object, faults)):
        if owner not in images:
            faults.append(f"annotations: number {place} has image_id {owner}, and there is no such image")
        elif one.category not in categories:
            faults.append(f"annotations: number {place} has category_id {one.category}, and there is no such category")
        else:
            images[owner].objects.append(one)
    if not images:
        faults.append("images: there is none")
    if faults:
        raise DatasetError(
            f"expected the instances of a COCO data set in {path}; found {len(faults)} "
            f"{'fault' if len(faults) == 1 else 'faults'}:\n{listed(faults)}\nrepair or fetch the file again"
        )
    return CocoFile(images=[images[one] for one in sorted(images)], categories=dict(sorted(categories.items())))


def _categories(listed_there: list[Any], faults: list[str]) -> dict[int, str]:
    """Return the names by id; no two may share either."""
    named = [(one, name) for one, name in _records(listed_there, "categories", _category, faults) if name]
    for what, different in (("id", {one for one, _ in named}), ("name", {name for _, name in named})):
        if len(different) < len(named):
            faults.append(f"categories: two have the same {what}")
    return dict(named)


def _parsed(path: Path) -> Mapping[str, list[Any]]:
    wanted = f"expected the instances file of a COCO data set at {path}"
    try:
        data: object = json.loads(read_regular(path, LARGEST.value, LARGEST.remedy), object_pairs_hook=_once)
    except FileNotFoundError:
        others = sorted(each.name for each in path.parent.glob("*.json"))[:10]
        raise DatasetError(
            f"{wanted}; found no such file, {'but ' + ', '.join(others) if others else 'and no JSON file beside it'}; "
            "set plugin.config.reader.annotations to the file"
        ) from None
    except OSError as error:
        raise DatasetError(f"{wanted}; it cannot be read: {error.strerror}; fetch it again") from error
    except _TwiceError as error:
        raise DatasetError(f"{wanted}; found {error}; repair or fetch it again") from None
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, no UTF-8, or a number of thousands of digits
        raise DatasetError(f"{wanted}; it is no JSON: {shortened(str(error))}; fetch it again") from error
    parts = ("images", "annotations", "categories")
    if not isinstance(data, dict) or not all(isinstance(data.get(part), list) for part in parts):
        found = ", ".join(sorted(map(str, data))[:10]) if isinstance(data, dict) else f"a {type(data).__name__}"
        raise DatasetError(
            f"{wanted}: an object with lists {', '.join(parts)}; found {shortened(found) or 'nothing'}; "
            "captions, results and image_info files have no objects: name the file instances_*.json"
        )
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = next(name for name, number in names.items() if number > 1)
        raise _TwiceError(f"the key {shortened(repr(twice), SHOWN)} twice in one object")
    return found


def _records(rows: Sequence[Any], part: str, read: Any, faults: list[str]) -> Iterator[Any]:
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            faults.append(f"{part}: number {place}: expected an object, found {_shown(row)}")
            continue
        try:
            yield read(row)
        except _FaultError as fault:
            faults.append(f"{part}: number {place}: {fault}")


def _category(row: Mapping[str, Any]) -> tuple[int, str]:
    name = row.get("name")
    if not isinstance(name, str) or not name.strip():
        raise _FaultError(f"expected a name, found {_shown(name)}")
    return _whole(row, "id"), name.strip()


def _image(row: Mapping[str, Any]) -> CocoImage:
    name = row.get("file_name")
    path = PurePosixPath(name) if isinstance(name, str) else None
    if path is None or not path.parts or path.is_absolute() or ".." in path.parts or set(str(name)) & set("\\\0"):
        raise _FaultError(f"expected file_name, a path below the folder of images, found {_shown(name)}")
    width, height = (_whole(row, side, least=1, most=MOST_PIXELS) for side in ("width", "height"))
    return CocoImage(id=_whole(row, "id"), file=str(path), width=width, height=height)


def _object(row: Mapping[str, Any]) -> tuple[int, CocoObject]:
    box = row.get("bbox")
    if not isinstance(box, list) or len(box) != NUMBERS:
        raise _FaultError(f"expected bbox [x, y, width, height], found {_shown(box)}")
    x, y, width, height = (_number(value, "bbox") for value in box)
    if width < 0 or height < 0 or max(map(abs, (x, y, width, height))) > MOST_PIXELS:
        raise _FaultError(f"expected bbox [x, y, width, height] in pixels, found {_shown(box)}")
    area = _number(row.get("area"), "area")
    crowd = row.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise _FaultError(f"expected iscrowd 0 or 1, found {_shown(crowd)}")
    if area < 0:
        raise _FaultError(f"expected area in square pixels, found {_shown(area)}")
    one = CocoObject(category=_whole(row, "category_id"), box=(x, y, width, height), area=area, crowd=bool(crowd))
    return _whole(row, "image_id"), one


def _whole(row: Mapping[str, Any], key: str, *, least: int = 0, most: int = MOST_ID) -> int:
    value = row.get(key)
    if type(value) is not int or not least <= value <= most:
        raise _FaultError(f"expected {key}, a whole number from {least} to {most}, found {_shown(value)}")
    return value


def _number(value: object, key: str) -> float:
    if type(value) not in {int, float}:
        raise _FaultError(f"expected a number in {key}, found {_shown(value)}")
    try:
        number = float(value)  # type: ignore[arg-type] # one of the two
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _FaultError(f"expected a finite number in {key}, found {_shown(value)}")
    return number


def _shown(value: object) -> str:
    return "nothing" if value is None else shortened(repr(value), SHOWN)
