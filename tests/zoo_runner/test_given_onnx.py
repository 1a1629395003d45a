"""Runs of a model that is given as an ONNX file, also by a plugin that has no network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lab import Lab, redone
from zoo_runner.errors import ExitCode, ManifestError, PluginError
from zoo_runner.job.given_graph import GivenGraph, names_onnx
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.plan import plan
from zoo_runner.plugin import loading
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.store.store import Store

GIVEN = "given.yaml"


def graph(
    path: Path,
    *,
    batch: str | int = "batch",
    name: str = "numbers",
    dtype: int = TensorProto.FLOAT,
    size: int = 4,
    scale: float = 1.0,
) -> Path:
    """Write the trial's network as ONNX: the scores are the numbers, scaled."""
    weight = numpy_helper.from_array(scale * np.eye(size, 4, dtype=np.float32), "weight")
    cast = helper.make_node("Cast", [name], ["cast"], name="cast", to=TensorProto.FLOAT)
    product = helper.make_node("MatMul", ["cast", "weight"], ["scores"], name="product")
    inputs = [helper.make_tensor_value_info(name, dtype, [batch, size])]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 4])]
    made = helper.make_graph([cast, product], "trial", inputs, outputs, [weight])
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def without_network(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The trial, whose plugin has no hook ``zoo_network``."""
    import trial_plugin  # type: ignore[import-not-found] # noqa: PLC0415 - on the path of tests with a lab only

    monkeypatch.delattr(trial_plugin, "zoo_network")
    graph(lab.folder / "model.onnx")
    (lab.folder / GIVEN).write_text("extends: trial.yaml\nweights: {url: model.onnx}\n")
    return lab


def test_a_plugin_without_a_network_is_scored(without_network: Lab) -> None:
    report = without_network(manifest=GIVEN)
    assert (report.verdict.value, report.metrics[0].value) == ("pass", 100.0)
    (stage,) = [stage for stage in report.stages if stage.name == "export"]
    assert "the ONNX file was given; it has the manifest's tensors, and nothing was exported" in stage.why
    (model,) = [artifact for artifact in report.artifacts if artifact.name == "onnx"]
    (weights,) = [artifact for artifact in report.artifacts if artifact.name == "weights"]
    assert (model.sha256, model.origin) == (weights.sha256, "model.onnx")


def test_a_plugin_s_own_network_is_not_built(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    import trial_plugin  # noqa: PLC0415 - on the path of tests with a lab only

    def build(_: object) -> None:
        raise AssertionError("built")

    monkeypatch.setattr(trial_plugin.TrialNetwork, "build", build)
    graph(lab.folder / "model.onnx")
    assert lab(weights=str(lab.folder / "model.onnx")).verdict.value == "pass"


def test_another_file_is_another_model(without_network: Lab, tmp_path: Path) -> None:
    without_network.cache = tmp_path / "cache"
    assert "export" in redone(without_network(manifest=GIVEN))
    assert not redone(without_network(manifest=GIVEN))
    graph(without_network.folder / "model.onnx", scale=2.0)
    assert {"export", "infer"} <= redone(without_network(manifest=GIVEN))


@pytest.mark.parametrize(
    ("made", "overrides", "message"),
    [
        pytest.param({"name": "values"}, (), "model.onnx has no input 'numbers', only values", id="name"),
        pytest.param(
            {"size": 5}, (), r"expected numbers float32\[3, 4\], found numbers float32\[batch, 5\]", id="size"
        ),
        pytest.param(
            {"dtype": TensorProto.DOUBLE}, (), r"expected numbers float32.*, found numbers float64", id="dtype"
        ),
        pytest.param(
            {"batch": 8},
            (),
            r"expected numbers float32\[3, 4\], found numbers float32\[8, 4\].*; its batch size is fixed: set "
            r"onnx\.dynamic_batch: false, and infer\.batch to that$",
            id="fixed-batch",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    without_network: Lab, made: dict[str, Any], overrides: tuple[str, ...], message: str
) -> None:
    graph(without_network.folder / "model.onnx", **made)
    report = without_network(*overrides, manifest=GIVEN)
    assert (report.verdict.value, report.exit_code) == ("error", ExitCode.STAGE_FAILED)
    (why,) = report.why
    assert why.startswith("the given ONNX does not fit the manifest: ")
    assert re.search(message, why)
    assert "lab-store" not in why


def test_a_fixed_batch_size_that_the_manifest_has(without_network: Lab) -> None:
    graph(without_network.folder / "model.onnx", batch=8)
    report = without_network("onnx.dynamic_batch=false", "benchmark.batch=[8]", manifest=GIVEN)
    assert (report.verdict.value, report.metrics[0].value) == ("pass", 100.0)


@pytest.mark.parametrize("content", [b"", b"\x08\x08garbage"])
def test_no_onnx_under_that_name(without_network: Lab, content: bytes) -> None:
    (without_network.folder / "model.onnx").write_bytes(content)
    report = without_network(manifest=GIVEN)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert report.why[0].startswith("the given ONNX does not fit the manifest: ONNX Runtime ")


def test_a_checkpoint_needs_a_network(without_network: Lab) -> None:
    with pytest.raises(
        ManifestError,
        match=r"trial\.yaml:\d+: weights\.url: expected an ONNX file, whose name ends in \.onnx, as plugin 'trial' has "
        r"no network to export \(zoo_network\), found weights\.pth$",
    ):
        without_network()


def test_a_published_export_beside_it_is_refused(without_network: Lab) -> None:
    published = ("onnx.url=other.onnx", f"onnx.sha256={'a' * 64}")
    with pytest.raises(
        ManifestError, match=r"onnx\.url: would have no effect: the weights are an ONNX file themselves"
    ):
        without_network(*published, manifest=GIVEN)


@pytest.mark.parametrize(
    ("urls", "found"),
    [
        pytest.param("[model.onnx, weights.pth]", "an ONNX file and a checkpoint: weights.pth", id="onnx-first"),
        pytest.param("[weights.pth, model.onnx]", "a checkpoint and an ONNX file: model.onnx", id="onnx-last"),
    ],
)
def test_mirrors_of_two_kinds_are_refused(without_network: Lab, urls: str, found: str) -> None:
    pinned = (f"weights.url={urls}", f"weights.sha256={'a' * 64}")
    with pytest.raises(ManifestError, match=rf"weights\.url: expected mirrors of one file, found {found}$"):
        without_network(*pinned, manifest=GIVEN)


def test_a_network_that_is_given_cannot_be_built() -> None:
    spec = TensorSpec("x", "float32", ("batch", 1))
    with pytest.raises(Exception, match=r"^the plugin has no network to export: give an ONNX file"):
        GivenGraph((spec,), (spec,)).build()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("model.onnx", True),
        ("a/MODEL.ONNX", True),
        ("https://example.org/m.onnx?token=x.pth", True),
        ("package:refinedet_plugin/sample/model.onnx", True),
        ("https://example.org/m.pth?name=x.onnx", False),
        ("weights.pth", False),
        ("onnx", False),
        ("C#/m.onnx", True),
        ("https://me:secret@[::1/m.onnx", True),
        ("https://me\uff1asecret\uff20host.invalid/m.onnx#part", True),
        ("", False),
    ],
)
def test_which_names_are_onnx(address: str, expected: bool) -> None:
    assert names_onnx(address) is expected


@pytest.mark.usefixtures("without_network")
def test_a_manifest_cannot_be_drafted_without_a_network() -> None:
    plugin = loading.load("trial")
    with pytest.raises(
        PluginError, match=r"plugin 'trial' does not implement zoo_network\(config\): add what is missing"
    ):
        plugin.parts(plugin.config_model()(classes=("a",)))  # type: ignore[misc] # the trial has a model


@pytest.mark.slow
def test_torch_is_not_imported(without_network: Lab, trial_site: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for name in ("torch", "onnx", "onnxsim"):
        (site / f"{name}.py").write_text("raise ImportError('not here')\n")
    source = (trial_site / "trial_plugin.py").read_text()
    (site / "trial_plugin.py").write_text(
        re.sub(r"@hookimpl\ndef zoo_network.*?(?=@hookimpl)", "", source, flags=re.DOTALL)
    )
    (site / "trial-1.0.dist-info").symlink_to(trial_site / "trial-1.0.dist-info")
    command = [sys.executable, "-m", "zoo_runner", GIVEN, "--output", "out"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command,
        cwd=without_network.folder,
        env={"PYTHONPATH": f"{site}:{root}", "ZOO_RUNNER_CACHE": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((without_network.folder / "out" / "report.json").read_text())
    assert (report["verdict"], report["metrics"][0]["value"]) == ("pass", 100.0)


def test_the_plan_shows_the_given_graph_s_nodes(without_network: Lab) -> None:
    def planned(*overrides: str) -> list[str]:
        loaded = load(without_network.folder / GIVEN, overrides)
        options = RunOptions(output=without_network.folder / "out")
        store = Store(without_network.cache)
        return list(plan(resolve(loaded, options), options, store=store, progress=without_network.listener))

    lines = planned()
    assert "  not needed: the weights are an ONNX file, which is run once to see that it fits the manifest" in lines
    assert any("--out_nodes=product:0 " in line for line in lines)
    lines = planned("weights.url=https://example.org/model.onnx")
    assert any("<node of scores>" in line for line in lines)
    assert "warning: the graph's node names are not known: the ONNX file is not on this machine yet" in (
        without_network.listener.heard
    )
