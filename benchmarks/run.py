"""Runs all benchmarks, in less than ten minutes: ``python benchmarks/run.py [--json FILE]``."""

from __future__ import annotations

import argparse
from pathlib import Path

import kernels
import measure
import pipeline
import runtime
import workload


def main() -> None:
    """Run them one after the other and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    chosen = parser.parse_args()
    lines = [
        *pipeline.pipeline(),  # first, while this process is small and quiet
        *runtime.starting(),
        *kernels.postprocessing(kernels.ROUNDS),
        *kernels.scoring(workload.IMAGES),
        *kernels.parsing(workload.IMAGES),
        *kernels.preprocessing(kernels.ROUNDS),
        *runtime.inferring(),
    ]
    measure.report(lines, chosen.json)


if __name__ == "__main__":
    main()
