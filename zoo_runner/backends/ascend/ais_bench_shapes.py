"""The flags by which ais_bench is told the sizes of open axes: of a gear, or that it reads them from the files.

Each belongs to one way in which ATC opens axes: ``--dymBatch`` to ``dynamic_batch_size``, ``--dymHW`` to
``dynamic_image_size``, ``--dymDims`` to ``dynamic_dims``, ``--dymShape`` to ranges in ``input_shape``. ais_bench
refuses a flag that the .om was not made for. Of a model with ranges it does not know how large outputs become, and is
told how much memory to reserve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo_runner.plugin.folders import reads_sizes

if TYPE_CHECKING:
    from zoo_runner.plugin.folders import FolderRequest
    from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
    from zoo_runner.plugin.shapes import Sizes


def flags_of_files(request: FolderRequest) -> Mapping[str, str]:
    """Return the flags, by name without dashes, for the files of a request without parts; none for fixed shapes."""
    shapes = request.shapes
    if shapes is None:
        return {}
    if not reads_sizes(shapes, request.batch):
        return _of_gear(shapes.opened, request.takes, request.batch, request.sizes)
    if shapes.opened == "dims":
        return {"auto_set_dymdims_mode": "1"}
    return {"auto_set_dymshape_mode": "1", **_reserved(request.returns, request.batch, shapes.most)}


def flags_of_sizes(request: SessionRequest, sizes: Sizes) -> Mapping[str, str]:
    """Return the flags, by name without dashes, for inference without files at these sizes; none for fixed shapes."""
    shapes = request.shapes
    if shapes is None:
        return {}
    if shapes.opened != "range":
        return _of_gear(shapes.opened, request.inputs, request.batch, sizes)
    reserved = _reserved(request.outputs, request.batch, shapes.most)
    return {"dymShape": _shapes(request.inputs, request.batch, sizes), **reserved}


def _of_gear(opened: str, inputs: Sequence[TensorSpec], batch: int, sizes: Sizes) -> Mapping[str, str]:
    if opened == "batch":
        return {"dymBatch": str(batch)}
    if opened == "image_size":
        height, width = next(spec.axes for spec in inputs if spec.axes)
        return {"dymHW": f"{sizes[height]},{sizes[width]}"}
    return {"dymDims": _shapes(inputs, batch, sizes)}


def _shapes(inputs: Sequence[TensorSpec], batch: int, sizes: Sizes) -> str:
    """Return all inputs' shapes as ais_bench takes them: ``ids:4,64;mask:4,64``."""
    return ";".join(f"{spec.name}:{','.join(map(str, spec.at(sizes).sized(batch)))}" for spec in inputs)


def _reserved(outputs: Sequence[TensorSpec], batch: int, most: Sizes) -> Mapping[str, str]:
    """Return the flag with the bytes of each output at its greatest."""
    counts = (math.prod(spec.at(most).sized(batch)) * np.dtype(spec.dtype).itemsize for spec in outputs)
    return {"outputSize": ",".join(map(str, counts))}
