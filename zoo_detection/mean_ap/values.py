"""The mean average precision by all the definitions that published numbers use, from judged detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection.mean_ap.average_precision import mean_percent
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE
from zoo_detection.mean_ap.tie_spread import Drawn
from zoo_runner.plugin.interfaces import MetricValue

if TYPE_CHECKING:
    from zoo_detection.mean_ap.average_precision import Definition
    from zoo_detection.mean_ap.matches import JudgedClass
    from zoo_detection.mean_ap.protocols import EvaluationProtocol

VOC07: Final = "voc07_map"
"""Mean over classes of the 11-point average precision (VOC2007)."""
VOC10: Final = "voc10_map"
"""Mean over classes of the area under the precision envelope (VOC2010 and later)."""

PROTOCOLS: Final = (REFERENCE, DEVKIT)
"""All that the measures go by."""
MEASURES: Final[tuple[tuple[str, EvaluationProtocol, Definition], ...]] = (
    (VOC07, REFERENCE, "eleven points"),
    (VOC07, DEVKIT, "eleven points"),
    (VOC10, DEVKIT, "area"),
)
"""Name, protocol and definition of each value, the headline first."""


def values_of(
    classes: Sequence[str], judged: Sequence[Sequence[JudgedClass]], protocols: Sequence[EvaluationProtocol]
) -> tuple[MetricValue, ...]:
    """Compute the values of ``MEASURES``.

    Args:
        classes: Names in label order.
        judged: Each class, by each of the protocols.
        protocols: With the names of ``PROTOCOLS``.

    Returns:
        The 11-point mAP by the reference protocol, then by the devkit's, then the devkit's area under the envelope, in
        percent. By the reference protocol a class that was never detected counts -100.
    """
    support = {name: each[0].outcomes.positives for name, each in zip(classes, judged, strict=True)}
    drawn = {
        protocol.name: [Drawn.of(each[place].outcomes, protocol) for each in judged]
        for place, protocol in enumerate(protocols)
    }
    values = []
    for name, protocol, definition in MEASURES:
        averages = np.array([each.averages(definition) for each in drawn[protocol.name]])
        value, least, greatest = mean_percent(averages.T).tolist()
        values.append(
            MetricValue(
                name=name,
                protocol=protocol.name,
                value=value,
                unit="percent",
                per_class=dict(zip(classes, (100.0 * averages[:, 0]).tolist(), strict=True)),
                support=support,
                tie_spread=(least, greatest),
            )
        )
    return tuple(values)
