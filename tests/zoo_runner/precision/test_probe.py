"""Whether a runtime can be used to emulate."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_runner.errors import PrerequisiteError
from zoo_runner.precision import probe
from zoo_runner.precision.ascend import Overflow


def test_this_runtime_can() -> None:
    probe.require_emulation()
    assert probe.probed(Overflow.INF)[7] == np.inf


@pytest.mark.parametrize(
    ("place", "number", "text"),
    [
        (2, 45.2658, r"of 2049, rounded \(Inf/NaN\) and its square root taken, expected 45\.25, found 45\.2658"),
        (
            7,
            float("nan"),
            r"of inf, rounded \(Inf/NaN\) and its square root taken, expected inf, found nan; pip",
        ),
    ],
    ids=["without the casts", "1.17 to 1.20"],
)
def test_one_that_cannot_is_named(place: int, number: float, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = probe.probed(Overflow.INF)
    right[place] = number
    monkeypatch.setattr(probe, "probed", lambda _overflow: right)
    with pytest.raises(PrerequisiteError, match=text):
        probe.require_emulation()
