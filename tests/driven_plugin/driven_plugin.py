"""A plugin of two networks: an encoder, and a decoder that is run once for each token, with all tokens before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample, TensorSpec
from zoo_runner.plugin.scoring import ScoredValues, WholeSet

if TYPE_CHECKING:
    import torch

    from zoo_runner.plugin.driving import Model

START = 4
"""The token before the first one."""


class DrivenConfig(BaseModel, extra="forbid", frozen=True):
    """``steps`` is how many tokens are made, and ``fault`` what the driver does wrong."""

    steps: int = 3
    fault: str = ""
    networks: tuple[str, ...] = ("encoder",)


class Encoder:
    identity = "encoder"
    inputs = (TensorSpec("numbers", "float32", ("batch", 4)),)
    outputs = (TensorSpec("state", "float32", ("batch", 4)),)

    def build(self) -> torch.nn.Module:
        import torch  # noqa: PLC0415 - as every plugin should

        return torch.nn.Linear(4, 4, bias=False).eval()


class Greedy:
    """Takes the likeliest token at each step."""

    def __init__(self, config: DrivenConfig) -> None:
        self.config = config
        self.identity = str(config)

    def __call__(self, models: Mapping[str, Model], inputs: Arrays) -> Arrays:
        fault = self.config.fault
        if fault == "raises":
            raise RuntimeError("the loop has a bug")
        state = models["encoder"].infer({"numbers": inputs["numbers"]})["state"]
        tokens = np.full((len(state), 1), START, np.int32 if fault == "dtype" else np.int64)
        for _ in range(self.config.steps):
            logits = models["decoder"].infer({"state": state, "tokens": tokens})["logits"]
            tokens = np.concatenate([tokens, logits.argmax(axis=1, keepdims=True)], axis=1)
        return {"order": tokens[:, 1:]}


class Rows:
    def samples(self, root: Path) -> Sequence[Sample]:
        paths = sorted(root.glob("*.txt"))
        return [Sample(index=index, id=path.stem, path=path) for index, path in enumerate(paths, start=1)]


class Numbers:
    identity = "numbers"

    def __call__(self, sample: Sample) -> Arrays:
        return {"numbers": np.loadtxt(sample.path, dtype=np.float32)}


class Places:
    identity = "places"

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        return {"order": outputs["order"]}


class Accuracy:
    measures = (("accuracy", "order"),)

    def scoring(self) -> WholeSet:
        return WholeSet(self.score)

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> ScoredValues:
        orders = ["".join(map(str, prediction["order"])) for prediction in predictions]
        hits = sum(sample.id.endswith(f"_{order}") for sample, order in zip(samples, orders, strict=True))
        value = MetricValue(name="accuracy", protocol="order", value=100 * hits / len(samples), unit="percent")
        return ScoredValues((value,))


@hookimpl
def zoo_config() -> type[DrivenConfig]:
    return DrivenConfig


@hookimpl
def zoo_networks(config: DrivenConfig) -> Mapping[str, Encoder]:
    return {name: Encoder() for name in config.networks}


@hookimpl
def zoo_driver(config: DrivenConfig) -> Greedy:
    return Greedy(config)


@hookimpl
def zoo_dataset() -> Rows:
    return Rows()


@hookimpl
def zoo_preprocess() -> Numbers:
    return Numbers()


@hookimpl
def zoo_postprocess() -> Places:
    return Places()


@hookimpl
def zoo_metric() -> Accuracy:
    return Accuracy()
