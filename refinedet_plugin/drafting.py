"""A manifest for a checkpoint and a data set: what of ``plugin.config`` the files tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from refinedet_plugin.advice import FIRST, HEAD, WIDEST, classes_of, width_of
from refinedet_plugin.config import RefineDetConfig
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_detection.voc.survey import survey, years
from zoo_runner.errors import ExportError, shortened
from zoo_runner.plugin.drafting import Draft, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from zoo_runner.plugin.drafting import Material, Shapes

KINDS: Final = {"odm_loc": "offsets", "odm_conf": "probabilities", "arm_loc": "offsets", "arm_conf": "probabilities"}
"""Of the outputs, in the order in which an .om returns them."""
SECTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "onnx": {"opset": 11},
    "atc": {"precision_mode": "allow_fp32_to_fp16"},
}
"""As in the published recipe."""
HELD_OUT: Final = ("test", "val")
"""Image sets that no network is trained on, the one to be preferred first."""
TRAINING: Final = "train"
"""Begins the names of image sets that networks are trained on: a figure of those says nothing."""
SIZE: Final = "input_size 320: no file tells it; for a network of 512 pixels give --set plugin.config.input_size=512"
NAMED: Final = 10
"""Names of tensors, lists or classes in one text."""


def draft(material: Material) -> Draft:
    """Find out how to configure RefineDet.

    Raises:
        DatasetError: The data set is not in the form of PASCAL VOC.
        ExportError: The checkpoint is another network's.
        UndecidedError: Files do not tell the classes, the image set or the year.
    """
    given = RefineDetConfig.model_validate(material.config)
    shapes = _own(material.tensors)
    folder = _year(material, given)
    found = survey(folder)
    image_set = given.image_set if "image_set" in material.config else _image_set(found.image_sets)
    classes, origin = _classes(material, given, shapes, tuple(found.classes))
    width = width_of(shapes)
    config = {
        "classes": classes,
        **({} if width is None else {"width": width}),
        "input_size": given.input_size,
        **({} if folder == material.data else {"year": folder.name}),
        "image_set": image_set,
    }
    notes = (
        origin,
        *([] if width is None else [f"width {width:g}: as wide as the checkpoint's layers"]),
        *([] if "input_size" in material.config else [SIZE]),
        f"image set {shortened(image_set)} of {folder.name}; there are: {_several(found.image_sets)}",
    )
    return Draft(config=config, kinds=KINDS, sections=SECTIONS, notes=notes)


def _own(tensors: Sequence[Shapes]) -> Shapes:
    """Return the tensors of a RefineDet.

    Raises:
        ExportError: There are none.
    """
    wanted = (FIRST, WIDEST, HEAD)
    best = max(tensors, key=lambda shapes: len(shapes.keys() & set(wanted)), default={})
    if not best.keys() >= set(wanted):
        raise ExportError(
            f"expected the checkpoint of a RefineDet, with tensors {', '.join(wanted)}; found {_several(list(best))}; "
            "give its own checkpoint with --weights"
        )
    return best


def _year(material: Material, given: RefineDetConfig) -> Path:
    """Return the folder of the year.

    Raises:
        UndecidedError: There are several.
    """
    found = years(material.data)
    if "year" in material.config:
        found = tuple(each for each in found if each.name == given.year) or found
    if len(found) > 1:
        names = _several([each.name for each in found])
        raise UndecidedError("year", f"expected one year in {material.data}, found {names}")
    return found[0]


def _image_set(known: Sequence[str]) -> str:
    """Return the list of images that no network was trained on.

    Raises:
        UndecidedError: It cannot be told.
    """
    others = [name for name in known if not name.lower().startswith(TRAINING)]
    held_out = [name for name in HELD_OUT if name in others] or others
    if held_out and (held_out[0] in HELD_OUT or len(held_out) == 1):
        return held_out[0]
    wanted = "expected the image set test or val, or one that is not for training"
    raise UndecidedError("image_set", f"{wanted}; found {_several(known)}: which one was the network not trained on?")


def _classes(material: Material, given: RefineDetConfig, shapes: Shapes, annotated: Sequence[str]) -> tuple[Any, str]:
    """Return the classes in label order, and where they come from.

    Raises:
        UndecidedError: The checkpoint has another number of classes than are known, or their order is not.
    """
    number = classes_of(shapes)
    if "classes" in material.config:
        if number is not None and number != len(given.classes):
            text = (
                f"the checkpoint has {_classes_in(number)}, given were {len(given.classes)} ({_several(given.classes)})"
            )
            raise UndecidedError("classes", text, _suggested(annotated) if number == len(annotated) else "")
        return list(given.classes), "classes: as given"
    if number in {None, len(VOC_CLASSES)} and set(annotated) <= set(VOC_CLASSES):
        return "voc", "classes voc: those of PASCAL VOC in the published order"
    found = f"the annotations have {_classes_in(len(annotated))} ({_several(annotated)})"
    if number is not None and number != len(annotated):
        text = f"the checkpoint has {_classes_in(number)}, {found}; name {number} in the order of the training"
        raise UndecidedError("classes", text)
    if len(annotated) > 1:
        text = f"{found}, and no file tells their order in the training"
        raise UndecidedError("classes", text, _suggested(annotated))
    return list(annotated), "classes: the one of the annotations"


def _suggested(names: Sequence[str]) -> str:
    """Return names as the flag takes them; none where one of them has a comma."""
    return "" if any("," in name for name in names) else ",".join(names)


def _classes_in(number: int) -> str:
    return f"{number} {'class' if number == 1 else 'classes'}"


def _several(names: Sequence[str]) -> str:
    shown = [shortened(name, 60) for name in names[:NAMED]]
    return ", ".join(shown) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "") or "nothing"
