"""The NPUs that a run asks for, and how long one may be silent."""

from __future__ import annotations

import os
from collections.abc import Sequence

from zoo_runner.backends.ascend import npu_smi
from zoo_runner.backends.ascend.visible_devices import VARIABLE, visible
from zoo_runner.errors import PrerequisiteError
from zoo_runner.process import seconds_from

TIMEOUT_VARIABLE = "ZOO_RUNNER_DEVICE_TIMEOUT"
"""Seconds after which a device that does not answer is given up; the default suits every real NPU."""


def check_devices(devices: Sequence[int]) -> None:
    """Check that the devices are there, as far as anything tells; where nothing does, opening them will.

    Raises:
        PrerequisiteError: Some are not.
    """
    try:
        found = visible(npu_smi.query())
    except PrerequisiteError:
        return  # a run comes here without npu-smi only if the user named the chip
    present = sorted(found.cards)
    absent = [device for device in devices if device not in present]
    if absent and not found.unknown:  # where it is unknown which they are, opening them tells whether they are there
        hidden = f" with {VARIABLE}={os.environ[VARIABLE]}" if VARIABLE in os.environ else ""
        raise PrerequisiteError(
            f"expected device {', '.join(map(str, absent))}, found {', '.join(map(str, present))} in "
            f"`npu-smi info`{hidden}; choose with --device"
        )


def device_timeout() -> float | None:
    """Return the seconds that :data:`TIMEOUT_VARIABLE` sets.

    Raises:
        UsageError: It is not a positive number.
    """
    return seconds_from(TIMEOUT_VARIABLE)
