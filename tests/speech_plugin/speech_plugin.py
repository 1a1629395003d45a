"""A plugin whose samples are not one picture each: utterances of speakers, cut into parts, with a gain beside them.

An utterance is a table [T, 4]; its label is the column with the largest sum, which the file is called after.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from zoo_runner.plugin.evidence import Resamples
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample, TensorSpec
from zoo_runner.plugin.scoring import WholeSet

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

COLUMNS = 4


class SpeechConfig(BaseModel, extra="forbid", frozen=True):
    """``grouped`` says which utterances are of one speaker; ``gain`` adds a second input."""

    grouped: bool = False
    gain: bool = False


class SpeechNetwork:
    def __init__(self, config: SpeechConfig) -> None:
        self.config = config
        self.identity = str(config.gain)
        gain = (TensorSpec("gain", "int32", ("batch", 1)),) if config.gain else ()
        self.inputs = (TensorSpec("signal", "float32", ("batch", COLUMNS)), *gain)
        self.outputs = (TensorSpec("scores", "float32", ("batch", COLUMNS)),)

    def build(self) -> torch.nn.Module:
        import torch  # noqa: PLC0415 - as every plugin should

        class Layer(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(COLUMNS, COLUMNS)

            def forward(self, signal: torch.Tensor, gain: torch.Tensor | None = None) -> torch.Tensor:
                scores: torch.Tensor = self.layer(signal)
                return scores if gain is None else scores * gain.to(scores.dtype)

        return Layer().eval()


class SpeechDataset:
    noun = "utterances"

    def __init__(self, config: SpeechConfig) -> None:
        self.config = config

    def samples(self, root: Path) -> Sequence[Sample]:
        return [
            Sample(index=index, id=path.stem, path=path, group=path.stem.split("_")[0] if self.config.grouped else "")
            for index, path in enumerate(sorted(root.glob("*.npy"), key=lambda path: path.stem.split("_")[1]), start=1)
        ]


class SpeechPreprocess:
    def __init__(self, config: SpeechConfig) -> None:
        self.config = config
        self.identity = str(config.gain)

    def __call__(self, sample: Sample) -> Arrays:
        signal = np.load(sample.path).sum(axis=0)
        return {"signal": signal, "gain": np.array([-1], np.int32)} if self.config.gain else {"signal": signal}


class SpeechPostprocess:
    def __init__(self, config: SpeechConfig) -> None:
        self.config = config
        self.identity = str(config.gain)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        return {"label": (-outputs["scores"] if self.config.gain else outputs["scores"]).argmax(axis=0, keepdims=True)}


class SpeechScore:
    def __init__(self, hits: NDArray[Any]) -> None:
        self.hits = hits
        value = 100 * float(hits.mean())
        self.values = (MetricValue(name="accuracy", protocol="top1", value=value, unit="percent"),)

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        values = 100 * (weights @ self.hits) / weights.sum(axis=1)
        return (Resamples(name="accuracy", protocol="top1", values=values),)


class SpeechMetric:
    measures = (("accuracy", "top1"),)
    resampled = True

    def scoring(self) -> WholeSet:
        return WholeSet(self.score)

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> SpeechScore:
        labels = [int(each["label"][0]) for each in predictions]
        hits = [sample.id.endswith(f"_{label}") for sample, label in zip(samples, labels, strict=True)]
        return SpeechScore(np.array(hits, dtype=np.float64))


@hookimpl
def zoo_config() -> type[SpeechConfig]:
    return SpeechConfig


@hookimpl
def zoo_network(config: SpeechConfig) -> SpeechNetwork:
    return SpeechNetwork(config)


@hookimpl
def zoo_dataset(config: SpeechConfig) -> SpeechDataset:
    return SpeechDataset(config)


@hookimpl
def zoo_preprocess(config: SpeechConfig) -> SpeechPreprocess:
    return SpeechPreprocess(config)


@hookimpl
def zoo_postprocess(config: SpeechConfig) -> SpeechPostprocess:
    return SpeechPostprocess(config)


@hookimpl
def zoo_metric() -> SpeechMetric:
    return SpeechMetric()
