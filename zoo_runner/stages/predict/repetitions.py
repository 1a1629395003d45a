"""Outputs that stand still while the inputs change: stale buffers, copies, constants.

Outputs of which the manifest says the kind are compared one by one, since such an output follows from the input. Of
the others, which may be constants of the model, only all together are. Whole numbers and outputs with
``depends_on_input: false`` are not compared: labels repeat, and so do tables.

Values that are few, or of which few are different, repeat by chance: a mask without anything in it, a softmax that
is exactly 0 and 1. So outputs count when more than :data:`TELLING` values of theirs are different. Smaller ones count
when they repeat those of as many earlier samples, one after the other, as come to that, or when the first
:data:`MANY` samples all have them. Outputs in another order, such as a batch whose samples have all moved by one
place, are equal to none: they cannot be seen here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import EqualOutputsError, StageError
from zoo_runner.stages.predict.output_checks import LOOK, named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Preprocess, Sample
    from zoo_runner.stages.predict.output_rules import OutputRule

BLOCKS: Final = 8
"""Parts of an array that are summed up on their own: the same numbers in another order are another mark."""
TELLING: Final = 8
"""Different values that outputs need before one repetition of them is more than chance."""
MANY: Final = 16
"""Samples that must all have the same outputs where those have few different values."""
LEAST: Final = 3
"""Different values, not counting 0 and 1, that outputs of fewer than :data:`MANY` values must have for that."""
LOOKED_AT: Final = 256
"""Values of an output among which the different ones are counted."""
_PLAIN: Final = frozenset({0.0, 1.0})
"""What a certain softmax and an empty or full mask hold."""


@dataclass
class _Row:
    """Samples with few values that have the outputs of earlier ones: what they come to.

    Attributes:
        looked_at: Samples so far, repetitions or not.
        constant: How many of them have the first one's outputs, which counts itself.
    """

    looked_at: int = 0
    constant: int = 1
    _first: int = -1
    _last: tuple[int, int] = (-1, -1)
    _found: frozenset[float] = frozenset()

    def pass_by(self, sample: Sample) -> None:
        """Count a sample."""
        self._first = sample.index if not self.looked_at else self._first
        self.looked_at += 1

    def begin(self) -> None:
        """Forget what the last samples came to: their inputs repeat too."""
        self._last, self._found = (-1, -1), frozenset()

    def tells(self, sample: Sample, earlier: Sample, different: frozenset[float], size: int) -> bool:
        """Add a sample that has an earlier one's outputs, and say whether that is more than chance by now."""
        here, there = self._last
        follows = here + 1 == sample.index and there + 1 == earlier.index
        self._last, self._found = (sample.index, earlier.index), different | (self._found if follows else frozenset())
        if len(self._found) > TELLING:
            return True
        self.constant += earlier.index == self._first
        always = self.constant == self.looked_at >= MANY
        return always and (size >= MANY or len(different - _PLAIN) >= LEAST)


@dataclass
class Repetitions:
    """Compares each sample's outputs with those of all samples before it.

    Attributes:
        rules: What each output must be.
        preprocess: Makes the inputs of two samples, to see whether these are the same too.
        doubt: Is given a text when the inputs cannot be made.
    """

    rules: tuple[OutputRule, ...]
    preprocess: Preprocess
    doubt: Callable[[str], None]
    _seen: dict[tuple[str, bytes], tuple[Sample, int | None]] = field(default_factory=dict, init=False, repr=False)
    _row: _Row = field(default_factory=_Row, init=False, repr=False)
    _doubted: bool = field(default=False, init=False)

    def __call__(self, sample: Sample, outputs: Arrays) -> None:
        """Look at the next sample's outputs.

        Raises:
            EqualOutputsError: They are another sample's, whose inputs are different.
        """
        names = [rule.spec.name for rule in self._compared]
        device = getattr(outputs, "device", None)
        self._look(sample, {name: mark(outputs[name]) for name in names}, device, lambda: outputs)

    def files(self, sample: Sample, digests: Sequence[str], read: Callable[[], Arrays]) -> None:
        """Look at the next sample's result files, by their hashes.

        Raises:
            EqualOutputsError: As above.
        """
        marks = {rule.spec.name: digest.encode() for rule, digest in zip(self.rules, digests, strict=True)}
        self._look(sample, {rule.spec.name: marks[rule.spec.name] for rule in self._compared}, None, read)

    @property
    def _compared(self) -> list[OutputRule]:
        return [rule for rule in self.rules if rule.varies and rule.spec.dtype.startswith("float")]

    def _look(self, sample: Sample, marks: Mapping[str, bytes], device: int | None, read: Callable[[], Arrays]) -> None:
        self._row.pass_by(sample)
        groups = {rule.spec.name: [rule.spec.name] for rule in self._compared if rule.kind is not None}
        if marks:
            groups[""] = list(marks)
        for title, names in groups.items():
            key = (title, b"\n".join(marks[name] for name in names))
            earlier, on = self._seen.setdefault(key, (sample, device))
            if earlier.index != sample.index:
                self._compare(title, names, sample, read(), earlier, on)

    def _compare(
        self, title: str, names: Sequence[str], sample: Sample, outputs: Arrays, earlier: Sample, on: int | None
    ) -> None:
        alone = [values(outputs[name]) for name in names]
        if all(len(each) <= TELLING for each in alone):
            size = sum(outputs[name].size for name in names)
            if title or not self._row.tells(sample, earlier, frozenset().union(*alone), size):
                return
        what = f"output {title}" if title else "the outputs"
        where = "" if on is None else f" from device {on}"
        text = f"{named(sample, outputs)}: {what} of sample {earlier.id!r}{where} again, to the last bit"
        same = self._same_inputs(sample, earlier)
        if same:
            self._row.begin()
        elif same is False:
            raise EqualOutputsError(
                f"{text}, from different inputs: a stale buffer, a copy or a constant; nothing of it was scored. "
                f"{LOOK}. What is the same for every input has depends_on_input: false in the manifest"
            )
        elif not self._doubted:
            self._doubted = True
            self.doubt(f"{text}; whether their inputs are the same cannot be seen, as their files are not here")

    def _same_inputs(self, one: Sample, other: Sample) -> bool | None:
        try:
            first, second = self.preprocess(one), self.preprocess(other)
        except (StageError, OSError):  # scoring results needs no images
            return None
        return all(np.array_equal(first[name], second[name]) for name in first)


def mark(array: NDArray[Any]) -> bytes:
    """Return some bytes that are the same for equal arrays, and for others only by an unlikely chance.

    They are sums of the array's bits as whole numbers of 64 bits, by :data:`BLOCKS` parts, and the rest as it is:
    reading it once, nothing more.
    """
    bits = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = bits.size - bits.size % (8 * BLOCKS)
    blocks: NDArray[np.uint64] = bits[:whole].view(np.uint64).reshape(BLOCKS, -1).sum(axis=1, dtype=np.uint64)
    return blocks.tobytes() + bits[whole:].tobytes()


def values(array: NDArray[Any]) -> frozenset[float]:
    """Return the different values among :data:`LOOKED_AT` of an array, or a few more."""
    flat = array.reshape(-1)
    return frozenset(np.unique(flat[:: max(1, flat.size // LOOKED_AT)]).tolist())
