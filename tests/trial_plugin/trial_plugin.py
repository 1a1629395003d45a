"""A plugin for tests of whole runs: text files of four numbers, of which the largest is at the label's place.

Its configuration can make it slow, or make it break.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample, TensorSpec
from zoo_runner.plugin.scoring import ScoredValues, WholeSet

if TYPE_CHECKING:
    import torch

INPUTS = 4
FAULTS: dict[str, BaseException] = {
    "bug": RuntimeError("the plugin has a bug"),
    "end of file": EOFError("a file ended early"),
    "exit 0": SystemExit(0),
    "exit 1": SystemExit(1),
    "memory": MemoryError(),
    "disk": OSError(28, "No space left on device"),
}


class TrialConfig(BaseModel, extra="forbid", frozen=True):
    """``pace`` is what preparing a sample takes, in seconds; ``breaks`` names a fault, by the part that has it."""

    classes: tuple[str, ...]
    pace: float = 0.0
    breaks: dict[str, str] = {}
    offset: float = 0.0
    floor: float = 0.0

    def check(self, part: str) -> None:
        if part in self.breaks:
            raise FAULTS[self.breaks[part]]


class TrialNetwork:
    def __init__(self, config: TrialConfig) -> None:
        classes = len(config.classes)
        self.identity = str(classes)
        self.inputs = (TensorSpec("numbers", "float32", ("batch", INPUTS)),)
        self.outputs = (TensorSpec("scores", "float32", ("batch", classes)),)

    def build(self) -> torch.nn.Module:
        import torch  # noqa: PLC0415 - as every plugin should

        return torch.nn.Linear(INPUTS, self.outputs[0].sample_shape()[0]).eval()


class TrialDataset:
    def __init__(self, config: TrialConfig) -> None:
        self.config = config

    def samples(self, root: Path) -> Sequence[Sample]:
        self.config.check("dataset")
        paths = sorted(root.glob("*.txt"))
        return [Sample(index=index, id=path.stem, path=path) for index, path in enumerate(paths, start=1)]


class TrialPreprocess:
    def __init__(self, config: TrialConfig) -> None:
        self.config = config
        self.identity = str(config.offset)

    def __call__(self, sample: Sample) -> Arrays:
        time.sleep(self.config.pace)
        self.config.check("preprocess")
        return {"numbers": np.loadtxt(sample.path, dtype=np.float32) + np.float32(self.config.offset)}


class TrialPostprocess:
    def __init__(self, config: TrialConfig) -> None:
        self.config = config
        self.identity = str(config.floor)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        self.config.check("postprocess")
        scores = outputs["scores"]
        best = scores.max(axis=0, keepdims=True)
        return {"label": scores.argmax(axis=0, keepdims=True), "score": np.maximum(best, self.config.floor)}


class TrialMetric:
    measures = (("accuracy", "top1"),)

    def __init__(self, config: TrialConfig) -> None:
        self.config = config

    def scoring(self) -> WholeSet:
        return WholeSet(self.score)

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> ScoredValues:
        self.config.check("metric")
        names = [self.config.classes[int(prediction["label"][0])] for prediction in predictions]
        hits = sum(name == sample.id.partition("_")[0] for name, sample in zip(names, samples, strict=True))
        value = 100 * hits / len(samples)
        return ScoredValues((MetricValue(name="accuracy", protocol="top1", value=value, unit="percent"),))


@hookimpl
def zoo_config() -> type[TrialConfig]:
    return TrialConfig


@hookimpl
def zoo_network(config: TrialConfig) -> TrialNetwork:
    config.check("hook")
    return TrialNetwork(config)


@hookimpl
def zoo_dataset(config: TrialConfig) -> TrialDataset:
    return TrialDataset(config)


@hookimpl
def zoo_preprocess(config: TrialConfig) -> TrialPreprocess:
    return TrialPreprocess(config)


@hookimpl
def zoo_postprocess(config: TrialConfig) -> TrialPostprocess:
    return TrialPostprocess(config)


@hookimpl
def zoo_metric(config: TrialConfig) -> TrialMetric:
    return TrialMetric(config)
