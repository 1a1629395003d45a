"""The bundled classifier: it passes, its network is that of its weights, and no seeded fault passes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
import torch
import yaml

import zoo_classification
from ascend_host import Host
from places import MANIFESTS, ROOT
from zoo_classification import plugin
from zoo_classification.config import ClassifyConfig
from zoo_networks.factory import FactoryNetwork
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conftest import ZooRun

MANIFEST = MANIFESTS / "classifier-sample.yaml"
FOLDER = Path(zoo_classification.__file__).parent / "sample"
LOADED = load(MANIFEST).manifest
CONFIG: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())["plugin"]["config"]
STEPS = CONFIG["preprocess"]
MOST_LINES = 40


def top1(config: dict[str, Any], network: Callable[[Any], Any]) -> float:
    """What the run's parts make of the images, without the run."""
    read, (tensor,) = ClassifyConfig.model_validate(config), LOADED.input_specs
    samples = plugin.zoo_dataset(read).samples(FOLDER / "images")
    preprocess = plugin.zoo_preprocess(read, (tensor,))
    postprocess = plugin.zoo_postprocess(read, LOADED.output_specs)
    logits = network(np.stack([preprocess(sample)["image"] for sample in samples]))
    predictions = [postprocess({"logits": row}, sample) for row, sample in zip(logits, samples, strict=True)]
    scoring = plugin.zoo_metric(read, LOADED.output_specs).scoring()
    scoring.update(samples, predictions)
    return scoring.compute().values[0].value


@pytest.fixture(scope="module")
def network() -> Callable[[Any], Any]:
    session = onnxruntime.InferenceSession(FOLDER / "model.onnx")
    return lambda images: session.run(None, {"image": images})[0]


def passes(value: float) -> bool:
    band = yaml.safe_load(MANIFEST.read_text())["expected"]["accuracy"]
    return bool(band["value"] - band["tolerance"]["abs"] <= value <= band["value"] + band["too_good"]["abs"])


def changed(place: int, **keys: Any) -> dict[str, Any]:
    return {**CONFIG, "preprocess": [{**step, **keys} if at == place else step for at, step in enumerate(STEPS)]}


def exchanged(first: int, second: int) -> dict[str, Any]:
    names = list(CONFIG["classes"])
    names[first], names[second] = names[second], names[first]
    return {**CONFIG, "classes": names}


def test_the_parts_alone_give_what_the_manifest_expects(network: Callable[[Any], Any]) -> None:
    assert passes(top1(CONFIG, network))


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(exchanged(0, 1), id="two classes exchanged"),
        pytest.param(exchanged(4, 5), id="the last two exchanged"),
        pytest.param({**CONFIG, "classes": sorted(CONFIG["classes"])}, id="classes in alphabetical order"),
        pytest.param(changed(0, like="opencv"), id="the filter of another library"),
        pytest.param(changed(0, interpolation="nearest"), id="no filter"),
        pytest.param(changed(0, interpolation="bicubic"), id="another filter"),
        pytest.param(changed(0, size=48), id="no margin to cut"),
        pytest.param(changed(0, size=64), id="a larger margin"),
        pytest.param(
            {**CONFIG, "preprocess": [{"op": "resize", "size": 48, "like": "pillow"}, *STEPS[2:]]}, id="stretched"
        ),
        pytest.param(changed(2, order="BGR"), id="blue first"),
        pytest.param(changed(2, mean=0), id="no mean"),
        pytest.param(changed(2, std=127.5), id="half the contrast"),
    ],
)
def test_no_seeded_fault_passes(config: dict[str, Any], network: Callable[[Any], Any]) -> None:
    assert not passes(top1(config, network))


def test_the_weights_are_the_published_networks_and_bent_ones_do_not_pass() -> None:
    config = ClassifyConfig.model_validate(CONFIG)
    module = FactoryNetwork(config.network).build()
    weights = torch.load(FOLDER / "weights.pth", weights_only=True)

    def loaded(changes: Mapping[str, Any]) -> float:
        module.load_state_dict({**weights, **changes})

        def call(images: Any) -> Any:
            with torch.no_grad():
                return module(torch.from_numpy(images)).numpy()

        return top1(CONFIG, call)

    assert passes(loaded({}))
    first, last = "features.0.0.weight", "classifier.1.weight"
    bent = {
        "one layer of noise": {first: weights[first] + 0.3 * weights[first].std() * torch.ones_like(weights[first])},
        "no bias": {"classifier.1.bias": weights["classifier.1.bias"] + torch.tensor([3.0, 0, 0, 0, 0, 0])},
        "rows moved by one": {last: weights[last].roll(1, 0)},
    }
    assert {name: passes(loaded(changes)) for name, changes in bent.items()} == dict.fromkeys(bent, False)


def test_the_recipe_that_the_page_shows_is_short_and_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "no-code.md").read_text(encoding="utf-8")
    shown = page[page.index("```yaml\n") :].removeprefix("```yaml\n").partition("```")[0]
    assert len(shown.splitlines()) <= MOST_LINES
    path = tmp_path / "shown.yaml"
    path.write_text(shown.replace("…", "a" * 64))
    assert resolve(load(path), RunOptions(output=tmp_path)).parts.metric.measures[1] == ("accuracy", "top5")


@pytest.mark.slow
def test_every_way_gives_the_same_predictions(zoo_run: ZooRun) -> None:
    """ONNX Runtime, and the stand-ins for an NPU; with the normalisation in the model as well."""
    options = (MANIFEST, "--accuracy-only")
    done = zoo_run(*options, "--output", "plain")
    assert done.returncode == 0, done.stdout
    expected = (zoo_run.folder / "plain" / "predictions.npz").read_bytes()
    ran = Host(zoo_run)(*options, "--output", "out", "--backend", "ascend", "--set", "atc.aipp=auto")
    assert ran.code == 0, ran.text
    assert ran.detections == expected
    assert zoo_run.report("plain")["verdict"] == "pass"
