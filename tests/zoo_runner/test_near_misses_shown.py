"""What nearly is an optional protocol is named by ``validate``, ``plugins``, ``backends`` and the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from zoo_runner.cli import cli
from zoo_runner.errors import ManifestError
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from lab import Lab

NEAR = """
from trial_plugin import *

from zoo_runner.plugin.hookspecs import hookimpl


class Score(ScoredValues):
    def resample(self, weights): ...
    def illustrates(self, position): ...
    def diagnose(self): ...


class NearMetric(TrialMetric):
    resampleds = True

    def score(self, samples, predictions):
        return Score(super().score(samples, predictions).values)


@hookimpl
def zoo_metric(config):
    return NearMetric(config)
"""
BACKEND = """
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.plugin.hookspecs import hookimpl


class Near(OnnxRuntimeBackend):
    name = "near-ort"

    def side_file(self, request): ...


@hookimpl
def zoo_backend():
    return Near()
"""
EVIDENCE = "(zoo_runner.plugin.evidence)"
METRIC = f"has resampleds, which looks like resampled of ResampledMetric {EVIDENCE}, and nobody asks for it; rename it"
BY_HOOK = f"plugin 'near': zoo_metric(config) returned NearMetric, which {METRIC}"
BY_BACKEND = (
    "backend 'near-ort': has side_file, which looks like side_files of SideFileBackend (zoo_runner.plugin.conversion), "
    "and nobody asks for it; rename it"
)
SCORE = "plugin 'near': the score, Score,"
HALF = (
    "has diagnose, and lacks error_kinds and diagnosis_basis and illustrate (is illustrates meant for illustrate?): "
    f"nobody takes it for a DiagnosedScore {EVIDENCE}; add what is missing, or rename the other"
)
UNUSED = (
    "has resample, and the metric, NearMetric, has no resampled: it gets no intervals; add resampled = True to the "
    "metric"
)


@pytest.fixture
def near(lab: Lab, install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Lab:
    install(
        "near-dist", {"near": "near_plugin", "near-ort": "near_backend"}, {"near_plugin": NEAR, "near_backend": BACKEND}
    )
    monkeypatch.chdir(lab.folder)
    return lab


def test_a_run_goes_on_and_warns(near: Lab) -> None:
    report = near("plugin.name=near", backend="near-ort")
    assert report.verdict is Verdict.PASS
    assert [text for text in report.warnings if "near" in text] == [
        BY_HOOK,
        BY_BACKEND,
        f"{SCORE} {HALF}",
        f"{SCORE} {UNUSED}",
    ]
    assert report.metrics[0].interval is None


def test_a_rule_that_depends_on_it_is_an_error(near: Lab) -> None:
    with pytest.raises(ManifestError) as caught:
        near("plugin.name=near", "expected.accuracy.rule=interval")
    assert str(caught.value).endswith(f"(see ResampledMetric in zoo_runner.plugin.evidence); use point. It {METRIC}")


@pytest.mark.usefixtures("near")
def test_commands_name_it() -> None:
    call = CliRunner().invoke
    told = call(cli, ["validate", "trial.yaml", "--set", "plugin.name=near"], standalone_mode=False)
    assert (told.return_value, told.stdout) == (0, "trial: valid (read trial.yaml)\n")
    assert told.stderr == f"trial: note: {BY_HOOK}\n"
    rows = call(cli, ["validate", "trial.yaml", "--set", "plugin.name=near", "--json"], standalone_mode=False)
    assert [(row["valid"], row["notes"], row["problems"]) for row in json.loads(rows.stdout)] == [(True, [BY_HOOK], [])]
    named = call(cli, ["plugins", "near"], standalone_mode=False)  # classes has no default, so that nothing is made
    assert f"plugin 'near': class NearMetric {METRIC}\n" in named.stderr
    assert named.stdout.startswith("classes ")
    listed = call(cli, ["plugins"], standalone_mode=False)
    assert [line.strip() for line in listed.stderr.splitlines() if "NearMetric" in line] == [
        f"plugin 'near': class NearMetric {METRIC}"
    ]
    backends = call(cli, ["backends"], standalone_mode=False)
    assert [line.strip() for line in backends.stderr.splitlines()] == [BY_BACKEND]
