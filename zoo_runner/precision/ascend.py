"""Ascend's words for operators and chips, as far as precision depends on them. None of it was checked on a card."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

LARGEST: Final = 65504.0
"""The greatest finite fp16 number."""
SMALLEST: Final = 2.0**-24
"""The least positive fp16 number; what is at most half of it becomes 0."""
TYPES: Final = {
    "Conv": "Conv2D",
    "ConvTranspose": "Conv2DTransposeD",
    "Gemm": "MatMulV2",
    "MatMul": "BatchMatMulV2",
    "Div": "RealDiv",
    "Softmax": "SoftmaxV2",
    "LogSoftmax": "LogSoftmaxV2",
    "ReduceSum": "ReduceSumD",
    "ReduceMean": "ReduceMeanD",
    "ReduceMax": "ReduceMaxD",
    "ReduceMin": "ReduceMinD",
    "MaxPool": "MaxPoolV3",
    "AveragePool": "AvgPoolV2",
    "GlobalAveragePool": "GlobalAveragePool",
    "Concat": "ConcatV2D",
    "Transpose": "TransposeD",
    "Split": "SplitVD",
    "Clip": "ClipByValueV2",
    "Max": "Maximum",
    "Min": "Minimum",
    "Flatten": "FlattenV2",
    "LeakyRelu": "LeakyRelu",
    "BatchNormalization": "BNInference",
    "InstanceNormalization": "InstanceNorm",
    "LayerNormalization": "LayerNorm",
    "Resize": "Resize",
    "Pad": "PadV3",
}
"""Ascend's types of ONNX's operators, where they have another name. Unverified: a CANN that is installed knows them."""
MATRIX: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Operators of the matrix unit."""
MOVES: Final = frozenset(
    {
        *("Relu", "MaxPool", "GlobalMaxPool", "Max", "Min", "Abs", "Neg", "Identity", "Dropout", "Transpose"),
        *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "Concat", "Gather", "Expand", "Tile"),
        *("DepthToSpace", "SpaceToDepth", "ReduceMax", "ReduceMin", "GatherND", "GatherElements"),
    }
)
"""Operators that give none but numbers that they were given, or those with the other sign."""
JOINED: Final = frozenset(
    {"Relu", "LeakyRelu", "Clip", "Add", "Sub", "Mul", "Sigmoid", "PRelu", "HardSwish", "BatchNormalization"}
)
"""Operators that a compiler may compute together with the matrix operator before them, and round once."""


class Overflow(str, Enum):
    """What becomes of a number that fp16 does not have."""

    INF = "Inf/NaN"
    SATURATING = "saturating"


def overflow_rules(chip: str) -> tuple[Overflow, ...]:
    """Return how a chip overflows: 310, 310B, 310P and 910 saturate, 910B and A3 give Inf; both where it is unknown.

    Args:
        chip: Such as ``310P3`` or ``Ascend910B4``; empty where nobody named one.
    """
    family = family_of(chip)
    if not family:
        return tuple(Overflow)
    return (Overflow.INF,) if family in {"910B", "A3"} else (Overflow.SATURATING,)


def family_of(chip: str) -> str:
    """Return the family of a chip: ``310``, ``310B``, ``310P``, ``910``, ``910B`` or ``A3``; empty if unknown.

    ``910B`` without a number was a name of the older 910, and is another chip with one: nobody can tell.
    """
    name = chip.strip().removeprefix("Ascend")
    for pattern, family in (
        ("310P[0-9]*", "310P"),
        ("310B[0-9]*", "310B"),
        ("310", "310"),
        ("910_93[0-9a-zA-Z]*", "A3"),
        ("910B[1-9][0-9]*(C|-.*)?", "910B"),
        ("910(A|Pro[AB]|Premium[AB])?", "910"),
    ):
        if re.fullmatch(pattern, name):
            return family
    return ""


def halves_only(chip: str) -> bool:
    """Say whether matrix operators may exist in fp16 only: on 310, 310P and 910; of an unknown chip it is assumed."""
    return family_of(chip) in {"", "310", "310P", "310B", "910"}


def ascend_type(operator: str) -> str:
    """Return what Ascend probably calls an operator of ONNX."""
    return TYPES.get(operator, operator)
