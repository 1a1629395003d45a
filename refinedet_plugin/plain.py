"""RefineDet's pre- and postprocessing written out once more, plainly: what the fast ones are held against.

Nothing of the fast path is used but the manifest's settings, so that a mistake there is not repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from zoo_detection.plain import suppressed
from zoo_images.plain import CENTRES, read_image, stretched
from zoo_runner.plugin.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from refinedet_plugin.config import RefineDetConfig
    from zoo_detection.samples import DetectionSample
    from zoo_runner.plugin.interfaces import Arrays, Sample

    Floats = NDArray[np.float32]

CENTRE, SIZE = np.float32(0.1), np.float32(0.2)
"""What encoded offsets of centres and of sizes are multiplied with."""
STRIDES: Final = (8, 16, 32, 64)
LARGER: Final = 4
"""The square prior's side in strides."""
OTHER_IOU: Final = (0.3, 0.5, 0.6, 0.9, 1.0)
"""Thresholds of the suppression that are tried."""


@dataclass(frozen=True, kw_only=True)
class PlainPostprocess:
    """Decodes every prior and asks one kept box after the other.

    Attributes:
        size: Side of the network's input in pixels.
        least: Confidence and objectness that a detection has to exceed.
        overlap: IoU beyond which a box goes.
        top_k: Boxes of a class that are looked at.
        centre: Variance of centres.
        extent: Variance of sizes.
        first: The class that channel 1 stands for.
        order: Changes the order of the priors.
    """

    size: int
    least: tuple[float, float]
    overlap: float
    top_k: int
    centre: np.float32 = CENTRE
    extent: np.float32 = SIZE
    first: int = 0
    order: Callable[[Floats], Floats] | None = None

    @property
    def priors(self) -> Floats:
        """The priors [N, 4] in their order."""
        found = _priors(self.size)
        return found if self.order is None else self.order(found)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return ``boxes`` float32 [K, 4], ``scores`` float32 [K] and ``labels`` int16 [K], as the fast one does."""
        with np.errstate(all="ignore"):
            corners = self._corners(outputs)
            alive = outputs["arm_conf"][:, 1] > np.float32(self.least[1])
            found = [
                self._of_class(outputs, corners, alive, label) for label in range(outputs["odm_conf"].shape[1] - 1)
            ]
            of = cast("DetectionSample", sample)  # the plugin's own data set gives nothing else
            scale = np.array([of.width, of.height, of.width, of.height], np.float32)
            boxes = np.concatenate([each[0] for each in found]) * scale
        labels = [np.full(len(each[1]), label + self.first, np.int16) for label, each in enumerate(found)]
        return {
            "boxes": boxes,
            "scores": np.concatenate([each[1] for each in found]),
            "labels": np.concatenate(labels),
        }

    def _corners(self, outputs: Arrays) -> Floats:
        refined = self._decoded(outputs["arm_loc"], self.priors)
        centres = (refined[:, 2:] + refined[:, :2]) / np.float32(2)
        return self._decoded(outputs["odm_loc"], np.concatenate([centres, refined[:, 2:] - refined[:, :2]], axis=1))

    def _decoded(self, offsets: Floats, boxes: Floats) -> Floats:
        """Corners [N, 4] of offsets [N, 4] from boxes [N, 4] by centre and size."""
        sides = boxes[:, 2:] * np.exp(offsets[:, 2:] * self.extent)
        low = boxes[:, :2] + offsets[:, :2] * self.centre * boxes[:, 2:] - sides / np.float32(2)
        return np.concatenate([low, low + sides], axis=1)

    def _of_class(self, outputs: Arrays, corners: Floats, alive: NDArray[Any], label: int) -> tuple[Floats, Floats]:
        scores = outputs["odm_conf"][:, label + 1]
        rows = np.flatnonzero(alive & (scores > np.float32(self.least[0])))
        rows = rows[np.argsort(scores[rows], kind="stable")[::-1]][: self.top_k]
        kept = suppressed(corners, rows, self.overlap)
        return corners[kept], scores[kept]


@lru_cache
def _priors(size: int) -> Floats:
    """Priors [N, 4] by centre and size: at each cell a square, a wide and a tall one."""
    long, rows = 2**0.5, []
    for stride in STRIDES:
        side = LARGER * stride / size
        shapes = [(side, side), (side * long, side / long), (side / long, side * long)]
        cells = size // stride
        for place in range(cells * cells):
            y, x = divmod(place, cells)
            rows += [((x + 0.5) * stride / size, (y + 0.5) * stride / size, *shape) for shape in shapes]
    return np.clip(np.array(rows, np.float32), 0, 1)


def _read(sample: Sample) -> NDArray[Any]:
    """Pixels uint8 [height, width, 3], channels B, G, R, as the file has them: not turned."""
    return read_image(sample, ("IMREAD_COLOR", "IMREAD_IGNORE_ORIENTATION"))


def _stretched(image: NDArray[Any], size: int, centres: float = CENTRES) -> NDArray[Any]:
    return stretched(image, (size, size), centres)


def _inputs(sample: Sample, *, size: int, mean: tuple[float, ...], resized: Callable[..., Any] = _stretched) -> Arrays:
    planes = (resized(_read(sample), size).astype(np.float32) - np.array(mean, np.float32))[..., ::-1].transpose(
        2, 0, 1
    )
    return {"image": np.ascontiguousarray(planes, np.float32)}


def _filtered(name: str, image: NDArray[Any], size: int) -> NDArray[Any]:
    import cv2  # noqa: PLC0415 - takes long to load, and only resizing needs it

    return cv2.resize(image, (size, size), interpolation=getattr(cv2, name))


def _letterboxed(image: NDArray[Any], size: int) -> NDArray[Any]:
    side = max(image.shape[:2])
    square = np.zeros((side, side, 3), np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    return _stretched(square, size)


def _centred(image: NDArray[Any], size: int) -> NDArray[Any]:
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return _stretched(image[top : top + side, left : left + side], size)


def _grey(image: NDArray[Any], size: int) -> NDArray[Any]:
    return _stretched(image.mean(axis=2, keepdims=True).repeat(3, axis=2), size)


RESIZED: Final = {
    "the resize is shifted by half a pixel": partial(_stretched, centres=0.0),
    "the resize takes the nearest pixel": partial(_filtered, "INTER_NEAREST"),
    "the resize averages areas": partial(_filtered, "INTER_AREA"),
    "the resize is bicubic": partial(_filtered, "INTER_CUBIC"),
    "the image is padded to a square (letterbox), not stretched": _letterboxed,
    "the image is cut to a square, not stretched": _centred,
    "the image is read without colours": _grey,
}


def _mistakes(settings: dict[str, Any]) -> dict[str, PlainPostprocess]:
    by_class = {f"the suppression's threshold looks like {each:g}": {"overlap": each} for each in OTHER_IOU}
    changes: dict[str, dict[str, Any]] = {
        "the variances look exchanged": {"centre": SIZE, "extent": CENTRE},
        "the variances look missing": {"centre": np.float32(1), "extent": np.float32(1)},
        "classes are shifted by one, upwards": {"first": 1},
        "classes are shifted by one, downwards": {"first": -1},
        "the priors look reversed": {"order": lambda priors: priors[::-1].copy()},
        "the priors look ordered column by column": {"order": _by_columns},
        "x and y of the priors look exchanged": {"order": lambda priors: priors[:, [1, 0, 3, 2]].copy()},
        "wide and tall priors look exchanged": {"order": lambda priors: priors[:, [0, 1, 3, 2]].copy()},
        "the confidence threshold looks like 0.5": {"least": (0.5, settings["least"][1])},
        "the objectness is not looked at": {"least": (settings["least"][0], -1.0)},
        **by_class,
    }
    return {name: PlainPostprocess(**{**settings, **change}) for name, change in changes.items()}


def _by_columns(priors: Floats) -> Floats:
    """Walk through each map's cells column by column instead of row by row."""
    maps, start = [], 0
    side = round((len(priors) / 3 / (1 + 1 / 4 + 1 / 16 + 1 / 64)) ** 0.5)
    for cells in (side, side // 2, side // 4, side // 8):
        of = priors[start : start + 3 * cells * cells].reshape(cells, cells, 3, 4)
        maps.append(of.transpose(1, 0, 2, 3).reshape(-1, 4))
        start += 3 * cells * cells
    return np.concatenate(maps)


def plain(config: RefineDetConfig) -> Plain:
    """Return the plain implementations for a configuration."""
    inputs = partial(_inputs, size=config.input_size, mean=config.mean)
    settings: dict[str, Any] = {
        "size": config.input_size,
        "least": (config.confidence_threshold, config.objectness_threshold),
        "overlap": config.nms_threshold,
        "top_k": config.nms_top_k,
    }
    return Plain(
        preprocess=inputs,
        postprocess=PlainPostprocess(**settings),
        input_mistakes={name: partial(inputs, resized=resized) for name, resized in RESIZED.items()},
        prediction_mistakes=_mistakes(settings),
    )
