"""``npu-smi info``: which chips there are, how they feel, and who uses them."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from zoo_runner.backends.ascend.npu_table import parse, quoted
from zoo_runner.errors import PrerequisiteError

if TYPE_CHECKING:
    from zoo_runner.backends.ascend.npu_state import NpuState

TOOL: Final = "npu-smi"


def query(timeout_s: float = 30.0) -> NpuState:
    """Run ``npu-smi info`` and read it.

    Raises:
        PrerequisiteError: The tool is absent, fails, does not answer, or says something else than a table.
    """
    tool = shutil.which(TOOL)
    if tool is None:
        raise PrerequisiteError(
            f"expected {TOOL} on PATH, found none. It comes with the NPU driver (usually /usr/local/sbin/{TOOL} or "
            f"/usr/local/bin/{TOOL}): install driver and firmware; in a container, mount the tool, "
            "/usr/local/Ascend/driver and the /dev/davinci* devices"
        )
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [tool, "info"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PrerequisiteError(
            f"expected `{tool} info` to answer, found: {error}. Check that the driver runs (`dmesg`, "
            "/var/log/npu) and that this user may use the devices"
        ) from error
    if done.returncode != 0:
        raise PrerequisiteError(
            f"expected `{tool} info` to succeed, found exit code {done.returncode} and:\n{quoted(done.stdout)}\n"
            "Check that driver and firmware fit each other and that this user may use the devices; after an "
            "upgrade the machine must be restarted"
        )
    return parse(done.stdout)
