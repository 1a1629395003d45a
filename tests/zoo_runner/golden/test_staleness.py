"""A bundle of another model or another data set is stale; one of this data set, where it has changed, is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden_bundles import golden, named
from lab import Lab, other_weights
from zoo_runner.golden.bundle import GoldenBundle, GoldenSample, Provenance
from zoo_runner.golden.file import read_bundle, write_bundle
from zoo_runner.golden.libraries import MACHINE, input_versions, other_versions
from zoo_runner.golden.opening import stale_note
from zoo_runner.golden.recorded_inputs import inputs_apart, recorded_inputs
from zoo_runner.golden.recording import file_hashes
from zoo_runner.golden.staleness import other_data
from zoo_runner.job.job import Job
from zoo_runner.job.options import Stage
from zoo_runner.plugin.interfaces import Sample, TensorSpec
from zoo_runner.report.ground_truth import sample_digest

OTHER = "it is of another data set: none of its 2 samples is in this one"
HERE = {"numpy": "2.0", "pillow": "10", MACHINE: "x86_64"}


@dataclass(frozen=True, kw_only=True)
class Labelled(Sample):
    label: int = 0


def sample(folder: Path, name: str, text: str, label: int | None = 1) -> Sample:
    """A sample whose file has this text; none at all if it is empty."""
    path = folder / f"{name}.txt"
    if text:
        path.write_text(text)
    kind: Any = Sample if label is None else Labelled
    more = {} if label is None else {"label": label}
    return kind(index=1, id=name, path=path, **more)  # type: ignore[no-any-return] # of one of the two


def kept(of: Sample) -> GoldenSample:
    files, annotations = file_hashes(of), sample_digest(of).hex()
    return GoldenSample(id=of.id, files=files, annotations=annotations, hashes={}, inputs={}, outputs={}, prediction={})


def bundle(samples: list[Sample]) -> GoldenBundle:
    texts = dict.fromkeys(("manifest", "plugin", "weights", "network", "preprocess", "postprocess", "backend"), "x")
    of = Provenance(**texts, chip="cpu", versions={}, recorded="")
    return GoldenBundle(provenance=of, limits={}, samples=tuple(map(kept, samples)), annotations="00" * 32)


@pytest.mark.parametrize(
    ("now", "stale"),
    [
        pytest.param([("a", "A", 1), ("b", "B", 1)], "", id="the same"),
        pytest.param([], OTHER, id="nothing"),
        pytest.param([("c", "A", 1)], OTHER, id="other names"),
        pytest.param([("a", "other", 2), ("b", "other", 3)], OTHER, id="other files of the same names"),
        pytest.param([("a", "other", 1), ("b", "other", 2)], OTHER, id="one label happens to be the same"),
        pytest.param([("a", "other", 1)], OTHER, id="one of the names"),
        pytest.param([("a", "A", 2)], "", id="one is left, with another label"),
        pytest.param([("a", "other", 1), ("b", "other", 1)], "", id="all labels are the same: the files were changed"),
        pytest.param([("a", "A", 2), ("b", "other", 2)], "", id="one is there"),
        pytest.param([("a", "", 2)], "", id="files are elsewhere"),
    ],
)
def test_which_data_set_a_bundle_is_of(tmp_path: Path, now: list[tuple[str, str, int]], stale: str) -> None:
    was, here = tmp_path / "was", tmp_path / "here"
    was.mkdir()
    here.mkdir()
    of = bundle([sample(was, "a", "A"), sample(was, "b", "B")])
    assert other_data(of, [sample(here, *each) for each in now]) == stale


def test_annotations_that_say_nothing_are_never_alike(tmp_path: Path) -> None:
    of = bundle([sample(tmp_path, "a", "A", None), sample(tmp_path, "b", "B", None)])
    assert other_data(of, [sample(tmp_path, "a", "C", None), sample(tmp_path, "b", "D", None)]) == OTHER


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        pytest.param(HERE, "", id="equal"),
        pytest.param({**HERE, "torch": "1"}, "", id="a library that makes no inputs"),
        pytest.param({**HERE, "numpy": "1.26"}, "numpy 2.0 here and 1.26 there", id="another version"),
        pytest.param({**HERE, MACHINE: "aarch64"}, "machine x86_64 here and aarch64 there", id="another processor"),
        pytest.param({"numpy": "2.0", MACHINE: "x86_64"}, "pillow 10 here and none there", id="one more"),
        pytest.param(
            {**HERE, "opencv-python": "4.9"}, "opencv-python none here and 4.9 there", id="one that is not here"
        ),
        pytest.param({"numpy": "2.0"}, "", id="of an older release, which noted less"),
        pytest.param({}, "", id="nothing noted"),
    ],
)
def test_libraries_of_other_versions_are_named(recorded: dict[str, str], said: str) -> None:
    assert other_versions(recorded, HERE) == said


def test_the_versions_here_include_the_machine() -> None:
    found = input_versions()
    assert found["numpy"] == np.__version__
    assert found[MACHINE]
    assert not {"torch", "onnxruntime"} & found.keys()


def test_recorded_inputs_are_given_in_the_networks_type(tmp_path: Path) -> None:
    specs = (TensorSpec("x", "float32", ("batch", 2)),)
    whole = replace(kept(sample(tmp_path, "a", "A")), inputs={"x": np.array([3, 4], np.uint8)})
    found = recorded_inputs(whole, specs, {"x": np.zeros(2, np.float32)})
    assert (found["x"].dtype.name, found["x"].tolist()) == ("float32", [3, 4])
    assert recorded_inputs(whole, specs, {"x": np.zeros(3, np.float32)}) == {}
    assert recorded_inputs(whole, specs, {"y": np.zeros(2, np.float32)}) == {}
    assert inputs_apart({"x": np.array([3, 5])}, found) == pytest.approx(0.2)
    assert inputs_apart({"x": np.array([3, np.nan])}, found) == np.inf
    assert inputs_apart({"x": np.zeros(0)}, {"x": np.zeros(0)}) == 0


@pytest.mark.slow
def test_on_a_device_a_lost_sample_is_a_doubt_and_another_data_set_a_note(
    lab: Lab, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Job, "chip", property(lambda _job: "X1"))
    data = lab.folder / "data"
    (data / "ant_000.txt").unlink()
    report = lab(*named(bundle), "dataset.samples=149")
    (finding,) = golden(report).findings
    assert (report.exit_code, golden(report).state, finding.stage) == (4, "differs", "data")
    assert finding.text == "1 of 8 golden samples (ant_000) are not in the data set"

    for path in data.glob("*.txt"):
        path.rename(path.with_name(path.name.replace("_", "_9")))
    report = lab(*named(bundle), "dataset.samples=149")
    said = "it is of another data set: none of its 8 samples is in this one"
    assert (report.exit_code, golden(report).state, golden(report).note) == (0, "stale", said)
    assert golden(report).findings == ()
    assert stale_note(said) in lab.listener.heard


@pytest.mark.slow
def test_inputs_of_other_libraries_are_a_note_unless_rounding_does_not_explain_them(
    lab: Lab, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Job, "chip", property(lambda _job: "X1"))
    whole = read_bundle(bundle)
    versions = {**whole.provenance.versions, "numpy": "1.0"}
    write_bundle(bundle, replace(whole, provenance=replace(whole.provenance, versions=versions)))
    said = f"numpy {np.__version__} here and 1.0 there"

    near = lab(*named(bundle), "plugin.config.offset=0.01", no_cache=True)
    found = golden(near)
    assert (near.exit_code, found.state, found.findings) == (0, "other libraries", ())
    assert found.note.startswith("inputs of 8 of 8 golden samples (")
    assert found.note.endswith(f") were made by other libraries and are not compared: {said}")
    assert found.inferred, "the network is given the recorded inputs"
    assert found.repeats

    far = lab(*named(bundle), "plugin.config.offset=3.0")
    assert (far.exit_code, [each.stage for each in golden(far).findings]) == (4, ["preprocess"])

    write_bundle(bundle, whole)
    same = lab(*named(bundle), "plugin.config.offset=0.01")
    assert (same.exit_code, [each.stage for each in golden(same).findings]) == (4, ["preprocess"])


@pytest.mark.slow
def test_bundles_of_another_model_are_stale(lab: Lab, bundle: Path) -> None:
    for given, said in (
        ({"weights": str(other_weights(lab))}, "it is of the weights "),
        ({"manifest": "network.yaml"}, "it is of another network"),
    ):
        (lab.folder / "network.yaml").write_text(
            "extends: trial.yaml\nplugin: {config: {classes: [ant, bee, cat, dog, eel]}}\n"
            "outputs: [{name: scores, shape: [batch, 5]}]\n"
        )
        report = lab(*named(bundle), last=Stage.PREPROCESS, **given)
        assert (golden(report).state, golden(report).findings) == ("stale", ())
        assert golden(report).note.startswith(said)
