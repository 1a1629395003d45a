"""Whole runs: what a golden bundle and a baseline tell beside the plugin's plain implementations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lab import Lab, other_weights
from zoo_runner.attribution.support import changes_of, support_of
from zoo_runner.commands.golden_bundle import recorded
from zoo_runner.errors import StageError
from zoo_runner.job.options import RunOptions
from zoo_runner.manifest.load import load
from zoo_runner.plugin.loading import Plugin
from zoo_runner.plugin.plain import Plain
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.report.attribution import AttributionRecord
    from zoo_runner.report.model import Report

slow = pytest.mark.slow
RED = ("expected.accuracy.value=50", "expected.accuracy.direction=within")
"""The trial scores 100."""


def bundle_of(lab: Lab) -> tuple[str, ...]:
    made = recorded(
        load(lab.folder / "trial.yaml", ()),
        RunOptions(output=lab.folder / "golden-out", backend="onnxruntime"),
        lab.folder / "trial.golden.npz",
        untrusted=False,
        store=Store(lab.cache),
        progress=lab.listener,
    )
    lines = dict(line.strip().split(": ") for line in made.lines.splitlines()[1:])
    return (*RED, f"golden.url={lab.folder / lines['url']}", f"golden.sha256={lines['sha256']}")


def numbers(sample: Sample) -> Arrays:
    return {"numbers": np.loadtxt(sample.path, dtype=np.float32)}


def label(outputs: Arrays, _sample: Sample) -> Arrays:
    scores = outputs["scores"]
    return {"label": scores.argmax(axis=0, keepdims=True), "score": scores.max(keepdims=True)}


def of(report: Report) -> AttributionRecord:
    assert report.attribution is not None, report.why
    assert report.exit_code == 1
    return report.attribution


@slow
def test_a_bundle_is_a_reference(lab: Lab) -> None:
    bundle = bundle_of(lab)
    same = of(lab(*bundle))
    assert same.stage_named == ""
    assert [(each.stage, each.differs) for each in same.stages] == [
        *((stage, 0) for stage in ("data", "preprocess", "network", "infer", "postprocess", "reuse"))
    ]
    assert same.findings[0].endswith("; look at what has none: settings")

    shifted = of(lab(*bundle, "plugin.config.offset=3"))
    assert shifted.stage_named == "preprocess"
    (line,) = shifted.findings
    assert line.startswith(
        "preprocessing: the mean looks wrong: values are the right ones +3; unlike the golden bundle"
    )

    floored = of(lab(*bundle, "plugin.config.floor=9"))
    assert floored.stage_named == "postprocess"
    assert floored.findings == ("postprocessing: unlike the golden bundle's predictions on 8 of 8 samples",)

    weights = of(lab(*bundle, weights=str(other_weights(lab)), other_weights=True))
    assert weights.stage_named == "weights"
    assert weights.findings == (
        "nothing in the program differs: the weights do",
        "weights: unlike the golden bundle's outputs on 8 of 8 samples",
    )

    (lab.folder / "data" / "ant_000.txt").write_text("9 0 0 0\n", encoding="utf-8")
    changed = of(lab(*bundle))
    assert changed.stage_named == "data"
    assert changed.findings == ("data set: files of 1 of 8 golden samples are other ones; unlike the golden bundle's",)
    (lab.folder / "data" / "ant_000.txt").rename(lab.folder / "data" / "ant_999.txt")
    gone = of(lab(*bundle))
    assert gone.stage_named == "data"
    assert gone.findings[0].startswith("data set: annotations changed; 1 of 8 golden samples are gone; ")

    for path in (lab.folder / "data").glob("*.txt"):
        path.rename(path.with_name(path.name.replace("_", "_9")))
    other = of(lab(*bundle))  # a bundle of another data set, as a manifest takes over that extends a sample
    assert (other.stage_named, {each.stage for each in other.stages}) == ("", {"infer", "reuse"})


@slow
def test_a_broken_bundle_costs_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bundle_of(lab)

    def broken(*_: Any) -> None:
        raise StageError("it is gone")

    monkeypatch.setattr("zoo_runner.attribution.golden.fetch_golden", broken)
    assert {each.stage for each in of(lab(*bundle)).stages} == {"infer", "reuse"}
    assert any("goes without the golden bundle: it is gone" in text for text in lab.listener.heard)


@slow
def test_a_baseline_shows_what_nothing_else_does(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lab.folder / "before"
    lab(output=before)
    other: Any = {"weights": str(other_weights(lab)), "other_weights": True, "baseline": before}
    unknown = of(lab(*RED, **other))
    assert unknown.stage_named == "", "without other references it may be any stage"
    plain = Plain(preprocess=numbers, postprocess=label)
    monkeypatch.setattr(Plugin, "plain", lambda *_: plain)
    found = of(lab(*RED, **other))
    assert found.stage_named == "weights"
    assert found.findings[0] == "nothing in the program differs: the weights do"
    assert of(lab(*RED, baseline=before)).stage_named == ""


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        ({}, {}, ""),
        ({"disc": 3}, {}, ""),
        ({"disc": 3}, {"disc": 3}, "annotations changed, and each class has as many objects as before"),
        ({"disc": 70}, {"disc": 9}, "annotations changed: class disc lost 61 objects"),
        (
            {"disc": 1, "box": 2},
            {"box": 3, "cone": 1},
            "annotations changed: class disc lost 1 object, class box has 1 more object, class cone has 1 more object",
        ),
    ],
)
def test_changes(before: dict[str, int], now: dict[str, int], text: str) -> None:
    assert changes_of(before, now) == text


def test_support_of_nothing() -> None:
    nothing: Any = None
    assert support_of(nothing, [], []) == {}
    assert support_of(nothing, [], [{}]) == {}, "a metric that cannot say costs nothing"
