"""The plugin ``detect`` on its sample: a manifest alone makes the detector, and each seeded fault is red."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
import pytest

from places import MANIFESTS, ROOT
from zoo_detection import plugin as hooks
from zoo_detection.coco.metric import CocoMetric
from zoo_detection.config import DetectConfig
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.postprocess.finished import FinishedPostprocess
from zoo_runner.errors import DatasetError, ManifestError
from zoo_runner.manifest.figures import AccuracyFigure
from zoo_runner.manifest.load import load, load_plugin_config
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.plugin.pixels import PixelPreprocess
from zoo_runner.plugin.scoring import score

if TYPE_CHECKING:
    from zoo_detection.samples import DetectionSample
    from zoo_runner.plugin.interfaces import Arrays

LOADED = load(MANIFESTS / "ssd-sample.yaml")
CONFIG = load_plugin_config(LOADED, DetectConfig)
DATA = ROOT / "refinedet_plugin" / "sample" / "VOCdevkit"
EVERY = 4
"""The subset ``pr`` of the manifest."""


def specs(tensors: Any) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(each.name, each.dtype, tuple(each.shape)) for each in tensors)


INPUTS, OUTPUTS = specs(LOADED.manifest.inputs), specs(LOADED.manifest.outputs)


def config(**changes: Any) -> DetectConfig:
    """The sample's configuration with other values in some section."""
    given = CONFIG.model_dump(mode="json", exclude_none=True)
    for key, value in changes.items():
        given[key] = {**given.get(key, {}), **value} if isinstance(value, Mapping) else value
    return DetectConfig.model_validate(given)


@dataclass(frozen=True)
class World:
    """Sixty images and the network."""

    samples: Sequence[DetectionSample]
    session: ort.InferenceSession
    right: Sequence[Arrays]

    def outputs(self, given: DetectConfig, inputs: tuple[TensorSpec, ...] = INPUTS) -> Sequence[Arrays]:
        """Run the network on what a configuration makes of the images."""
        preprocess = hooks.zoo_preprocess(given, inputs)
        pixels = np.stack([preprocess(each)[inputs[0].name] for each in self.samples])
        boxes, scores = self.session.run(["boxes", "scores"], {"image": pixels})
        return [{"boxes": one, "scores": other} for one, other in zip(boxes, scores, strict=True)]

    def value(self, given: DetectConfig, outputs: Sequence[Arrays]) -> float:
        """Score the detections that a configuration makes of outputs."""
        postprocess = hooks.zoo_postprocess(given, OUTPUTS)
        predictions = [postprocess(one, sample) for one, sample in zip(outputs, self.samples, strict=True)]
        return score(hooks.zoo_metric(given), self.samples, predictions).values[0].value


@pytest.fixture(scope="module")
def world() -> World:
    samples = hooks.zoo_dataset(CONFIG).samples(DATA)[::EVERY]
    session = ort.InferenceSession(ROOT / "zoo_detection" / "sample" / "ssd.onnx", providers=["CPUExecutionProvider"])
    empty = World(samples, session, ())
    return replace(empty, right=empty.outputs(CONFIG))


def expected() -> tuple[float, float]:
    """The figure of the subset, and how far the gate lets a value be from it."""
    wanted = LOADED.manifest.subsets["pr"].expected
    assert isinstance(wanted, AccuracyFigure)
    assert wanted.tolerance is not None
    return wanted.value, wanted.tolerance.abs or 0.0


def test_the_sample_has_its_figure(world: World) -> None:
    value, tolerance = expected()
    assert world.value(CONFIG, world.right) == pytest.approx(value, abs=tolerance)


def moved(**of_map: Any) -> DetectConfig:
    """Other priors: every map has other values."""
    priors = CONFIG.postprocess.model_dump(mode="json", exclude_none=True)["priors"]
    return config(postprocess={"priors": {**priors, "maps": [{**each, **of_map} for each in priors["maps"]]}})


def turned() -> DetectConfig:
    priors = CONFIG.postprocess.model_dump(mode="json", exclude_none=True)["priors"]
    return config(postprocess={"priors": {**priors, "maps": [*priors["maps"][1::-1], *priors["maps"][2:]]}})


STEPS = [each.model_dump(mode="json", exclude_none=True) for each in CONFIG.preprocess]
AFTERWARDS: dict[str, Callable[[], DetectConfig]] = {
    "priors half a cell off": lambda: moved(stride=7),
    "priors without their ratios turned": lambda: moved(ratios=[1 / 1.6]),
    "priors of two maps exchanged": turned,
    "variances of another detector": lambda: config(postprocess={"variances": [0.2, 0.2]}),
    "sizes with another variance": lambda: config(postprocess={"variances": [0.1, 0.1]}),
    "classes in another order": lambda: config(classes=[*CONFIG.classes[1:], CONFIG.classes[0]]),
    "the background taken for a class": lambda: config(postprocess={"background": "last"}),
    "boxes scaled as if the image had been letterboxed": lambda: config(
        preprocess=[{"op": "letterbox", "size": 160}, *STEPS[1:]]
    ),
    "no suppression": lambda: config(postprocess={"nms_threshold": 1.0}),
}
BEFORE: dict[str, list[Any]] = {
    "channels exchanged": [STEPS[0], {**STEPS[1], "order": "BGR"}, STEPS[2]],
    "pixels not centred": [STEPS[0], {**STEPS[1], "mean": 0.0, "std": 255.0}, STEPS[2]],
}


@pytest.mark.parametrize("fault", AFTERWARDS)
def test_a_fault_behind_the_network_is_red(world: World, fault: str) -> None:
    value, tolerance = expected()
    given = AFTERWARDS[fault]()
    samples = world.samples
    if given.classes != CONFIG.classes:
        # The reader sorts its labels by the same list.
        samples = hooks.zoo_dataset(given).samples(DATA)[::EVERY]
    assert replace(world, samples=samples).value(given, world.right) < value - tolerance


@pytest.mark.parametrize("fault", BEFORE)
def test_a_fault_before_the_network_is_red(world: World, fault: str) -> None:
    value, tolerance = expected()
    given = config(preprocess=BEFORE[fault])
    assert world.value(given, world.outputs(given)) < value - tolerance


def test_every_part_is_chosen_by_its_type() -> None:
    assert hooks.zoo_config() is DetectConfig
    assert isinstance(hooks.zoo_metric(CONFIG), CocoMetric)
    assert isinstance(hooks.zoo_metric(config(metric={"type": "voc"})), VocMetric)
    coco = DetectConfig.model_validate(
        {**CONFIG.model_dump(exclude_none=True), "reader": {"type": "coco", "annotations": "a.json", "images": "b"}}
    )
    assert hooks.zoo_dataset(coco).annotations == "a.json"  # type: ignore[union-attr] # it is the reader of COCO
    finished = DetectConfig.model_validate(
        {
            **CONFIG.model_dump(mode="json", exclude_none=True),
            "postprocess": {"type": "detections", "boxes": "boxes", "scores": "scores", "labels": "scores"},
        }
    )
    assert isinstance(hooks.zoo_postprocess(finished, OUTPUTS), FinishedPostprocess)
    assert isinstance(hooks.zoo_preprocess(CONFIG, INPUTS), PixelPreprocess)


def test_one_image_goes_in() -> None:
    with pytest.raises(ManifestError, match=r"inputs: expected one input, an image; found 2 \(image, image\)"):
        hooks.zoo_preprocess(CONFIG, INPUTS * 2)


def test_an_image_of_another_size_than_annotated_is_refused(world: World) -> None:
    """Its boxes would be scaled by the wrong size."""
    other = replace(world.samples[0], width=world.samples[0].width + 1)
    with pytest.raises(DatasetError, match="pixels as in its annotation"):
        hooks.zoo_preprocess(CONFIG, INPUTS)(other)


def test_a_checkpoint_needs_the_function_that_makes_its_network() -> None:
    with pytest.raises(ManifestError, match="expected the function that makes the network of a torch checkpoint"):
        hooks.zoo_network(CONFIG, INPUTS, OUTPUTS).build()
    given = config(network={"factory": "os:system", "arguments": {"command": "true"}})
    with pytest.raises(ManifestError, match="a manifest may not name other modules"):
        hooks.zoo_network(given, INPUTS, OUTPUTS).build()
    assert hooks.zoo_packages() == ["zoo_networks"]
