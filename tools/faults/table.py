"""All faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from faults import cache, data, devices, expectations, metric, network, postprocess, preprocessing, weights

if TYPE_CHECKING:
    from faults.records import Fault

FAULTS: Final[tuple[Fault, ...]] = (
    *preprocessing.FAULTS,
    *network.FAULTS,
    *weights.FAULTS,
    *postprocess.FAULTS,
    *metric.FAULTS,
    *data.FAULTS,
    *cache.FAULTS,
    *expectations.FAULTS,
    *devices.FAULTS,
)
