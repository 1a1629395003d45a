"""Detections that a model made itself -> detections in pixels of the image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection.postprocess.scaling import corners_of, require, to_image
from zoo_detection.postprocess.ssd import output_named
from zoo_images.chain import Chain
from zoo_runner.errors import ManifestError, ResultError

if TYPE_CHECKING:
    from zoo_detection.postprocess.settings import FinishedOutputs
    from zoo_images.operations import Operation
    from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec

REVISION: Final = 1
"""Counts the changes of this module and ``scaling`` that changed a detection."""


class FinishedPostprocess:
    """Reads boxes, scores and labels, and moves the boxes to the image.

    Args:
        settings: What the outputs are.
        classes: How many classes there are.
        operations: What made the input of an image: the boxes go back the same way.
        outputs: The manifest's.

    Attributes:
        identity: Canonical JSON of all that decides the result.

    Raises:
        ManifestError: An output or a label is not there.
    """

    identity: str

    def __init__(
        self,
        settings: FinishedOutputs,
        classes: int,
        operations: tuple[Operation, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        for part in ("boxes", "scores", "labels"):
            output_named(outputs, getattr(settings, part), f"plugin.config.postprocess.{part}")
        values = settings.label_values or tuple(range(settings.first_label, settings.first_label + classes))
        if len(values) != classes:
            raise ManifestError(
                f"plugin.config.postprocess.label_values: expected a label for each of {classes} classes, found "
                f"{len(values)}; list one for each, in the order of plugin.config.classes"
            )
        self._settings = settings
        self._chain = Chain(operations)
        self._values = np.array(values, dtype=np.int64)
        self._order = np.argsort(self._values)
        named = {
            "classes": classes,
            "operations": [each.model_dump(mode="json") for each in operations],
            "outputs": settings.model_dump(mode="json"),
            "postprocess": REVISION,
        }
        self.identity = json.dumps(named, sort_keys=True, separators=(",", ":"))

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Compute the detections of one image.

        Args:
            outputs: By name: boxes, float [K, 4]; scores, float [K]; labels, numbers [K].
            sample: A sample of a detection data set.

        Returns:
            The detections whose scores exceed the threshold, in the model's order: ``boxes`` float32 [K, 4], corners
            in pixels of the image; ``scores`` float32 [K]; ``labels`` int16 [K], 0 for the first class.

        Raises:
            ResultError: An output is missing, has another shape, or holds NaN or infinity; a label of a detection is
                that of no class.
        """
        settings = self._settings
        scores = require(outputs, settings.scores, ("K",), "f", sample).astype(np.float32, copy=False)
        boxes = require(outputs, settings.boxes, (len(scores), 4), "f", sample).astype(np.float32, copy=False)
        given = require(outputs, settings.labels, (len(scores),), "iuf", sample)
        chosen = np.flatnonzero(scores > np.float32(settings.score_threshold))
        corners = corners_of(boxes[chosen], settings.form)
        if settings.unit != "image":
            corners = to_image(corners, sample, self._chain, fractions=settings.unit == "fraction")
        labels = given[chosen]
        place = np.searchsorted(self._values, labels, sorter=self._order).clip(max=len(self._values) - 1)
        positions = self._order[place]
        wrong = labels[self._values[positions] != labels]
        if wrong.size:
            known = f"{self._values.min()} to {self._values.max()}" if settings.label_values is None else "label_values"
            raise ResultError(
                f"output {settings.labels!r} of sample {sample.id!r}: expected labels of {len(self._values)} classes, "
                f"{known}; found others, such as {wrong[0]:g}; set "
                "plugin.config.postprocess.first_label or label_values"
            )
        return {"boxes": corners, "scores": scores[chosen], "labels": positions.astype(np.int16)}
