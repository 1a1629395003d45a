"""A sample's inputs as a model with open axes takes them: padded to the smallest gear that holds the sample."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from zoo_runner.errors import DatasetError, PluginError
from zoo_runner.plugin.shapes import Fit
from zoo_runner.plugin.sized import FittedPostprocess
from zoo_runner.plugin.speed import Warmable
from zoo_runner.plugin.tensors import array_texts, mismatch, sample_texts

if TYPE_CHECKING:
    from zoo_runner.manifest.tensors import InputTensor
    from zoo_runner.plugin.interfaces import Arrays, Postprocess, Sample, TensorSpec
    from zoo_runner.plugin.shapes import Shapes, Sizes
    from zoo_runner.plugin.sized import SizedPreprocess


@dataclass(frozen=True)
class PaddedInputs:
    """The plugin's preprocessing, and padding after it.

    Attributes:
        preprocess: The plugin's.
        inputs: What the network takes, and how each is padded.
        shapes: The sizes that the model takes.
    """

    preprocess: SizedPreprocess
    inputs: tuple[InputTensor, ...]
    shapes: Shapes

    @property
    def identity(self) -> str:
        """The plugin's identity, and everything that decides how its inputs are padded."""
        pads = {each.name: each.pad.model_dump() if each.pad else None for each in self.inputs}
        return json.dumps(["padded", self.preprocess.identity, asdict(self.shapes), pads], sort_keys=True)

    def warm(self, samples: int) -> None:
        """Tell the plugin's preprocessing how much is coming."""
        _warm(self.preprocess, samples)

    def fit(self, sample: Sample) -> Fit:
        """Return the sample's own sizes, and those that the model is given for it.

        Raises:
            DatasetError: No gear holds the sample, or it is outside the bounds.
            PluginError: The plugin does not say the size of each open axis.
        """
        told = dict(self.preprocess.sizes(sample))
        axes = tuple(dict.fromkeys(axis for each in self.inputs for axis in each.spec.axes))
        sizes = {axis: _whole(size) for axis, size in told.items()}
        if sorted(told) != sorted(axes) or not all(size > 0 for size in sizes.values()):
            raise PluginError(
                f"sizes of sample {sample.id!r}: expected a positive whole number for each of {', '.join(axes)}, found "
                f"{told or 'none'}; correct the plugin's preprocessing"
            )
        model = self._gear(sample, sizes) if self.shapes.gears else self._bounded(sample, sizes)
        return Fit(
            sample=sizes, model=model, before={axis: self._before(axis, model[axis] - sizes[axis]) for axis in axes}
        )

    def __call__(self, sample: Sample) -> Arrays:
        """Return the sample's inputs at the sizes that the model is given, C-contiguous, without batch axis.

        Raises:
            DatasetError: As :meth:`fit`.
            PluginError: The plugin returned something else than it promises.
        """
        fit, arrays = self.fit(sample), self.preprocess(sample)
        specs = [each.spec.at(fit.sample) for each in self.inputs]
        found = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
        if found != {spec.name: (spec.dtype, spec.sample_shape()) for spec in specs}:
            where, remedy = f"inputs of sample {sample.id!r}", "correct the plugin's preprocessing"
            raise PluginError(mismatch(where, sample_texts(specs), array_texts(arrays), remedy))
        return {each.name: self._padded(each, arrays[each.name], fit) for each in self.inputs}

    def _gear(self, sample: Sample, sizes: Sizes) -> Sizes:
        holding = [
            gear
            for gear in self.shapes.gears
            if all(gear[axis] == size or (gear[axis] > size and self._may_pad(axis)) for axis, size in sizes.items())
        ]
        if not holding:
            gears = "; ".join(map(_text, self.shapes.gears))
            larger = any(all(gear[axis] >= size for axis, size in sizes.items()) for gear in self.shapes.gears)
            remedy = "give its inputs pad" if larger else "add a gear, or let the preprocessing make it smaller"
            how = "is just" if larger else "holds"
            raise DatasetError(
                f"sample {sample.id!r}: expected a gear that {how} {_text(sizes)}, found {gears}; {remedy}"
            )
        return min(holding, key=lambda gear: elements([each.spec for each in self.inputs], gear))

    def _bounded(self, sample: Sample, sizes: Sizes) -> Sizes:
        for axis, (low, high) in self.shapes.bounds.items():
            if not low <= sizes[axis] <= high:
                raise DatasetError(
                    f"sample {sample.id!r}: expected {axis} from {low} to {high}, as atc.input_shape_range has it, "
                    f"found {sizes[axis]}; widen the range, or let the preprocessing change the size"
                )
        return sizes

    def _may_pad(self, axis: str) -> bool:
        return all(each.pad is not None for each in self.inputs if axis in each.spec.axes)

    def _before(self, axis: str, room: int) -> int:
        at = next((each.pad.at for each in self.inputs if each.pad and axis in each.spec.axes), "end")
        return {"end": 0, "start": room, "both": room // 2}[at]

    @staticmethod
    def _padded(
        tensor: InputTensor, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], fit: Fit
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        whole = tensor.spec.at(fit.model)
        if tensor.pad is None or array.shape == whole.sample_shape():
            return np.ascontiguousarray(array)
        padded = np.full(whole.sample_shape(), tensor.pad.value, array.dtype)
        inside = tuple(
            slice(fit.before.get(axis, 0), fit.before.get(axis, 0) + size)
            for axis, size in zip(map(str, tensor.spec.shape[1:]), array.shape, strict=True)
        )
        padded[inside] = array
        return padded


@dataclass(frozen=True)
class FittedPredictions:
    """The plugin's postprocessing, told how each sample's inputs were padded.

    Attributes:
        postprocess: The plugin's.
        inputs: Padded the samples.
    """

    postprocess: Postprocess
    inputs: PaddedInputs

    @property
    def identity(self) -> str:
        """The plugin's identity, and how the inputs were padded."""
        return json.dumps(["fitted", self.postprocess.identity, self.inputs.identity])

    def warm(self, samples: int) -> None:
        """Tell the plugin's postprocessing how much is coming."""
        _warm(self.postprocess, samples)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        """Return the sample's prediction."""
        if isinstance(self.postprocess, FittedPostprocess):
            return self.postprocess.fitted(outputs, sample, self.inputs.fit(sample))
        return self.postprocess(outputs, sample)


def elements(inputs: Sequence[TensorSpec], gear: Sizes) -> int:
    """Return how many elements a sample's inputs have at the sizes of a gear."""
    return sum(math.prod(spec.at(gear).sample_shape()) for spec in inputs)


def sizes_used(inputs: PaddedInputs, samples: Sequence[Sample]) -> Mapping[str, int]:
    """Count samples by the sizes that the model is given for them, in words, the most frequent first."""
    counts: dict[str, int] = {}
    for sample in samples:
        name = _text(inputs.fit(sample).model)
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _whole(size: object) -> int:
    """Return a whole number, also one of NumPy's, as Python's own; 0 for anything else."""
    return operator.index(size) if isinstance(size, SupportsIndex) and not isinstance(size, bool) else 0


def _text(sizes: Sizes) -> str:
    return ", ".join(f"{axis} {size}" for axis, size in sizes.items())


def _warm(part: object, samples: int) -> None:
    if isinstance(part, Warmable):
        part.warm(samples)
