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
    """``grouped`` says which utterances are of one speaker; ``gain`` adds a second input.

    ``parts`` names the hooks that work on rows one by one, with ``wrong`` as the number of rows of the sixth utterance.
    ``table`` adds an input and outputs that have no batch axis: a table of rows, and a scalar.
    """

    grouped: bool = False
    gain: bool = False
    table: bool = False
    parts: tuple[str, ...] = ()
    wrong: int | None = None


class SpeechNetwork:
    def __init__(self, config: SpeechConfig) -> None:
        self.config = config
        self.identity = f"{config.gain} {config.table}"
        signal, scores = (TensorSpec(name, "float32", ("batch", COLUMNS)) for name in ("signal", "scores"))
        gain = (TensorSpec("gain", "int32", ("batch", 1)),) if config.gain else ()
        table = (TensorSpec("table", "float32", (2, COLUMNS)),) if config.table else ()
        rows = (TensorSpec("rows", "float32", (2, COLUMNS)), TensorSpec("loudest", "float32", ())) if table else ()
        self.inputs = (*table, signal, *gain)  # as a table in front is what batch sizes are easily read from
        self.outputs = (scores, *rows)

    def build(self) -> torch.nn.Module:
        import torch  # noqa: PLC0415 - as every plugin should

        class Layer(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(COLUMNS, COLUMNS)

            def forward(self, signal: torch.Tensor, gain: torch.Tensor | None = None) -> torch.Tensor:
                scores: torch.Tensor = self.layer(signal)
                return scores if gain is None else scores * gain.to(scores.dtype)

        class Tabled(Layer):
            def forward(self, table: torch.Tensor, signal: torch.Tensor) -> tuple[torch.Tensor, ...]:  # type: ignore[override]  # another network
                scores = self.layer(signal)
                return scores, table + scores, scores.max()

        return Tabled().eval() if self.config.table else Layer().eval()


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
        self.identity = f"{config.gain} {config.table}"

    def __call__(self, sample: Sample) -> Arrays:
        signal = np.load(sample.path).sum(axis=0)
        gain = {"gain": np.array([-1], np.int32)} if self.config.gain else {}
        table = {"table": np.array([[0.0] * COLUMNS, [1.0] * COLUMNS], np.float32)} if self.config.table else {}
        return {**gain, "signal": signal, **table}


class RowPreprocess(SpeechPreprocess):
    """One row is one inference."""

    def __call__(self, sample: Sample) -> Arrays:
        raise AssertionError("called for a whole utterance")

    def parts(self, sample: Sample) -> int:
        wrong = self.config.wrong
        return len(np.load(sample.path)) if wrong is None or sample.index != 6 else wrong

    def make_part(self, sample: Sample, number: int) -> Arrays:
        return {"signal": np.load(sample.path)[number]}


class SpeechPostprocess:
    def __init__(self, config: SpeechConfig) -> None:
        self.config = config
        self.identity = f"{config.gain} {config.table}"

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        scores = -outputs["scores"] if self.config.gain else outputs["scores"]
        if self.config.table:
            assert outputs["loudest"] == scores.max()
            assert (outputs["rows"] == np.stack([scores, scores + 1])).all()
        return {"label": scores.argmax(axis=0, keepdims=True)}


class Rows:
    """Adds the scores of rows up as they come."""

    def __init__(self, parts: int) -> None:
        self.total, self.left = np.zeros(COLUMNS, np.float64), parts

    def add(self, outputs: Arrays) -> None:
        self.total += outputs["scores"]
        self.left -= 1

    def finish(self) -> Arrays:
        assert self.left == 0
        return {"label": self.total.argmax(axis=0, keepdims=True), "total": self.total}


class RowPostprocess(SpeechPostprocess):
    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        raise AssertionError("called for a whole utterance")

    def start(self, sample: Sample, parts: int) -> Rows:
        return Rows(parts)


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
    return RowPreprocess(config) if "preprocess" in config.parts else SpeechPreprocess(config)


@hookimpl
def zoo_postprocess(config: SpeechConfig) -> SpeechPostprocess:
    return RowPostprocess(config) if "postprocess" in config.parts else SpeechPostprocess(config)


@hookimpl
def zoo_metric() -> SpeechMetric:
    return SpeechMetric()
