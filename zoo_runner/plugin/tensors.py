"""The one wording for tensors, and for tensors that are not the expected ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_runner.plugin.interfaces import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, TensorSpec


def tensor_text(name: str, dtype: object, shape: Iterable[object]) -> str:
    """Return the text of one tensor, such as ``image float32[batch, 3, 320, 320]``; of one without a name, the rest."""
    return f"{name} {dtype}[{', '.join(map(str, shape))}]".lstrip()


def declared_texts(specs: Iterable[TensorSpec]) -> list[str]:
    """Return the text of each tensor as it is declared, with ``batch`` where its batch axis is."""
    return [tensor_text(spec.name, spec.dtype, spec.shape) for spec in specs]


def batch_texts(specs: Iterable[TensorSpec], batch: int) -> list[str]:
    """Return the text of each tensor at a batch size; open axes keep their names."""
    return [
        tensor_text(spec.name, spec.dtype, [batch if size == BATCH else size for size in spec.shape]) for spec in specs
    ]


def sample_texts(specs: Iterable[TensorSpec]) -> list[str]:
    """Return the text of each tensor for one sample, without its batch axis; open axes keep their names."""
    return [tensor_text(spec.name, spec.dtype, [size for size in spec.shape if size != BATCH]) for spec in specs]


def array_texts(arrays: Arrays) -> list[str]:
    """Return the text of each array."""
    return [tensor_text(name, array.dtype, array.shape) for name, array in arrays.items()]


def mismatch(where: str, expected: Sequence[str], found: Sequence[str], remedy: str = "") -> str:
    """Say that tensors are not the expected ones.

    Args:
        where: What has the tensors, such as ``outputs of sample '000001'``; empty where the caller says it.
        expected: The text of each tensor that should be there.
        found: The text of each tensor that is there.
        remedy: What to do about it; empty where the caller says it once for several tensors.
    """
    text = f"expected {', '.join(expected) or 'nothing'}, found {', '.join(found) or 'nothing'}"
    return (f"{where}: " if where else "") + text + (f"; {remedy}" if remedy else "")


def sizes_of(specs: Iterable[TensorSpec], arrays: Arrays) -> dict[str, int]:
    """Return the sizes of open axes as a batch's arrays have them; where two arrays differ, the first one's.

    Args:
        specs: The tensors.
        arrays: By name, batch axis first. Those that are missing, or have another number of axes, say nothing.
    """
    sizes: dict[str, int] = {}
    for spec in specs:
        shape = arrays[spec.name].shape if spec.name in arrays else ()
        if len(shape) == len(spec.shape):
            for axis, size in zip(spec.shape, shape, strict=True):
                if axis in spec.axes:
                    sizes.setdefault(str(axis), size)
    return sizes


def bound(spec: TensorSpec, array: NDArray[Any], sizes: Mapping[str, int], most: Mapping[str, int]) -> TensorSpec:
    """Return what an output must be, with all open axes filled in.

    Args:
        spec: The output as it is declared.
        array: What came, batch axis first.
        sizes: Of the inputs' open axes, in the call that it came of.
        most: The greatest size of each axis that only outputs have; a larger one is no size of it.
    """
    own = {axis: min(size, most.get(axis, size)) for axis, size in sizes_of([spec], {spec.name: array}).items()}
    return spec.at({**own, **sizes})
