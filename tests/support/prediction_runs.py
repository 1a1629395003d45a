"""Postprocessing that doubles, preprocessing that reads files, and predictions of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streams import Quiet
from zoo_runner.plugin.interfaces import Arrays, Postprocess, Sample, Timings
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.stages.predict.inference import ModelOutputs
from zoo_runner.stages.predict.joining import JoinedOutputs
from zoo_runner.store.store import Store


class Doubling:
    """Outputs twice its input, and remembers the batches it was given."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []

    def infer(self, inputs: Arrays) -> Arrays:
        self.batches.append(inputs["x"][:, 0].tolist())
        return {"y": inputs["x"] * 2}

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class Reading:
    """Reads a number from the sample's file; can be told to fail at a sample."""

    identity = "reading"

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.calls: list[int] = []

    def __call__(self, sample: Sample) -> Arrays:
        if sample.index == self.fails_at:
            raise ValueError(f"sample {sample.index} is broken")
        self.calls.append(sample.index)
        return {"x": np.array([float(sample.path.read_text())], dtype=np.float32)}


@dataclass
class Keeping:
    """Keeps what it is given, with the sample's index."""

    identity: str = "keeping"
    calls: list[int] = field(default_factory=list)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        self.calls.append(sample.index)
        return {"y": outputs["y"], "index": np.array([sample.index])}


def predict(
    samples: list[Sample], outputs: ModelOutputs | JoinedOutputs, store: Store, postprocess: Postprocess, chunk: int = 4
) -> tuple[list[Arrays], int, Quiet]:
    quiet = Quiet()
    listeners = stream.Listeners(progress=quiet, clocks=outputs.clocks)
    predictions, fresh = stream.predict(samples, outputs, postprocess, chunk=chunk, store=store, listeners=listeners)
    return predictions, fresh, quiet
