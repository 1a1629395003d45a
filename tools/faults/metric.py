"""Faults in the metric; the model's detections are what they were."""

from __future__ import annotations

from typing import Final

from faults.records import REFUSED, Fault
from faults.ways import added, code

AREA: Final = "metric"
PROTOCOLS: Final = "zoo_detection/mean_ap/protocols.py"
CANARY: Final = "canar"
REPLACED: Final = "REFERENCE = replace(REFERENCE, {})"


def rules(change: str) -> str:
    """Change the rules that the sample is scored by."""
    return REPLACED.format(change)


VALUES: Final = """
    _values_of = values_of
    def values_of(classes, judged, protocols):
        return tuple({} for each in _values_of(classes, judged, protocols))
"""

FAULTS: Final = (
    Fault(
        name="border",
        area=AREA,
        what="one pixel added to widths and heights",
        act=code(added(PROTOCOLS, rules("border=1.0"))),
        quick=True,
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="detections-not-shifted",
        area=AREA,
        what="detections not shifted by one",
        act=code(added(PROTOCOLS, rules("detection_offset=0.0"))),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="objects-not-shifted",
        area=AREA,
        what="objects not shifted by one",
        act=code(added(PROTOCOLS, rules("ground_truth_offset=0.0"))),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="at-least-half",
        area=AREA,
        what="an overlap of one half counts",
        act=code(added("zoo_detection/mean_ap/matching.py", "MIN_OVERLAP = float(np.nextafter(MIN_OVERLAP, 0))")),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="overlap-0.3",
        area=AREA,
        what="an overlap over 0.3 counts",
        act=code(added("zoo_detection/mean_ap/matching.py", "MIN_OVERLAP = 0.3")),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="overlap-0.7",
        area=AREA,
        what="an overlap has to exceed 0.7",
        act=code(added("zoo_detection/mean_ap/matching.py", "MIN_OVERLAP = 0.7")),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="not-written-as-text",
        area=AREA,
        what="scores and boxes not rounded as the published figure's were",
        act=code(added(PROTOCOLS, rules("score_decimals=None, box_decimals=None"))),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="ties-reversed",
        area=AREA,
        what="equal scores in the opposite order",
        act=code(
            added(
                PROTOCOLS,
                """
                _ordered = EvaluationProtocol.ordered
                def _reversed(self, written):
                    return (len(written) - 1 - _ordered(self, written[::-1])).astype(np.intp)
                EvaluationProtocol.ordered = _reversed
                """,
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="ascending",
        area=AREA,
        what="the worst score first",
        act=code(
            added(
                PROTOCOLS,
                """
                _ordered = EvaluationProtocol.ordered
                EvaluationProtocol.ordered = lambda self, written: _ordered(self, written)[::-1].copy()
                """,
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="difficult-counted",
        area=AREA,
        what="difficult objects counted",
        act=code(
            added(
                "zoo_detection/mean_ap/matching.py",
                """
                _judged = judged
                def judged(order, hits, difficult):
                    return _judged(order, hits, np.zeros_like(difficult))
                """,
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="duplicates-counted",
        area=AREA,
        what="an object found twice counts twice",
        act=code(
            added(
                "zoo_detection/mean_ap/matching.py",
                """
                _judged = judged
                def judged(order, hits, difficult):
                    once = Pairs(detections=hits.detections, objects=np.arange(len(hits.objects)))
                    found = _judged(order, once, difficult[hits.objects])
                    return replace(found, positives=int(np.count_nonzero(~difficult)))
                from dataclasses import replace
                """,
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="duplicates-ignored",
        area=AREA,
        what="an object found twice is no mistake",
        act=code(
            added(
                "zoo_detection/mean_ap/matching.py",
                """
                _judged = judged
                def judged(order, hits, difficult):
                    found = _judged(order, hits, difficult)
                    hit = np.isin(order, hits.detections)
                    again = np.setdiff1d(np.flatnonzero(hit), np.concatenate([found.true, found.ignored]))
                    return replace(found, ignored=np.sort(np.concatenate([found.ignored, again])))
                from dataclasses import replace
                """,
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="area-for-eleven-points",
        area=AREA,
        what="the area under the curve instead of eleven points",
        act=code(added("zoo_detection/mean_ap/average_precision.py", "Curve.eleven_points = Curve.area")),
        quick=True,
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="ten-points",
        area=AREA,
        what="recall 0 left out of the eleven points",
        act=code(
            added(
                "zoo_detection/mean_ap/average_precision.py",
                """
                _sum = eleven_point_sum
                def eleven_point_sum(levels):
                    return _sum(levels * (np.arange(11) > 0)) * 1.1
                """,
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="no-envelope",
        area=AREA,
        what="the precision at each recall, not the best at or beyond it",
        act=code(added("zoo_detection/mean_ap/average_precision.py", "Curve.envelope = lambda self: self.precision")),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="fraction",
        area=AREA,
        what="the value as a fraction, under the unit percent",
        act=code(
            added(
                "zoo_detection/mean_ap/values.py",
                "from dataclasses import replace"
                + VALUES.format("replace(each, value=each.value / 100)").replace("\n    ", "\n"),
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="weighted",
        area=AREA,
        what="classes weighted by their objects",
        act=code(
            added(
                "zoo_detection/mean_ap/values.py",
                "from dataclasses import replace"
                + VALUES.format(
                    "replace(each, value=float(np.average(list(each.per_class.values()), "
                    "weights=list(each.support.values()))))"
                ).replace("\n    ", "\n"),
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
    Fault(
        name="worst-class-left-out",
        area=AREA,
        what="the mean without the worst class",
        act=code(
            added(
                "zoo_detection/mean_ap/values.py",
                "from dataclasses import replace"
                + VALUES.format("replace(each, value=float(np.mean(sorted(each.per_class.values())[1:])))").replace(
                    "\n    ", "\n"
                ),
            )
        ),
        expect=REFUSED,
        names=CANARY,
    ),
)
