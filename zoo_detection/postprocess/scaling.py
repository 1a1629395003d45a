"""Boxes of a network's input, in the pixels of the image that they were found in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from zoo_runner.errors import ResultError
from zoo_runner.plugin.tensors import array_texts, mismatch, tensor_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.postprocess.settings import Form
    from zoo_detection.samples import DetectionSample
    from zoo_images.chain import Chain
    from zoo_runner.plugin.interfaces import Arrays, Sample

    Floats = NDArray[np.float32]

CHECK = "check the model, and the names and the order of its outputs in the manifest"


def corners_of(boxes: Floats, form: Form) -> Floats:
    """Turn boxes [K, 4] of any form into corners ``x1, y1, x2, y2``, float32 [K, 4]."""
    if form == "yxyx":
        return boxes[:, [1, 0, 3, 2]]
    if form == "xywh":
        return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)
    if form == "cxcywh":
        half = boxes[:, 2:] / np.float32(2)
        return np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), axis=1)
    return boxes


def to_image(corners: Floats, sample: Sample, chain: Chain, *, fractions: bool) -> Floats:
    """Move corners [K, 4] from the network's input to the sample's image; they are not clipped.

    Args:
        corners: In pixels of the input, or as fractions of it.
        sample: Whose image it is; its annotated size is that of the file.
        chain: What made the input of the image.
        fractions: Whether the corners are fractions.
    """
    size = cast("DetectionSample", sample)  # the plugin's own data sets give nothing else
    if fractions:
        width, height = chain.size(size.width, size.height)
        corners = corners * np.array((width, height) * 2, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # the metric refuses what is not finite, and names the sample
        return chain.geometry(size.width, size.height).to_image(corners)


def require(outputs: Arrays, name: str, shape: tuple[int | str, ...], kinds: str, sample: Sample) -> NDArray[Any]:
    """Return an output of one sample; a size that is a name may be any.

    Raises:
        ResultError: It is missing, has another shape or type, or holds NaN or infinity.
    """
    found = outputs.get(name)
    origin = f"output {name!r} of sample {sample.id!r}"
    fits = found is not None and found.ndim == len(shape) and found.dtype.kind in kinds
    if (
        found is None
        or not fits
        or any(have != want for have, want in zip(found.shape, shape, strict=True) if want != "K")
    ):
        shown = outputs if found is None else {name: found}
        dtype = "float32" if kinds == "f" else "int64"
        raise ResultError(mismatch(origin, [tensor_text(name, dtype, shape)], array_texts(shown), CHECK))
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        bad = int(np.count_nonzero(~np.isfinite(found)))
        raise ResultError(
            f"{origin}: expected finite numbers, found {bad} of {found.size} that are NaN or infinite; check the "
            "model's precision mode and its weights"
        )
    return found
