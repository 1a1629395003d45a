"""Which modules have texts in the catalogue, and which have none, and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

PACKAGES: Final = (
    *("zoo_runner", "zoo_images", "zoo_networks", "zoo_detection", "zoo_classification", "zoo_segmentation"),
    *("zoo_text", "refinedet_plugin"),
)
LEFT_OUT: Final = {
    "zoo_runner/testing": "the stand-ins are another program, and print what Ascend's tools print",
    "zoo_runner/report/junit.py": "machines read it, in English always",
    "zoo_runner/report/sarif.py": "machines read it, in English always",
    "zoo_runner/report/findings.py": "annotations and SARIF, in English always",
    "zoo_runner/report/annotations.py": "machines read it, in English always",
    "zoo_runner/report/json_schema.py": "descriptions of a schema, in English always",
    "zoo_runner/report/sbom.py": "machines read it, in English always",
    "zoo_runner/report/summary_texts.py": "fixed texts, which are in the catalogue by their keys",
    "zoo_runner/zoo/texts.py": "fixed texts, which are in the catalogue by their keys",
    "zoo_runner/pack/readme.py": "a page that goes to others with a pack, in English",
    "zoo_detection/coco/classes.py": "names of classes, which are not translated",
    "zoo_detection/coco/canaries.py": "rules of a metric, for who writes one: English as the code that they are about",
    "zoo_detection/mean_ap/canaries.py": "likewise",
    "zoo_detection/mean_ap/canary_scenes.py": "likewise",
    "zoo_runner/cli.py": "help texts, which stay English, as in most programs",
}
"""Folders and modules without texts of the catalogue, each with the reason."""
TRANSLATED: Final = (
    "zoo_runner/language",
    "zoo_runner/causes.py",
    "zoo_runner/errors.py",
    "zoo_runner/process.py",
    "zoo_runner/runner.py",
    "zoo_runner/attribution",
    "zoo_runner/aipp",
    "zoo_runner/backends",
    "zoo_runner/commands/device_numbers.py",
    "zoo_runner/commands/downloads.py",
    "zoo_runner/commands/execution.py",
    "zoo_runner/commands/failure.py",
    "zoo_runner/commands/machine.py",
    "zoo_runner/commands/orders.py",
    "zoo_runner/commands/precision.py",
    "zoo_runner/commands/results.py",
    "zoo_runner/commands/run.py",
    "zoo_runner/comparison",
    "zoo_runner/files",
    "zoo_runner/golden",
    "zoo_runner/job",
    "zoo_runner/manifest",
    "zoo_runner/onnx_graph.py",
    "zoo_runner/output",
    "zoo_runner/pack",
    "zoo_runner/plugin",
    "zoo_runner/precision",
    "zoo_runner/replay",
    "zoo_runner/report",
    "zoo_runner/stages/benchmark",
    "zoo_runner/stages/convert",
    "zoo_runner/stages/evaluate",
    "zoo_runner/stages/export",
    "zoo_runner/stages/fetch",
    "zoo_runner/stages/gate",
    "zoo_runner/stages/predict",
    "zoo_runner/statistics",
    "zoo_runner/store",
    "zoo_runner/terminal",
    "zoo_classification",
    "zoo_detection",
    "zoo_images",
    "zoo_networks",
    "zoo_segmentation",
    "zoo_text",
    "refinedet_plugin",
)
"""Folders and modules whose texts are in the catalogue."""
NOT_YET: Final = "errors of one room each: they are shown in English until somebody translates them"
"""Why all others are not in it."""
TECHNICAL: Final = frozenset((Path(__file__).parent / "technical.txt").read_text(encoding="utf-8").splitlines())
"""What looks like a sentence in the code, and is none: patterns, types, markup."""


def left_out(module: str) -> bool:
    """Say whether a module, as a path from the root, has no texts in the catalogue."""
    return _within(module, LEFT_OUT) or not _within(module, TRANSLATED)


def _within(module: str, places: Iterable[str]) -> bool:
    return any(module == each or module.startswith(f"{each}/") for each in places)
