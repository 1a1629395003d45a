"""Greedy decoding written out once more, plainly: what the postprocessing is held against when a gate is red."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from zoo_images.plain import input_mistakes, plain_inputs
from zoo_runner.plugin.plain import Plain

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec
    from zoo_text.config import RecogniseConfig
    from zoo_text.samples import TextSample


@dataclass(frozen=True, kw_only=True)
class PlainCtc:
    """Walks from step to step.

    Attributes:
        output: Which output has the scores.
        written: The dictionary; ``None`` where it is in a file of the data set.
        space: Whether a space follows it.
        last: Whether the blank is the last class; else it is the first.
        merged: Whether equal neighbours count once.
        first: The class that the dictionary begins with, counted from where it does.
        backwards: Whether the text is read from its end.
    """

    output: str
    written: tuple[str, ...] | None
    space: bool
    last: bool
    merged: bool = True
    first: int = 0
    backwards: bool = False

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return ``text``: code points int32 [L]."""
        characters = self._characters(cast("TextSample", sample))  # the plugin's own data sets give nothing else
        classes = [*characters, None] if self.last else [None, *characters]
        text, before = "", -1
        for scores in outputs[self.output]:
            best = max(range(len(scores)), key=lambda place: (scores[place], -place))
            if best != before or not self.merged:
                text += (classes[best] and classes[(best + self.first) % len(classes)]) or ""
            before = best
        return {"text": np.array([ord(each) for each in (text[::-1] if self.backwards else text)], np.int32)}

    def _characters(self, sample: TextSample) -> list[str]:
        found = list(self.written or ())
        if self.written is None and sample.dictionary is not None:
            text = sample.dictionary.read_bytes().decode("utf-8-sig")
            found = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
        return [*found, " "] if self.space else found


def plain(config: RecogniseConfig, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Plain:
    """Return the plain implementations for a configuration; none of the decoding where the model has the dictionary."""
    options, made = (
        config.postprocess,
        Plain(
            preprocess=plain_inputs(config.preprocess, inputs[0].name),
            input_mistakes=input_mistakes(config.preprocess, inputs[0].name),
        ),
    )
    source = options.dictionary
    if source.type == "metadata":
        return made
    ctc = PlainCtc(
        output=options.output or outputs[0].name,
        written=tuple(source.characters) if source.type == "characters" else None,
        space=options.space,
        last=options.blank == "last",
    )
    mistakes = {
        "equal neighbours look not merged": replace(ctc, merged=False),
        "the blank looks taken for another class": replace(ctc, last=not ctc.last),
        "classes are shifted by one, upwards": replace(ctc, first=1),
        "classes are shifted by one, downwards": replace(ctc, first=-1),
        "the text looks read from its end": replace(ctc, backwards=True),
    }
    return replace(made, postprocess=ctc, prediction_mistakes=mistakes)
