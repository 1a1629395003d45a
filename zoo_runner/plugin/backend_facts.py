"""What a backend may say beside of its software and devices: whether figures may be kept, and timings believed.

And what a session of several devices may be told of a batch: which of them it is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from zoo_runner.plugin.interfaces import Arrays, Backend

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ForDevice(dict[str, "NDArray[Any]"]):
    """Inputs of a batch that are for one device; a session that cannot choose may take another one.

    Attributes:
        device: Its number.
    """

    def __init__(self, arrays: Arrays, device: int) -> None:
        super().__init__(arrays)
        self.device = device


@runtime_checkable
class WatchedBackend(Backend, Protocol):
    """A backend whose devices others may use at the same time, which would spoil a timing."""

    def disturbances(self, before: Any, after: Any, devices: Sequence[int]) -> tuple[str, ...]:
        """List what makes a timing between two readings untrustworthy; empty when the devices were quiet."""

    def reading(self) -> object:
        """Take a reading of the devices."""


@runtime_checkable
class SightedBackend(WatchedBackend, Protocol):
    """A watched backend that says where it cannot see: what nobody saw is not taken for quiet."""

    def unseen(self, before: Any, after: Any, devices: Sequence[int]) -> str:
        """Say why the devices could not be watched between two readings; empty when they were."""

    def states(self, reading: Any, devices: Sequence[int]) -> tuple[str, ...]:
        """Describe the devices as a reading shows them, a line each; of those it does not show, nothing."""


@runtime_checkable
class ChipNamingBackend(Backend, Protocol):
    """A backend whose users can name the chip, on machines where it cannot be asked."""

    def for_chip(self, name: str) -> Backend:
        """Return the backend that takes the user's name (``--soc``) where the machine does not tell the chip."""


@runtime_checkable
class ReleasedBackend(Backend, Protocol):
    """A backend that says whether it knows which release of its software would run the model."""

    @property
    def release_known(self) -> bool:
        """Whether ``version`` is another one for another release; else nothing is kept from one run to the next."""


@runtime_checkable
class RepeatableBackend(Backend, Protocol):
    """A backend that says whether the same model gives the same bits for the same inputs in every run."""

    @property
    def bit_stable(self) -> bool:
        """Whether it does, on one type of processor; then kept predictions can be verified."""
