"""Whole runs of two networks that a plugin drives, on ONNX Runtime and on stand-ins."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from driven_files import ROWS, write_decoder
from lab import Lab, redone
from this_host import enter, forget_tools
from zoo_runner.errors import ExitCode, ManifestError, PluginError, UsageError
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.plan import plan
from zoo_runner.report.model import Report
from zoo_runner.store.store import Store
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import Listener

pytestmark = pytest.mark.slow  # exports, converts, and starts a process for each device


@pytest.fixture
def run(
    driven_files: Path,
    driven_site: Path,
    tmp_path: Path,
    lab_store: Path,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Report]:
    """Run the manifest beside a copy of its files."""
    monkeypatch.syspath_prepend(driven_site)
    shutil.copytree(driven_files, tmp_path / "files")

    def run_there(*overrides: str, cache: Path = lab_store, **options: object) -> Report:
        lab = Lab(tmp_path / "files", cache, listener)
        return lab(*overrides, manifest="driven.yaml", **{"output": tmp_path / "out", **options})

    return run_there


@pytest.fixture
def ascend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host with stand-ins of Ascend's tools."""
    environment = stand_in_environment(tmp_path / "host", devices=1, generation=2023)
    enter(environment, monkeypatch)
    yield
    forget_tools()


def order(folder: Path) -> np.ndarray:
    with np.load(folder / "predictions.npz", allow_pickle=False) as found:
        return np.array(found["order"])


def test_a_run_to_the_verdict(run: Callable[..., Report]) -> None:
    report = run()
    assert (report.verdict.value, report.metrics[0].value, report.metrics[0].samples) == ("pass", 100.0, ROWS)
    names = [artifact.name for artifact in report.artifacts]
    assert names[:2] == ["weights of encoder", "weights of decoder"]
    assert {"onnx of encoder", "onnx of decoder"} < set(names)
    (export,) = [stage for stage in report.stages if stage.name == "export"]
    assert "encoder: " in export.why
    assert "decoder: " in export.why
    (timed,) = report.performance
    assert timed.batch == 1
    assert timed.loops == 3


def test_what_changes_is_made_again(run: Callable[..., Report], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert {"export", "infer"} <= redone(run(cache=cache))
    assert not redone(run(cache=cache))
    write_decoder(tmp_path / "files" / "decoder.onnx", penalty=0.0)  # names the highest number again and again
    other = run(cache=cache)
    assert {"export", "infer"} <= redone(other)
    assert (other.verdict.value, other.metrics[0].value) == ("fail", 0.0)
    assert "infer" in redone(
        run("plugin.config.steps=3", "plugin.config.networks=[encoder]", "infer.batch=2", cache=cache)
    )


@pytest.mark.usefixtures("ascend")
def test_stand_ins_give_what_onnx_runtime_gives(run: Callable[..., Report], tmp_path: Path) -> None:
    assert run().verdict.value == "pass"
    expected = order(tmp_path / "out")
    report = run(backend="ascend", output=tmp_path / "device")
    assert (report.verdict.value, report.metrics[0].value) == ("pass", 100.0), report.why
    assert np.array_equal(order(tmp_path / "device"), expected)
    made = [artifact for artifact in report.artifacts if artifact.name.startswith("om of ")]
    assert [each.name for each in made] == ["om of encoder"] * 2 + ["om of decoder"] * 2
    given = tmp_path / "given"
    given.mkdir()
    for each in made:
        path, name = Path(each.path), f"{each.name.removeprefix('om of ')}_bs{each.origin.removeprefix('batch ')}.om"
        for beside in path.parent.glob(f"{path.name}*"):
            shutil.copy(beside, given / beside.name.replace(path.name, name))
    again = run(backend="ascend", output=tmp_path / "again", om=given)
    assert (again.verdict.value, np.array_equal(order(tmp_path / "again"), expected)) == ("pass", True)
    (convert,) = [stage for stage in again.stages if stage.name == "convert"]
    assert (convert.skipped, convert.why.count(f"{given} fits")) == (True, 2)
    (given / "decoder_bs4.om").unlink()
    missing = run(backend="ascend", output=tmp_path / "again", om=given)
    assert (
        f"--om {given}: expected one decoder_bs4.om, for batch 4, found decoder_bs1.om, encoder_bs1.om"
        in missing.why[0]
    )


def test_networks_are_timed_on_samples(run: Callable[..., Report]) -> None:
    assert run("plugin.config.fault=idle", "benchmark.batch=[1, 30]").verdict.value == "pass"  # more than there are


def test_without_samples_the_timing_decides_nothing(run: Callable[..., Report]) -> None:
    assert run().verdict.value == "pass"
    report = run(first=Stage.BENCHMARK)
    assert (report.verdict.value, report.exit_code) == ("inconclusive", ExitCode.INCONCLUSIVE)
    assert any("timed on inputs of zeros" in why for why in report.why)


def test_results_can_be_scored_later(run: Callable[..., Report], tmp_path: Path) -> None:
    assert run(last=Stage.INFER).verdict.value == "stopped"
    report = run(first=Stage.POSTPROCESS)
    assert (report.verdict.value, report.metrics[0].value) == ("pass", 100.0)
    write_decoder(tmp_path / "files" / "decoder.onnx", penalty=0.0)
    other = run(first=Stage.POSTPROCESS)
    assert other.exit_code == ExitCode.STAGE_FAILED
    assert "weights: expected sha256" in other.why[0]


@pytest.mark.parametrize(
    ("override", "code", "message"),
    [
        pytest.param(
            "plugin.config.fault=dtype",
            ExitCode.USAGE,
            "inputs of the model 'decoder': expected state float32[4, 4], tokens int64[4, length], found "
            "state float32[4, 4], tokens int32[4, 1]; correct the plugin's driver",
            id="dtype",
        ),
        pytest.param(
            "plugin.config.steps=2",
            ExitCode.USAGE,
            "outputs of the driver: expected order int64[4, 3], found order int64[4, 2]; correct the plugin's driver",
            id="shape",
        ),
        pytest.param(
            "models.decoder=null",
            ExitCode.USAGE,
            "models: expected 'decoder', which the plugin's driver runs, found encoder; write models.decoder",
            id="model",
        ),
        pytest.param(
            "plugin.config.fault=raises",
            ExitCode.STAGE_FAILED,
            "zoo_driver failed: RuntimeError: the loop has a bug",
            id="bug",
        ),
    ],
)
def test_a_driver_that_does_something_else(
    run: Callable[..., Report], override: str, code: ExitCode, message: str
) -> None:
    report = run(override, last=Stage.EVALUATE)
    assert report.exit_code == code
    assert message in report.why[0]


@pytest.mark.parametrize(
    ("overrides", "options", "error", "message"),
    [
        pytest.param(
            (),
            {"weights": "x.pth"},
            UsageError,
            "--weights: the manifest has several models: give --set "
            "models.encoder.weights.url=PATH|URL, with the name of one of them",
            id="weights",
        ),
        pytest.param(
            (),
            {"om": Path("x.om"), "backend": "ascend"},
            UsageError,
            "--om x.om: the manifest has several models: give a folder with encoder_bs4.om and so on",
            id="om",
        ),
        pytest.param(
            (),
            {"devices": (0, 1)},
            UsageError,
            "--device 0,1: several models run on one device; name one",
            id="devices",
        ),
        pytest.param(
            ("models.decoder.weights.url=decoder.pth",),
            {},
            ManifestError,
            "--set models.decoder.weights.url: models.decoder.weights.url: expected an ONNX file, whose name ends in "
            ".onnx, as plugin "
            "'driven' has no network of decoder to export (zoo_networks), found decoder.pth",
            id="no-network",
        ),
        pytest.param(
            ("plugin.config.networks=[encoder, head]",),
            {},
            ManifestError,
            "driven.yaml:7: models: the plugin 'driven' has the networks encoder, head, and the manifest lacks head",
            id="unused",
        ),
        pytest.param(
            ("models.encoder.outputs.0.name=stat",),
            {},
            ManifestError,
            "models.encoder.outputs.0: the network has no 'stat'; did you mean 'state'?",
            id="tensor",
        ),
        pytest.param(
            ("weights.url=a.pth",),
            {},
            ManifestError,
            "--set weights.url: weights: would have no effect: each of models has its own; write it as "
            "models.NAME.weights",
            id="beside",
        ),
        pytest.param(
            ("infer.tool=ais_bench-cli",),
            {},
            ManifestError,
            "--set infer.tool: ais_bench-cli runs one model, and models has 2; use in-process",
            id="tool",
        ),
        pytest.param(
            ("inputs.0.shape=[batch, width]",),
            {},
            ManifestError,
            "--set inputs.0.shape: open axes are those of a model: give a fixed shape here, and the open "
            "one in models.NAME.inputs",
            id="open",
        ),
        pytest.param(
            ("models.decoder.atc.input_shape_range=null",),
            {},
            ManifestError,
            "models.decoder.inputs.1.shape",
            id="unsized",
        ),
        pytest.param(
            ("models.encoder.atc.aipp=auto",),
            {},
            ManifestError,
            "models.encoder.atc.aipp: works in a manifest of one network only; remove it",
            id="aipp",
        ),
    ],
)
def test_what_several_models_cannot_have(
    run: Callable[..., Report],
    overrides: tuple[str, ...],
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        run(*overrides, **options)


def test_a_plugin_without_a_driver(lab: Lab) -> None:
    manifest = yaml.safe_load((lab.folder / "trial.yaml").read_text())
    del manifest["onnx"]
    section = {"weights": manifest.pop("weights"), "inputs": manifest["inputs"], "outputs": manifest["outputs"]}
    (lab.folder / "several.yaml").write_text(json.dumps({**manifest, "models": {"only": section}}))
    with pytest.raises(
        PluginError, match=r"plugin 'trial' does not implement zoo_driver\(config\): add what is missing"
    ):
        lab(manifest="several.yaml")


def test_the_plan_names_every_network(run: Callable[..., Report], tmp_path: Path, listener: Listener) -> None:
    del run
    options = RunOptions(output=tmp_path / "out")
    recipe = resolve(load(tmp_path / "files" / "driven.yaml"), options)
    lines = list(plan(recipe, options, store=Store(tmp_path / "cache"), progress=listener))
    text = "\n".join(lines)
    assert "weights of encoder  " in text
    assert "weights of decoder  " in text
    assert "encoder: ONNX opset 17 with the torchscript exporter, compared with torch" in text
    assert "decoder: not needed: the weights are an ONNX file" in text
    assert "--model=driven.encoder.onnx" in text
    assert "--input_shape=state:4,4;tokens:4,1~3" in text.replace('"', "")
