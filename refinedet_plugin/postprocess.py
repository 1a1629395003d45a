"""Network outputs -> detections, as the published accuracy was computed.

Only the rows that can still become a detection are decoded. Every formula works on one row alone, so the result is,
bit for bit, that of decoding all of them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from refinedet_plugin.candidates import LARGEST, PICK, candidates_of, is_finite
from refinedet_plugin.priors import priors
from zoo_detection import boxes, nms, nms_compiled
from zoo_detection.compiled import begin
from zoo_runner.errors import ResultError
from zoo_runner.plugin.tensors import array_texts, mismatch, tensor_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from refinedet_plugin.config import RefineDetConfig
    from zoo_detection.samples import DetectionSample
    from zoo_runner.plugin.interfaces import Arrays, Sample

REVISION: Final = 1
"""Counts the changes of this module, ``candidates``, ``nms`` and ``boxes`` that changed a detection."""

_CHECK: Final = "check the model, and the names and the order of its outputs in the manifest"
TWO: Final = np.float32(2)


class RefineDetPostprocess:
    """Decodes, thresholds and suppresses the outputs of one image.

    Attributes:
        identity: Canonical JSON of what decides the result.
    """

    identity: str

    def __init__(self, config: RefineDetConfig) -> None:
        self._config = config
        self._priors = priors(config.input_size)
        self._objectness = np.float32(config.objectness_threshold)
        self._confidence = np.float32(config.confidence_threshold)
        rows = config.num_priors
        self._shapes = {
            "odm_loc": (rows, 4),
            "odm_conf": (rows, config.num_classes),
            "arm_loc": (rows, 4),
            "arm_conf": (rows, 2),
        }
        settings = {
            "classes": len(config.classes),
            "confidence_threshold": config.confidence_threshold,
            "input_size": config.input_size,
            "nms_threshold": config.nms_threshold,
            "nms_top_k": config.nms_top_k,
            "objectness_threshold": config.objectness_threshold,
            "postprocess": REVISION,
        }
        self.identity = json.dumps(settings, sort_keys=True, separators=(",", ":"))

    def warm(self, samples: int) -> None:
        """Begin to load the compiled loops, if they pay for that many samples."""
        begin(samples, LARGEST, PICK, nms_compiled.SCAN)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Compute the detections of one image (reference: ``Detect_RefineDet.forward``).

        Thresholds are compared as float32. Offsets so large that a side overflows to infinity give boxes with
        NaN coordinates, as in the reference; such a box is kept if no better one of its class was, and then it
        is the last of its class, because no IoU with it is at most the threshold.

        Args:
            outputs: float32, for N priors and C classes: ``odm_loc`` and ``arm_loc`` [N, 4] encoded offsets,
                ``odm_conf`` [N, C + 1] and ``arm_conf`` [N, 2] probabilities, background first.
            sample: A sample of the VOC reader.

        Returns:
            K detections: ``boxes`` float32 [K, 4], corners in pixels of the original image, not clipped to it;
            ``scores`` float32 [K]; ``labels`` int16 [K], 0 for the first class. They are sorted by class, and
            within a class from the highest score down (``nms.rank`` gives the order of equals).

        Raises:
            ResultError: An output is missing, has another shape or dtype, or holds NaN or infinity.
        """
        self._check(outputs, sample)
        rows, labels, scores = candidates_of(
            outputs["odm_conf"], outputs["arm_conf"], confidence=self._confidence, least=self._objectness
        )
        order = nms.rank(scores, labels, top_k=self._config.nms_top_k)
        rows, labels, scores = rows.take(order), labels.take(order), scores.take(order)
        decoded = self._decode(outputs, rows)
        kept = nms_compiled.suppress(decoded, labels, iou_threshold=self._config.nms_threshold)
        size = cast("DetectionSample", sample)  # the plugin's own data set gives nothing else
        scale = np.array((size.width, size.height, size.width, size.height), np.float32)
        with np.errstate(over="ignore"):  # see above: the reference scales infinite boxes too
            pixels = np.multiply(decoded[kept], scale, order="C")
        return {"boxes": pixels, "scores": scores[kept], "labels": labels[kept]}

    def _check(self, outputs: Arrays, sample: Sample) -> None:
        """Refuse outputs that would be scored as something they are not."""
        for name, shape in self._shapes.items():
            found = outputs.get(name)
            origin = f"output {name!r} of sample {sample.id!r}"
            if found is None or found.shape != shape or found.dtype != np.float32:
                shown = outputs if found is None else {name: found}
                raise ResultError(mismatch(origin, [tensor_text(name, "float32", shape)], array_texts(shown), _CHECK))
            if not is_finite(found):
                finite = np.count_nonzero(np.isfinite(found))
                raise ResultError(
                    f"{origin}: expected finite numbers, found {found.size - finite} of "
                    f"{found.size} that are NaN or infinite; check the model's precision mode and its weights"
                )

    def _decode(self, outputs: Arrays, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Corners float32 [M, 4], normalised, of the given prior rows: refined by ARM, then by ODM.

        ``boxes.decode`` and ``boxes.to_cxcywh`` step by step, on contiguous rows of x and y instead of columns,
        which halves the time.
        """
        arm, odm, anchors = (
            values.take(rows, axis=0).T.copy() for values in (outputs["arm_loc"], outputs["odm_loc"], self._priors)
        )
        with np.errstate(over="ignore", invalid="ignore"):  # exp may overflow, see __call__
            low, high = _corners(arm, anchors[:2], anchors[2:])
            centre = high + low
            centre /= TWO
            high -= low
            corners: NDArray[np.float32] = np.concatenate(_corners(odm, centre, high)).T
        return corners


def _corners(
    loc: NDArray[np.float32], centre: NDArray[np.float32], size: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Low and high corners [2, M] of offsets [4, M] from boxes: every value is that of ``boxes.decode``."""
    high = loc[2:] * boxes.SIZE_VARIANCE
    np.exp(high, out=high)
    high *= size
    low = loc[:2] * boxes.CENTRE_VARIANCE
    low *= size
    low += centre
    low -= high / TWO
    high += low
    return low, high
