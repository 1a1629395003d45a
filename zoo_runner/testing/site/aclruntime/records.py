"""The plain records of the binding; names are the binding's."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class dtype(enum.Enum):  # noqa: N801 - the binding's name
    """Element types with AscendCL's numbers."""

    float32 = 0
    float16 = 1
    int8 = 2
    int32 = 3
    uint8 = 4
    int16 = 6
    uint16 = 7
    uint32 = 8
    int64 = 9
    uint64 = 10
    double = 11
    bool = 12

    def __int__(self) -> int:
        """Return AscendCL's number."""
        return self.value

    @classmethod
    def of(cls, name: str) -> dtype:
        """Return the type of a NumPy dtype name."""
        return cls["double" if name == "float64" else name]


@dataclass
class session_options:  # noqa: N801 - the binding's name
    """How a session runs.

    Attributes:
        loop: Executions per call.
        log_level: 1 debug, 2 info.
        acl_json_path: Settings for profiling and dumps, which the stand-in does not simulate.
    """

    loop: int = 1
    log_level: int = 2
    acl_json_path: str = ""


@dataclass
class infer_options:  # noqa: N801 - the binding's name
    """How an inference runs; only the generation of 2024 has it.

    Attributes:
        outputs_names: What to return.
    """

    outputs_names: list[str] = field(default_factory=list)


@dataclass
class tensor_desc:  # noqa: N801 - the binding's name
    """One input or output.

    Attributes:
        format: AscendCL's number: 0 NCHW, 1 NHWC, 2 ND.
        shape: Sizes; -1 where one is open.
        realsize: Bytes of one batch at the sizes that were set last; before that the same as ``size``.
        size: Bytes at the greatest gear; 0 where they are not known.
    """

    name: str
    datatype: dtype
    format: int
    shape: list[int]
    realsize: int
    size: int


@dataclass
class sumary:  # noqa: N801 - the binding's name, spelt so
    """What a session measured.

    Attributes:
        exec_time_list: Milliseconds of each execution, in order; since 2024 its start and end, in milliseconds since
            the session began.
    """

    exec_time_list: list[float] | list[tuple[float, float]] = field(default_factory=list)
