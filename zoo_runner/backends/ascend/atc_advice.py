"""What the codes of CANN's errors mean, and what to try.

Families are those of CANN's error code reference (in the maintenance guide of CANN 8.5), codes those that people meet;
both with what the open compiler's own list says of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Advice:
    """What an error code stands for, and what helps."""

    meaning: str
    remedy: str


_SECTION: Final = "the manifest's atc section sets it"
_NO_PARSER: Final = Advice(
    "this ATC has no parser for an operator of the graph",
    "lower onnx.opset in the manifest (11 is known everywhere), or use a newer CANN",
)
_NO_KERNEL: Final = Advice(
    "this chip has no kernel for an operator of the graph",
    "check soc_version and that the operator package (opp) is installed; else the network must be exported "
    "with another operator",
)
_EXCLUSIVE: Final = Advice(
    "two flags exclude each other",
    "leave one of them out of the manifest's atc section",
)
_NO_FILE: Final = Advice(
    "ATC cannot find or read a file",
    "check that the file the message names exists and is readable, and that its path has only letters, digits, "
    "and _ - . /",
)
_SHAPE: Final = Advice(
    "--input_shape does not fit the inputs of the graph, or the dynamic sizes that other flags name",
    "leave atc.input_shape out, so that it is made of inputs; the names and axes must be those of the ONNX graph",
)
_GEARS: Final = Advice(
    "the gears do not fit --input_shape, or one another",
    "leave atc.input_shape and atc.flags out of it: both flags are made of inputs and of atc.dynamic_batch_size, "
    "atc.dynamic_image_size or atc.dynamic_dims; the axes must be open in the ONNX graph too",
)
_BAD_MODEL: Final = Advice(
    "ATC cannot read the ONNX file as a model",
    "export it again (--no-cache); a file from elsewhere must be one complete ONNX model with one operator set",
)
PYTHON_PACKAGE: Final = Advice(
    "a Python package that CANN's operator compiler imports is missing or does not fit",
    "install the package the message names for the python3 on PATH; a name that numpy no longer has needs an older "
    "numpy there (below 2, below 1.24 for old CANN releases)",
)
_BUILD: Final = Advice(
    "building an operator for this chip failed",
    "look for the operator's name in the log; often the Python packages of CANN's operator compiler are missing or "
    "too new (numpy, decorator, attrs, psutil, scipy for the python3 on PATH); else try another precision_mode, "
    "or onnx.simplify",
)

ADVICE: Final[Mapping[str, Advice]] = {
    "E10001": Advice(
        "a flag has a value this ATC does not accept",
        f"compare the value with `atc --help` of this CANN; {_SECTION}",
    ),
    "E10002": _SHAPE,
    "E10003": Advice(
        "this ATC does not know the flag, or not this value of it",
        "flags come and go between CANN releases: use the release the manifest was written for, or change the "
        "manifest's atc section",
    ),
    "E10007": Advice(
        "a flag that ATC requires is missing or empty",
        "add it to the manifest's atc section",
    ),
    "E10009": _EXCLUSIVE,
    "E10011": _SHAPE,
    "E10016": Advice(
        "a name in --out_nodes or --input_shape is no node of the graph as ATC sees it",
        "leave atc.out_nodes out, so that the nodes are looked up in the exported graph; if they were, ATC has fused "
        "or removed the node: name another one, or switch the fusion off (flags: fusion_switch_file)",
    ),
    "E10018": _GEARS,
    "E10019": _GEARS,
    "E10020": _GEARS,
    "E10031": _GEARS,
    "E10034": _EXCLUSIVE,
    "E10035": _GEARS,
    "E10036": _GEARS,
    "E10037": _GEARS,
    "E10038": _GEARS,
    "E10039": _GEARS,
    "E10040": _GEARS,
    "E10041": _BAD_MODEL,
    "E10045": _GEARS,
    "E10046": _GEARS,
    "E10047": _EXCLUSIVE,
    "E10049": _SHAPE,
    "E10052": Advice(
        "the AIPP file is not one that ATC accepts",
        "write atc.aipp: auto, which makes the file; or compare the file of atc.insert_op_conf with the AIPP chapter "
        "of the ATC manual, and its sizes with the inputs",
    ),
    "E10054": Advice(
        "a flag that ATC requires is empty",
        "add it to the manifest's atc section",
    ),
    "E10055": Advice(
        "this ATC does not do what a flag or the graph asks for",
        "leave the flag out, or use a newer CANN",
    ),
    "E10056": _EXCLUSIVE,
    "E10410": _NO_FILE,
    "E10501": _NO_KERNEL,
    "E13000": _NO_FILE,
    "E13001": _NO_FILE,
    "E13003": _NO_FILE,
    "E13024": Advice(
        "an environment variable has a value that ATC cannot use",
        "source CANN's set_env.sh in a fresh shell; unset what the message names if you set it yourself",
    ),
    "E16002": _NO_PARSER,
    "E16004": _BAD_MODEL,
    "E16005": _BAD_MODEL,
    "E19010": _NO_PARSER,
    "E40020": PYTHON_PACKAGE,
    "E40021": _BUILD,
    "E70014": Advice(
        "the size that AIPP makes of an image is not the size of the input",
        "correct src_image_size_h and src_image_size_w, or the crop, in the file of atc.insert_op_conf; or write "
        "atc.aipp: auto",
    ),
    "E76002": _NO_PARSER,
    "E89999": Advice(
        "an error inside the operator compiler",
        "look above it in the log for the first error; check that soc_version is this chip and that the compiler's "
        "Python packages fit (numpy, decorator, attrs, psutil, scipy)",
    ),
    "EC0010": PYTHON_PACKAGE,
    "EF0001": Advice(
        "this ATC does not know the chip",
        "check soc_version (`npu-smi info` shows the chip; the prefix is Ascend), or use a CANN that knows it",
    ),
    "EL0004": Advice(
        "there is not enough memory on the device",
        "see `npu-smi info` for other users of it, or take a smaller batch",
    ),
    "EZ0501": _NO_KERNEL,
    "EZ3002": _NO_KERNEL,
    "EZ3003": _NO_KERNEL,
    "EZ9010": _NO_PARSER,
}
"""Codes that people meet."""

_LOG: Final = "read the log from its first error on; the code is explained in the CANN troubleshooting manual"
_DEVICE: Final = Advice(
    "an error of the device, its driver or CANN's runtime",
    "see `npu-smi info`, and that driver and CANN fit each other",
)
FAMILIES: Final[Mapping[str, Advice]] = {
    "E10": Advice(
        "an argument of ATC is wrong, or does not fit the graph", f"{_SECTION}; compare it with `atc --help`"
    ),
    "E11": Advice("the model is not a Caffe model that ATC can read, or --out_nodes does not fit it", _LOG),
    "E12": Advice("the model is not a TensorFlow model that ATC can read", _LOG),
    "E13": Advice("ATC cannot use a file, a folder or a name", f"check what the message names; {_LOG}"),
    "E14": Advice("an operator of the graph has an argument or attribute that ATC cannot use", _LOG),
    "E16": _BAD_MODEL,
    "E1": Advice("an error of ATC's graph engine", _LOG),
    "E2": Advice("ATC cannot fuse or compile the graph", f"try onnx.simplify, or another precision_mode; {_LOG}"),
    "E3": Advice("an error of the operators that run on the chip's CPU", _LOG),
    "E4": _BUILD,
    "E7": Advice("an operator of the graph has inputs or attributes that it does not take on this chip", _LOG),
    "E8": Advice("an error of a vector operator, or of the operator package (opp)", f"install opp again; {_LOG}"),
    "EB": _BUILD,
    "EC": Advice(
        "something in the environment of CANN's operator compiler is missing: a package, a permission, a folder",
        f"check what the message names; source set_env.sh; {_LOG}",
    ),
    "EE": _DEVICE,
    "EF": Advice("an error of ATC's fusion: the chip's name, a folder or a variable", f"check soc_version; {_LOG}"),
    "EH": Advice("the runtime was called with something that it does not take", _LOG),
    "EL": _DEVICE,
    "EZ": Advice("an operator cannot be compiled or run as the graph has it", f"try another opset; {_LOG}"),
}
"""The parts of CANN that codes come from, by how codes begin; the longest beginning that fits counts."""

INNER: Final = Advice(
    "an error inside CANN, without a meaning of its own",
    "read the log from its first error on, and what the message says; if it is an operator, try onnx.simplify or "
    "another opset; the CANN troubleshooting manual asks for the logs below ~/ascend/log",
)
GENERIC: Final = Advice("ATC gives no further explanation here", _LOG)


def advice_on(code: str) -> Advice:
    """Return what a code means and what helps: by the code, or else by the part of CANN that it comes from."""
    if code in ADVICE:
        return ADVICE[code]
    if code.endswith("9999"):
        return INNER
    beginnings = [beginning for beginning in FAMILIES if code.startswith(beginning)]
    return FAMILIES[max(beginnings, key=len)] if beginnings else GENERIC
