"""What tests of the stream from samples to predictions have in common."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from zoo_runner.plugin.interfaces import BATCH, Preprocess, Session, TensorSpec
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.inference import ModelOutputs


class Quiet:
    """A progress that counts, and that nothing may be said to."""

    def __init__(self) -> None:
        self.count = 0

    def track(self, label: str, total: int | None, unit: str) -> Any:
        return nullcontext(self._advance)

    def _advance(self, amount: int) -> None:
        self.count += amount

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def warn(self, text: str) -> None:
        raise AssertionError(text)


def outputs_of(
    preprocess: Preprocess, model: Session, batch: int = 4, key: str = "model", workers: int = 2
) -> ModelOutputs:
    """The outputs of a model that takes one number a sample."""
    return ModelOutputs(
        preprocess=preprocess,
        inputs=(TensorSpec("x", "float32", (BATCH, 1)),),
        session=lambda: model,
        batch=batch,
        key=key,
        workers=workers,
        clocks=Clocks(),
    )
