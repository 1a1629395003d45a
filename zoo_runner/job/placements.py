"""Notes, while a run infers, where the outputs of each sample come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo_runner.comparison.placements import Placement
from zoo_runner.job.part_samples import PartSample
from zoo_runner.plugin.interfaces import DeviceArrays

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample


def placing(places: dict[int, Placement]) -> Callable[[Sample, Arrays], None]:
    """Return what notes, by the sample's index, where outputs come from, as far as they tell; parts are left out."""

    def note(sample: Sample, outputs: Arrays) -> None:
        if isinstance(outputs, DeviceArrays) and not isinstance(sample, PartSample):
            places[sample.index] = Placement(device=outputs.device, row=outputs.row)

    return note
