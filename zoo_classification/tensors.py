"""What the tensors of a classifier are called before a manifest says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_classification.classes import number_of
from zoo_images.chain import Chain
from zoo_runner.errors import UsageError
from zoo_runner.plugin.interfaces import BATCH, TensorSpec

if TYPE_CHECKING:
    from zoo_classification.config import ClassifyConfig


def usual_tensors(config: ClassifyConfig) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Return the input ``image`` and the output ``logits`` that a configuration calls for.

    Raises:
        UsageError: It does not say how large images are, or how many classes there are.
    """
    size, number = Chain(config.preprocess).fixed_size(), number_of(config.classes)
    if size is None or number is None:
        raise UsageError(
            "expected steps of preprocess that give all images one size, and classes as a list or a number; write the "
            "manifest by hand"
        )
    image = TensorSpec("image", "float32", (BATCH, 3, size[1], size[0]))
    return (image,), (TensorSpec("logits", "float32", (BATCH, number)),)
