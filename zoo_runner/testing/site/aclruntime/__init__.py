"""Stand-in for ``aclruntime``, Ascend's Python binding of the AscendCL runtime: it runs on the CPU.

It has what ``ais_bench`` uses of the 0.0.2 release (Ascend/tools, 2023-06) and behaves as that does, down to
reading inputs by address. It runs only .om files that the stand-in's own ``atc`` wrote.
"""

from __future__ import annotations

from zoo_runner.testing.machine import PACKAGE_VERSION

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
