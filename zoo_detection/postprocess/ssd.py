"""Boxes and class scores of every prior -> detections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection import boxes, nms, nms_compiled
from zoo_detection.compiled import begin
from zoo_detection.postprocess.scaling import corners_of, require, to_image
from zoo_images.chain import Chain
from zoo_runner.errors import ManifestError
from zoo_runner.plugin.interfaces import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.postprocess.settings import SsdOutputs
    from zoo_images.operations import Operation
    from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec

    Floats = NDArray[np.float32]

REVISION: Final = 1
"""Counts the changes of this module, ``scaling``, ``priors``, ``nms`` and ``boxes`` that changed a detection."""


class SsdPostprocess:
    """Decodes, thresholds and suppresses the outputs of one image.

    Args:
        settings: What the outputs are.
        classes: How many classes there are.
        operations: What made the input of an image: the boxes go back the same way.
        outputs: The manifest's.

    Attributes:
        identity: Canonical JSON of all that decides the result.

    Raises:
        ManifestError: The priors, the classes or the preprocessing do not fit the outputs.
    """

    identity: str

    def __init__(
        self,
        settings: SsdOutputs,
        classes: int,
        operations: tuple[Operation, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        self._settings = settings
        self._chain = Chain(operations)
        self._channels = classes + (settings.background != "none")
        self._priors = self._laid_out()
        self._require_fit(outputs)
        named = {
            "classes": classes,
            "operations": [each.model_dump(mode="json") for each in operations],
            "outputs": settings.model_dump(mode="json"),
            "postprocess": REVISION,
        }
        self.identity = json.dumps(named, sort_keys=True, separators=(",", ":"))

    def warm(self, samples: int) -> None:
        """Begin to load the compiled loop, if it pays for that many samples."""
        begin(samples, nms_compiled.SCAN)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Compute the detections of one image.

        Thresholds are compared as float32.

        Args:
            outputs: By name: the boxes, float32 [N, 4], and the scores, float32 [N, C] or [N, C + 1].
            sample: A sample of a detection data set.

        Returns:
            K detections: ``boxes`` float32 [K, 4], corners in pixels of the image, not clipped to it; ``scores``
            float32 [K]; ``labels`` int16 [K], 0 for the first class. They are sorted by class, and within a class
            from the highest score down.

        Raises:
            ResultError: An output is missing, has another shape or dtype, or holds NaN or infinity.
        """
        settings = self._settings
        raw = require(outputs, settings.scores, ("K", self._channels), "f", sample)
        located = require(outputs, settings.boxes, (len(raw), 4), "f", sample)
        if self._priors is not None:
            require(outputs, settings.boxes, (len(self._priors), 4), "f", sample)
        scores = self._foreground(activated(raw.astype(np.float32, copy=False), settings.activation))
        passing = np.flatnonzero(scores > np.float32(settings.score_threshold))
        rows, labels = np.divmod(passing, scores.shape[1])
        rated, labels = scores.ravel()[passing], labels.astype(np.int16)
        order = nms.rank(rated, labels, top_k=settings.nms_top_k)
        rows, labels, rated = rows[order], labels[order], rated[order]
        corners = self._corners(located, rows)
        kept = nms_compiled.suppress(corners, labels, iou_threshold=settings.nms_threshold)
        kept = np.sort(kept[np.argsort(-rated[kept], kind="stable")[: settings.keep_top_k]])
        pixels = to_image(corners[kept], sample, self._chain, fractions=True)
        return {"boxes": pixels, "scores": rated[kept], "labels": labels[kept]}

    def _foreground(self, scores: Floats) -> Floats:
        """Leave out the background's column."""
        if self._settings.background == "none":
            return scores
        return scores[:, 1:] if self._settings.background == "first" else scores[:, :-1]

    def _corners(self, located: NDArray[np.float32], rows: NDArray[np.intp]) -> Floats:
        """Corners float32 [M, 4] of some rows, as fractions of the input."""
        settings, chosen = self._settings, located[rows].astype(np.float32, copy=False)
        if self._priors is None:
            return corners_of(chosen, settings.form or "xyxy")
        centre, size = (np.float32(variance) for variance in settings.variances)
        return boxes.decode(chosen, self._priors[rows], centre_variance=centre, size_variance=size)

    def _laid_out(self) -> Floats | None:
        if self._settings.priors is None:
            return None
        size = self._chain.fixed_size()
        if size is None:
            raise ManifestError(
                "plugin.config.postprocess.priors: expected a preprocessing that gives every image the same size, "
                "since priors are laid out in it; found one that follows the image; add resize or letterbox"
            )
        return self._settings.priors.boxes(*size)

    def _require_fit(self, outputs: tuple[TensorSpec, ...]) -> None:
        """Refuse what cannot be the outputs, before anything runs."""
        settings, key = self._settings, "plugin.config.postprocess"
        rows: int | str = "N" if self._priors is None else len(self._priors)
        for part, name, width in (("boxes", settings.boxes, 4), ("scores", settings.scores, self._channels)):
            spec = output_named(outputs, name, f"{key}.{part}")
            wanted = (BATCH, rows, width)
            if len(spec.shape) != len(wanted) or any(
                isinstance(want, int) and isinstance(have, int) and have != want
                for have, want in zip(spec.shape, wanted, strict=True)
            ):
                cause = f"{width} numbers a row" if part == "boxes" else f"{width} scores a row, background included"
                raise ManifestError(
                    f"{key}.{part}: expected {name} to be [{', '.join(map(str, wanted))}]: "
                    f"{'boxes' if self._priors is None else f'the {rows} priors'} with {cause}; the manifest's output "
                    f"is [{', '.join(map(str, spec.shape))}]; correct the priors, the classes or the background"
                )


def output_named(outputs: tuple[TensorSpec, ...], name: str, key: str) -> TensorSpec:
    """Return the output of a name.

    Raises:
        ManifestError: There is none.
    """
    for spec in outputs:
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in outputs) or "none"
    raise ManifestError(f"{key}: expected the name of an output, found {name!r}; the manifest's outputs are {known}")


def activated(scores: Floats, activation: str) -> Floats:
    """Make scores from 0 to 1 of numbers [N, C], as float32; none leaves them as they are."""
    if activation == "softmax":
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
    if activation == "sigmoid":
        with np.errstate(over="ignore"):  # a large negative number becomes 0
            return np.asarray(1 / (1 + np.exp(-scores)), np.float32)
    return scores
