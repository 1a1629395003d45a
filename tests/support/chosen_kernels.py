"""Compiled functions that are there, or not, as a test says: whether numba is installed must not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_detection.compiled import Compiled

if TYPE_CHECKING:
    from zoo_detection.compiled import Kernel


class Decided(Compiled):
    """A function that is compiled already, or never will be.

    Attributes:
        kernel: What stands for the machine code; ``None`` where there is none.
    """

    def __init__(self, kernel: Kernel | None = None) -> None:
        super().__init__(print, "")
        self.kernel = kernel

    def ready(self) -> Kernel | None:
        return self.kernel

    def wait(self) -> Kernel | None:
        return self.kernel
