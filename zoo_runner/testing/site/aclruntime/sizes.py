"""The sizes that a session was told, and what they make of a model's inputs and outputs.

What is checked, and when, follows the binding's sources: a gear when it is set, the bytes of the inputs before each
execution. The shape of an input is never seen, so that 8 x 16 numbers pass for 16 x 8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_runner.testing.om_file import BATCH_GEARS, DIMS_GEARS, IMAGE_GEARS, OPEN, RANGES, OmModel, OmTensor

from .log import ERROR, FAILURE, INFO, failure, log, write

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Sizes:
    """What a session was told last.

    Attributes:
        real: Bytes of each input as it was told.
        greatest: Bytes of each input at the gear where it has most; 0 for an input with a range.
    """

    def __init__(self, model: OmModel) -> None:
        self._model = model
        self._set = ""
        self._shapes = tuple(tensor.shape for tensor in model.inputs)
        self._custom: list[int] = []
        self.greatest = self._greatest()
        self.real = list(self.greatest)

    def _greatest(self) -> tuple[int, ...]:
        if not self._model.gears:
            return tuple(tensor_bytes(tensor) for tensor in self._model.inputs)
        each = [self._bytes(self._model.shapes_at(gear)) for gear in self._model.gears]
        return tuple(map(max, zip(*each, strict=True)))

    def _bytes(self, shapes: Sequence[Sequence[int]]) -> list[int]:
        return [
            math.prod(shape) * np.dtype(tensor.dtype).itemsize
            for tensor, shape in zip(self._model.inputs, shapes, strict=True)
        ]

    def set_static(self) -> None:
        """Take back what was set; the bytes that are expected of inputs stay those that it made them."""
        self._set = ""

    def set_batch(self, batch: int) -> None:
        """Choose a batch size.

        Raises:
            RuntimeError: The model has no such gear.
        """
        _require_integers(batch)
        if self._model.opened != BATCH_GEARS:
            raise refused("the dynamic_batch_size parameter is not specified for model conversion")
        if (batch,) not in self._model.gears:
            listed = "".join(f"[{size}]" for (size,) in self._model.gears)
            log(ERROR, "the dymBatch parameter is not correct")
            raise refused(f"model has dynamic batch size:{{{listed}}}, please set correct dynamic batch size")
        log(INFO, "check dynamic batch success")
        self._choose((batch,))

    def set_image_size(self, width: int, height: int) -> None:
        """Choose an image size; the binding's names notwithstanding, the first number is the height.

        Raises:
            RuntimeError: The model has no such gear.
        """
        _require_integers(width, height)
        if self._model.opened != IMAGE_GEARS:
            raise refused("the dynamic_image_size parameter is not specified for model conversion")
        if (width, height) not in self._model.gears:
            raise refused("the dymHW parameter is not correct")
        log(INFO, "check dynamic image size success.")
        self._choose((width, height))

    def set_dims(self, text: str) -> None:
        """Choose a gear by the sizes of all axes of all inputs, as ``name:1,3;other:1``.

        The sizes count in the order of the text, the bytes of inputs by their names.

        Raises:
            RuntimeError: The model has no such gear.
        """
        if self._model.opened != DIMS_GEARS:
            write("the dynamic_dims parameter is not specified for model conversion")
            raise failure(FAILURE)
        told = _parsed(text)
        sizes = [size for _, shape in told for size in shape]
        gear = next((gear for gear in self._model.gears if sizes == self._all_sizes(gear)), None)
        if gear is None:
            self._tell_gears(len(sizes))
            raise refused("check dynamic dims failed, please set correct dymDims")
        self._choose(gear)
        self._take_bytes(told)

    def set_shape(self, text: str) -> None:
        """Choose the shapes of all inputs of a model with ranges.

        Raises:
            RuntimeError: Not all inputs are named, or sizes of the model are fixed.
        """
        told, inputs = _parsed(text), self._model.inputs
        if len(told) != len(inputs):
            log(ERROR, f"om has {len(inputs)} input, but dymShape parametet give {len(told)}")
            raise refused("check dynamic shape failed")
        shapes = dict(told)
        if self._model.opened != RANGES or any(tensor.name not in shapes for tensor in inputs):
            log(ERROR, "the dymShape parameter set error, please check input name")
            raise refused("check dynamic shape failed")
        self._set = RANGES
        self._shapes = tuple(shapes[tensor.name] for tensor in inputs)
        self._take_bytes(told)

    def set_outsize(self, sizes: Sequence[int]) -> None:
        """Choose the bytes that are allocated for each output; outputs without a number get what they need, if known.

        Raises:
            TypeError: It is no list of numbers.
        """
        if not isinstance(sizes, list | tuple):
            msg = "set_custom_outsize(): incompatible function arguments"
            raise TypeError(msg)
        _require_integers(*sizes)
        self._custom = list(sizes)

    def inputs(self, contents: Sequence[bytes]) -> dict[str, NDArray[Any]]:
        """Return inputs as the device takes them.

        Raises:
            RuntimeError: What they are was not set, or is no gear of the model, or outside its ranges.
        """
        opened = self._model.opened
        if opened == DIMS_GEARS and self._set != DIMS_GEARS:
            write(f"[WARN] check failed dym gearcount:{len(self._model.gears)} but dymtype:0 not set\n")
            raise failure(FAILURE)
        if opened not in {self._set, RANGES}:
            write("E19999: Inner Error!\n        the model has gears, and none was set (stand-in)\n")
            raise refused("execute model failed, modelId is 1")
        self._require_output_bytes()
        if opened == RANGES and not self._within_bounds():
            write("E10050: Current dimension size is not in the range specified by --input_shape (stand-in)\n")
            raise refused("execute model failed, modelId is 1")
        return {
            tensor.tensor: np.frombuffer(content, dtype=tensor.dtype).reshape(shape)
            for tensor, content, shape in zip(self._model.inputs, contents, self._shapes, strict=True)
        }

    def check_outputs(self, results: Sequence[NDArray[Any]]) -> None:
        """Refuse outputs that the allocated bytes cannot hold.

        Raises:
            RuntimeError: One is larger.
        """
        for place, (array, size) in enumerate(zip(results, self._custom, strict=False)):
            if array.nbytes > size:
                write(f"E19999: Inner Error!\n        output {place} needs {array.nbytes} bytes of {size} (stand-in)\n")
                raise refused("execute model failed, modelId is 1")

    def _choose(self, gear: tuple[int, ...]) -> None:
        self._set = self._model.opened
        self._shapes = self._model.shapes_at(gear)
        for place, (tensor, size) in enumerate(zip(self._model.inputs, self._bytes(self._shapes), strict=True)):
            if OPEN in tensor.shape:
                self.real[place] = size

    def _take_bytes(self, told: Sequence[tuple[str, tuple[int, ...]]]) -> None:
        places = {tensor.name: place for place, tensor in enumerate(self._model.inputs)}
        for name, shape in told:
            if name not in places:
                write(f"[WARN] find no in names:{name}\n")
                continue
            itemsize = np.dtype(self._model.inputs[places[name]].dtype).itemsize
            self.real[places[name]] = math.prod(shape) * itemsize

    def _all_sizes(self, gear: tuple[int, ...]) -> list[int]:
        return [size for shape in self._model.shapes_at(gear) for size in shape]

    def _tell_gears(self, count: int) -> None:
        gears = [self._all_sizes(gear) for gear in self._model.gears]
        if count != len(gears[0]):
            log(ERROR, f"the dymDims parameter is not correct i:0 dysize:{count} dimcount:{len(gears[0])}")
        else:
            log(ERROR, "the dynamic_dims parameter is not correct")
        log(ERROR, f"model has {len(gears)} gear of dims")
        for place, sizes in enumerate(gears):
            log(ERROR, f"dims[{place}]:{''.join(f'[{size}]' for size in sizes)}")

    def _require_output_bytes(self) -> None:
        for place, tensor in enumerate(self._model.outputs[len(self._custom) :], len(self._custom)):
            if tensor_bytes(tensor) == 0:
                log(ERROR, f"out i:{place} size is zero")
                raise refused("create outmemory data failed:-1")
        if 0 in self._custom:
            raise refused(f"out i:{self._custom.index(0)} size is zero")

    def _within_bounds(self) -> bool:
        if self._set != RANGES:
            return False
        for tensor, shape in zip(self._model.inputs, self._shapes, strict=True):
            bounds = self._model.bounds[tensor.name]
            if len(shape) != len(bounds) or not all(
                low <= size <= high for size, (low, high) in zip(shape, bounds, strict=True)
            ):
                return False
        return True


def tensor_bytes(tensor: OmTensor) -> int:
    """Return how many bytes a tensor has; 0 where a size is open."""
    return 0 if OPEN in tensor.shape else math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


def refused(reason: str) -> RuntimeError:
    """Say in the log why a call is refused, and return what the binding raises."""
    log(ERROR, reason)
    return failure(FAILURE)


def _require_integers(*values: object) -> None:
    if not all(type(value) is int for value in values):
        msg = f"incompatible function arguments. Invoked with: {', '.join(map(repr, values))}"
        raise TypeError(msg)


def _parsed(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """Read ``name:1,3;other:1``."""
    told = []
    for entry in filter(None, text.split(";")):
        name, colon, sizes = entry.rpartition(":")
        if not colon:
            raise refused(f"find no : split str:{entry}")
        told.append((name, tuple(int(size) for size in sizes.split(","))))
    return told
