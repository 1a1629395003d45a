"""Detections that never change, and what the metric makes of them, to the last bit.

python tools/faults/fixed_sets.py FOLDER     # score the sets that clean_runs.py wrote there
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

CLASSES: Final = ("red_disc", "blue_disc", "red_box", "blue_box", "red_triangle", "blue_triangle")
MULTIPLIER, MODULUS, START = 6364136223846793005, 2**64, 20070611


def write_sets(folder: Path, run: Path) -> None:
    """Write the sets: what the sample's network detects, and made-up detections of which most have equal scores.

    Args:
        folder: Where to.
        run: Output of a run whose raw outputs are in ``results``.
    """
    import numpy as np  # noqa: PLC0415 - the environments differ in it

    from zoo_runner.report.predictions import write_predictions  # noqa: PLC0415 - loads numpy

    if (folder / "tied.npz").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    samples = samples_of()
    write_predictions(folder / "detected.npz", detected(samples[::4], run / "results"))
    numbers = draws()
    tied = []
    for sample in samples:
        shown = [next(numbers) % max(1, len(sample.boxes)) for _ in range(40)] if len(sample.boxes) else []
        moves = np.array([[next(numbers) % 31 - 15 for _ in range(4)] for _ in shown], np.float32).reshape(-1, 4)
        tied.append(
            {
                "boxes": (sample.boxes[shown].reshape(-1, 4) - 1 + moves / 2).astype(np.float32),
                "scores": np.array([next(numbers) % 20 / 20 for _ in shown], np.float32),
                "labels": np.array([sample.labels[place] for place in shown], np.int16),
            }
        )
    write_predictions(folder / "tied.npz", tied)


def detected(samples: Sequence[Any], results: Path) -> list[Mapping[str, Any]]:
    """Return what the plugin makes of the raw outputs."""
    import numpy as np  # noqa: PLC0415 - as above

    from refinedet_plugin.config import RefineDetConfig  # noqa: PLC0415 - as above
    from refinedet_plugin.postprocess import RefineDetPostprocess  # noqa: PLC0415 - as above

    finish = RefineDetPostprocess(RefineDetConfig(classes=CLASSES, width=0.125))
    widths = {"odm_loc": 4, "odm_conf": len(CLASSES) + 1, "arm_loc": 4, "arm_conf": 2}
    return [
        finish(
            {
                name: np.fromfile(results / f"{sample.index:07d}_{place}.bin", np.float32).reshape(-1, width)
                for place, (name, width) in enumerate(widths.items())
            },
            sample,
        )
        for sample in samples
    ]


def draws() -> Any:
    """Draw whole numbers, by arithmetic that is the same everywhere."""
    state = START
    while True:
        state = (state * MULTIPLIER + 1442695040888963407) % MODULUS
        yield state >> 33


def samples_of() -> Sequence[Any]:
    """Return the sample's images and objects."""
    import refinedet_plugin  # noqa: PLC0415 - as above
    from zoo_detection.voc.dataset import VocDataset  # noqa: PLC0415 - as above

    root = Path(refinedet_plugin.__file__).parent / "sample" / "VOCdevkit"
    return VocDataset(CLASSES, year="VOC2007", image_set="test").samples(root)


def score(folder: Path) -> dict[str, str]:
    """Score the sets: each value by name of set and measure, in hexadecimal."""
    from zoo_detection.mean_ap.metric import VocMetric  # noqa: PLC0415 - as above
    from zoo_runner.report.predictions import read_predictions  # noqa: PLC0415 - as above

    samples, metric, found = samples_of(), VocMetric(CLASSES), {}
    for name, some in (("detected", samples[::4]), ("tied", samples)):
        scoring = metric.scoring()
        scoring.update(some, read_predictions(folder / f"{name}.npz"))
        for value in scoring.compute().values:
            classes = ",".join(float(each).hex() for each in value.per_class.values())
            found[f"{name} {value.name}/{value.protocol}"] = f"{float(value.value).hex()} {classes}"
    return found


if __name__ == "__main__":
    print(json.dumps(score(Path(sys.argv[1]))))
