"""Faults between the network's outputs and the detections."""

from __future__ import annotations

from typing import Final

from faults.records import EITHER, HARMLESS, Fault
from faults.ways import POSTPROCESS, added, code, settings

AREA: Final = "postprocess"
CALL: Final = """
    _call = RefineDetPostprocess.__call__
    def _changed(self, outputs, sample):
        found = dict(_call(self, outputs, sample))
        {}
        return found
    RefineDetPostprocess.__call__ = _changed
"""


def changed(body: str) -> str:
    """Change the detections ``found`` of an image."""
    return CALL.format(body)


FAULTS: Final = (
    Fault(
        name="variances-swapped",
        area=AREA,
        what="variance 0.2 for centres and 0.1 for sizes",
        act=code(added("zoo_detection/boxes.py", "CENTRE_VARIANCE, SIZE_VARIANCE = SIZE_VARIANCE, CENTRE_VARIANCE")),
    ),
    Fault(
        name="size-variance",
        area=AREA,
        what="variance 0.1 for sizes too",
        act=code(added("zoo_detection/boxes.py", "SIZE_VARIANCE = CENTRE_VARIANCE")),
    ),
    Fault(
        name="no-refinement",
        area=AREA,
        what="the first stage's offsets left out",
        act=code(
            added(
                POSTPROCESS,
                """
                _decode = RefineDetPostprocess._decode
                def _unrefined(self, outputs, rows):
                    return _decode(self, {**outputs, "arm_loc": np.zeros_like(outputs["arm_loc"])}, rows)
                RefineDetPostprocess._decode = _unrefined
                """,
            )
        ),
    ),
    Fault(
        name="priors-transposed",
        area=AREA,
        what="the priors column by column",
        act=code(
            added(
                POSTPROCESS,
                """
                _priors = priors
                def priors(size):
                    return np.ascontiguousarray(_priors(size)[:, [1, 0, 3, 2]])
                """,
            )
        ),
    ),
    Fault(
        name="no-objectness",
        area=AREA,
        what="priors not filtered by objectness",
        act=settings("plugin.config.objectness_threshold=0"),
        expect=EITHER,
    ),
    Fault(
        name="objectness-half",
        area=AREA,
        what="objectness has to exceed 0.5",
        act=settings("plugin.config.objectness_threshold=0.5"),
        expect=EITHER,
    ),
    Fault(
        name="nms-0.9",
        area=AREA,
        what="hardly any suppression: threshold 0.9",
        act=settings("plugin.config.nms_threshold=0.9"),
        quick=True,
    ),
    Fault(
        name="nms-0.1",
        area=AREA,
        what="too much suppression: threshold 0.1",
        act=settings("plugin.config.nms_threshold=0.1"),
    ),
    Fault(
        name="nms-across-classes",
        area=AREA,
        what="boxes suppressed by those of other classes",
        act=code(
            added(
                "zoo_detection/nms_compiled.py",
                """
                _suppress = suppress
                def suppress(boxes, labels, *, iou_threshold):
                    return _suppress(boxes, labels * np.int16(0), iou_threshold=iou_threshold)
                """,
            )
        ),
        expect=EITHER,
    ),
    Fault(
        name="top-k",
        area=AREA,
        what="five boxes of each class enter the suppression",
        act=settings("plugin.config.nms_top_k=5"),
        quick=True,
    ),
    Fault(
        name="confidence-half",
        area=AREA,
        what="confidences have to exceed 0.5",
        act=settings("plugin.config.confidence_threshold=0.5"),
    ),
    Fault(
        name="label-off-by-one",
        area=AREA,
        what="every label one too high, the last one the first",
        act=code(added(POSTPROCESS, changed("found['labels'] = (found['labels'] + 1).astype('i2') % np.int16(6)"))),
    ),
    Fault(
        name="background-first",
        area=AREA,
        what="the background channel taken for the first class",
        act=code(
            added(
                POSTPROCESS,
                """
                _candidates = candidates_of
                def candidates_of(confidences, objectness, **thresholds):
                    wrong = confidences.copy()
                    wrong[:, 1] = confidences[:, 0]
                    return _candidates(wrong, objectness, **thresholds)
                """,
            )
        ),
    ),
    Fault(
        name="worst-first",
        area=AREA,
        what="scores turned around: the worst box is the best",
        act=code(added(POSTPROCESS, changed("found['scores'] = np.float32(1) - found['scores']"))),
    ),
    Fault(
        name="scores-rounded",
        area=AREA,
        what="the score rounded to one decimal",
        act=code(added(POSTPROCESS, changed("found['scores'] = found['scores'].round(1)"))),
        expect=EITHER,
    ),
    Fault(
        name="not-scaled",
        area=AREA,
        what="boxes left as fractions of the image",
        act=code(
            added(
                POSTPROCESS,
                changed("found['boxes'] = found['boxes'] / np.array([sample.width, sample.height] * 2, 'f4')"),
            )
        ),
    ),
    Fault(
        name="scaled-by-input",
        area=AREA,
        what="boxes in pixels of the network's input",
        act=code(
            added(
                POSTPROCESS,
                changed(
                    "found['boxes'] = found['boxes'] * np.array([320 / sample.width, 320 / sample.height] * 2, 'f4')"
                ),
            )
        ),
    ),
    Fault(
        name="width-for-height",
        area=AREA,
        what="boxes scaled by height, then width",
        act=code(
            added(
                POSTPROCESS,
                changed(
                    "found['boxes'] = found['boxes'] * np.array([sample.height / sample.width, "
                    "sample.width / sample.height] * 2, 'f4')"
                ),
            )
        ),
    ),
    Fault(
        name="xy-swapped",
        area=AREA,
        what="corners written as y, x",
        act=code(added(POSTPROCESS, changed("found['boxes'] = found['boxes'][:, [1, 0, 3, 2]].copy()"))),
    ),
    Fault(
        name="corner-for-size",
        area=AREA,
        what="boxes written as corner and size",
        act=code(
            added(
                POSTPROCESS,
                changed(
                    "found['boxes'] = np.concatenate([found['boxes'][:, :2], "
                    "found['boxes'][:, 2:] - found['boxes'][:, :2]], 1)"
                ),
            )
        ),
    ),
    Fault(
        name="boxes-clipped",
        area=AREA,
        what="boxes clipped to the image",
        act=code(
            added(
                POSTPROCESS,
                changed(
                    "found['boxes'] = found['boxes'].clip(0, np.array([sample.width, sample.height] * 2, 'f4') - 1)"
                ),
            )
        ),
        expect=EITHER,
    ),
    Fault(
        name="half-a-pixel",
        area=AREA,
        what="boxes half a pixel to the right",
        act=code(added(POSTPROCESS, changed("found['boxes'] = found['boxes'] + np.array([0.5, 0, 0.5, 0], 'f4')"))),
        expect=HARMLESS,
    ),
    Fault(
        name="eight-pixels",
        area=AREA,
        what="boxes eight pixels to the right",
        act=code(added(POSTPROCESS, changed("found['boxes'] = found['boxes'] + np.array([8, 0, 8, 0], 'f4')"))),
    ),
    Fault(
        name="one-class-lost",
        area=AREA,
        what="the last class never detected",
        act=code(
            added(POSTPROCESS, changed("found = {name: each[found['labels'] != 5] for name, each in found.items()}"))
        ),
    ),
)
