"""A device whose outputs differ from the recorded ones makes each run inconclusive, and not the first one only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden_bundles import golden, named, wrong
from lab import Lab, redone
from zoo_runner.golden.comparing import kept_output, output_excess
from zoo_runner.golden.file import read_bundle, write_bundle
from zoo_runner.job.job import Job
from zoo_runner.stages.predict.inference import ModelOutputs


@pytest.mark.slow
def test_a_second_run_does_not_take_doubtful_predictions_for_good_ones(
    lab: Lab, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_cpu = lab(*named(bundle))
    assert (golden(on_cpu).state, golden(on_cpu).note) == ("equal", "the network was not run on them")
    monkeypatch.setattr(Job, "chip", property(lambda _job: "X1"))
    with monkeypatch.context() as faulty:
        faulty.setattr(ModelOutputs, "outputs", wrong)
        for _ in range(2):
            report = lab(*named(bundle))
            assert (report.exit_code, [each.stage for each in golden(report).findings]) == (4, ["infer"])
            assert report.why[0].startswith("golden samples differ: infer: outputs of 8 of 8 golden samples (")
    repaired = lab(*named(bundle))
    assert (repaired.exit_code, golden(repaired).inferred, golden(repaired).findings) == (0, True, ())
    assert "infer" in redone(repaired)


@pytest.mark.slow
def test_what_a_bundle_has_wrong_ends_no_run(lab: Lab, bundle: Path, tmp_path: Path) -> None:
    whole = read_bundle(bundle)
    first, others = whole.samples[0], whole.samples[1:]
    shape = {"scores": np.zeros((2, 2), np.float16)}
    name = {"points": first.outputs["scores"]}
    rows = [
        (replace(whole, samples=(replace(first, outputs=shape), *others)), "differs", "postprocess"),
        (replace(whole, samples=(replace(first, outputs=name), *others)), "stale", "it has other outputs"),
        (
            replace(whole, annotations="0" * 64),
            "differs",
            "annotations of all samples are not those that were recorded",
        ),
    ]
    for changed, state, text in rows:
        path = tmp_path / "changed.npz"
        write_bundle(path, changed)
        report = lab(*named(path))
        assert (report.exit_code, golden(report).state) == (0, state)
        assert text in f"{golden(report).note} {golden(report).findings}"


@pytest.mark.parametrize(
    ("found", "excess"),
    [
        pytest.param([-np.inf, np.nan, 1.0], 0.0, id="equal, also where infinite or no number"),
        pytest.param([np.inf, np.nan, 1.0], np.inf, id="other sign"),
        pytest.param([-np.inf, 2.0, 1.0], np.inf, id="a number where there was none"),
        pytest.param([-np.inf, np.nan, 2.0], 0.5, id="too far"),
    ],
)
def test_infinite_values_equal_themselves(found: list[float], excess: float) -> None:
    kept = kept_output(np.array([-np.inf, np.nan, 1.0], dtype=np.float32))
    assert output_excess(np.array(found, dtype=np.float32), kept, 0.5) == excess
