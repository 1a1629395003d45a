"""What a run measured, in the log and in ``_summary.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from zoo_runner.testing.machine import Machine

from .log import logger

_PERCENTILE: Final = 99
_LEFT_OUT: Final = ("D2H_latency", "throughput", "npu_compute_time_list")
"""Keys that are missing under the fault ``short-summary``."""


def _statistics(times: Sequence[float]) -> dict[str, float]:
    values = np.asarray(times) if len(times) else np.zeros(1)
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        f"percentile({_PERCENTILE}%)": float(np.percentile(values, _PERCENTILE)),
        "count": len(times),
    }


def _line(name: str, numbers: dict[str, float]) -> str:
    return f"{name} (ms): " + ", ".join(f"{key} = {value}" for key, value in numbers.items() if key != "count")


@dataclass
class Summary:
    """Collects what a run reports."""

    files: dict[int, dict[str, list[str]]] = field(default_factory=dict)

    def add_file(self, sample: int, inputs: Sequence[str], output: str) -> None:
        """Note one result file of a sample and the input files it came from."""
        entry = self.files.setdefault(sample, {"infiles": list(inputs), "outfiles": []})
        entry["outfiles"].append(output)

    def report(
        self,
        *,
        batch: int,
        compute: Sequence[float],
        to_device: Sequence[float],
        to_host: Sequence[float],
        arguments: Sequence[str],
        show_all: bool,
        folder: Path | None,
    ) -> float:
        """Log the figures, write them beside ``folder``, and return the throughput in samples per second."""
        npu, h2d, d2h = (_statistics(times) for times in (compute, to_device, to_host))
        throughput = 1000 * batch / npu["mean"] if npu["mean"] else 0
        logger.info("-----------------Performance Summary------------------")
        if show_all:
            logger.info(_line("H2D_latency", h2d))
        logger.info(_line("NPU_compute_time", npu))
        if show_all:
            logger.info(_line("D2H_latency", d2h))
        logger.info("throughput 1000*batchsize.mean(%s)/NPU_compute_time.mean(%s): %s", batch, npu["mean"], throughput)
        logger.info("------------------------------------------------------")
        if folder is not None:
            self._write(
                Path(f"{folder}_summary.json"),
                {
                    "filesinfo": {str(sample): files for sample, files in self.files.items()},
                    "args": list(arguments),
                    "NPU_compute_time": npu,
                    "H2D_latency": h2d,
                    "D2H_latency": d2h,
                    "throughput": throughput,
                    "npu_compute_time_list": list(compute),
                    "pid": os.getpid(),
                },
            )
        return throughput

    def _write(self, path: Path, content: dict[str, Any]) -> None:
        if "short-summary" in Machine.from_environment().faults:
            half = len(self.files) // 2
            content["filesinfo"] = dict(list(content["filesinfo"].items())[:half])
            for key in _LEFT_OUT:
                del content[key]
        path.write_text(json.dumps(content), encoding="utf-8")
