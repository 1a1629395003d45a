from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from zoo_runner.stages.predict.afterwards import end
from zoo_runner.stages.predict.pipeline import KIND, chunk_key, chunk_size


@dataclass
class Source:
    """Names its outputs by the samples that they are of."""

    def identity(self, samples: Sequence[Any]) -> str:
        return str(list(samples))


@dataclass
class EndingSource(Source):
    good: bool

    def end(self) -> bool:
        return self.good


@dataclass
class Kept:
    discarded: list[tuple[str, str]] = field(default_factory=list)

    def discard(self, kind: str, key: str) -> None:
        self.discarded.append((kind, key))


@pytest.mark.parametrize(
    ("source", "count", "chunks"),
    [
        pytest.param(EndingSource(good=False), 0, 0, id="no samples"),
        pytest.param(EndingSource(good=False), 64, 1, id="one chunk in doubt"),
        pytest.param(EndingSource(good=False), 65, 2, id="two chunks in doubt"),
        pytest.param(EndingSource(good=True), 65, 0, id="no doubt"),
        pytest.param(Source(), 65, 0, id="a source that does not care"),
    ],
)
def test_only_doubtful_predictions_are_dropped(source: Any, count: int, chunks: int) -> None:
    kept = Kept()
    samples: list[Any] = list(range(count))
    recipe: Any = SimpleNamespace(
        manifest=SimpleNamespace(infer=SimpleNamespace(batch=8)), postprocess=SimpleNamespace(identity="argmax")
    )
    outputs: Any = Source()
    end(source, outputs, samples, recipe, kept)  # type: ignore[arg-type]  # it only discards
    size = chunk_size(8)
    assert kept.discarded == [
        (KIND, chunk_key(outputs, samples[place * size : (place + 1) * size], "argmax")) for place in range(chunks)
    ]
