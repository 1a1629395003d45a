"""What the numbers mean that AscendCL returns, and what to try.

A number has six digits. The first says who is meant: 1 the caller, 2 a resource that is short, 3 a limit, 5 something
inside. The next two say where: 00 AscendCL itself, 07 the runtime, 45 the graph engine. Numbers and names are those of
CANN's public headers ``acl_base.h``, ``rt_error_codes.h`` and ``ge_error_codes.h``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from zoo_runner.backends.ascend.atc_advice import Advice

_NUMBER: Final = re.compile(
    r"\b(?:ret(?:urn(?:ed)?)?|result|acl ?error|error ?code|err ?code|error|code)\b[^\w\n]{0,6}(?:is|=|:)?[^\w\n]{0,4}"
    r"(?P<number>[1235](?:00|07|45)\d{3})\b",
    re.IGNORECASE,
)
_CONVERT: Final = "an .om runs only on the chip and CANN release it was made for: convert again for this host"
_CARD: Final = "see `npu-smi info` and the logs below ~/ascend/log; a reset of the card may help"
_OTHER_MODEL: Final = Advice("the file is no .om that this CANN can read", _CONVERT)
_SIZES: Final = Advice(
    "the model has no such size of an open axis",
    "give atc the gears that the manifest has: convert again; the message names the size that was asked for",
)
_AIPP: Final = Advice("the model has no AIPP of the kind that was asked for", "check atc.aipp and atc.insert_op_conf")
_MEMORY: Final = Advice(
    "the device has too little memory", "use a smaller infer.batch, or end what else uses the card (`npu-smi info`)"
)
_NO_CARD: Final = Advice(
    "there is no device of this number",
    "compare --device with `npu-smi info`; ASCEND_RT_VISIBLE_DEVICES counts those that it names from 0",
)
_CORE: Final = Advice(
    "an operator failed on the device",
    f"{_CARD}; another atc.precision_mode or onnx.simplify: false may make another operator of it",
)
KNOWN: Final[Mapping[int, Advice]] = {
    100000: Advice(
        "AscendCL was given an argument that it does not take", "check that ais_bench fits this CANN release"
    ),
    100003: Advice("a file cannot be opened", "check that it exists, and who may read it"),
    100012: _OTHER_MODEL,
    100013: _OTHER_MODEL,
    100014: Advice("the .om cannot be read", "check that it exists, and who may read it"),
    100015: _OTHER_MODEL,
    100016: _OTHER_MODEL,
    100017: Advice("the inputs are not those of the model", "the .om was made for other inputs: convert again"),
    100018: Advice("the outputs are not those of the model", "the .om was made for other outputs: convert again"),
    100019: Advice("the model has no open axes", "it was converted with fixed sizes: convert again with this manifest"),
    100024: Advice("an operator is not installed", "install the operator package (opp) of this chip"),
    100029: Advice("an operator has no kernel here", "install the kernel package of this chip"),
    107001: _NO_CARD,
    107002: Advice("no device is open", "a call before this one failed: read the log from its beginning"),
    145002: Advice("the path of the .om is not one", "check that it exists, and who may read it"),
    145006: _OTHER_MODEL,
    145011: _SIZES,
    145012: _SIZES,
    145013: _SIZES,
    145014: _AIPP,
    145015: _AIPP,
    145016: _AIPP,
    200000: Advice("the host has too little memory", "end other programs, or use a smaller infer.batch"),
    200001: Advice("this chip or CANN release does not have what was asked for", "use a newer CANN"),
    200002: _NO_CARD,
    207000: Advice("this chip does not have what was asked for", "check that the .om was made for this chip"),
    207001: _MEMORY,
    207004: Advice(
        "no device was found", "load the driver, and check `npu-smi info`; in a container, mount the device"
    ),
    207005: Advice("the device has too few resources left", "end what else uses the card (`npu-smi info`)"),
    207006: Advice("this user may not use the device", "add the user to the group HwHiAiUser, or mount the device"),
    245000: _MEMORY,
    507001: Advice("the device's scheduler failed", _CARD),
    507008: Advice("the .om was made for another chip", "convert again with the soc_version of this chip"),
    507010: Advice("the device does not answer", _CARD),
    507011: _CORE,
    507012: Advice("the device did not answer in time", _CARD),
    507014: Advice("an operator took too long on the device", _CARD),
    507015: _CORE,
    507016: _CORE,
    507017: Advice("an operator took too long on the device's own processor", _CARD),
    507018: Advice("an operator failed on the device's own processor", _CARD),
    507033: Advice("the device could not be set up", _CARD),
    507899: Advice("the driver failed", "check that driver and firmware fit this CANN release, and see dmesg"),
    545001: Advice("the .om cannot be loaded", _CONVERT),
    545002: _OTHER_MODEL,
    545003: _OTHER_MODEL,
    545004: _OTHER_MODEL,
    545005: _OTHER_MODEL,
}
_FAMILIES: Final[Mapping[str, Advice]] = {
    "1": Advice("AscendCL refuses what it was asked for", "check that the .om, ais_bench and this CANN go together"),
    "2": Advice("a resource is short", "see `npu-smi info` for memory and for other users of the card"),
    "3": Advice("a limit is reached", "end what else uses the card (`npu-smi info`)"),
    "5": Advice("something inside AscendCL, its runtime or the driver failed", _CARD),
}


def acl_error(text: str) -> tuple[int, Advice] | None:
    """Return the last number of AscendCL in a text, and what it means; ``None`` where there is none.

    Numbers without a word such as ``ret`` or ``error code`` before them are taken for something else.
    """
    numbers = [int(match["number"]) for match in _NUMBER.finditer(text)]
    if not numbers:
        return None
    known = next((number for number in reversed(numbers) if number in KNOWN), numbers[-1])
    return known, KNOWN.get(known) or _FAMILIES[str(known)[0]]
