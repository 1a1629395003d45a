"""From a network's scores to the classes with the highest ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from zoo_classification.classes import Classes, number_of
from zoo_runner.errors import ManifestError, ResultError, did_you_mean
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import declared_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec

REVISION: Final = 1
"""Counts the changes of this module that changed a prediction."""
MOST: Final = 100
WHERE: Final = "plugin.config.postprocess"


class TopKOptions(BaseModel):
    """Keep the classes with the highest scores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["top_k"] = "top_k"
    k: Annotated[int, Field(ge=1, le=MOST)] = Field(
        default=5, description="how many classes of an image are kept; fewer where there are fewer classes"
    )
    output: str | None = Field(default=None, description="which output has the scores; by default the only one")
    background: bool = Field(default=False, description="whether the first score is that of no class")


class TopK:
    """Keeps the classes with the highest scores. Of equal scores the class with the lower number comes first.

    Args:
        options: As configured.
        classes: As configured.
        outputs: The network's.

    Attributes:
        identity: Canonical JSON of what decides the result.
        number: How many classes there are.
        kept: How many of them are kept of an image.

    Raises:
        ManifestError: No output has one score for each class.
    """

    identity: str

    def __init__(self, options: TopKOptions, classes: Classes, outputs: Sequence[TensorSpec]) -> None:
        self._output = _chosen(options, outputs)
        self._skipped = int(options.background)
        sizes = [size for size in self._output.shape if size != BATCH]
        number = number_of(classes)
        scores = [size for size in sizes if size != 1]
        expected = None if number is None else number + self._skipped
        if len(scores) != 1 or isinstance(scores[0], str) or (expected is not None and scores[0] != expected):
            (found,) = declared_texts([self._output])
            wanted = "one score for each class" if expected is None else f"{expected} scores of an image"
            raise ManifestError(
                f"{WHERE}: expected {wanted}{' (with the background)' if self._skipped else ''}, found {found}; "
                "correct plugin.config.classes, the manifest's outputs, or background"
            )
        self.number = scores[0] - self._skipped
        self.kept = min(options.k, self.number)
        named = {"k": self.kept, "output": self._output.name, "background": options.background, "top_k": REVISION}
        self.identity = json.dumps(named, sort_keys=True, separators=(",", ":"))

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return ``labels``, integer [k], best first, and their ``scores``, as the network gave them, [k].

        Raises:
            ResultError: The data set has another number of classes than the network.
        """
        number = getattr(sample, "classes", 0)
        if number not in {0, self.number}:
            raise ResultError(
                f"sample {sample.id!r}: expected {self.number} classes, as many as the network has scores of, found "
                f"{number}; correct the file that plugin.config.classes names"
            )
        scores = outputs[self._output.name].reshape(-1)[self._skipped :]
        best = np.argsort(-scores.astype(np.float64), kind="stable")[: self.kept]
        return {"labels": best.astype(np.int32), "scores": scores[best]}


def _chosen(options: TopKOptions, outputs: Sequence[TensorSpec]) -> TensorSpec:
    names = [spec.name for spec in outputs]
    if options.output is None and len(outputs) == 1:
        return outputs[0]
    if options.output in names:
        return outputs[names.index(options.output)]
    found = f"{options.output!r}{did_you_mean(options.output, names)}" if options.output else "none"
    raise ManifestError(f"{WHERE}.output: expected one of the outputs {', '.join(names) or '(none)'}, found {found}")
