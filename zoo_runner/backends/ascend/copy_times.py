"""How long copies between host and device took, as ais_bench tells it: each generation under names of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from zoo_runner.errors import PrerequisiteError

TO_DEVICE: Final = ("get_H2D_time_list", "get_h2d_time_list")
FROM_DEVICE: Final = ("get_D2H_time_list", "get_d2h_time_list")
"""Names of 2023 and of 2024."""


@dataclass(frozen=True)
class CopyTimes:
    """The times of one process.

    Attributes:
        summary: ais_bench's ``MemorySummary``.
    """

    summary: Any

    @classmethod
    def of_this_process(cls) -> CopyTimes:
        """Find what keeps the times.

        Raises:
            PrerequisiteError: This release keeps none, or under other names: no times would look like times of nothing.
        """
        from ais_bench.infer import interface  # noqa: PLC0415 - exists on Ascend hosts only

        found = cls(getattr(interface, "MemorySummary", None))
        found._find(TO_DEVICE)
        found._find(FROM_DEVICE)
        return found

    def reset(self) -> None:
        """Forget all times."""
        self.summary.reset()

    def to_device(self) -> tuple[float, ...]:
        """Return the milliseconds of each copy to the device."""
        return tuple(float(each) for each in self._find(TO_DEVICE)())

    def from_device(self) -> tuple[float, ...]:
        """Return the milliseconds of each copy from the device."""
        return tuple(float(each) for each in self._find(FROM_DEVICE)())

    def _find(self, names: tuple[str, ...]) -> Any:
        for name in names:
            if (found := getattr(self.summary, name, None)) is not None:
                return found
        raise PrerequisiteError(interface_differs("times of copies", f"MemorySummary has none of {', '.join(names)}"))


def interface_differs(what: str, found: str) -> str:
    """Say that the installed ais_bench is of a generation that is not known here."""
    return (
        f"{what}: ais_bench is another release than zoo-run knows ({found}), which is no fault of the device; install "
        "ais_bench and aclruntime of 2023 (Ascend/tools) or later (Ascend/msit) from one commit"
    )
