"""Parts that can make themselves faster are told when that pays: while the model is opened, and only if it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams import Quiet, outputs_of
from zoo_runner.plugin.interfaces import Arrays, Sample, Session, Timings
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.store.store import Store


class Part:
    """A preprocessing or postprocessing that passes on what it gets, and writes down what it is told."""

    identity = "part"

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def warm(self, samples: int) -> None:
        self.log.append(f"{self.name}: {samples}")


class Preprocess(Part):
    def __call__(self, sample: Sample) -> Arrays:
        return {"x": np.array([sample.index], np.float32)}


class Postprocess(Part):
    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        return {"x": outputs["x"].copy()}


class Cold:
    """The same without anything to make faster."""

    identity = "part"

    def __call__(self, first: Any, sample: Sample | None = None) -> Arrays:
        return {"x": np.zeros(1, np.float32)}


class Echo:
    def infer(self, inputs: Arrays) -> Arrays:
        return inputs

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    path = tmp_path / "a"
    path.touch()
    return [Sample(index=index, id=str(index), path=path) for index in range(1, 11)]


def predicted(samples: list[Sample], store: Store, preprocess: Any, postprocess: Any, log: list[str]) -> list[float]:
    def session() -> Session:
        log.append("open")
        return Echo()

    source = replace(outputs_of(preprocess, Echo()), session=session)
    listeners = stream.Listeners(progress=Quiet(), clocks=source.clocks)
    predictions, _ = stream.predict(samples, source, postprocess, chunk=4, store=store, listeners=listeners)
    return [float(each["x"][0]) for each in predictions]


def test_parts_are_told_before_the_model_is_opened(samples: list[Sample], tmp_path: Path) -> None:
    log: list[str] = []
    store = Store(tmp_path / "store")
    found = predicted(samples, store, Preprocess("pre", log), Postprocess("post", log), log)
    assert found == [float(each.index) for each in samples]
    assert log == ["pre: 10", "post: 10", "open"]


def test_parts_are_not_told_when_nothing_is_missing(samples: list[Sample], tmp_path: Path) -> None:
    log: list[str] = []
    store = Store(tmp_path / "store")
    predicted(samples, store, Cold(), Cold(), log)
    assert log == ["open"]
    predicted(samples, store, Preprocess("pre", log), Postprocess("post", log), log)
    assert log == ["open"], "predictions of parts with the same identity are reused"


def test_a_preprocessing_by_itself_is_told_too(samples: list[Sample]) -> None:
    log: list[str] = []
    assert len(list(stream.prepared(samples, Preprocess("pre", log), Quiet()))) == 10
    assert log == ["pre: 10"]
