from __future__ import annotations

from typing import Any, get_args

import pytest
import torch

from places import MANIFESTS
from refinedet_plugin import plugin as hooks
from refinedet_plugin.config import InputSize, RefineDetConfig
from zoo_runner.manifest.load import load, load_plugin_config
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.pixels import PixelPreprocess
from zoo_runner.plugin.records import ModelParts
from zoo_runner.plugin.scoring import score

SMALL = {"width": 0.01, "classes": ["a", "b"]}

CHANGES: dict[str, tuple[Any, set[str]]] = {
    "input_size": (512, {"network", "preprocess", "postprocess"}),
    "classes": (["a", "b", "c"], {"network", "postprocess"}),
    "width": (0.02, {"network"}),
    "mean": ([104.0, 117.0, 123.5], {"preprocess"}),
    "confidence_threshold": (0.02, {"postprocess"}),
    "objectness_threshold": (0.02, {"postprocess"}),
    "nms_threshold": (0.5, {"postprocess"}),
    "nms_top_k": (500, {"postprocess"}),
    "image_set": ("val", set()),  # which samples there are is not a matter of how one is treated
    "year": ("VOC2012", set()),
}
"""Another value of each field, and whose results it changes."""


def config(**changes: Any) -> RefineDetConfig:
    return RefineDetConfig.model_validate(SMALL | changes)


def parts(**changes: Any) -> ModelParts:
    return plugins.load("refinedet").parts(config(**changes))


def identities(**changes: Any) -> dict[str, str]:
    made = parts(**changes)
    return {
        "network": made.network.identity,
        "preprocess": made.preprocess.identity,
        "postprocess": made.postprocess.identity,
    }


def test_it_is_registered_and_gives_every_part() -> None:
    loaded = plugins.load("refinedet")
    assert (loaded.package, loaded.config_model()) == ("refinedet_plugin", RefineDetConfig)
    assert parts().metric.measures[0] == ("voc07_map", "reference")
    assert {name for name, _ in parts().metric.measures} >= {"voc07_map"}
    assert isinstance(parts().preprocess, PixelPreprocess)


@pytest.mark.parametrize("manifest", ["refinedet320", "refinedet512", "refinedet320-sample"])
def test_tensors_are_those_of_the_manifest(manifest: str) -> None:
    loaded = load(MANIFESTS / f"{manifest}.yaml")
    network = hooks.zoo_network(load_plugin_config(loaded, RefineDetConfig))
    assert network.inputs == loaded.manifest.input_specs
    assert {spec.name: spec for spec in network.outputs} == {spec.name: spec for spec in loaded.manifest.output_specs}
    # The .om's order is the manifest's business, and differs from the network's.
    assert [spec.name for spec in network.outputs] == ["arm_loc", "arm_conf", "odm_loc", "odm_conf"]


@pytest.mark.parametrize("size", get_args(InputSize))
def test_the_built_network_does_what_it_declares(size: int) -> None:
    network = hooks.zoo_network(config(input_size=size))
    module = network.build()
    assert not module.training
    (image,) = network.inputs
    with torch.no_grad():
        outputs = module(torch.from_numpy(image.empty(2)))
    assert [tuple(output.shape) for output in outputs] == [spec.sized(2) for spec in network.outputs]
    assert {str(output.dtype) for output in outputs} == {"torch.float32"}


def test_a_sample_goes_through_every_part() -> None:
    loaded = load(MANIFESTS / "refinedet320-sample.yaml")
    made = plugins.load("refinedet").parts(load_plugin_config(loaded, RefineDetConfig))
    samples = made.dataset.samples(MANIFESTS.parent / "refinedet_plugin" / "sample" / "VOCdevkit")
    assert len(samples) == loaded.manifest.dataset.samples
    inputs = made.preprocess(samples[0])
    assert {name: (array.shape, array.dtype.name) for name, array in inputs.items()} == {
        spec.name: (spec.sample_shape(), spec.dtype) for spec in made.network.inputs
    }
    nothing = made.postprocess({spec.name: spec.empty(1)[0] for spec in made.network.outputs}, samples[0])
    assert {len(array) for array in nothing.values()} == {0}
    values = score(made.metric, samples[:1], [nothing]).values
    assert [(value.name, value.protocol) for value in values] == list(made.metric.measures)


def test_the_table_has_every_field() -> None:
    assert set(CHANGES) == set(RefineDetConfig.model_fields)


@pytest.mark.parametrize("field", CHANGES)
def test_identities_change_with_what_matters_and_only_with_that(field: str) -> None:
    value, changing = CHANGES[field]
    before, after = identities(), identities(**{field: value})
    assert getattr(config(), field) != getattr(config(**{field: value}), field)
    assert {part for part in before if before[part] != after[part]} == changing


def test_names_of_classes_do_not_matter_to_them() -> None:
    assert identities() == identities(classes=["b", "a"])


def test_an_identity_is_the_same_every_time() -> None:
    assert identities() == identities()
