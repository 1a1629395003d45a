"""A detector of coloured spots in photographs, some of which were taken upside down."""

import json
from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import BaseModel

from zoo_detection.images.decoding import decode_image
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.samples import DetectionSample
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.hookspecs import hookimpl


class SpotConfig(BaseModel, extra="forbid", frozen=True):
    classes: tuple[str, ...]
    least: float = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Photo(DetectionSample):
    upside_down: bool


def photo(index, root, found, classes):
    objects = found["objects"]
    return Photo(
        index=index,
        id=found["file"],
        path=root / found["file"],
        width=found["width"],
        height=found["height"],
        boxes=np.array([each["box"] for each in objects], dtype=np.float32).reshape(-1, 4),
        labels=np.array([classes.index(each["label"]) for each in objects], dtype=np.intp),
        difficult=np.zeros(len(objects), dtype=np.bool_),
        upside_down=found["upside_down"],
    )


class SpotDataset:
    noun = "photos"

    def __init__(self, config):
        self.classes = config.classes

    def samples(self, root):
        try:
            listed = json.loads((root / "photos.json").read_text())
            return [photo(index, root, found, self.classes) for index, found in enumerate(listed, start=1)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{root / 'photos.json'}: expected a list of photos, found {error!r}") from None


class SpotPreprocess:
    def __init__(self, inputs):
        _, _, self.height, self.width = inputs[0].shape
        self.identity = f"{self.width}x{self.height}"

    def __call__(self, sample):
        pixels = decode_image(sample)  # uint8 [height, width, 3], blue first
        if sample.upside_down:
            pixels = pixels[::-1, ::-1]
        small = cv2.resize(pixels, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return {"image": np.ascontiguousarray(small.transpose(2, 0, 1), dtype=np.float32) / 255}


class SpotPostprocess:
    def __init__(self, config, outputs):
        _, _, self.rows, self.columns = outputs[0].shape
        self.least = config.least
        self.identity = json.dumps([self.rows, self.columns, self.least])

    def __call__(self, outputs, sample):
        labels, rows, columns = np.nonzero(outputs["heat"] >= self.least)
        size = np.array([sample.width / self.columns, sample.height / self.rows] * 2)
        boxes = np.stack([columns, rows, columns + 1, rows + 1], axis=1) * size
        if sample.upside_down:
            boxes = np.array([sample.width, sample.height] * 2) - boxes[:, [2, 3, 0, 1]]
        return {
            "boxes": boxes.astype(np.float32),
            "scores": outputs["heat"][labels, rows, columns],
            "labels": labels.astype(np.int16),
        }


@hookimpl
def zoo_config():
    return SpotConfig


@hookimpl
def zoo_dataset(config):
    return SpotDataset(config)


@hookimpl
def zoo_preprocess(inputs):
    return SpotPreprocess(inputs)


@hookimpl
def zoo_postprocess(config, outputs):
    return SpotPostprocess(config, outputs)


@hookimpl
def zoo_metric(config):
    return VocMetric(config.classes)
