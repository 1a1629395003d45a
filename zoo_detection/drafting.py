"""A manifest for a detector: what of ``plugin.config`` its ONNX file and the data set tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from zoo_detection.coco.annotations import read_annotations
from zoo_detection.coco.classes import COCO_CLASSES
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_detection.voc.survey import survey, years
from zoo_runner.errors import UsageError
from zoo_runner.plugin.drafting import Draft, UndecidedError
from zoo_runner.plugin.tensors import declared_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from zoo_runner.plugin.drafting import Material
    from zoo_runner.plugin.interfaces import TensorSpec

HELD_OUT: Final = ("test", "val")
"""Beginnings of the names of image sets that no network is trained on, the one to be preferred first."""
CORNERS: Final = 4
IMAGE_AXES: Final = 4
CHANNELS: Final = 3
GUESSED: Final = (
    "preprocess: stretched, R, G, B from 0 to 1; no file tells it: check the filter, the mean and the scale"
)
PRIORS: Final = (
    "the model gives {count} boxes and {channels} scores for each, and no file tells how its priors are laid out; "
    "write {{type: ssd, boxes: {boxes}, scores: {scores}, "
    "priors: {{maps: [{{cells: [COLUMNS, ROWS], size: PIXELS}}]}}}}"
)


def draft(material: Material) -> Draft:
    """Find out how to configure a detector that is given as ONNX.

    Raises:
        UsageError: The model is no ONNX file, takes no image, or gives nothing that is known.
        DatasetError: The data set is in neither of the forms, or cannot be read.
        UndecidedError: Files do not tell the reader, the classes or the postprocessing.
    """
    if not material.outputs:
        raise UsageError(
            "expected the detector as an ONNX file, found a checkpoint; export it, and give --weights FILE.onnx"
        )
    reader, names = _reader(material)
    postprocess, number = _postprocess(material)
    classes, origin = _classes(material, names, number)
    config = {
        "classes": classes,
        "reader": reader,
        "preprocess": _steps(material.inputs),
        "postprocess": postprocess,
        "metric": {"type": reader["type"]},
    }
    shown = ", ".join(f"{key} {value}" for key, value in reader.items())
    notes = (origin, f"reader: {shown}", *([] if "preprocess" in material.config else [GUESSED]))
    return Draft(config=config, kinds=dict.fromkeys((spec.name for spec in material.outputs), ""), notes=notes)


def _reader(material: Material) -> tuple[dict[str, Any], Sequence[str]]:
    """Return the reader of the data set, and the names that its objects have."""
    root, given = material.data, material.config.get("reader")
    files = sorted(root.glob("*.json")) + sorted(root.glob("annotations/*.json"))
    instances = [path for path in files if path.name.startswith("instances")] or files
    if given is None and len(instances) > 1:
        found = ", ".join(str(path.relative_to(root)) for path in instances[:10])
        raise UndecidedError("reader", f"expected one file of annotations, found {found}; write {{type: coco, ...}}")
    if given is not None and given["type"] == "coco":
        return dict(given), tuple(read_annotations(root / given["annotations"]).categories.values())
    if given is None and instances:
        file = read_annotations(instances[0])
        folder = _folder_of(root, file.images[0].file)
        where = str(instances[0].relative_to(root))
        return {"type": "coco", "annotations": where, "images": folder}, tuple(file.categories.values())
    return _voc(root, given or {})


def _folder_of(root: Path, image: str) -> str:
    """Return the folder that has an image of the file."""
    found = [each.name for each in sorted(root.iterdir()) if each.is_dir() and (each / image).is_file()]
    if len(found) == 1:
        return found[0]
    text = f"expected one folder with the image {image}, found {', '.join(found) or 'none'}; write {{type: coco, ...}}"
    raise UndecidedError("reader", text)


def _voc(root: Path, given: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[str]]:
    folders = [each for each in years(root) if each.name == given.get("year", each.name)] or years(root)
    if len(folders) > 1:
        text = f"expected one year in {root}, found {', '.join(each.name for each in folders[:10])}"
        raise UndecidedError("reader", f"{text}; write {{type: voc, year: YEAR}}")
    found = survey(folders[0])
    held_out = [name for name in HELD_OUT if name in found.image_sets]
    name = given.get("image_set") or (held_out or found.image_sets)[0]
    if "image_set" not in given and not held_out and len(found.image_sets) > 1:
        text = f"expected the image set test or val, found {', '.join(found.image_sets[:10])}"
        raise UndecidedError("reader", f"{text}; write {{type: voc, image_set: NAME}}")
    return {"type": "voc", "image_set": name, "year": folders[0].name}, tuple(found.classes)


def _postprocess(material: Material) -> tuple[Mapping[str, Any], int | None]:
    """Return what the outputs are, and how many classes there are, if that is known."""
    given = material.config.get("postprocess")
    by_axes: dict[tuple[int, bool], list[TensorSpec]] = {}
    for spec in material.outputs:
        by_axes.setdefault((len(spec.shape), spec.shape[-1] == CORNERS), []).append(spec)
    boxes, wide, flat = (by_axes.get(key, []) for key in ((3, True), (3, False), (2, False)))
    if given is not None:
        background = given["type"] == "ssd" and given.get("background", "first") != "none"
        scores = [spec for spec in material.outputs if spec.name == given.get("scores")]
        channels = scores[0].shape[-1] if scores and given["type"] == "ssd" else None
        return given, channels - background if isinstance(channels, int) else None
    if len(boxes) == 1 and len(wide) == 1 and not flat:
        count, channels = wide[0].shape[1:]
        names = {"boxes": boxes[0].name, "scores": wide[0].name}
        raise UndecidedError("postprocess", PRIORS.format(count=count, channels=channels, **names))
    labels = [spec for spec in flat if spec.dtype.startswith(("int", "uint")) or "label" in spec.name.lower()]
    rest = [spec for spec in flat if spec not in labels]
    if len(boxes) == 1 and len(labels) == 1 and len(rest) == 1 and not wide:
        names = {"boxes": boxes[0].name, "scores": rest[0].name, "labels": labels[0].name}
        return {"type": "detections", **names}, None
    raise UsageError(
        "expected outputs with boxes and class scores, or with boxes, scores and labels; found "
        f"{', '.join(declared_texts(material.outputs))}; such a detector needs a plugin of its own"
    )


def _classes(material: Material, names: Sequence[str], number: int | None) -> tuple[Any, str]:
    """Return the classes, and where they come from.

    Raises:
        UndecidedError: No file tells their order in the training, or the numbers differ.
    """
    if "classes" in material.config:
        return material.config["classes"], "classes: as given"
    for preset, classes in (("voc", VOC_CLASSES), ("coco", COCO_CLASSES)):
        if set(names) <= set(classes) and number in {len(classes), None if len(names) == len(classes) else -1}:
            return preset, f"classes {preset}: those of the data set in the published order"
    found = f"the data has {len(names)} ({', '.join(names[:10])}{', ...' if len(names) > 10 else ''})"  # noqa: PLR2004 - as many as one line holds
    if number is not None and number != len(names):
        text = f"the model has {number} classes, {found}; name {number} in the order of the training"
        raise UndecidedError("classes", text)
    suggestion = "" if any("," in name for name in names) else ",".join(names)
    raise UndecidedError("classes", f"{found}, and no file tells their order in the training", suggestion)


def _steps(inputs: Sequence[TensorSpec]) -> list[dict[str, Any]]:
    """Return what is usually done with images, up to the input that the model takes.

    Raises:
        UsageError: The model takes no image.
    """
    sizes = inputs[0].shape if len(inputs) == 1 else ()
    planar = sizes[1:2] == (CHANNELS,)
    rest = [size for size in (sizes[2:] if planar else sizes[1:-1]) if isinstance(size, int)]
    if len(sizes) != IMAGE_AXES or len(rest) != len(("height", "width")) or not (planar or sizes[-1] == CHANNELS):
        shown = ", ".join(declared_texts(inputs))
        raise UsageError(f"expected one input, an image of 3 channels, found {shown}; write the manifest by hand")
    normalise = [{"op": "normalise", "order": "RGB", "std": 255}] if inputs[0].dtype == "float32" else []
    return [
        {"op": "resize", "width": rest[1], "height": rest[0]},
        *normalise,
        *([{"op": "layout"}] if planar else []),
    ]
