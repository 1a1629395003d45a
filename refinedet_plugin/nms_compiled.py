"""The suppression of ``nms`` as machine code, where the optional package numba is installed; same boxes kept.

Loading numba takes a quarter of a second, and the first run on a machine compiles for less than one; numba keeps
the result beside this file or, where that folder is read-only, in the user's cache folder. Nobody waits for either:
a thread does it once enough images have come by, and ``nms.suppress`` answers until it is done.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import numpy as np

from refinedet_plugin import nms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Indices = NDArray[np.intp]

Kernel: TypeAlias = "Callable[[Floats, NDArray[np.int16], np.float32, Floats, Indices], int]"

WORTHWHILE: Final = 256
"""Images after which loading numba pays; most runs that need fewer are over before it is loaded."""
SIGNATURE: Final = "intp(float32[:, ::1], int16[::1], float32, float32[::1], intp[::1])"


class Compilation:
    """Compiles the kernel once, in the background.

    Attributes:
        kernel: The compiled code, once there is any.
    """

    kernel: Kernel | None

    def __init__(self, worthwhile: int = WORTHWHILE) -> None:
        self.kernel = None
        self._left = worthwhile
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def count(self) -> None:
        """Notes one more image; the one that makes it worthwhile starts the thread."""
        if self._thread is None:
            with self._lock:
                self._left -= 1
                if self._left <= 0 and self._thread is None:
                    self._thread = threading.Thread(target=self._compile, name="compile-nms")
                    self._thread.start()

    def wait(self) -> None:
        """Makes it worthwhile now and returns when the kernel is there, or cannot be had."""
        self._left = 0
        self.count()
        if self._thread is not None:
            self._thread.join()

    def _compile(self) -> None:
        try:
            self.kernel = compiled()
        except Exception:  # noqa: BLE001 - whatever is wrong with an optional package, the result does not need it
            logging.getLogger(__name__).warning("numba cannot compile; numpy goes on in its place", exc_info=True)


COMPILATION: Final = Compilation()
"""Of this process."""


def suppress(boxes: Floats, labels: NDArray[np.int16], *, iou_threshold: float) -> Indices:
    """Does what ``nms.suppress`` does, from the same arguments, and bit for bit as it does."""
    kernel = COMPILATION.kernel
    if kernel is None:
        COMPILATION.count()
        return nms.suppress(boxes, labels, iou_threshold=iou_threshold)
    return run(kernel, boxes, labels, iou_threshold=iou_threshold)


def run(kernel: Kernel, boxes: Floats, labels: NDArray[np.int16], *, iou_threshold: float) -> Indices:
    """Calls a kernel with arrays of the layout it was compiled for; arguments as of ``nms.suppress``."""
    count = len(labels)
    corners = np.array(boxes.T, np.float32, order="C")  # copies, for the kernel takes no read-only arrays
    kept = np.empty(count, np.intp)
    found = kernel(corners, np.array(labels, np.int16), np.float32(iou_threshold), np.empty(count, np.float32), kept)
    return kept[:found]


def compiled() -> Kernel | None:
    """Loads or compiles the kernel; nothing where numba is not installed or is told not to compile."""
    if importlib.util.find_spec("numba") is None:
        return None
    import numba  # noqa: PLC0415 - optional, and takes a quarter of a second

    if numba.config.DISABLE_JIT:
        return None
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # x / 0 is inf or NaN, as in numpy
    try:
        kernel = numba.njit(SIGNATURE, cache=True, **options)(scan)
    except RuntimeError:  # no folder for the cache can be written to
        kernel = numba.njit(SIGNATURE, **options)(scan)
    return cast("Kernel", kernel)  # numba has no type information


def scan(corners: Floats, labels: NDArray[np.int16], threshold: np.float32, areas: Floats, kept: Indices) -> int:
    """Compares each box with the kept ones of its class until one removes it; this is what gets compiled.

    Comparisons stand where numpy has minimum and maximum. They treat NaN differently, which changes nothing: every
    NaN among corners or sides makes an area NaN too, and with it the union and the IoU.

    Args:
        corners: float32 [4, M], C-contiguous.
        labels: int16 [M], ascending.
        threshold: An IoU equal to it lets a box stay.
        areas: float32 [M], to write to.
        kept: [M], to write to.

    Returns:
        How many boxes are kept: their indices stand at the start of ``kept``.
    """
    zero = np.float32(0)
    found = first = 0
    for one in range(len(labels)):
        if one and labels[one] != labels[one - 1]:
            first = found
        left, top, right, bottom = corners[0, one], corners[1, one], corners[2, one], corners[3, one]
        area = (right - left) * (bottom - top)
        stays = True
        for place in range(first, found):
            other = kept[place]
            width = min(right, corners[2, other]) - max(left, corners[0, other])
            height = min(bottom, corners[3, other]) - max(top, corners[1, other])
            shared = max(width, zero) * max(height, zero)
            if not shared / ((area - shared) + areas[other]) <= threshold:
                stays = False
                break
        if stays:
            areas[one] = area
            kept[found] = one
            found += 1
    return found
