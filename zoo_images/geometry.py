"""Where a point of an image lies in the network's input, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Geometry:
    """How an image lies in the network's input: ``x_network = x_image * scale_x + shift_x``, and y likewise.

    Positions are in pixels from the left and upper edge: the first pixel reaches from 0 to 1.

    Attributes:
        scale_x: Pixels of the input for a pixel of the image, along its width.
        scale_y: Likewise along its height.
        shift_x: Where the image's left edge lies in the input; less than 0 where it is cut off.
        shift_y: Likewise of its upper edge.
    """

    scale_x: float = 1.0
    scale_y: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    def then(self, scale: tuple[float, float], shift: tuple[float, float]) -> Geometry:
        """Return this geometry followed by another step.

        Args:
            scale: Along width and height.
            shift: Likewise, in pixels after scaling.
        """
        return Geometry(
            self.scale_x * scale[0],
            self.scale_y * scale[1],
            self.shift_x * scale[0] + shift[0],
            self.shift_y * scale[1] + shift[1],
        )

    def to_image(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move boxes from the network's input to the image; they are not clipped.

        Args:
            boxes: Float32 [K, 4], ``x1, y1, x2, y2`` in pixels of the input.

        Returns:
            Float32 [K, 4], in pixels of the image; computed in float64.
        """
        return self._moved(boxes, inverse=True)

    def to_network(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move boxes from the image to the network's input; the other way of :meth:`to_image`."""
        return self._moved(boxes, inverse=False)

    def _moved(self, boxes: NDArray[np.float32], *, inverse: bool) -> NDArray[np.float32]:
        import numpy as np  # noqa: PLC0415 - a configuration can be read without it

        scale = np.array([self.scale_x, self.scale_y] * 2)
        shift = np.array([self.shift_x, self.shift_y] * 2)
        exact = np.asarray(boxes, dtype=np.float64)
        moved: NDArray[np.float32] = ((exact - shift) / scale if inverse else exact * scale + shift).astype(np.float32)
        return moved
