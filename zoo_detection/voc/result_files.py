"""VOC result files: one text file a class, with a line a detection."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection.mean_ap.by_class import detections_by_class
from zoo_detection.mean_ap.matching import Detections
from zoo_detection.mean_ap.protocols import DEVKIT
from zoo_detection.voc.dataset import plain_name
from zoo_runner.errors import ResultError, listed
from zoo_runner.plugin.files import Bound, read_regular

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample

PREFIX: Final = "comp4_det_test_"
"""How the devkit names result files on VOC2007 test: ``comp4_det_test_aeroplane.txt``."""
LARGEST: Final = Bound("ZOO_RUNNER_RESULT_LIMIT", 10**9)
"""Bytes of a result file: some twenty million detections."""
NUMBERS: Final = 5
"""Of a detection in a result file: its score and box."""


def write_results(
    folder: Path,
    samples: Sequence[Sample],
    predictions: Sequence[Arrays],
    classes: Sequence[str],
    *,
    prefix: str = PREFIX,
    decimals: tuple[int, int] = (3, 1),
) -> tuple[Path, ...]:
    """Write one text file a class, with a line ``id score x1 y1 x2 y2`` a detection, in 1-based pixels.

    Args:
        folder: Where to; made if need be.
        samples: What the predictions are for.
        predictions: As ``VocMetric.evaluate`` takes them.
        classes: Names in label order; each is added to ``prefix``, and ``.txt``, for the name of its file.
        prefix: What the files' names begin with.
        decimals: Of scores and coordinates, by default the reference's; the devkit also takes more.

    Returns:
        The files, in label order; the file of a class without detections is empty.

    Raises:
        ResultError: A prediction is malformed, or a class name cannot name a file.
    """
    bad = [name for name in classes if not plain_name(name)]
    if bad:
        raise ResultError(f"expected class names that can name a file; found {bad}; rename the classes")
    paths = tuple(folder / f"{prefix}{name}.txt" for name in classes)
    folder.mkdir(parents=True, exist_ok=True)
    line = f"{{}} {{:.{decimals[0]}f}}{f' {{:.{decimals[1]}f}}' * 4}\n"
    for path, found in zip(paths, detections_by_class(samples, predictions, classes), strict=True):
        rows = zip(
            [samples[image].id for image in found.images.tolist()],
            found.scores.tolist(),
            *(found.boxes.astype(np.float64) + DEVKIT.detection_offset).T.tolist(),
            strict=True,
        )
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line.format(*row) for row in rows)
    return paths


def read_results(path: Path, samples: Sequence[Sample]) -> Detections:
    """Read the result file of one class.

    Args:
        path: Lines ``id score x1 y1 x2 y2``; blank lines are skipped.
        samples: The data set; lines about other images are an error.

    Returns:
        The detections as they stand, in 1-based pixels: score them with ``EvaluationProtocol.for_result_files()``.

    Raises:
        ResultError: The file cannot be read, or a line is malformed; the first faults are named.
    """
    try:
        lines = re.split("\r\n|\r|\n", read_regular(path, LARGEST.value, LARGEST.remedy).decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ResultError(f"expected the VOC result file {path}; found: {why}; write it again") from error
    positions = {sample.id: position for position, sample in enumerate(samples)}
    images: list[int] = []
    numbers: list[float] = []
    faults: list[str] = []
    for number, line in enumerate(lines, start=1):
        columns = line.split()
        values = _floats(columns[1:])
        if not columns:
            continue
        if columns[0] in positions and len(values) == NUMBERS and all(map(math.isfinite, values)):
            images.append(positions[columns[0]])
            numbers += values  # flat: a list a line would cost more than reading it
        else:
            faults.append(f"line {number}: {line.strip()!r}")
    if faults:
        raise ResultError(
            f"expected lines 'id score x1 y1 x2 y2' with the id of one of {len(samples)} images in {path}; "
            f"found others, {len(faults)} in all:\n{listed(faults)}\nwrite the file again, for this data set"
        )
    table = np.array(numbers, dtype=np.float64).reshape(-1, NUMBERS)
    return Detections(images=np.array(images, dtype=np.intp), scores=table[:, 0], boxes=table[:, 1:])


def _floats(texts: Sequence[str]) -> list[float]:
    """Read numbers; none of them if one is not a number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []
