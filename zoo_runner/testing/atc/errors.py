"""ATC's error codes and the form in which it prints them.

Texts follow CANN's published error list (``ge/common/error_code``) and logs of real runs. The process id and
time after the code are CANN 8's; earlier releases print the message right after the code. Since 8.3 both stand before
the colon, with the error's name. What is wrong in an inner error stands on a second line.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

RUN_FAILED: Final = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"
EXIT_CODE: Final = 255
_STAMPED_SINCE: Final = (8, 0)
_NAMED_SINCE: Final = (8, 3)
_INNER: Final = "9999"

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
    name: str = ""
    cause: str = ""
    trace: tuple[str, ...] = ()


_SAMPLES: Final = {
    "E10001": _Sample(
        "Value [-1] for parameter [image] is invalid. Reason: maybe you should set input_shape to specify its shape.",
        "Try again with a valid argument.",
        name="Invalid_Argument",
    ),
    "E10007": _Sample(
        f"[--framework] is required. The value must be [{FRAMEWORKS}].",
        "Set a valid parameter value.",
        name="Invalid_Argument",
    ),
    "E10016": _Sample(
        "Opname [Softmax_0] specified in [--out_nodes] is not found in the model.",
        "Specify the name of an existing node in the graph.",
        name="Invalid_Argument_Operator_Name",
    ),
    "E10410": _Sample(
        "File [model.onnx] does not exist.",
        "Try again with a valid file directory.",
        name="File_Operation_Error_File_Not_Exist",
        cause="The file specified by the --keep_dtype or --compress_weight_conf argument does not exist.",
    ),
    "E40021": _Sample(
        "Failed to compile Op [L2Norm]. (oppath: [Compile /opp/impl/l2norm.py failed with errormsg/stack: stand-in].)",
        "See the host log for details, and then check the Python stack where the error log is reported.",
    ),
    "E89999": _Sample("Op [L2Norm] cannot be built (stand-in).", ""),
    "EC0010": _Sample(
        "Failed to import Python module [ModuleNotFoundError: No module named 'decorator'.].",
        "Check that all required components are properly installed and the specified Python path matches the Python "
        "installation directory.",
        trace=("Failed to initialize TeConfigInfo.",),
    ),
    "EZ3003": _Sample(
        "No supported Ops kernel and engine are found for [L2Norm], optype [L2Norm].",
        "1. Check that the OPP component is installed properly. 2. Submit an issue to request for the support of this "
        "operator type.",
        name="Unsupported_Operator",
        cause="The operator is not supported by the system. Therefore, no hit is found in any operator information "
        "library.",
        trace=("build graph failed, graph id:0, ret:-1[FUNC:BuildModel][FILE:ge_generator.cc][LINE:148]",),
    ),
    "EZ9999": _Sample(
        "[InferShape] The k-axis of a(64) and b(9216) tensors must be the same"
        "[FUNC:InferShape][FILE:matrix_calculation_ops.cc][LINE:1402]",
        "",
        trace=("build graph failed, graph id:0, ret:1343242270[FUNC:BuildModel][FILE:ge_generator.cc][LINE:148]",),
    ),
}


def injected(code: str) -> AtcError:
    """Return an error with the asked-for code and a message as ATC gives with it."""
    sample = _SAMPLES.get(code, _Sample("Injected by the fault atc-code (stand-in).", ""))
    return AtcError(code, sample.text, sample.solution)


def error_block(error: AtcError, *, cann: tuple[int, int]) -> str:
    """Return what ATC of a release prints when it stops.

    Args:
        error: What stops it.
        cann: First two numbers of the release.
    """
    sample = _SAMPLES.get(error.code, _Sample("", ""))
    lines = [RUN_FAILED, *_head(error, sample.name or error.code, cann)]
    if sample.cause:
        lines.append(f"        Possible Cause: {sample.cause}")
    if error.solution:
        lines.append(f"        Solution: {error.solution}")
    if sample.trace:
        lines += ["        TraceBack (most recent call last):", *(f"        {line}" for line in sample.trace)]
    return "\n".join((*lines, ""))


def _head(error: AtcError, name: str, cann: tuple[int, int]) -> Iterator[str]:
    """Yield the code with what is wrong, in the release's form."""
    code, text = error.code, error.text
    inner = code.endswith(_INNER)
    if inner:
        yield f"{code}: Inner Error!"
    if cann >= _NAMED_SINCE:
        yield f"{code}[PID: {os.getpid()}] {_now()} ({name}):  {text}"
    elif cann >= _STAMPED_SINCE:
        yield f"{code}: [PID: {os.getpid()}] {_now()} {text}"
    else:
        yield f"{code}  {text}" if inner else f"{code}: {text}"


def _now() -> str:
    now = dt.datetime.now(tz=dt.timezone.utc)
    milliseconds, microseconds = divmod(now.microsecond, 1000)
    return f"{now:%Y-%m-%d-%H:%M:%S}.{milliseconds:03d}.{microseconds:03d}"


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
