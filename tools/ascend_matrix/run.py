"""Run the sample in all ways of an Ascend host, on the stand-ins, and compare its predictions with ONNX Runtime's."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zoo_runner.testing.machine import GENERATIONS

SAMPLE: Final = Path(__file__).parents[2] / "manifests" / "refinedet320-sample.yaml"
COMMAND: Final = ("--set", "infer.tool=ais_bench-cli")
FORMATS: Final = ("BIN", "NPY", "TXT")
BATCHES: Final = (1, 4, 16)
HAND_MADE: Final = "by hand"


@dataclass(frozen=True)
class Way:
    """One way to infer the sample.

    Attributes:
        tool: ``in process``, ``command`` or ``by hand``: a folder of results that a command left, scored by itself.
        devices: Number of devices.
        batch: Samples a call.
        form: Format of result files; empty where there are none.
        aipp: Whether the model normalises.
    """

    tool: str
    devices: int = 1
    batch: int = 8
    form: str = ""
    aipp: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """What makes ``zoo-run`` go this way."""
        devices = ",".join(map(str, range(self.devices)))
        tool = (*COMMAND, "--set", f"infer.outfmt={self.form}") if self.form else ()
        aipp = ("--set", "atc.aipp=auto") if self.aipp else ()
        return ("--backend", "ascend", "--device", devices, "--batch-size", str(self.batch), *tool, *aipp)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table that says which way it is."""
        return self.tool, str(self.devices), str(self.batch), self.form or "-", "yes" if self.aipp else "-"


WAYS: Final = (
    *(Way("in process", devices, batch) for devices in (1, 3) for batch in BATCHES),
    *(Way("command", devices, batch, form) for devices in (1, 3) for batch in BATCHES for form in FORMATS),
    Way("in process", 3, aipp=True),
    Way("command", 3, form="BIN", aipp=True),
    *(Way(HAND_MADE, 3, 4, form) for form in FORMATS),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if a row differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generation", type=int, choices=GENERATIONS, help="only this one of ais_bench")
    only = parser.parse_args(arguments).generation
    with tempfile.TemporaryDirectory(prefix="zoo-matrix-") as folder:
        lab = Lab(Path(folder))
        references = {batch: lab.reference(batch) for batch in sorted({way.batch for way in WAYS})}
        print("| ais_bench of | tool | devices | batch | files | AIPP | predictions | mAP | s |")
        print("|---|---|---|---|---|---|---|---|---|")
        wrong = 0
        for generation in GENERATIONS if only is None else (only,):
            for row, good in lab.rows(generation, references):
                print(f"| {generation} | {row} |", flush=True)
                wrong += not good
    print(f"\n{wrong} ways differ" if wrong else "\nall ways agree")
    return int(wrong > 0)


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    predictions: bytes
    value: float


@dataclass(frozen=True)
class Lab:
    """Runs that share a store."""

    folder: Path

    def reference(self, batch: int) -> Result:
        """Return what ONNX Runtime predicts at a batch size, which decides the last bits."""
        options = ("--backend", "onnxruntime", "--batch-size", str(batch))
        return self._result(self._run((), options, "reference"))

    def rows(self, generation: int, references: Mapping[int, Result]) -> Iterator[tuple[str, bool]]:
        """Yield the rows of one generation, and whether each is as it must be."""
        for way in WAYS:
            start, reference = time.perf_counter(), references[way.batch]
            found = self._hand_made(generation, way) if way.tool == HAND_MADE else self._way(generation, way)
            same, rounded = found.predictions == reference.predictions, way.form == "TXT"
            good = same or (rounded and abs(found.value - reference.value) < 0.01)  # noqa: PLR2004 - of a percent
            said = "identical" if same else "rounded" if good else "DIFFER"
            seconds = time.perf_counter() - start
            yield " | ".join((*way.cells, said, f"{found.value:.2f}", f"{seconds:.1f}")), good

    def _way(self, generation: int, way: Way) -> Result:
        return self._result(self._run(_host(generation, way), way.options, f"{generation}"))

    def _hand_made(self, generation: int, way: Way) -> Result:
        made = Way("command", way.devices, way.batch, way.form)
        results = self._run(_host(generation, made), made.options, "made") / "results"
        copy = self.folder / "by-hand"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(results, copy, ignore=shutil.ignore_patterns("*.json", ".*"))
        return self._result(self._run((), ("--from", "postprocess", "--results", str(copy)), "scored", status=(0, 4)))

    def _run(self, host: Sequence[str], options: Sequence[str], name: str, status: tuple[int, ...] = (0,)) -> Path:
        output = self.folder / name
        more = ("--until", "evaluate", "--output", str(output), "--quiet")
        command = [sys.executable, *host, "-m", "zoo_runner", "run", str(SAMPLE), *options, *more]
        if host:
            command = [sys.executable, *host, "--", sys.executable, *command[1 + len(host) :]]
        shutil.rmtree(self.folder / "store" / "predictions", ignore_errors=True)  # each way infers by itself
        environment = {**os.environ, "ZOO_RUNNER_CACHE": str(self.folder / "store")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if done.returncode not in status:
            raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return output

    def _result(self, output: Path) -> Result:
        report: dict[str, Any] = json.loads((output / "report.json").read_text(encoding="utf-8"))
        return Result((output / "predictions.npz").read_bytes(), report["metrics"][0]["value"])


def _host(generation: int, way: Way) -> tuple[str, ...]:
    return ("-m", "zoo_runner.testing", "--devices", str(way.devices), "--generation", str(generation))


if __name__ == "__main__":
    sys.exit(main())
