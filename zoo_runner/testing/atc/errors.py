"""ATC's error codes and the form in which it prints them.

Texts follow CANN's published error list (``ge/common/error_code``) and logs of real runs. The process id and
time after the code are CANN 8's; earlier releases print the message right after the code.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from typing import Final

RUN_FAILED: Final = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"
EXIT_CODE: Final = 255
_STAMPED_SINCE: Final = 8

FRAMEWORKS: Final = "0(Caffe) or 1(MindSpore) or 3(TensorFlow) or 5(Onnx)"


class AtcError(Exception):
    """What makes ATC stop.

    Attributes:
        code: Such as ``E10016``.
        text: The message.
        solution: ATC's advice, may be empty.
    """

    def __init__(self, code: str, text: str, solution: str = "") -> None:
        super().__init__(code, text, solution)
        self.code = code
        self.text = text
        self.solution = solution


@dataclass(frozen=True, slots=True)
class _Sample:
    text: str
    solution: str


_SAMPLES: Final = {
    "E10001": _Sample(
        "Value [-1] for parameter [image] is invalid. Reason: maybe you should set input_shape to specify its shape.",
        "Try again with a valid argument.",
    ),
    "E10007": _Sample(f"[--framework] is required. The value must be [{FRAMEWORKS}].", "Set a valid parameter value."),
    "E10016": _Sample(
        "Opname [Softmax_0] specified in [--out_nodes] is not found in the model.",
        "Specify the name of an existing node in the graph.",
    ),
    "E10410": _Sample("File [model.onnx] does not exist.", "Try again with a valid file directory."),
    "E40021": _Sample(
        "Failed to compile Op [L2Norm]. (oppath: [Compile /opp/impl/l2norm.py failed with errormsg/stack: stand-in].)",
        "See the host log for details, and then check the Python stack where the error log is reported.",
    ),
    "E89999": _Sample("Inner Error! Op [L2Norm] cannot be built (stand-in).", ""),
}


def injected(code: str) -> AtcError:
    """Return an error with the asked-for code and a message as ATC gives with it."""
    sample = _SAMPLES.get(code, _Sample("Injected by the fault atc-code (stand-in).", ""))
    return AtcError(code, sample.text, sample.solution)


def error_block(error: AtcError, *, cann_major: int) -> str:
    """Return what ATC prints when it stops."""
    stamp = ""
    if cann_major >= _STAMPED_SINCE:
        now = dt.datetime.now(tz=dt.timezone.utc)
        milliseconds, microseconds = divmod(now.microsecond, 1000)
        stamp = f"[PID: {os.getpid()}] {now:%Y-%m-%d-%H:%M:%S}.{milliseconds:03d}.{microseconds:03d} "
    lines = [RUN_FAILED, f"{error.code}: {stamp}{error.text}"]
    if error.solution:
        lines.append(f"        Solution: {error.solution}")
    return "\n".join((*lines, ""))


def invalid_value(flag: str, value: str, reason: str) -> AtcError:
    """Return ATC's refusal of a flag's value."""
    return AtcError(
        "E10001",
        f"Value [{value}] for parameter [{flag}] is invalid. Reason: {reason}",
        "Try again with a valid argument.",
    )


def not_found(name: str, flag: str) -> AtcError:
    """Return ATC's refusal of a node name that the model does not have."""
    return AtcError(
        "E10016",
        f"Opname [{name}] specified in [--{flag}] is not found in the model. Confirm whether this node name exists, "
        "or the node is not split with the specified delimiter ';'.",
        "Specify the name of an existing node in the graph.",
    )


def no_file(path: str) -> AtcError:
    """Return ATC's refusal of a file that is not there."""
    return AtcError("E10410", f"File [{path}] does not exist.", "Try again with a valid file directory.")


def bad_aipp(reason: str) -> AtcError:
    """Return ATC's refusal of an AIPP setting."""
    return AtcError("E10052", f"AIPP configuration is invalid. Reason: {reason}.")


def not_simulated(what: str) -> AtcError:
    """Return the refusal of something that ATC can do and the stand-in cannot."""
    return AtcError(
        "E10055",
        f"The operation is not supported. Reason: {what} (the stand-in of atc does not simulate it).",
        "Check whether the configured parameter or used function is supported.",
    )
