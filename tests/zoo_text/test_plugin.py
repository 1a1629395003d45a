"""The plugin ``recognise`` on the bundled recogniser: from the ONNX file to a verdict, and red for what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lab import Lab
from places import MANIFESTS
from this_host import enter, forget_tools
from zoo_runner.errors import ManifestError
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.report.model import Report
from zoo_runner.testing import stand_in_environment
from zoo_text import plugin
from zoo_text.config import RecogniseConfig
from zoo_text.labels import TextFiles
from zoo_text.metric import TextMetric

if TYPE_CHECKING:
    from tests.conftest import Listener

SAMPLE = "text-sample.yaml"
DIGITS = "0123456789"
UNTIMED = "benchmark={batch: [4], loop: 1, warmup: 0}"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("text-cache")


@pytest.fixture
def run(cache: Path, tmp_path: Path, listener: Listener) -> Callable[..., Report]:
    lab = Lab(MANIFESTS, cache, listener)

    def sample(*overrides: str, **options: Any) -> Report:
        return lab(
            *overrides, UNTIMED, manifest=SAMPLE, **{"output": tmp_path / "out", "backend": "onnxruntime", **options}
        )

    return sample


def test_the_sample_passes(run: Callable[..., Report], tmp_path: Path) -> None:
    report = run()
    assert report.verdict.value == "pass"
    gated = {f"{each.name}/{each.protocol}": each.value for each in report.metrics}
    assert gated == pytest.approx(
        {"character_accuracy/normalised": 87.1894, "character_accuracy/clamped": 87.1894, "line_accuracy/exact": 68.75},
        abs=0.01,
    )
    with np.load(tmp_path / "out" / "predictions.npz") as kept:
        texts = np.split(kept["text"], np.cumsum(kept["text.lengths"])[:-1])
    assert len(texts) == 32
    assert set(map(chr, np.concatenate(texts))) <= set(DIGITS)


@pytest.mark.parametrize(
    "fault",
    [
        "plugin.config.preprocess.1.order=RGB",
        'plugin.config.postprocess.dictionary={type: characters, characters: "1234567890"}',
        *(
            pytest.param(fault, marks=pytest.mark.long)
            for fault in (
                "plugin.config.preprocess.0.max_width=60",
                "plugin.config.preprocess.0.interpolation=nearest",
                "plugin.config.preprocess.1.mean=0.4",
                "plugin.config.postprocess.blank=last",
                "inputs.0.pad.value=1",
            )
        ),
    ],
)
def test_a_fault_is_red(fault: str, run: Callable[..., Report]) -> None:
    assert run(fault).verdict.value == "fail"


def test_a_dictionary_that_is_written_out_is_that_of_the_model(run: Callable[..., Report]) -> None:
    same = run(f'plugin.config.postprocess.dictionary={{type: characters, characters: "{DIGITS}"}}')
    assert same.verdict.value == "pass"


@pytest.fixture
def ascend(
    run: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Report]]:
    enter(stand_in_environment(tmp_path / "host"), monkeypatch)
    yield run
    forget_tools()


@pytest.mark.slow  # converts, and starts processes
def test_stand_ins_predict_the_same(ascend: Callable[..., Report], tmp_path: Path) -> None:
    ascend(output=tmp_path / "ort", last=Stage.EVALUATE)
    ascend(output=tmp_path / "npu", last=Stage.EVALUATE, backend="ascend")
    one, other = ((tmp_path / name / "predictions.npz").read_bytes() for name in ("ort", "npu"))
    assert one == other


def test_a_checkpoint_has_its_network_by_name_and_its_dictionary_elsewhere() -> None:
    written = {"type": "ctc_greedy", "dictionary": {"type": "characters", "characters": DIGITS}}
    data: dict[str, Any] = {**load(MANIFESTS / SAMPLE).manifest.plugin.config, "postprocess": written}
    outputs = (TensorSpec("scores", "float32", ("batch", "steps", 11)),)
    with pytest.raises(ManifestError, match="expected the function that makes the network of a torch checkpoint"):
        plugin.zoo_network(RecogniseConfig.model_validate(data), (), outputs).build()
    named = {**data, "network": {"factory": "zoo_networks.mobilenet:mobilenet_v2", "arguments": {"num_classes": 11}}}
    config = RecogniseConfig.model_validate(named)
    made = plugin.zoo_network(config, (), outputs)
    assert (made.outputs, type(made.build()).__name__) == (outputs, "MobileNetV2")
    assert plugin.zoo_packages() == ["zoo_networks"]
    assert plugin.zoo_postprocess(config, outputs)
    published = {**named, "postprocess": {"type": "ctc_greedy", "dictionary": {"type": "metadata"}}}
    with pytest.raises(ManifestError, match="as a torch checkpoint has no metadata, found type: metadata; write type:"):
        plugin.zoo_postprocess(RecogniseConfig.model_validate(published), outputs)


def test_what_hooks_make() -> None:
    config = RecogniseConfig.model_validate(
        {
            **load(MANIFESTS / SAMPLE).manifest.plugin.config,
            "reader": {"type": "text_files"},
            "metric": {"ignore_case": True},
            "postprocess": {"type": "ctc_greedy", "dictionary": {"type": "file", "file": "d.txt"}},
        }
    )
    reader = plugin.zoo_dataset(config)
    assert isinstance(reader, TextFiles)
    assert reader.dictionary == "d.txt"
    metric = plugin.zoo_metric(config)
    assert isinstance(metric, TextMetric)
    assert plugin.zoo_config() is RecogniseConfig
    one = TensorSpec("image", "float32", ("batch", 3, 16, "width"))
    assert plugin.zoo_preprocess(config, (one,)).identity
    with pytest.raises(ManifestError, match=r"inputs: expected one input, an image, found image float32.*, image "):
        plugin.zoo_preprocess(config, (one, one))


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("plugin.config.reader.type=label_fil", "plugin.config.reader.type: expected "),
        ("plugin.config.reader.fil=x", "plugin.config.reader.fil: unknown key"),
        ("plugin.config.postprocess.dictionary.type=metadat", "plugin.config.postprocess.dictionary.type: expected "),
        ("plugin.config.preprocess.0.hight=3", "plugin.config.preprocess.0.hight: unknown key"),
        ("outputs.0.shape=[batch, steps, 12]", "expected one class for each character and one for the blank, 11 "),
    ],
)
def test_errors_name_the_key(override: str, text: str, tmp_path: Path) -> None:
    written = 'plugin.config.postprocess.dictionary={type: characters, characters: "0123456789"}'
    overrides = [override] if "dictionary" in override else [written, override]
    with pytest.raises(ManifestError) as caught:
        resolve(load(MANIFESTS / SAMPLE, overrides), RunOptions(output=tmp_path))
    assert text in str(caught.value)
