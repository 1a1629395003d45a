"""The kinds of reports that people get, each with what makes one: the bundled samples, and mistakes made on purpose."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
MANIFESTS: Final = ROOT / "manifests"
DETECTOR: Final = str(MANIFESTS / "refinedet320-sample.yaml")
CLASSIFIER: Final = str(MANIFESTS / "classifier-sample.yaml")
RECOGNISER: Final = str(MANIFESTS / "text-sample.yaml")
OWN_DATA: Final = ROOT / "docs" / "how-to" / "own-data.md"
SCRIPT: Final = r"cat > {name} <<'END'\n(.*?\n)END\n"
"""A script in the page on own data."""
NEW: Final = (
    *("new", "shapes", "--from", "refinedet", "--weights", "shapes.pth", "--data", "shapes"),
    *("--classes", "blue_box,red_disc,red_triangle"),
)
"""What that page writes its manifest with."""
EXACT: Final = "{line_accuracy/exact: {value: 90, tolerance: {abs: 1}}}"
FAST: Final = "{cpu: {throughput: {8: 1000}, tolerance: {rel: 0.05}}}"
"""More images a second than any CPU manages."""


@dataclass(frozen=True)
class Kind:
    """One kind of report.

    Attributes:
        name: Of its folder.
        says: What the run is.
        exits: The exit code that it must end with.
        arguments: Of ``zoo-run``, for a folder that they may write to.
    """

    name: str
    says: str
    exits: int
    arguments: Callable[[Path], list[str]]


def own_data(folder: Path) -> list[str]:
    """Run the scripts and the command of the page on own data, with every third image on its side."""
    page = OWN_DATA.read_text(encoding="utf-8")
    for name in ("draw.py", "cut.py"):
        found = re.search(SCRIPT.format(name=re.escape(name)), page, re.DOTALL)
        if found is None:
            raise SystemExit(f"{OWN_DATA} has no script {name}: a block that begins with `cat > {name} <<'END'`")
        _run(folder, "-c", found[1])
    for annotation in sorted(folder.glob("shapes/VOC2007/Annotations/*.xml"))[::3]:
        turn(annotation)
    _run(folder, "-m", "zoo_runner", *NEW)
    return [str(folder / "shapes.yaml")]


def turn(annotation: Path) -> None:
    """Exchange the two axes of an image and of its annotation: a portrait of a landscape."""
    import cv2  # noqa: PLC0415 - one kind needs it

    path = annotation.parents[1] / "JPEGImages" / f"{annotation.stem}.png"
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path}: no image that OpenCV reads")
    cv2.imwrite(str(path), cv2.transpose(image))
    other = {"xmin": "ymin", "ymin": "xmin", "xmax": "ymax", "ymax": "xmax", "width": "height", "height": "width"}
    names = re.compile(rf"(?<=<)(/?)({'|'.join(other)})(?=>)")
    annotation.write_text(names.sub(lambda found: found[1] + other[found[2]], annotation.read_text()))


def _run(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True)  # noqa: S603 - our own command


KINDS: Final = (
    Kind("pass", "the bundled detector as it is", 0, lambda _folder: [DETECTOR]),
    Kind(
        "failed-accuracy",
        "hardly any suppression, against the run that passed",
        1,
        lambda folder: [
            *(DETECTOR, "--set", "plugin.config.nms_threshold=0.9"),
            *("--baseline", str(folder.parent / "pass" / "en")),
        ],
    ),
    Kind(
        "failed-throughput",
        "a throughput that no CPU reaches",
        1,
        lambda _folder: [DETECTOR, "--set", f"expected.chips={FAST}"],
    ),
    Kind(
        "error",
        "a checkpoint that is damaged",
        3,
        lambda folder: [DETECTOR, "--set", "onnx={opset: 11}", "--weights", str(damaged(folder))],
    ),
    Kind("own-data", "images and classes of the page on own data, some of them portraits", 4, own_data),
    Kind(
        "classifier", "a classifier that misses", 1, lambda _folder: [CLASSIFIER, "--set", "expected.accuracy.value=95"]
    ),
    Kind(
        "recogniser", "a recogniser that misses", 1, lambda _folder: [RECOGNISER, "--set", f"expected.accuracy={EXACT}"]
    ),
    Kind("part", "forty images of 240", 4, lambda _folder: [DETECTOR, "--limit", "40"]),
)
"""In this order: the second is held against the first."""


def damaged(folder: Path) -> Path:
    """Write half of the sample's checkpoint."""
    whole = (ROOT / "refinedet_plugin" / "sample" / "weights.pth").read_bytes()
    path = folder / "half.pth"
    path.write_bytes(whole[: len(whole) // 2])
    return path
