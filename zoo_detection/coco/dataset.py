"""Reading a COCO data set: its images, in the order in which COCO's own program scores them, with their objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from zoo_detection.coco.annotations import CocoFile, CocoImage, read_annotations
from zoo_detection.coco.samples import CocoSample
from zoo_runner.errors import DatasetError, did_you_mean, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOUN: Final = "images"
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class CocoDataset:
    """Reads images and objects.

    Attributes:
        classes: Names in label order; each object's category has one of these names.
        annotations: The instances file, below the data set's folder.
        images: The folder of the images, below the data set's folder.
    """

    classes: tuple[str, ...]
    annotations: str
    images: str

    @property
    def noun(self) -> str:
        """What samples are called."""
        return NOUN

    def samples(self, root: Path) -> Sequence[CocoSample]:
        """List all images by ascending id, those without objects too.

        Raises:
            DatasetError: The file is missing or malformed, a category of objects is none of the classes, or a class is
                no category of the file. The first faults are named, all are counted.
        """
        path = root / self.annotations
        file = read_annotations(path)
        self._require_classes(file, path)
        folder = root / self.images
        if not folder.is_dir():
            known = sorted(each.name for each in root.iterdir() if each.is_dir())[:10]
            raise DatasetError(
                f"expected the folder of images {folder}; found {', '.join(known) or 'no folders'} in {root}; "
                "set plugin.config.reader.images to the folder"
            )
        stems = Counter(_stem(image) for image in file.images)
        labels = {one: self.classes.index(name) for one, name in file.categories.items() if name in self.classes}
        return [
            _sample(
                index,
                _stem(image) if stems[_stem(image)] == 1 else image.file,
                folder,
                image,
                [labels[one.category] for one in image.objects],
            )
            for index, image in enumerate(file.images, start=1)
        ]

    def _require_classes(self, file: CocoFile, path: Path) -> None:
        """Refuse classes that are not those of the file: an object left out would count nowhere."""
        used = Counter(one.category for image in file.images for one in image.objects)
        names = list(file.categories.values())
        faults = [
            f"category {file.categories[one]!r} of {count} objects is not one of the {len(self.classes)} classes"
            f"{did_you_mean(file.categories[one], self.classes)}"
            for one, count in sorted(used.items())
            if file.categories[one] not in self.classes
        ]
        faults += [
            f"class {name!r} is no category of the file{did_you_mean(name, names)}"
            for name in self.classes
            if name not in names
        ]
        if faults:
            raise DatasetError(
                f"expected the classes of plugin.config to be the categories of {path}; found {len(faults)} that "
                f"differ:\n{listed(faults)}\nlist the classes in plugin.config.classes, in the order of the network's "
                "outputs"
            )


def _stem(image: CocoImage) -> str:
    """Return the name of the file without its ending."""
    return image.file.rpartition(".")[0] or image.file


def _sample(index: int, name: str, folder: Path, image: CocoImage, labels: Sequence[int]) -> CocoSample:
    objects = image.objects
    bounds = np.array([one.box for one in objects], dtype=np.float64).reshape(-1, 4)
    crowd = np.array([one.crowd for one in objects], dtype=np.bool_)
    pixels = np.concatenate((bounds[:, :2] + 1, bounds[:, :2] + bounds[:, 2:]), axis=1)
    return CocoSample(
        index=index,
        id=name,
        path=folder / image.file,
        width=image.width,
        height=image.height,
        boxes=_fixed(pixels.astype(np.float32)),
        labels=_fixed(np.array(labels, dtype=np.intp)),
        difficult=_fixed(crowd),
        bounds=_fixed(bounds),
        areas=_fixed(np.array([one.area for one in objects], dtype=np.float64)),
        crowd=_fixed(crowd),
    )


def _fixed(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    array.flags.writeable = False
    return array
