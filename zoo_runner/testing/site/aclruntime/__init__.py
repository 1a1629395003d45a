"""Stand-in for ``aclruntime``, Ascend's Python binding of the AscendCL runtime: it runs on the CPU.

It has what ``ais_bench`` uses of the 0.0.2 release, of 2023 (Ascend/tools) or of 2024 (Ascend/msit), and behaves as
that does, down to reading inputs by address. It runs only .om files that the stand-in's own ``atc`` wrote.
"""

from __future__ import annotations

import os

from zoo_runner.testing.machine import GENERATIONS, PACKAGE_VERSION, Machine

from .records import dtype, session_options, sumary, tensor_desc
from .session import InferenceSession
from .tensors import BaseTensor, MemorySummary, Tensor

__version__ = PACKAGE_VERSION
__all__ = [
    "BaseTensor",
    "InferenceSession",
    "MemorySummary",
    "Tensor",
    "dtype",
    "session_options",
    "sumary",
    "tensor_desc",
]

if "ZOO_STAND_IN_GENERATION" in os.environ and Machine.from_environment().binding == GENERATIONS[1]:
    from .records import infer_options

    __all__ += ["infer_options"]
