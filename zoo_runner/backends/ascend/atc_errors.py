"""What ATC's errors mean, and what to try."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FAILED: Final = "ATC run failed"


@dataclass(frozen=True)
class Advice:
    """What an error code stands for, and what helps."""

    meaning: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class AtcFailure:
    """What a failed conversion said.

    Attributes:
        code: ATC's error code, such as ``E10016``; empty when it gave none.
        message: Its words.
        advice: Meaning and remedy.
    """

    code: str
    message: str
    advice: Advice


ADVICE: Final[Mapping[str, Advice]] = {
    "E10001": Advice(
        "a flag has a value this ATC does not accept",
        "compare the value with `atc --help` of this CANN; the manifest's atc section sets it",
    ),
    "E10003": Advice(
        "this ATC does not know the flag, or not this value of it",
        "flags come and go between CANN releases: use the release the manifest was written for, or change the "
        "manifest's atc section",
    ),
    "E10007": Advice(
        "a flag that ATC requires is missing or empty",
        "add it to the manifest's atc section",
    ),
    "E10016": Advice(
        "a name in --out_nodes or --input_shape is no node of the graph as ATC sees it",
        "leave atc.out_nodes out, so that the nodes are looked up in the exported graph; if they were, ATC has fused "
        "or removed the node: name another one, or switch the fusion off (flags: fusion_switch_file)",
    ),
    "E10054": Advice(
        "a flag that ATC requires is empty",
        "add it to the manifest's atc section",
    ),
    "E10410": Advice(
        "ATC cannot find or read a file",
        "check that the file the message names exists and is readable, and that its path has only letters, digits, "
        "and _ - . /",
    ),
    "E19010": Advice(
        "this ATC has no parser for an operator of the graph",
        "lower onnx.opset in the manifest (11 is known everywhere), or use a newer CANN",
    ),
    "E40021": Advice(
        "building an operator for this chip failed",
        "look for the operator's name in the log; often the Python packages of CANN's operator compiler are missing or "
        "too new (numpy, decorator, attrs, psutil, scipy for the python3 on PATH); else try another precision_mode, "
        "or onnx.simplify",
    ),
    "E89999": Advice(
        "an error inside the operator compiler",
        "look above it in the log for the first error; check that soc_version is this chip and that the compiler's "
        "Python packages fit (numpy, decorator, attrs, psutil, scipy)",
    ),
    "EC0010": Advice(
        "a Python package that CANN's operator compiler imports is missing or does not fit",
        "install the package the message names for the python3 on PATH",
    ),
    "EZ3003": Advice(
        "this chip has no kernel for an operator of the graph",
        "check soc_version and that the operator package (opp) is installed; else the network must be exported "
        "with another operator",
    ),
}
GENERIC: Final = Advice(
    "ATC gives no further explanation here",
    "read the log from its first error on; the code is explained in the CANN troubleshooting manual",
)
_LIBRARIES: Final = Advice(
    "a shared library that ATC needs was not found",
    "source CANN's set_env.sh in this shell; on a machine without NPU driver also add "
    "$ASCEND_TOOLKIT_HOME/<arch>-linux/devlib to LD_LIBRARY_PATH",
)
_KILLED: Final = Advice(
    "the compiler was stopped from outside or crashed",
    "the kernel stops processes when memory runs out (`dmesg`): free memory, or convert with a smaller batch",
)

# Newer releases put the process and a time between code and text; some write E10016(name).
_CODED: Final = re.compile(
    r"\b(?P<code>E[A-Z0-9]\d{4})(?:\([^)\n]*\))?\s*:\s*"
    r"(?:\[PID:[^\]\n]*\]\s*)?(?:\d{4}-\d\d-\d\d-[\d:.]+\s+)?(?P<text>[^\n]*)"
)
_LOADER: Final = re.compile(r"^.*error while loading shared libraries.*$", re.MULTILINE)
_TAIL_LINES: Final = 3


def diagnose(output: str, exit_code: int) -> AtcFailure:
    """Find the error in what ATC printed.

    Args:
        output: Its output, or the end of it.
        exit_code: As ``subprocess`` gives it: negative for a signal.
    """
    said = output[output.rfind(FAILED) :] if FAILED in output else output
    coded = _CODED.search(said) or _CODED.search(output)
    if coded:
        code = coded["code"]
        return AtcFailure(code=code, message=coded["text"].strip(), advice=ADVICE.get(code, GENERIC))
    if loader := _LOADER.search(output):
        return AtcFailure(code="", message=loader[0].strip(), advice=_LIBRARIES)
    if exit_code < 0:
        name = signal.Signals(-exit_code).name if -exit_code in set(signal.Signals) else str(-exit_code)
        return AtcFailure(code="", message=f"ended by signal {name}", advice=_KILLED)
    last = [line.strip() for line in output.splitlines() if line.strip()][-_TAIL_LINES:]
    return AtcFailure(code="", message=" / ".join(last) or "(no output)", advice=GENERIC)
