"""A plugin whose samples have sizes of their own: grids, of which one place is higher than the rest.

Padding is higher than every place, so that a prediction which does not know the true size is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample, TensorSpec
from zoo_runner.plugin.scoring import ScoredValues, WholeSet

if TYPE_CHECKING:
    import torch

    from zoo_runner.plugin.shapes import Fit, Sizes


class SizedConfig(BaseModel, extra="forbid", frozen=True):
    """``wrong`` names an axis whose size is given one too large; ``baked`` exports the first gear as a fixed size."""

    wrong: str = ""
    baked: bool = False


@dataclass(frozen=True, kw_only=True)
class Grid(Sample):
    """One grid; its file is called after the row and column of its highest place."""

    height: int
    width: int


class SizedNetwork:
    def __init__(self, config: SizedConfig) -> None:
        self.config = config
        self.identity = str(config)
        self.inputs = (TensorSpec("grid", "float32", ("batch", 1, "height", "width")),)
        self.outputs = (
            TensorSpec("heights", "float32", ("batch", 1, "height", "width")),
            TensorSpec("places", "float32", ("batch", "area", 2)),
        )

    def build(self) -> torch.nn.Module:
        import torch  # noqa: PLC0415 - as every plugin should

        baked = self.config.baked

        class Layer(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Conv2d(1, 1, 1)

            def forward(self, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
                heights = self.layer(grid)
                count = 32 if baked and torch.onnx.is_in_onnx_export() else -1  # places of the first gear
                flat = heights.reshape(heights.shape[0], count, 1)
                return heights, torch.cat([flat, -flat], dim=2)

        return Layer().eval()


class SizedDataset:
    def samples(self, root: Path) -> Sequence[Grid]:
        paths = sorted(root.glob("*.npy"))
        shapes = [np.load(path, mmap_mode="r").shape for path in paths]
        return [
            Grid(index=index, id=path.stem, path=path, height=height, width=width)
            for index, (path, (height, width)) in enumerate(zip(paths, shapes, strict=True), start=1)
        ]


class SizedPreprocess:
    def __init__(self, config: SizedConfig) -> None:
        self.config = config
        self.identity = str(config)

    def sizes(self, sample: Grid) -> Sizes:
        sizes = {"height": sample.height, "width": sample.width}
        return {axis: size + (axis == self.config.wrong) for axis, size in sizes.items()}

    def __call__(self, sample: Sample) -> Arrays:
        return {"grid": np.load(sample.path)[np.newaxis]}


class SizedPostprocess:
    identity = "highest"

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        raise AssertionError("called without the fit")

    def fitted(self, outputs: Arrays, sample: Grid, fit: Fit) -> Arrays:
        top, left = fit.before["height"], fit.before["width"]
        heights = outputs["heights"][0, top : top + fit.sample["height"], left : left + fit.sample["width"]]
        assert outputs["places"].shape == (fit.model["height"] * fit.model["width"], 2)
        assert heights.shape == (sample.height, sample.width)
        return {"place": np.array(np.unravel_index(heights.argmax(), heights.shape))}


class SizedMetric:
    measures = (("accuracy", "place"),)

    def scoring(self) -> WholeSet:
        return WholeSet(self.score)

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> ScoredValues:
        places = ["_".join(map(str, prediction["place"])) for prediction in predictions]
        hits = sum(sample.id.endswith(f"_{place}") for sample, place in zip(samples, places, strict=True))
        value = MetricValue(name="accuracy", protocol="place", value=100 * hits / len(samples), unit="percent")
        return ScoredValues((value,))


@hookimpl
def zoo_config() -> type[SizedConfig]:
    return SizedConfig


@hookimpl
def zoo_network(config: SizedConfig) -> SizedNetwork:
    return SizedNetwork(config)


@hookimpl
def zoo_dataset() -> SizedDataset:
    return SizedDataset()


@hookimpl
def zoo_preprocess(config: SizedConfig) -> SizedPreprocess:
    return SizedPreprocess(config)


@hookimpl
def zoo_postprocess() -> SizedPostprocess:
    return SizedPostprocess()


@hookimpl
def zoo_metric() -> SizedMetric:
    return SizedMetric()
