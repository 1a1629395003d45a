"""A plugin for a linear classifier of text files: `<label>_<anything>.txt`, four numbers each."""

import json

import numpy as np
from pydantic import BaseModel

from zoo_runner.errors import DatasetError
from zoo_runner.plugin.evidence import Scale
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import Sample, TensorSpec
from zoo_runner.plugin.means import SampleMeans


class ToyConfig(BaseModel, extra="forbid", frozen=True):
    classes: tuple[str, ...]


class ToyNetwork:
    def __init__(self, config):
        self.classes = len(config.classes)
        self.identity = json.dumps(self.classes)
        self.inputs = (TensorSpec("numbers", "float32", ("batch", 4)),)
        self.outputs = (TensorSpec("scores", "float32", ("batch", self.classes)),)

    def build(self):
        import torch

        return torch.nn.Linear(4, self.classes).eval()


class ToyDataset:
    def samples(self, root):
        paths = sorted(root.glob("*_*.txt"))
        if not paths:
            raise DatasetError(f"{root}: expected files <label>_<anything>.txt, found none")
        return [Sample(index=i, id=path.stem, path=path) for i, path in enumerate(paths, start=1)]


class ToyPreprocess:
    identity = "loadtxt"

    def __call__(self, sample):
        return {"numbers": np.loadtxt(sample.path, dtype=np.float32)}


class ToyPostprocess:
    identity = "argmax"

    def __call__(self, outputs, sample):
        return {"label": outputs["scores"].argmax(keepdims=True)}


class ToyMetric(SampleMeans):
    measures = (("accuracy", "top1"),)
    scales = (Scale(unit="percent", worst=0.0, best=100.0),)

    def __init__(self, config):
        self.classes = config.classes

    def scores(self, prediction, sample):
        return 100.0 * (sample.id.split("_")[0] == self.classes[prediction["label"][0]])


@hookimpl
def zoo_config():
    return ToyConfig


@hookimpl
def zoo_network(config):
    return ToyNetwork(config)


@hookimpl
def zoo_dataset():
    return ToyDataset()


@hookimpl
def zoo_preprocess():
    return ToyPreprocess()


@hookimpl
def zoo_postprocess():
    return ToyPostprocess()


@hookimpl
def zoo_metric(config):
    return ToyMetric(config)
