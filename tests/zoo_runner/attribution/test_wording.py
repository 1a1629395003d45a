"""The lines for the first screen, and the one stage that is named."""

from __future__ import annotations

from typing import Any

import pytest

from zoo_runner.attribution.wording import findings, named
from zoo_runner.report.attribution import StageCost
from zoo_runner.report.changes import Interval

UNLIKE = "unlike its reference on 40 of 40 images"
INTERVAL = Interval(low=20, high=40.25, level=0.95, method="paired bootstrap", resamples=100, seed=0)


def cost(stage: str, differs: int, **more: Any) -> StageCost:
    return StageCost(stage=stage, against="its reference", differs=differs, samples=40, **more)


SAME = [cost("preprocess", 0), cost("infer", 2), cost("postprocess", 0), cost("reuse", 0)]


@pytest.mark.parametrize(
    ("stages", "stage", "lines"),
    [
        pytest.param([], "", ("no stage has a reference; look at what has none",), id="none"),
        pytest.param(
            SAME,
            "",
            ("on 40 images this is as its reference: preprocessing, inference, postprocessing; look at",),
            id="same",
        ),
        pytest.param(
            [cost("preprocess", 40, points=30.0, interval=INTERVAL, mistake="channels look exchanged"), *SAME[1:]],
            "preprocess",
            (f"preprocessing: channels look exchanged; {UNLIKE}; costs 30.0 [20.0, 40.2] points there",),
            id="preprocess",
        ),
        pytest.param(
            [
                SAME[0],
                cost("infer", 20, where="outputs of device 1 differ on 20 of 20 images, elsewhere equal"),
                SAME[2],
            ],
            "infer",
            ("inference: outputs of device 1 differ on 20 of 20 images, elsewhere equal; reference: its reference",),
            id="device",
        ),
        pytest.param(
            [cost("data", 40, mistake="annotations changed: class disc lost 61 objects"), *SAME],
            "data",
            ("data set: annotations changed: class disc lost 61 objects; unlike its reference",),
            id="data",
        ),
        pytest.param(
            [*SAME, cost("weights", 40)],
            "weights",
            ("nothing in the program differs: the weights do", "weights: unlike its reference on 40 of 40 images"),
            id="weights",
        ),
        pytest.param([cost("weights", 40)], "weights", ("weights: unlike its reference",), id="nothing-else-known"),
        pytest.param(
            [cost("preprocess", 40, points=1.0), SAME[1], cost("postprocess", 40, points=-9.0), cost("reuse", 9)],
            "postprocess",
            ("postprocessing: unlike", "preprocessing: unlike"),
            id="two",
        ),
        pytest.param([cost("preprocess", 40, points=0.0)], "", ("preprocessing: unlike",), id="costs-nothing"),
        pytest.param([*SAME[:3], cost("reuse", 40, points=3.0)], "reuse", ("predictions that were",), id="reuse"),
    ],
)
def test_findings(stages: list[StageCost], stage: str, lines: tuple[str, ...]) -> None:
    found = findings(stages, "images", 40)
    assert named(stages) == stage
    assert len(found) == len(lines)
    assert all(line.startswith(start) for line, start in zip(found, lines, strict=True))
