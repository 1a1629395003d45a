"""The limits of a device in a bundle: of a run on it, else of an emulation, else the widest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from golden_bundles import INFER, golden, named
from lab import Lab
from zoo_runner.commands.golden_devices import device_options, of_device, of_emulation
from zoo_runner.errors import UsageError
from zoo_runner.golden.bundle import RUN, DeviceLimits
from zoo_runner.golden.device_limits import with_limits
from zoo_runner.golden.file import read_bundle
from zoo_runner.golden.limits import DEFAULT
from zoo_runner.job.job import Job
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.manifest.load import load
from zoo_runner.stages.predict.inference import ModelOutputs
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample

pytestmark = pytest.mark.slow  # whole runs


def a_little_off(self: ModelOutputs, samples: Iterable[Sample]) -> Iterator[Arrays]:
    return ({name: array * np.float32(1.05) for name, array in each.items()} for each in INFER(self, samples))


def device(lab: Lab, target: Path) -> None:
    options = device_options(RunOptions(output=lab.folder / "on-device"), "onnxruntime", (0,))
    of_device(
        load(lab.folder / "trial.yaml"), options, target, untrusted=False, store=Store(lab.cache), progress=lab.listener
    )


def emulation(lab: Lab, target: Path) -> None:
    options = RunOptions(output=lab.folder / "emulated", backend="onnxruntime", last=Stage.INFER)
    of_emulation(load(lab.folder / "trial.yaml"), options, target, store=Store(lab.cache), progress=lab.listener)


def test_the_run_on_a_device_says_how_far_it_may_be_off(
    lab: Lab, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="expected the bundle that the limits are added to, found none"):
        device(lab, lab.folder / "none.npz")
    with pytest.raises(UsageError, match="expected a device, found cpu"):
        device(lab, bundle)
    assert read_bundle(bundle).basis.startswith("8 times by how much torch and ONNX Runtime or batch sizes differ")
    monkeypatch.setattr(Job, "chip", property(lambda _job: "X1"))
    with monkeypatch.context() as faulty:
        faulty.setattr(ModelOutputs, "outputs", a_little_off)
        report = lab(*named(bundle))
        assert (report.exit_code, golden(report).state, golden(report).limits) == (0, "equal", DEFAULT)
    emulation(lab, bundle)
    assert golden(lab(*named(bundle))).limits.startswith("an emulation: 2 times the band of force_fp16, at least 0.001")
    other = golden(lab(*named(bundle), "atc.precision_mode=allow_fp32_to_fp16"))
    assert other.limits == DEFAULT, "the emulation is of another mode"

    device(lab, bundle)
    device(lab, bundle)
    kept = read_bundle(bundle).devices
    assert [(each.of, each.chip) for each in kept] == [("emulation", ""), ("run", "X1")], "no device twice"
    assert all(1e-3 <= value <= 0.1 for each in kept for value in each.outputs.values())
    assert golden(lab(*named(bundle), no_cache=True)).limits.startswith("the run on X1 of ")
    with monkeypatch.context() as faulty:
        faulty.setattr(ModelOutputs, "outputs", a_little_off)
        report = lab(*named(bundle), no_cache=True)
        assert (report.exit_code, [each.stage for each in golden(report).findings]) == (4, ["infer"])


def test_a_device_replaces_its_own_limits_only(bundle: Path) -> None:
    whole = read_bundle(bundle)
    for chip, value in (("X1", 0.01), ("X2", 0.02), ("X1", 0.03)):
        limits = DeviceLimits(
            of=RUN, chip=chip, backend="b", conversion="", outputs={"scores": value}, basis="", recorded=""
        )
        whole = with_limits(whole, limits)
    assert [(each.chip, each.outputs["scores"]) for each in whole.devices] == [("X2", 0.02), ("X1", 0.03)]
