"""A plugin whose samples have records, an enumeration, arrays and several files, as good as installed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from places import TRIAL

SOURCE: Final = """
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from trial_plugin import TrialConfig, TrialNetwork, TrialPostprocess, TrialPreprocess
from zoo_runner.plugin.evidence import Scale
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.plugin.means import SampleMeans


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Mark:
    box: tuple
    colour: Colour


@dataclass(frozen=True, kw_only=True)
class MarkedSample(Sample):
    marks: tuple = ()
    weights: object = None
    beside: Path = Path()


class MarkedDataset:
    def samples(self, root):
        paths = sorted((root / "data").glob("*.txt"))
        return [
            MarkedSample(
                index=index,
                id=path.stem,
                path=path,
                files=(path, root / "notes" / "all.txt"),
                marks=(Mark((0.1 + index, float("inf")), Colour.BLUE),),
                weights=np.arange(index, dtype=np.float64),
                beside=root / "elsewhere.txt",
            )
            for index, path in enumerate(paths, start=1)
        ]


class MarkedMetric(SampleMeans):
    measures = (("accuracy", "top1"),)
    scales = (Scale(unit="percent", worst=0.0, best=100.0),)

    def __init__(self, config):
        self.config = config

    def scores(self, prediction, sample):
        return 100.0 * (sample.id.partition("_")[0] == self.config.classes[int(prediction["label"][0])])


@hookimpl
def zoo_config():
    return TrialConfig


@hookimpl
def zoo_network(config):
    return TrialNetwork(config)


@hookimpl
def zoo_dataset():
    return MarkedDataset()


@hookimpl
def zoo_preprocess(config):
    return TrialPreprocess(config)


@hookimpl
def zoo_postprocess(config):
    return TrialPostprocess(config)


@hookimpl
def zoo_metric(config):
    return MarkedMetric(config)
"""
SWAPPED: Final = "plugin.config.classes=[bee, ant, cat, dog]"
"""Makes half of all predictions wrong."""
WORD: Final = "Pl4ntedSecret0fThisRun"
"""Planted in addresses of the manifest."""


def write_marked_site(folder: Path) -> Path:
    """Write a folder that on the import path is as good as the installed plugin."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "marked_plugin.py").write_text(SOURCE)
    shutil.copy(TRIAL.parent / "trial_plugin.py", folder)
    info = folder / "marked-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: marked\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo_runner]\nmarked = marked_plugin\n")
    (info / "RECORD").write_text("marked_plugin.py,,\n")
    return folder


def write_marked(folder: Path, trial: Path, *, samples: int = 150) -> Path:
    """Write the manifest, with the trial's weights and data; return the manifest."""
    (folder / "set" / "notes").mkdir(parents=True)
    (folder / "set" / "notes" / "all.txt").write_text("of all samples\n")
    (folder / "set" / "elsewhere.txt").write_text("read by nobody\n")
    (folder / "set" / "data").mkdir()
    for path in sorted((trial / "data").iterdir(), key=lambda each: each.stem.partition("_")[2])[:samples]:
        shutil.copy(path, folder / "set" / "data")
    shutil.copy(trial / "weights.pth", folder)
    text = (trial / "trial.yaml").read_text()
    for old, new in (
        ("name: trial\n", "name: marked\n"),
        ("{name: trial,", "{name: marked,"),
        ("url: data, samples: 150", f"url: set, samples: {samples}"),
        ("weights: {", f'source: {{url: "https://me:{WORD}@host.invalid/repository", commit: "1234567"}}\nweights: {{'),
    ):
        assert old in text
        text = text.replace(old, new)
    manifest = folder / "marked.yaml"
    manifest.write_text(text)
    return manifest
