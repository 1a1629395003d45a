"""A manifest for a classifier: what of ``plugin.config`` its file and the images tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from zoo_classification.readers import SUFFIXES
from zoo_runner.errors import UsageError
from zoo_runner.plugin.drafting import Draft, UndecidedError
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import declared_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from zoo_runner.plugin.drafting import Material, Shapes

LABEL_FILE: Final = "labels.txt"
MARGIN: Final = 8 / 7
"""Of the image's shorter side to what is cut out of it: 256 to 224, as most are trained."""
USUAL: Final = 224
USUAL_STEP: Final = {"op": "normalise", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
MOBILENET: Final = {"features.0.0.weight": (32, 3, 3, 3), "features.18.0.weight": (1280, 320, 1, 1)}
"""Tensors of the published MobileNetV2."""
LAST: Final = "classifier.1.weight"
ASKED: Final = (
    "expected the function that makes the network of this checkpoint, found none; its tensors begin with {names}; "
    "write {{factory: 'module:function', arguments: {{...}}}}, of torchvision.models or of the manifest's code"
)
GUESSED: Final = "preprocess: as torchvision's are trained; no file tells it: check the size, the filter, the mean"
IMAGES: Final = 3
"""Axes of an image, and its channels."""


def draft(material: Material) -> Draft:
    """Find out how to configure a classifier.

    Raises:
        UsageError: There is no image among the inputs, or no data that is known.
        UndecidedError: Files do not tell the classes or the network.
    """
    reader, folders = _reader(material.data)
    network, number = _network(material)
    classes, origin = _classes(material, reader, folders, number)
    config: dict[str, Any] = {"classes": classes, "reader": reader, "preprocess": _steps(material), **network}
    notes = (
        origin,
        *([] if "preprocess" in material.config else [GUESSED]),
        *(["network: the tensors are those of MobileNetV2"] if network and "network" not in material.config else []),
    )
    outputs = [spec.name for spec in material.outputs] or ["logits"]
    return Draft(config=config, kinds=dict.fromkeys(outputs, ""), notes=notes)


def _reader(data: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the reader of a data set, and its folders with images."""
    if (data / LABEL_FILE).is_file():
        return {"type": "label_file"}, []
    folders = sorted(
        each.name
        for each in data.iterdir()
        if each.is_dir() and any(path.suffix.lower() in SUFFIXES for path in each.iterdir())
    )
    if folders:
        return {"type": "folders"}, folders
    raise UsageError(
        f"--data {data}: expected a folder of images for each class, or {LABEL_FILE} with an image and its class on "
        "each line, found neither; give the folder that has them"
    )


def _network(material: Material) -> tuple[dict[str, Any], int | None]:
    """Return what makes the network of a checkpoint, and how many classes the model has, if that is known.

    Raises:
        UndecidedError: The tensors are of no network that is known here.
    """
    if material.outputs:
        sizes = [size for size in material.outputs[0].shape if size not in {BATCH, 1}]
        number = sizes[0] if len(sizes) == 1 and len(material.outputs) == 1 else None
        return {}, number if isinstance(number, int) else None
    if "network" in material.config:
        return {"network": material.config["network"]}, None
    for shapes in material.tensors:
        if _has(shapes, MOBILENET) and len(shapes.get(LAST, ())) == len(("classes", "channels")):
            number = shapes[LAST][0]
            made = {"factory": "zoo_networks.mobilenet:mobilenet_v2", "arguments": {"num_classes": number}}
            return {"network": made}, number
    names = ", ".join([*max(material.tensors, key=len, default={})][:3]) or "nothing"
    raise UndecidedError("network", ASKED.format(names=names))


def _has(shapes: Shapes, wanted: Mapping[str, tuple[int, ...]]) -> bool:
    return all(shapes.get(name) == shape for name, shape in wanted.items())


def _steps(material: Material) -> list[dict[str, Any]]:
    """Return what is usually done with images, up to the input that the model takes.

    Raises:
        UsageError: The model takes no image.
    """
    if not material.inputs:
        return [*_cut(USUAL, USUAL), USUAL_STEP, {"op": "layout"}]
    sizes = material.inputs[0].shape[1:]
    planar = sizes[:1] == (IMAGES,)
    rest = [size for size in (sizes[1:] if planar else sizes[:-1]) if isinstance(size, int)]
    channels = planar or sizes[-1:] == (IMAGES,)
    if len(material.inputs) != 1 or len(sizes) != IMAGES or not channels or len(rest) != len(("height", "width")):
        shown = ", ".join(declared_texts(material.inputs))
        raise UsageError(f"expected one input, an image of 3 channels, found {shown}; write the manifest by hand")
    normalise = [USUAL_STEP] if material.inputs[0].dtype == "float32" else []
    return [*_cut(rest[1], rest[0]), *normalise, *([{"op": "layout"}] if planar else [])]


def _cut(width: int, height: int) -> list[dict[str, Any]]:
    if width != height:
        return [{"op": "resize", "width": width, "height": height, "like": "pillow"}]
    margin = {"op": "resize_short_side", "size": round(width * MARGIN), "like": "pillow"}
    return [margin, {"op": "centre_crop", "size": width}]


def _classes(
    material: Material, reader: Mapping[str, Any], folders: Sequence[str], number: int | None
) -> tuple[Any, str]:
    """Return the classes, and where they come from.

    Raises:
        UndecidedError: No file tells the order of the training.
    """
    if "classes" in material.config:
        return material.config["classes"], "classes: as given"
    if reader["type"] == "label_file" and number is not None:
        return number, f"classes {number}: as many as the model has; {LABEL_FILE} has their numbers"
    if folders:
        found = f"the data has {len(folders)} folders ({', '.join(folders[:10])}{', ...' if len(folders) > 10 else ''})"  # noqa: PLR2004 - as many as one line holds
        if number is not None and number != len(folders):
            text = f"the model has {number} classes, {found}; name {number} in the order of the training"
            raise UndecidedError("classes", text)
        suggestion = "" if any("," in name for name in folders) else ",".join(folders)
        raise UndecidedError("classes", f"{found}, and no file tells their order in the training", suggestion)
    raise UndecidedError("classes", "no file tells the classes")
