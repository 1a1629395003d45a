"""A manifest for a recogniser: what of ``plugin.config`` its ONNX file and the lines tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from zoo_images.chain import Chain
from zoo_images.decoding import decode_image
from zoo_images.operations import Operations
from zoo_runner.errors import UsageError
from zoo_runner.plugin.drafting import Draft, UndecidedError
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import declared_texts
from zoo_text.config import Reader
from zoo_text.dictionary import Published, published
from zoo_text.labels import SUFFIXES, LabelFile, LabelFileConfig, TextFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from zoo_runner.plugin.drafting import Material
    from zoo_text.samples import TextSample

LABEL_FILE: Final = "labels.txt"
KEY: Final = "character"
"""Entry of the metadata with the dictionary, as PP-OCR has it."""
RATIO: Final = 320 / 48
"""Of the least width to the height, as PP-OCR pads."""
CHANNELS: Final = 3
AXES: Final = 4
_STEPS: Final[TypeAdapter[Operations]] = TypeAdapter(Operations)
_READER: Final[TypeAdapter[Reader]] = TypeAdapter(Reader)
GUESSED: Final = (
    "preprocess: as PP-OCR's recognisers are trained; no file tells it: check the order, the mean, the width"
)


def draft(material: Material) -> Draft:
    """Find out how to configure a recogniser.

    Raises:
        UsageError: The model is no ONNX file, takes no image, or there are no lines.
        UndecidedError: Files do not tell the dictionary.
    """
    height, width = _image(material)
    reader = material.config.get("reader") or _reader(material.data)
    steps = material.config.get("preprocess") or _steps(height, width)
    decoding, origin = _decoding(material)
    config = {"reader": reader, "preprocess": steps, "postprocess": decoding}
    notes = (origin, *([] if "preprocess" in material.config else [GUESSED]))
    kinds = {spec.name: "" for spec in material.outputs}
    if not isinstance(width, str):
        return Draft(config=config, kinds=kinds, notes=notes)
    least, greatest = _widths(_READER.validate_python(reader), steps, material.data)
    ranges = {"input_shape_range": {width: [least, greatest]}}
    open_steps = [(spec.name, axis) for spec in material.outputs for axis in spec.axes if axis != width]
    return Draft(
        config=config,
        kinds=kinds,
        sections={"atc": ranges},
        tensors={name: {"most": {axis: greatest}} for name, axis in open_steps},
        notes=(*notes, f"{width}: from {least} to {greatest}, as wide as the lines of the data become"),
    )


def _image(material: Material) -> tuple[int, int | str]:
    """Return the height and width of the model's input; of an open width its name.

    Raises:
        UsageError: It takes something else.
    """
    shape = material.inputs[0].shape if len(material.inputs) == 1 else ()
    if len(shape) != AXES or shape[:2] != (BATCH, CHANNELS) or not isinstance(shape[2], int):
        shown = ", ".join(declared_texts(material.inputs)) or "a checkpoint"
        raise UsageError(
            f"expected a recogniser as ONNX with one input [batch, 3, height, width] of fixed height, found {shown}; "
            "write the manifest by hand: docs/how-to/text.md says how"
        )
    return shape[2], shape[3]


def _reader(data: Path) -> dict[str, Any]:
    if (data / LABEL_FILE).is_file():
        return {"type": "label_file"}
    if any(path.suffix.lower() in SUFFIXES and path.with_suffix(".txt").is_file() for path in data.rglob("*")):
        return {"type": "text_files"}
    raise UsageError(
        f"--data {data}: expected {LABEL_FILE} with path<TAB>text in each line, or a .txt file beside each image, "
        "found neither; give the folder that has them"
    )


def _steps(height: int, width: int | str) -> list[dict[str, Any]]:
    """Return what PP-OCR does with a line."""
    usual = round(height * RATIO)
    limit = {"usual_width": usual} if isinstance(width, str) else {"max_width": width}
    return [
        {"op": "resize_height", "height": height, **limit},
        {"op": "normalise", "order": "BGR", "white": 1, "mean": 0.5, "std": 0.5},
        {"op": "pad", "width": usual if isinstance(width, str) else width, "fill": 0},
        {"op": "layout", "order": "CHW"},
    ]


def _decoding(material: Material) -> tuple[Mapping[str, Any], str]:
    """Return how outputs become texts, and where the dictionary comes from.

    Raises:
        UndecidedError: The model has no dictionary in its metadata, or one that does not fit its classes.
    """
    if "postprocess" in material.config:
        return material.config["postprocess"], "postprocess: as given"
    classes = material.outputs[0].shape[-1] if material.outputs else 0
    if KEY not in material.metadata:
        found = ", ".join(material.metadata) or "nothing"
        text = f"expected the dictionary as {KEY!r} in the metadata of the ONNX file, found {found} there"
        raise UndecidedError("postprocess", text)
    number = len(published(Published(type="metadata", key=KEY), material.metadata))
    more = classes - number if isinstance(classes, int) else 0
    if more not in {1, 2}:
        text = f"the model has {classes} classes, its dictionary {number} characters: expected one class more, or two"
        raise UndecidedError("postprocess", f"{text} with a space")
    space = {"space": True} if more == 2 else {}  # noqa: PLR2004 - the blank and the space
    origin = f"dictionary: the {number} characters in the model's metadata{', and a space' if space else ''}"
    return {"type": "ctc_greedy", "dictionary": {"type": "metadata"}, **space}, origin


def _widths(reader: Reader, steps: Sequence[Mapping[str, Any]], data: Path) -> tuple[int, int]:
    """Return the least and greatest width that lines of the data have for the network."""
    lines: Sequence[TextSample]
    lines = (LabelFile(reader) if isinstance(reader, LabelFileConfig) else TextFiles(reader)).samples(data)
    chain = Chain(_STEPS.validate_python(steps))
    widths = [chain.size(*decode_image(line).shape[1::-1])[0] for line in lines]
    return min(widths), max(*widths, min(widths) + 1)  # a range of one width is none
