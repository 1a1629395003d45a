"""Runs all benchmarks, in less than ten minutes: ``python benchmarks/run.py [--quick] [--json FILE]``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import kernels
import measure
import pipeline
import report
import runtime
import workload


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured.

    Attributes:
        images: That go through the pipeline.
        many: For the peak of memory.
        turns: Runs of the pipeline, of which the best counts.
        rounds: Of everything that is measured image by image.
        starts: Of everything that is measured call by call.
    """

    images: int
    many: int
    turns: int
    rounds: int
    starts: int


FULL: Final = Extent(
    images=pipeline.IMAGES, many=pipeline.MANY, turns=pipeline.TURNS, rounds=kernels.ROUNDS, starts=runtime.ROUNDS
)
QUICK: Final = Extent(images=pipeline.IMAGES, many=pipeline.IMAGES, turns=1, rounds=10, starts=3)


def main() -> None:
    """Run them one after the other and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    parser.add_argument("--quick", action="store_true", help="measure each thing less often, in two minutes")
    chosen = parser.parse_args()
    extent = QUICK if chosen.quick else FULL
    lines = [
        *pipeline.pipeline(extent.images, extent.many, extent.turns),  # first, while this process is small and quiet
        *runtime.starting(extent.starts),
        *kernels.postprocessing(extent.rounds),
        *kernels.scoring(workload.IMAGES),
        *kernels.explaining(workload.IMAGES),
        *kernels.parsing(workload.IMAGES),
        *kernels.preprocessing(extent.rounds),
        *report.reporting(workload.IMAGES),
        *runtime.inferring(extent.starts),
        *runtime.inferring_whole(max(1, extent.starts // 3)),
    ]
    measure.report(lines, chosen.json)


if __name__ == "__main__":
    main()
