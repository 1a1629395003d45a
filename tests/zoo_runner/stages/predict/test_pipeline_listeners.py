from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams import Quiet, outputs_of
from zoo_runner.plugin.interfaces import Arrays, Sample
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.store.store import Store


class Part:
    """All stages of a pipeline that hands a sample's index through."""

    identity = ""

    def __call__(self, given: Any, sample: Sample | None = None) -> Arrays:
        return {"x": np.array([given.index], np.float32)} if sample is None else {"x": given["x"].copy()}

    def infer(self, inputs: Arrays) -> Arrays:
        return inputs


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    made = []
    for index in range(1, 12):
        path = tmp_path / f"{index}.txt"
        path.write_text(str(index))
        made.append(Sample(index=index, id=f"s{index}", path=path))
    return made


def told(samples: list[Sample], store: Store) -> list[tuple[int, list[str], list[float]]]:
    """What a listener is told of chunks of four samples, in the order of their places."""
    heard: list[tuple[int, list[str], list[float]]] = []

    def finished(place: int, chunk: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        heard.append((place, [each.id for each in chunk], [float(each["x"][0]) for each in predictions]))

    part: Any = Part()
    source = outputs_of(part, part)
    listeners = stream.Listeners(progress=Quiet(), clocks=source.clocks, finished=finished)
    stream.predict(samples, source, part, chunk=4, store=store, listeners=listeners)
    return sorted(heard)


EVERY = [
    (0, ["s1", "s2", "s3", "s4"], [1.0, 2.0, 3.0, 4.0]),
    (1, ["s5", "s6", "s7", "s8"], [5.0, 6.0, 7.0, 8.0]),
    (2, ["s9", "s10", "s11"], [9.0, 10.0, 11.0]),
]


@pytest.mark.parametrize("known", [[], [0, 1, 2], [0], [1], [2], [0, 2]], ids=str)
def test_every_chunk_is_told_once(samples: list[Sample], tmp_path: Path, known: list[int]) -> None:
    """Whether it is predicted now or was before."""
    store = Store(tmp_path / "store")
    told(samples, store)
    for place in {0, 1, 2} - set(known):
        samples[4 * place].path.write_text("changed")
    assert told(samples, store) == EVERY


def test_no_samples(tmp_path: Path) -> None:
    assert told([], Store(tmp_path / "store")) == []
