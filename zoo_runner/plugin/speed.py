"""What preprocessing and postprocessing can have to be faster.

All of it is optional, and none of it may change a result. Plugins may import this module as they may
:mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Warmable(Protocol):
    """A preprocessing or postprocessing that can make itself faster before it is called many times."""

    def warm(self, samples: int) -> None:
        """Begin, in the background, what pays for that many samples, such as loading compiled code.

        Called once, while the model is being opened. Results must not depend on it.
        """
