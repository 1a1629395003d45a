"""Detections written out once more, plainly: what the postprocessing is held against when a gate is red.

Nothing of the fast path is used but the manifest's settings, so that a mistake there is not repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from zoo_images.plain import input_mistakes, plain_inputs, size_of, to_image
from zoo_runner.plugin.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from zoo_detection.config import DetectConfig
    from zoo_detection.postprocess.settings import FinishedOutputs, Form, SsdOutputs
    from zoo_detection.priors import Priors
    from zoo_detection.samples import DetectionSample
    from zoo_images.operations import Operation
    from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec
    from zoo_runner.plugin.plain import MakesPrediction

    Numbers = NDArray[Any]

OTHER_IOU: Final = (0.3, 0.45, 0.5, 0.6, 0.9, 1.0)
"""Thresholds of the suppression that are tried."""
FORMS: Final = ("xyxy", "yxyx", "xywh", "cxcywh")


def suppressed(corners: Numbers, rows: Numbers, overlap: float) -> list[int]:
    """Return the rows that stay, best first, where each takes those away that overlap it by more.

    Args:
        corners: Of all boxes [N, 4].
        rows: The ones to look at, the best first.
        overlap: IoU beyond which a box goes.
    """
    kept: list[int] = []
    while len(rows):
        kept.append(int(rows[0]))
        rows = rows[1:][_overlaps(corners[rows[0]], corners[rows[1:]]) <= np.float32(overlap)]
    return kept


def _overlaps(box: Numbers, others: Numbers) -> Numbers:
    """IoU [M] of a box [4] with others [M, 4]."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.prod(np.clip(sides, 0, None), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    found: Numbers = common / (areas - common + np.prod(box[2:] - box[:2]))
    return found


def _corners(boxes: Numbers, form: Form) -> Numbers:
    one, two, three, four = boxes.T
    made = {
        "xyxy": (one, two, three, four),
        "yxyx": (two, one, four, three),
        "xywh": (one, two, one + three, two + four),
        "cxcywh": (one - three / 2, two - four / 2, one + three / 2, two + four / 2),
    }
    return np.stack(made[form], axis=1)


def laid_out(priors: Priors, width: int, height: int) -> Numbers:
    """Return the priors [N, 4] by centre and size, as parts of the input."""
    rows = []
    for each in priors.maps:
        columns, lines = each.cells
        shapes = [(each.size, each.size)]
        if each.next_size is not None:
            shapes.append(((each.size * each.next_size) ** 0.5,) * 2)
        for ratio in each.ratios:
            long, short = each.size * ratio**0.5, each.size / ratio**0.5
            shapes += [(long, short), (short, long)]
        for y in range(lines):
            for x in range(columns):
                across, down = (each.stride or width / columns), (each.stride or height / lines)
                rows += [((x + 0.5) * across, (y + 0.5) * down, *shape) for shape in shapes]
    found = np.array(rows) / np.array([width, height, width, height])
    if priors.clip == "corners":
        low, high = (np.clip(found[:, :2] + side * found[:, 2:] / 2, 0, 1) for side in (-1, 1))
        found = np.concatenate([(low + high) / 2, high - low], axis=1)
    elif priors.clip == "size":
        found[:, 2:] = np.clip(found[:, 2:], 0, 1)
    elif priors.clip == "centre_size":
        found = np.clip(found, 0, 1)
    rounded: Numbers = found.astype(np.float32)
    return rounded


@dataclass(frozen=True, kw_only=True)
class PlainSsd:
    """Decodes every prior, and asks one kept box of a class after the other.

    Attributes:
        settings: What the outputs are.
        classes: How many classes there are.
        operations: What made the input of an image.
        first: The class that the first foreground score stands for.
        order: Changes the order of the priors.
    """

    settings: SsdOutputs
    classes: int
    operations: tuple[Operation, ...]
    first: int = 0
    order: Callable[[Numbers], Numbers] | None = None

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return ``boxes`` float32 [K, 4], ``scores`` float32 [K] and ``labels`` int16 [K], as the fast one does."""
        settings, of = self.settings, cast("DetectionSample", sample)  # the plugin's own data sets give nothing else
        with np.errstate(all="ignore"):
            scores = _scores(outputs[settings.scores].astype(np.float32), settings.activation)
            corners = self._of_priors(outputs[settings.boxes].astype(np.float32), of)
            found: list[tuple[int, int]] = []
            for label in range(self.classes):
                column = scores[:, label + (settings.background == "first")]
                rows = np.flatnonzero(column > np.float32(settings.score_threshold))
                rows = rows[np.argsort(column[rows], kind="stable")[::-1]][: settings.nms_top_k]
                found += [(row, label) for row in suppressed(corners, rows, settings.nms_threshold)]
        rated = [float(scores[row, label + (settings.background == "first")]) for row, label in found]
        best = sorted(sorted(range(len(found)), key=lambda place: -rated[place])[: settings.keep_top_k])
        rows = np.array([found[place][0] for place in best], int)
        width, height = size_of(self.operations, of.width, of.height)
        pixels = corners[rows].astype(np.float64) * np.array([width, height, width, height])
        return {
            "boxes": to_image(pixels, self.operations, of.width, of.height),
            "scores": np.array([rated[place] for place in best], np.float32),
            "labels": np.array([found[place][1] + self.first for place in best], np.int16),
        }

    def _of_priors(self, boxes: Numbers, sample: DetectionSample) -> Numbers:
        settings = self.settings
        if settings.priors is None:
            return _corners(boxes, settings.form or "xyxy")
        priors = laid_out(settings.priors, *size_of(self.operations, sample.width, sample.height))
        priors = priors if self.order is None else self.order(priors)
        centre, extent = (np.float32(each) for each in settings.variances)
        centres = priors[:, :2] + boxes[:, :2] * centre * priors[:, 2:]
        sides = priors[:, 2:] * np.exp(boxes[:, 2:] * extent)
        return np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)


def _scores(raw: Numbers, activation: str) -> Numbers:
    if activation == "softmax":
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        found: Numbers = powers / powers.sum(axis=1, keepdims=True)
        return found
    return 1 / (1 + np.exp(-raw)) if activation == "sigmoid" else raw


@dataclass(frozen=True, kw_only=True)
class PlainFinished:
    """Reads one detection after the other.

    Attributes:
        settings: What the outputs are.
        classes: How many classes there are.
        operations: What made the input of an image.
        first: The class that the first label stands for.
    """

    settings: FinishedOutputs
    classes: int
    operations: tuple[Operation, ...]
    first: int = 0

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return ``boxes`` float32 [K, 4], ``scores`` float32 [K] and ``labels`` int16 [K], as the fast one does."""
        settings, of = self.settings, cast("DetectionSample", sample)  # the plugin's own data sets give nothing else
        known = settings.label_values or range(settings.first_label, settings.first_label + self.classes)
        scores = outputs[settings.scores]
        rows = [row for row in range(len(scores)) if scores[row] > np.float32(settings.score_threshold)]
        corners = _corners(outputs[settings.boxes][rows].astype(np.float32), settings.form).astype(np.float64)
        if settings.unit == "fraction":
            corners = corners * np.array(size_of(self.operations, of.width, of.height) * 2)
        if settings.unit != "image":
            corners = to_image(corners, self.operations, of.width, of.height)
        labels = [known.index(int(outputs[settings.labels][row])) + self.first for row in rows]
        return {
            "boxes": corners.astype(np.float32),
            "scores": scores[rows].astype(np.float32),
            "labels": np.array(labels, np.int16),
        }


def _ssd_mistakes(made: PlainSsd) -> dict[str, MakesPrediction]:
    settings, found = made.settings, dict[str, "MakesPrediction"]()
    centre, extent = settings.variances
    changes: dict[str, dict[str, Any]] = {
        f"the suppression's threshold looks like {each:g}": {"nms_threshold": each}
        for each in OTHER_IOU
        if each != settings.nms_threshold
    }
    changes |= {"the score threshold looks like 0.5": {"score_threshold": 0.5}}
    changes |= {
        f"the scores look as if {'their activation were' if each == 'none' else f'a {each} were'} "
        f"{'missing' if each == 'none' else 'applied'}": {"activation": each}
        for each in ("none", "softmax", "sigmoid")
        if each != settings.activation
    }
    if settings.priors is not None:
        changes["the variances look exchanged"] = {"variances": (extent, centre)}
        changes["the variances look missing"] = {"variances": (1.0, 1.0)}
        for text, order in (
            ("the priors look reversed", lambda priors: priors[::-1]),
            ("x and y of the priors look exchanged", lambda priors: priors[:, [1, 0, 3, 2]]),
            ("wide and tall priors look exchanged", lambda priors: priors[:, [0, 1, 3, 2]]),
        ):
            found[text] = replace(made, order=order)
    else:
        changes |= {f"the boxes look read as {form}": {"form": form} for form in FORMS if form != settings.form}
    return found | {text: replace(made, settings=settings.model_copy(update=each)) for text, each in changes.items()}


def _finished_mistakes(made: PlainFinished) -> dict[str, MakesPrediction]:
    settings = made.settings
    changes: dict[str, dict[str, Any]] = {
        f"the boxes look read as {form}": {"form": form} for form in FORMS if form != settings.form
    }
    units = {"input": "pixels of the input", "fraction": "parts of the input", "image": "pixels of the image"}
    changes |= {
        f"the boxes look read as {text}": {"unit": unit} for unit, text in units.items() if unit != settings.unit
    }
    changes["the score threshold looks like 0.5"] = {"score_threshold": 0.5}
    return {text: replace(made, settings=settings.model_copy(update=each)) for text, each in changes.items()}


def plain(config: DetectConfig, inputs: tuple[TensorSpec, ...]) -> Plain:
    """Return the plain implementations for a configuration."""
    settings, classes, steps = config.postprocess, len(config.classes), config.preprocess
    made: PlainSsd | PlainFinished
    if settings.type == "ssd":
        made = PlainSsd(settings=settings, classes=classes, operations=steps)
        mistakes = _ssd_mistakes(made)
    else:
        made = PlainFinished(settings=settings, classes=classes, operations=steps)
        mistakes = _finished_mistakes(made)
    return Plain(
        preprocess=plain_inputs(steps, inputs[0].name),
        postprocess=made,
        input_mistakes=input_mistakes(steps, inputs[0].name),
        prediction_mistakes={
            **mistakes,
            "classes are shifted by one, upwards": replace(made, first=1),
            "classes are shifted by one, downwards": replace(made, first=-1),
        },
    )
