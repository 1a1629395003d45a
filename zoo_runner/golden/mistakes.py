"""The usual mistakes that arrays show without a word on the task: each made on what is right, and compared.

One table and one wording, for the look at golden samples before a run and for the search after a red gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.stages.predict.reference_outputs import distance, exchanges, norm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, TensorSpec

    Changed = Callable[[NDArray[Any]], NDArray[Any]]
    Pairs = Sequence[tuple[NDArray[Any], NDArray[Any]]]
    """What was found, and what is right."""
    Fits = Sequence[tuple[float, float]]
    """A factor and an offset for each channel."""

EXPLAINED: Final = 0.2
"""Part of the distance that may remain of one that a mistake explains."""
MOST: Final = 0.8
"""Part of the differing samples that a mistake has to explain."""
COLOURS: Final = (2, 3, 4)
"""Sizes of an axis of channels."""
ONE: Final = 0.01
"""How near to 1 a factor is none; likewise how much more must be explained by a mistake that stands further down."""
IMAGE: Final = 3
"""Axes of an array that is looked at as rows, columns and channels."""
NEARLY: Final = 0.3
"""Relative distance up to which one input may be the other, made of other pixels."""


def input_mistake(found: Sequence[Arrays], right: Sequence[Arrays]) -> str:
    """Name the mistake that makes ``found[i]`` of ``right[i]``; empty if none of those that are known does."""
    for name in right[0]:
        if text := _of_tensor([(one[name], other[name]) for one, other in zip(found, right, strict=True)]):
            return f"{name}: {text}" if len(right[0]) > 1 else text
    return ""


def nearly(found: Sequence[Arrays], right: Sequence[Arrays]) -> str:
    """Say whether inputs are nearly the right ones, which other pixels explain; empty if they are not."""
    shares, far = [], 0.0
    for one, other in zip(found, right, strict=True):
        if any(one[name].shape != other[name].shape for name in other):
            return ""
        shares += [float(np.mean(one[name] != other[name])) for name in other if other[name].size]
        far = max([far, *(distance(one[name], other[name]) for name in other)])
    if not 0 < far < NEARLY:
        return ""
    share = 100 * sum(shares) / len(shares)
    return f"{share:.3g} % of the values differ, by {far:.2g} of the input's size: another resize or decoder?"


def _of_tensor(pairs: Pairs) -> str:
    if text := _unlike(pairs):
        return text
    before = [_apart(*pair) for pair in pairs]
    if not any(each > 0 for each in before):
        return ""
    tried = [(text, *_remaining(changed, before)) for text, changed in _made(pairs)]
    fitting = [(text, left) for text, share, left in tried if share >= MOST]
    least = min((left for _, left in fitting), default=0.0)
    return next((text for text, left in fitting if left <= least + ONE), "")


def _shape(array: NDArray[Any]) -> str:
    return " x ".join(map(str, array.shape))


def _unlike(pairs: Pairs) -> str:
    """Say what is wrong with arrays that cannot be compared number by number."""
    if other := next((pair for pair in pairs if pair[0].shape != pair[1].shape), None):
        return f"the shape is {_shape(other[0])}, expected {_shape(other[1])}"
    found, right = ([bool(np.isfinite(pair[side]).all()) for pair in pairs] for side in (0, 1))
    return "not all values are finite" if all(right) and not all(found) else ""


def explained(changed: Pairs, straight: Pairs) -> float:
    """Return for which part of the pairs that differ the changed ones nearly do not."""
    return _remaining(changed, [_apart(*pair) for pair in straight])[0]


def _apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Euclidean distance; not as a part of the size, which a mistake changes too."""
    return norm(one.astype(np.float64) - other)


def _remaining(changed: Pairs, before: Sequence[float]) -> tuple[float, float]:
    """Return for which part of the differing pairs a change explains the distance, and what remains of it, 0 to 1."""
    left = [_apart(*pair) / each for pair, each in zip(changed, before, strict=True) if each > 0]
    known = max(len(left), 1)
    return sum(each < EXPLAINED for each in left) / known, sum(left) / known


def _made(pairs: Pairs) -> Iterator[tuple[str, Pairs]]:
    """Yield each mistake made on what is right, the plain ones first."""
    for text, change in _changes(pairs[0][1].shape):
        yield text, [(one, change(other)) for one, other in pairs]
    axis = _axis(pairs[0][1])
    for scaled in (False, True):
        if fits := _fits(pairs, axis, scaled=scaled):
            yield _affine_text(fits), _fitted(pairs, axis, fits)
    for order in permutations(range(0 if axis is None else pairs[0][1].shape[axis])):
        moved = [(one, np.take(other, order, axis)) for one, other in pairs]
        fits = _fits(moved, axis, scaled=True)  # a mean and a scale that were not exchanged with them
        if fits and list(order) != sorted(order):
            yield f"channels look exchanged ({' '.join(map(str, order))})", _fitted(moved, axis, fits)
    if len(pairs) > 1:  # the first one has none before it, and stands as it is
        yield (
            "each sample looks like the one before it",
            [(one, pairs[place - 1][1] if place else one) for place, (one, _) in enumerate(pairs)],
        )


def _changes(shape: tuple[int, ...]) -> Iterator[tuple[str, Changed]]:
    """Yield the mistakes that fit arrays of that shape."""
    if len(shape) < IMAGE:
        return
    rows, columns = (0, 1) if shape[-1] in COLOURS and shape[0] not in COLOURS else (-2, -1)
    yield "left and right look exchanged", partial(np.flip, axis=columns)
    yield "top and bottom look exchanged", partial(np.flip, axis=rows)
    if shape[rows] == shape[columns]:
        yield "rows and columns look exchanged", partial(np.swapaxes, axis1=rows, axis2=columns)
    yield "channels last under the shape of channels first", lambda array: np.moveaxis(array, 0, -1).reshape(shape)
    yield "channels first under the shape of channels last", lambda array: np.moveaxis(array, -1, 0).reshape(shape)
    for step in (-1, 1):
        yield "shifted by one row and one column", partial(np.roll, shift=(step, step), axis=(rows, columns))


def _axis(array: NDArray[Any]) -> int | None:
    """Return the axis of channels; ``None`` where no end of the shape looks like one."""
    return next((axis for axis in (0, -1) if array.ndim >= IMAGE and array.shape[axis] in COLOURS), None)


def _split(array: NDArray[Any], axis: int | None) -> list[NDArray[Any]]:
    return [array] if axis is None else list(np.moveaxis(array, axis, 0))


def _fits(pairs: Pairs, axis: int | None, *, scaled: bool) -> Fits:
    """Fit an offset for each channel over all samples, and a factor if asked for; none where nothing can be fitted."""
    found, right = ([_split(pair[side], axis) for pair in pairs] for side in (0, 1))
    fits = []
    for channel in range(len(right[0])):
        x = np.concatenate([each[channel].ravel() for each in right]).astype(np.float64)
        y = np.concatenate([each[channel].ravel() for each in found]).astype(np.float64)
        if not x.size or not np.isfinite(x).all() or not np.isfinite(y).all():
            return ()
        spread = float(x.var()) if scaled else 0.0
        factor = float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread else 1.0
        fits.append((factor, float(y.mean() - factor * x.mean())))
    return fits


def _fitted(pairs: Pairs, axis: int | None, fits: Fits) -> Pairs:
    def changed(array: NDArray[Any]) -> NDArray[Any]:
        parts = [factor * part + offset for part, (factor, offset) in zip(_split(array, axis), fits, strict=True)]
        return np.array(parts[0]) if axis is None else np.stack(parts, axis)

    return [(one, changed(other)) for one, other in pairs]


def _affine_text(fits: Fits) -> str:
    offsets = ", ".join(f"{offset:+.3g}" for _, offset in fits)
    if all(abs(factor - 1) < ONE for factor, _ in fits):
        return f"the mean looks wrong: values are the right ones {offsets}"
    if all(abs(factor) < ONE for factor, _ in fits):
        return f"all values of a channel are nearly the same: {offsets}"
    factors = ", ".join(f"{factor:.3g}" for factor, _ in fits)
    return f"the scale looks wrong: values are the right ones times {factors}, then {offsets}"


def output_mistake(specs: Sequence[TensorSpec], found: Sequence[Arrays], right: Sequence[Arrays]) -> str:
    """Name the mistake that makes the outputs ``found[i]`` of ``right[i]``; empty if none that is known does."""
    names = [spec.name for spec in specs]
    by_name = {name: [(one[name], other[name]) for one, other in zip(found, right, strict=True)] for name in names}
    if text := next((f"{name}: {text}" for name, pairs in by_name.items() if (text := _unlike(pairs))), ""):
        return text
    crossed = [exchanges(specs, one, other) for one, other in zip(found, right, strict=True)]
    if crossed and crossed[0] and sum(each == crossed[0] for each in crossed) >= MOST * len(crossed):
        return "; ".join(f"the outputs {names[one]} and {names[other]} look exchanged" for one, other in crossed[0])
    return next((text for name, pairs in by_name.items() if (text := _of_output(name, pairs))), "")


def _of_output(name: str, pairs: Pairs) -> str:
    if not any(distance(*pair) > 0 for pair in pairs):
        return ""
    tried: Mapping[str, Changed] = {
        f"{name} looks as if softmax were applied twice": softmax,
        f"{name} looks as if its last axis were reversed": lambda array: array[..., ::-1],
    }
    for text, change in tried.items():
        if explained([(one, change(other)) for one, other in pairs], pairs) >= MOST:
            return text
    if explained([(softmax(one), other) for one, other in pairs], pairs) >= MOST:
        return f"{name} looks as if softmax were missing"
    for step, whose in ((-1, "the one before it"), (1, "the one after it")):
        moved = [(pairs[place][0], pairs[(place + step) % len(pairs)][1]) for place in range(len(pairs))]
        inner = slice(1, None) if step < 0 else slice(None, -1)
        if len(pairs) > 1 and explained(moved[inner], pairs[inner]) >= MOST:
            return f"{name}: each sample's look like those of {whose}"
    return ""


def softmax(array: NDArray[Any]) -> NDArray[Any]:
    """Softmax over the last axis."""
    if not array.ndim:
        return array
    powers = np.exp(array.astype(np.float64) - array.max(axis=-1, keepdims=True))
    found: NDArray[Any] = powers / powers.sum(axis=-1, keepdims=True)
    return found
