"""A postprocessing that needs the metadata of a model is told them, where there is a model that has any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lab import Lab, redone
from zoo_runner.errors import ManifestError
from zoo_runner.job.options import Stage
from zoo_runner.stages.export import told as module

GIVEN = "given.yaml"


def graph(path: Path, **metadata: str) -> Path:
    """Write the trial's network as ONNX, with metadata."""
    weight = numpy_helper.from_array(np.eye(4, dtype=np.float32), "weight")
    product = helper.make_node("MatMul", ["numbers", "weight"], ["scores"])
    inputs = [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["batch", 4])]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 4])]
    made = helper.make_graph([product], "trial", inputs, outputs, [weight])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


@pytest.fixture
def told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """What the trial's postprocessing was told; its labels are those of the model, moved on by ``shift``."""
    import trial_plugin  # type: ignore[import-not-found] # noqa: PLC0415 - on the path of tests with a lab only

    heard: list[Mapping[str, str]] = []

    class Bound(trial_plugin.TrialPostprocess):  # type: ignore[misc] # found on the path alone
        shift = 0

        def told(self, metadata: Mapping[str, str]) -> Bound:
            heard.append(metadata)
            if "shift" not in metadata:
                raise ManifestError("expected shift")
            bound = Bound(self.config)
            bound.shift = int(metadata["shift"])
            bound.identity = f"{self.identity} {bound.shift}"
            return bound

        def __call__(self, outputs: Any, sample: Any) -> Any:
            found = super().__call__(outputs, sample)
            return {**found, "label": (found["label"] + self.shift) % 4}

    monkeypatch.setattr(trial_plugin, "TrialPostprocess", Bound)
    (lab.folder / GIVEN).write_text("extends: trial.yaml\nweights: {url: model.onnx}\n")
    return heard


def test_it_is_told_once_before_it_is_used(lab: Lab, told: list[Mapping[str, str]], tmp_path: Path) -> None:
    lab.cache = tmp_path / "cache"
    graph(lab.folder / "model.onnx", shift="0", other="x")
    assert (lab(manifest=GIVEN).verdict.value, told) == ("pass", [{"shift": "0", "other": "x"}])
    assert not redone(lab(manifest=GIVEN))
    graph(lab.folder / "model.onnx", shift="1")
    other = lab(manifest=GIVEN)
    assert (other.verdict.value, other.metrics[0].value) == ("fail", 0.0)
    assert "postprocess" in redone(other)
    graph(lab.folder / "model.onnx")
    refused = lab(manifest=GIVEN)
    assert (refused.verdict.value, refused.exit_code) == ("error", 2)
    assert "expected shift" in refused.model_dump_json()


def test_without_such_a_file_it_is_not_told(lab: Lab, told: list[Mapping[str, str]]) -> None:
    assert lab(last=Stage.INFER).verdict.value == "stopped"  # a network that is exported
    lab(first=Stage.POSTPROCESS, results=lab.folder / "out" / "results")
    assert told == []


def test_what_asks_for_nothing_costs_nothing(tmp_path: Path) -> None:
    asks_not: Any = SimpleNamespace(recipe=SimpleNamespace(given_onnx=True, parts=SimpleNamespace(postprocess=print)))
    assert module.told(asks_not, tmp_path / "there is no file") is asks_not
