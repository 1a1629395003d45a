"""The usual mistakes that arrays show without a word on the task: each made on what is right, and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.stages.predict.reference_outputs import distance, exchanges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, TensorSpec

    Changed = Callable[[NDArray[Any]], NDArray[Any]]

EXPLAINED: Final = 0.2
"""Part of the distance that may remain of one that a mistake explains."""
MOST: Final = 0.8
"""Part of the differing samples that a mistake has to explain."""
COLOURS: Final = (3, 4)
"""Sizes of an axis of channels."""
ONE: Final = 0.01
"""How near to 1 a factor is none."""
IMAGE: Final = 3
"""Axes of an array that is looked at as rows, columns and channels."""


def input_mistake(found: Sequence[Arrays], right: Sequence[Arrays]) -> str:
    """Name the mistake that makes ``found[i]`` of ``right[i]``; empty if none of those that are known does."""
    for name in right[0]:
        pairs = [(one[name], other[name]) for one, other in zip(found, right, strict=True)]
        if any(one.shape != other.shape for one, other in pairs):
            return f"the shape of {name} is another one"
        if any(distance(*pair) > 0 for pair in pairs) and (text := _of_tensor(pairs)):
            return text
    return ""


def _of_tensor(pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> str:
    tried = {text: explained([(one, change(other)) for one, other in pairs], pairs) for text, change in _changes(pairs)}
    best = max(tried, key=lambda text: tried[text], default="")
    if best and tried[best] >= MOST:
        return best
    if text := _affine(pairs):
        return text
    if len(pairs) > 1:
        shifted = [(one, pairs[place - 1][1]) for place, (one, _) in enumerate(pairs)]
        if explained(shifted[1:], pairs[1:]) >= MOST:
            return "each sample looks like the one before it"
    return ""


def explained(
    changed: Sequence[tuple[NDArray[Any], NDArray[Any]]], straight: Sequence[tuple[NDArray[Any], NDArray[Any]]]
) -> float:
    """Return for which part of the pairs that differ the changed ones nearly do not."""
    known = [(distance(*after), distance(*before)) for after, before in zip(changed, straight, strict=True)]
    differing = [(after, before) for after, before in known if before > 0]
    return sum(after < EXPLAINED * before for after, before in differing) / max(len(differing), 1)


def _changes(pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> Iterator[tuple[str, Changed]]:
    """Yield the mistakes that fit arrays of that shape."""
    shape = pairs[0][1].shape
    if len(shape) < IMAGE:
        return
    for axis in (axis for axis in (0, -1) if shape[axis] in COLOURS):
        yield "channels look exchanged", partial(np.flip, axis=axis)
    rows, columns = (0, 1) if shape[-1] in COLOURS and shape[0] not in COLOURS else (-2, -1)
    yield "left and right look exchanged", lambda array: np.flip(array, columns)
    yield "top and bottom look exchanged", lambda array: np.flip(array, rows)
    if shape[rows] == shape[columns]:
        yield "rows and columns look exchanged", lambda array: np.swapaxes(array, rows, columns)
    yield "channels last under the shape of channels first", lambda array: np.moveaxis(array, 0, -1).reshape(shape)
    yield "channels first under the shape of channels last", lambda array: np.moveaxis(array, -1, 0).reshape(shape)
    for step in (-1, 1):
        yield "shifted by one row and one column", partial(np.roll, shift=(step, step), axis=(rows, columns))


def _affine(pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> str:
    """Fit a factor and an offset for each channel, over all samples; in words, if that explains the difference."""
    shape = pairs[0][1].shape
    axis = next((axis for axis in (0, -1) if len(shape) >= IMAGE and shape[axis] in COLOURS), None)

    def split(array: NDArray[Any]) -> list[NDArray[Any]]:
        return [array] if axis is None else list(np.moveaxis(array, axis, 0))

    found, right = ([split(pair[side]) for pair in pairs] for side in (0, 1))
    fits = []
    for channel in range(len(right[0])):
        x = np.concatenate([each[channel].ravel() for each in right]).astype(np.float64)
        y = np.concatenate([each[channel].ravel() for each in found]).astype(np.float64)
        if not x.std() or not np.isfinite(y).all():
            return ""
        factor = float(((x - x.mean()) * (y - y.mean())).mean() / x.var())
        fits.append((factor, float(y.mean() - factor * x.mean())))

    def changed(array: NDArray[Any]) -> NDArray[Any]:
        parts = [factor * part + offset for part, (factor, offset) in zip(split(array), fits, strict=True)]
        return np.array(parts[0]) if axis is None else np.stack(parts, axis)

    if explained([(one, changed(other)) for one, other in pairs], pairs) < MOST:
        return ""
    return _affine_text(fits)


def _affine_text(fits: Sequence[tuple[float, float]]) -> str:
    offsets = ", ".join(f"{offset:+.3g}" for _, offset in fits)
    if all(abs(factor - 1) < ONE for factor, _ in fits):
        return f"the mean looks wrong: values are the right ones {offsets}"
    factors = ", ".join(f"{factor:.3g}" for factor, _ in fits)
    return f"the scale looks wrong: values are the right ones times {factors}, then {offsets}"


def output_mistake(specs: Sequence[TensorSpec], found: Sequence[Arrays], right: Sequence[Arrays]) -> str:
    """Name the mistake that makes the outputs ``found[i]`` of ``right[i]``; empty if none that is known does."""
    names = [spec.name for spec in specs]
    crossed = [exchanges(specs, one, other) for one, other in zip(found, right, strict=True)]
    if crossed and crossed[0] and sum(each == crossed[0] for each in crossed) >= MOST * len(crossed):
        return "; ".join(f"the outputs {names[one]} and {names[other]} look exchanged" for one, other in crossed[0])
    for name in names:
        pairs = [(one[name], other[name]) for one, other in zip(found, right, strict=True)]
        if any(one.shape != other.shape for one, other in pairs):
            return f"the shape of {name} is another one"
        tried: Mapping[str, Changed] = {
            f"{name} looks as if softmax were applied twice": softmax,
            f"{name} looks as if its last axis were reversed": lambda array: array[..., ::-1],
        }
        if not any(distance(*pair) > 0 for pair in pairs):
            continue
        for text, change in tried.items():
            if explained([(one, change(other)) for one, other in pairs], pairs) >= MOST:
                return text
        if explained([(softmax(one), other) for one, other in pairs], pairs) >= MOST:
            return f"{name} looks as if softmax were missing"
        for step, text in ((-1, "the one before it"), (1, "the one after it")):
            moved = [(pairs[place][0], pairs[(place + step) % len(pairs)][1]) for place in range(len(pairs))]
            inner = slice(1, None) if step < 0 else slice(None, -1)
            if len(pairs) > 1 and explained(moved[inner], pairs[inner]) >= MOST:
                return f"{name}: each sample's look like those of {text}"
    return ""


def softmax(array: NDArray[Any]) -> NDArray[Any]:
    """Softmax over the last axis."""
    if not array.ndim:
        return array
    powers = np.exp(array.astype(np.float64) - array.max(axis=-1, keepdims=True))
    found: NDArray[Any] = powers / powers.sum(axis=-1, keepdims=True)
    return found
