"""The best classes written out once more, plainly: what the postprocessing is held against when a gate is red."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from zoo_images.plain import input_mistakes, plain_inputs
from zoo_runner.plugin.plain import Plain

if TYPE_CHECKING:
    from zoo_classification.config import ClassifyConfig
    from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec


@dataclass(frozen=True, kw_only=True)
class PlainTopK:
    """Sorts the scores.

    Attributes:
        output: Which output has them.
        k: Classes that are kept.
        skipped: Scores before the first class.
        first: The class that its first score stands for.
        sign: -1 where the worst class comes first.
    """

    output: str
    k: int
    skipped: int
    first: int = 0
    sign: int = 1

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return ``labels`` int32 [k], best first, and their ``scores`` [k]."""
        del sample
        scores = list(outputs[self.output].ravel())[self.skipped :]
        best = sorted(range(len(scores)), key=lambda place: (-self.sign * scores[place], place))[: self.k]
        labels = [place + self.first for place in best]
        return {
            "labels": np.array(labels, np.int32),
            "scores": np.array([scores[place] for place in best], outputs[self.output].dtype),
        }


def plain(config: ClassifyConfig, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Plain:
    """Return the plain implementations for a configuration."""
    options = config.postprocess
    name = options.output or outputs[0].name
    top = PlainTopK(output=name, k=options.k, skipped=int(options.background))
    mistakes = {
        "classes are shifted by one, upwards": replace(top, first=1),
        "classes are shifted by one, downwards": replace(top, first=-1),
        "the first score looks taken for the background's": replace(top, skipped=1),
        "the background's score looks taken for a class": replace(top, skipped=0),
        "the worst class comes first": replace(top, sign=-1),
    }
    return Plain(
        preprocess=plain_inputs(config.preprocess, inputs[0].name),
        postprocess=top,
        input_mistakes=input_mistakes(config.preprocess, inputs[0].name),
        prediction_mistakes={text: made for text, made in mistakes.items() if made != top},
    )
