"""Greedy decoding of the output of a network that was trained with CTC."""

from __future__ import annotations

import hashlib
import json
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from zoo_runner.errors import ManifestError, ResultError
from zoo_runner.plugin.tensors import declared_texts
from zoo_text.dictionary import WHERE, Published, Source, Written, published, read, written
from zoo_text.metric import TEXT, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Sample, TensorSpec
    from zoo_text.samples import TextSample

REVISION: Final = 1
"""Counts the changes of this module that changed a prediction."""
SPACE: Final = " "
_AXES: Final = 3
"""Of the output: batch, steps and classes."""


class CtcConfig(BaseModel):
    """Greedy decoding: the likeliest class of each step, of equal neighbours one, without the blank."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["ctc_greedy"]
    dictionary: Source = Field(description="what the classes stand for, without the blank")
    blank: Literal["first", "last"] = Field(default="first", description="which class stands for no character")
    space: bool = Field(
        default=False, description="whether a space follows the dictionary, as PP-OCR has it (use_space_char)"
    )
    output: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="name of the output with scores of classes; needed where the model has several"
    )


class CtcGreedy:
    """Turns scores of steps and classes into a text.

    Args:
        config: What the manifest says.
        outputs: The manifest's outputs.

    Attributes:
        identity: Canonical JSON of all that decides the result, the dictionary included where it is known.

    Raises:
        ManifestError: The output is not known, has other axes, or other classes than the dictionary.
    """

    def __init__(
        self, config: CtcConfig, outputs: tuple[TensorSpec, ...], metadata: Mapping[str, str] | None = None
    ) -> None:
        self._config = config
        self._outputs = outputs
        self._output = _chosen(config, outputs)
        self._characters = _characters(config, metadata)
        classes = self._output.shape[-1]
        if self._characters is not None and isinstance(classes, int):
            self._require(len(self._characters) + 1, classes)
        self._read = cache(partial(_from_file, space=config.space))  # of this run: the file may be another in the next
        self.identity = self._identity()

    def told(self, metadata: Mapping[str, str]) -> CtcGreedy:
        """Return the same with the dictionary of the model.

        Raises:
            ManifestError: The model has none, or one of another length than its output has classes.
        """
        return CtcGreedy(self._config, self._outputs, metadata)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Decode one line.

        Args:
            outputs: With the scores of steps and classes, float [T, C].
            sample: The line.

        Returns:
            ``text``: the code points, int32 [L].

        Raises:
            ManifestError: The dictionary is not known, or has not as many characters as the output has classes.
            ResultError: A score is no number.
        """
        characters = self._characters or self._of(cast("TextSample", sample))
        if not characters:
            raise ManifestError(
                f"{WHERE}: expected a model that is given as ONNX, whose metadata have the dictionary, found none in "
                "this run; where result files alone are scored, write it into the manifest as type: characters"
            )
        scores = outputs[self._output.name]
        self._require(len(characters) + 1, scores.shape[-1])
        best = scores.argmax(axis=-1)
        if np.isnan(np.take_along_axis(scores, best[:, np.newaxis], axis=-1)).any():  # the first NaN counts as largest
            raise ResultError(f"sample {sample.id!r}: expected numbers in {self._output.name}, found NaN")
        return {TEXT: encoded("".join(characters[place] for place in self._places(best, len(characters))))}

    def _of(self, sample: TextSample) -> tuple[str, ...]:
        """Return the dictionary in the data set; nothing where it is in none of its files."""
        return self._read(sample.dictionary) if sample.dictionary is not None else ()

    def _places(self, best: NDArray[np.intp], last: int) -> list[int]:
        """Return the positions in the dictionary: changes alone count, and then all but the blank."""
        blank = 0 if self._config.blank == "first" else last
        starts = np.concatenate([[True], best[1:] != best[:-1]]) if len(best) else np.zeros(0, bool)
        kept = best[starts & (best != blank)]
        return [int(place) for place in kept - (self._config.blank == "first")]

    def _require(self, expected: int, found: int) -> None:
        if expected == found:
            return
        space = "with" if self._config.space else "without"
        raise ManifestError(
            f"{WHERE}: expected one class for each character and one for the blank, {expected} ({space} a space behind "
            f"the dictionary), found {found} in the output {self._output.name}; correct the dictionary, or space"
        )

    def _identity(self) -> str:
        known = None if self._characters is None else hashlib.sha256("\n".join(self._characters).encode()).hexdigest()
        settings = {
            "config": self._config.model_dump(mode="json"),
            "dictionary": known,
            "output": self._output.name,
            "ctc": REVISION,
        }
        return json.dumps(settings, sort_keys=True, separators=(",", ":"))


def _characters(config: CtcConfig, metadata: Mapping[str, str] | None) -> tuple[str, ...] | None:
    """Return the dictionary, the space behind it included; ``None`` where it is not known yet."""
    source = config.dictionary
    if isinstance(source, Written):
        characters = written(source)
    elif isinstance(source, Published) and metadata is not None:
        characters = published(source, metadata)
    else:
        return None
    return _spaced(characters, space=config.space)


def _from_file(path: Path, *, space: bool) -> tuple[str, ...]:
    return _spaced(read(path), space=space)


def _spaced(characters: tuple[str, ...], *, space: bool) -> tuple[str, ...]:
    return (*characters, SPACE) if space else characters


def _chosen(config: CtcConfig, outputs: tuple[TensorSpec, ...]) -> TensorSpec:
    """Return the output with the scores of classes."""
    named = [spec for spec in outputs if config.output in {None, spec.name}]
    if len(named) != 1 or len(named[0].shape) != _AXES:
        which = "one output" if config.output is None else f"an output {config.output!r}"
        found = ", ".join(declared_texts(outputs)) or "none"
        raise ManifestError(
            f"plugin.config.postprocess.output: expected {which} of [batch, steps, classes], found {found}; name the "
            "output, or correct the manifest's outputs"
        )
    return named[0]
