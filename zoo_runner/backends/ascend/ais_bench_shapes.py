"""The flags that give ais_bench the sizes of open axes: those of a gear, or an order to read them from the files.

Each belongs to one way in which ATC opens axes: ``--dymBatch`` to ``dynamic_batch_size``, ``--dymHW`` to
``dynamic_image_size``, ``--dymDims`` to ``dynamic_dims``, ``--dymShape`` to ranges in ``input_shape``. ais_bench
refuses a flag that the .om was not made for. Of a model with ranges, and of outputs with axes of their own, it does not
know how large outputs become. A flag says how much memory to reserve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo_runner.backends.ascend.open_models import height_and_width, is_open, reserved_bytes, shapes_text
from zoo_runner.plugin.folders import reads_sizes

if TYPE_CHECKING:
    from zoo_runner.plugin.folders import FolderRequest
    from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
    from zoo_runner.plugin.shapes import Shapes, Sizes


def flags_of_files(request: FolderRequest) -> Mapping[str, str]:
    """Return the flags, by name without dashes, for the files of a request without parts; none for fixed shapes."""
    shapes = request.shapes
    if shapes is None or not is_open(shapes):
        return {}
    reserved = _reserved(shapes, request.takes, request.returns, request.batch)
    if not reads_sizes(shapes, request.batch):
        return {**_of_gear(shapes.opened, request.takes, request.batch, request.sizes), **reserved}
    kind = "dymdims" if shapes.opened == "dims" else "dymshape"
    return {f"auto_set_{kind}_mode": "1", **reserved}


def flags_of_sizes(request: SessionRequest, sizes: Sizes) -> Mapping[str, str]:
    """Return the flags, by name without dashes, for inference without files at these sizes; none for fixed shapes."""
    shapes = request.shapes
    if shapes is None or not is_open(shapes):
        return {}
    reserved = _reserved(shapes, request.inputs, request.outputs, request.batch)
    if shapes.opened != "range":
        return {**_of_gear(shapes.opened, request.inputs, request.batch, sizes), **reserved}
    return {"dymShape": _shapes(request.inputs, request.batch, sizes), **reserved}


def _of_gear(opened: str, inputs: Sequence[TensorSpec], batch: int, sizes: Sizes) -> Mapping[str, str]:
    if opened == "batch":
        return {"dymBatch": str(batch)}
    if opened == "image_size":
        return {"dymHW": ",".join(map(str, height_and_width(inputs, sizes)))}
    return {"dymDims": _shapes(inputs, batch, sizes)}


def _shapes(inputs: Sequence[TensorSpec], batch: int, sizes: Sizes) -> str:
    return shapes_text((spec.name, spec.at(sizes).sized(batch)) for spec in inputs)


def _reserved(
    shapes: Shapes, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], batch: int
) -> Mapping[str, str]:
    found = reserved_bytes(shapes, inputs, outputs, batch)
    return {"outputSize": ",".join(map(str, found))} if found else {}
