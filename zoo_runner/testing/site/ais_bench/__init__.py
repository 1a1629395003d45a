"""Stand-in for ``ais_bench``, Ascend's inference tool, on the stand-in of ``aclruntime``.

Python interface and command follow the 0.0.2 release (Ascend/tools, 2023-06): arguments, batching, padding,
file names, summary keys, messages and refusals. Profiling, dumps and dynamic shapes are refused.
"""

from __future__ import annotations

from zoo_runner.testing.machine import PACKAGE_VERSION

__version__ = PACKAGE_VERSION
