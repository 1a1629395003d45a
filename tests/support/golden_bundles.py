"""Bundles of the trial, and a device that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.report.golden import GoldenRecord
from zoo_runner.report.model import Report
from zoo_runner.stages.predict.inference import ModelOutputs
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample

INFER = ModelOutputs.outputs


def wrong(self: ModelOutputs, samples: Iterable[Sample]) -> Iterator[Arrays]:
    """Outputs of a device that scales them: the best class stays the best."""
    return ({name: 2 * array for name, array in each.items()} for each in INFER(self, samples))


def named(path: Path) -> tuple[str, str]:
    return f"golden.url={path}", f"golden.sha256={file_digest(path)}"


def golden(report: Report) -> GoldenRecord:
    assert report.golden is not None
    return report.golden
