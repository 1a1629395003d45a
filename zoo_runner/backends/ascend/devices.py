"""The NPUs that a run asks for, and how long one may be silent."""

from __future__ import annotations

from collections.abc import Sequence

from zoo_runner.backends.ascend import npu_smi
from zoo_runner.errors import PrerequisiteError
from zoo_runner.process import seconds_from

TIMEOUT_VARIABLE = "ZOO_RUNNER_DEVICE_TIMEOUT"
"""Seconds after which a device that does not answer is given up; the default suits every real NPU."""


def check_devices(devices: Sequence[int]) -> None:
    """Check that the devices are there.

    Raises:
        PrerequisiteError: Some are not.
    """
    present = [card.id for card in npu_smi.query().cards]
    if absent := [device for device in devices if device not in present]:
        raise PrerequisiteError(
            f"expected device {', '.join(map(str, absent))}, found {', '.join(map(str, present))} in "
            "`npu-smi info`; choose with --device"
        )


def device_timeout() -> float | None:
    """Return the seconds that :data:`TIMEOUT_VARIABLE` sets.

    Raises:
        UsageError: It is not a positive number.
    """
    return seconds_from(TIMEOUT_VARIABLE)
