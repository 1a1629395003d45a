"""The flags by which ais_bench is told the sizes of open axes: of a gear, or that it reads them from the files.

Each belongs to one way in which ATC opens axes: ``--dymBatch`` to ``dynamic_batch_size``, ``--dymHW`` to
``dynamic_image_size``, ``--dymDims`` to ``dynamic_dims``, ``--dymShape`` to ranges in ``input_shape``. ais_bench
refuses a flag that the .om was not made for. Of a model with ranges, and of outputs with axes of their own, it does not
know how large outputs become, and is told how much memory to reserve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.plugin.folders import reads_sizes

if TYPE_CHECKING:
    from zoo_runner.plugin.folders import FolderRequest
    from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
    from zoo_runner.plugin.shapes import Shapes, Sizes


_ALIGNMENT: Final = 32
"""Bytes by which the graph engine rounds the memory of an output up; it may check that."""


def flags_of_files(request: FolderRequest) -> Mapping[str, str]:
    """Return the flags, by name without dashes, for the files of a request without parts; none for fixed shapes."""
    shapes = request.shapes
    if shapes is None or not _is_open(shapes):
        return {}
    reserved = _reserved(shapes, request.takes, request.returns, request.batch)
    if not reads_sizes(shapes, request.batch):
        return {**_of_gear(shapes.opened, request.takes, request.batch, request.sizes), **reserved}
    kind = "dymdims" if shapes.opened == "dims" else "dymshape"
    return {f"auto_set_{kind}_mode": "1", **reserved}


def flags_of_sizes(request: SessionRequest, sizes: Sizes) -> Mapping[str, str]:
    """Return the flags, by name without dashes, for inference without files at these sizes; none for fixed shapes."""
    shapes = request.shapes
    if shapes is None or not _is_open(shapes):
        return {}
    reserved = _reserved(shapes, request.inputs, request.outputs, request.batch)
    if shapes.opened != "range":
        return {**_of_gear(shapes.opened, request.inputs, request.batch, sizes), **reserved}
    return {"dymShape": _shapes(request.inputs, request.batch, sizes), **reserved}


def _is_open(shapes: Shapes) -> bool:
    """Say whether the .om has open axes: bounds that leave one size each make one of fixed shapes."""
    return shapes.opened != "range" or any(low < high for low, high in shapes.bounds.values())


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


def _reserved(
    shapes: Shapes, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], batch: int
) -> Mapping[str, str]:
    """Return the flag with the bytes of each output at its greatest, where the model does not say them."""
    of_inputs = {axis for spec in inputs for axis in spec.axes}
    own = {axis for spec in outputs for axis in spec.axes} - of_inputs
    if shapes.opened != "range" and not own:
        return {}
    sizes = (math.prod(spec.at(shapes.most).sized(batch)) * np.dtype(spec.dtype).itemsize for spec in outputs)
    return {"outputSize": ",".join(str((math.ceil(size / _ALIGNMENT) + 1) * _ALIGNMENT) for size in sizes)}
