"""What failures of the ais_bench command mean, and what to try."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from zoo_runner.backends.ascend.acl_codes import acl_error
from zoo_runner.backends.ascend.atc_advice import Advice, advice_on
from zoo_runner.backends.ascend.atc_errors import telling_error
from zoo_runner.backends.ascend.cann_messages import signal_name
from zoo_runner.process import telling

_QUOTED_LINES: Final = 6
_ERROR: Final = "[ERROR]"


@dataclass(frozen=True)
class Failure:
    """What the command said, and what that means."""

    message: str
    advice: Advice


# Texts of ais_bench 0.0.2 and its aclruntime; the first that is found holds.
_KNOWN: Final = (
    (
        r"No module named '?(ais_bench|aclruntime)",
        Advice("the package is not installed for this Python", "`zoo-run doctor --backend ascend` says how to get it"),
    ),
    (
        r"No module named '?pkg_resources",
        Advice("ais_bench of 2024 imports pkg_resources, which newer setuptools lack", "pip install 'setuptools<81'"),
    ),
    (
        r"unrecognized arguments|invalid choice|the following arguments are required",
        Advice(
            "this release of ais_bench has other arguments",
            "install ais_bench 0.0.2 or later from Ascend's source tree, or use infer.tool: in-process",
        ),
    ),
    (
        r"acl open device \d+ failed|SetDevice failed|invalid device",
        Advice(
            "the device cannot be opened",
            "see `npu-smi info` for its health and for other users of it; with several devices ais_bench opens "
            "device 0 as well",
        ),
    ),
    (
        r"load model .*failed|model file is|soc_version",
        Advice(
            "the device does not load this .om",
            "an .om runs only on the chip and CANN release it was made for: convert again on this host",
        ),
    ),
    (
        r"not match",
        Advice(
            "the input files do not have the bytes that the model takes",
            "the .om was made for another batch size or network: convert again",
        ),
    ),
    (
        r"save out files error|output_batchsize_axis",
        Advice(
            "an output cannot be cut into samples along its first axis",
            "check that every output of the manifest begins with batch, or use infer.tool: in-process",
        ),
    ),
    (r"No space left on device", Advice("the disk is full", "free some space, or choose another --output")),
    (
        r"acl execute failed|execute model failed|Execute Infer failed|general failure|\bE[EZ]\d{4}\b",
        Advice(
            "the device failed while it ran the model",
            "see `npu-smi info` and the logs below ~/ascend/log; a reset of the card may help. With --device other "
            "cards can be chosen",
        ),
    ),
)
_UNKNOWN: Final = Advice(
    "not one of the known failures", "read the log from its end; infer.tool: in-process does without the command"
)


def diagnose(text: str, exit_code: int) -> Failure:
    """Explain a failed run.

    Args:
        text: What the command printed.
        exit_code: Its exit code; minus the signal's number when one killed it, or 128 and that number.
    """
    lines = telling(text) or [line.strip() for line in text.splitlines() if line.strip()][-1:]
    advice = next((advice for pattern, advice in _KNOWN if re.search(pattern, "\n".join(lines))), None)
    if found := acl_error("\n".join(lines)):
        number, meant = found
        advice = Advice(f"AscendCL's {number}: {meant.meaning}", meant.remedy)
    error = telling_error(text)
    if error and advice is None:
        advice = advice_on(error.code)
    if name := signal_name(exit_code):
        advice = Advice(
            f"the process was killed by {name}",
            "SIGKILL mostly means that the host ran out of memory (see dmesg), others a crash in the driver or in CANN",
        )
    told = [f"{error.code}: {error.text}"] if error and error.text not in " / ".join(lines[-_QUOTED_LINES:]) else []
    return Failure(" / ".join((*told, *lines[-_QUOTED_LINES:])) or "(nothing)", advice or _UNKNOWN)


def error_lines(text: str) -> list[str]:
    """Return what ais_bench or aclruntime logged as errors; it may follow a progress bar on the same line."""
    return [line[line.index(_ERROR) :].strip() for line in text.splitlines() if _ERROR in line]
