"""Memory of host and device, and the transfers between them."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .records import dtype

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


class MemorySummary:
    """Transfer times of this process in milliseconds, shared by all instances."""

    H2D_time_list: ClassVar[list[float]] = []
    D2H_time_list: ClassVar[list[float]] = []

    def reset(self) -> None:
        """Forget all times."""
        self.H2D_time_list.clear()
        self.D2H_time_list.clear()


@dataclass
class BaseTensor:
    """Host memory given by address; whoever makes it keeps the memory alive.

    Attributes:
        buf: Address.
        size: Bytes.
    """

    buf: int
    size: int

    def to_device_bytes(self) -> bytes:
        """Copy the memory as it lies there, which for an array that is not contiguous is not its elements."""
        start = time.perf_counter()
        content = ctypes.string_at(self.buf, self.size)
        MemorySummary.H2D_time_list.append(_milliseconds_since(start))
        return content


class Tensor:
    """An array on host or device."""

    def __init__(self, array: NDArray[Any]) -> None:
        interface = array.__array_interface__
        content = ctypes.string_at(interface["data"][0], array.nbytes)
        self._array = np.frombuffer(content, dtype=array.dtype).reshape(array.shape)
        self.device = -1

    @classmethod
    def on_device(cls, array: NDArray[Any], device: int) -> Tensor:
        """Return a tensor that a session computed."""
        tensor = cls(np.ascontiguousarray(array))
        tensor.device = device
        return tensor

    @property
    def shape(self) -> list[int]:
        """Axis sizes."""
        return list(self._array.shape)

    @property
    def dtype(self) -> dtype:
        """Element type."""
        return dtype.of(self._array.dtype.name)

    def to_device(self, device: int) -> None:
        """Copy to a device."""
        start = time.perf_counter()
        self._array = self._array.copy()
        self.device = device
        MemorySummary.H2D_time_list.append(_milliseconds_since(start))

    def to_host(self) -> None:
        """Copy to the host."""
        start = time.perf_counter()
        self._array = self._array.copy()
        if self.device >= 0:
            MemorySummary.D2H_time_list.append(_milliseconds_since(start))
        self.device = -1

    def to_device_bytes(self) -> bytes:
        """Return the bytes as the device sees them."""
        return self._array.tobytes()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if self.device >= 0:
            raise RuntimeError("tensor is in npu. can't convert to numpy array")
        array = self._array if dtype is None else self._array.astype(dtype)
        return array.copy() if copy else array


def _milliseconds_since(start: float) -> float:
    """Return the time in milliseconds with the precision of the library's 32-bit floats."""
    return float(np.float32((time.perf_counter() - start) * 1000))
