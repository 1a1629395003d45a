from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo_runner.comparison.placements import Placement
from zoo_runner.job.part_samples import PartSample
from zoo_runner.job.placements import placing
from zoo_runner.plugin.interfaces import DeviceArrays, Sample

ARRAYS = {"out": np.zeros(1)}


def sample(index: int) -> Sample:
    return Sample(index=index, id=str(index), path=Path("a.jpg"))


def test_only_what_tells_its_device_is_noted() -> None:
    places: dict[int, Placement] = {}
    note = placing(places)
    note(sample(1), DeviceArrays(ARRAYS, 3, 2))
    note(sample(2), DeviceArrays(ARRAYS, 1))
    note(sample(3), ARRAYS)
    part = PartSample(index=4, id="4", path=Path("a.jpg"), whole=sample(4), number=0, count=2)
    note(part, DeviceArrays(ARRAYS, 1, 0))
    assert places == {1: Placement(device=3, row=2), 2: Placement(device=1)}
