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
    """``steps`` is how many tokens are made, ``fault`` what the driver does wrong, ``networks`` what it has."""

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
        self.steps = config.steps
        self.identity = str(config)

    def __call__(self, models: Mapping[str, Model], inputs: Arrays) -> Arrays:
        state = models["encoder"].infer({"numbers": inputs["numbers"]})["state"]
        tokens = np.full((len(state), 1), START, np.int64)
        for _ in range(self.steps):
            logits = models["decoder"].infer({"state": state, "tokens": tokens})["logits"]
            tokens = np.concatenate([tokens, logits.argmax(axis=1, keepdims=True)], axis=1)
        return {"order": tokens[:, 1:]}


class Faulty(Greedy):
    """Breaks its contract."""

    def __call__(self, models: Mapping[str, Model], inputs: Arrays) -> Arrays:
        tokens = np.full((len(inputs["numbers"]), 1), START, np.int32)
        return models["decoder"].infer({"state": inputs["numbers"], "tokens": tokens})


class Broken(Greedy):
    """Has a bug."""

    def __call__(self, models: Mapping[str, Model], inputs: Arrays) -> Arrays:
        raise RuntimeError("the loop has a bug")


class Idle(Greedy):
    """Does nothing with inputs that have nothing in them, as a driver may that stops at silence."""

    def __call__(self, models: Mapping[str, Model], inputs: Arrays) -> Arrays:
        if inputs["numbers"].any():
            return super().__call__(models, inputs)
        raise RuntimeError("timed on nothing")


DRIVERS = {"": Greedy, "dtype": Faulty, "raises": Broken, "idle": Idle}


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
    return {name: Encoder() for name in config.networks}  # without the decoder, which comes as ONNX


@hookimpl
def zoo_driver(config: DrivenConfig) -> Greedy:
    return DRIVERS[config.fault](config)


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
