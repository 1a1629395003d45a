"""Stand-ins for what an Ascend host has and a laptop or CI machine has not.

``python -m zoo_runner.testing -- zoo-run MANIFEST --backend ascend`` runs a command with doubles of ``atc``,
``npu-smi``, ``aclruntime`` and ``ais_bench``. They take the same arguments, write the same files, print the
same messages and refuse the same mistakes as the real tools; the network is computed by ONNX Runtime on the
CPU. ``--fault`` makes them fail the way the real tools fail. Every version they report contains ``stand-in``.

Not simulated: half precision (all arithmetic is that of the ONNX model), operator fusion, dynamic shapes,
YUV input, profiling and dumps, and speed: a compute time is the CPU's.
"""

from __future__ import annotations

from zoo_runner.testing.environment import stand_in_environment, stand_ins

__all__ = ["stand_in_environment", "stand_ins"]
