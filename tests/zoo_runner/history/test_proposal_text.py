"""Proposals as manifests and as diffs."""

from __future__ import annotations

import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from jsonschema import Draft202012Validator

from zoo_runner.history.proposal import propose
from zoo_runner.history.proposal_text import diff, patch
from zoo_runner.manifest.figures import AccuracyExpectation
from zoo_runner.manifest.load import LoadedManifest, load
from zoo_runner.report.json_schema import json_schema

if TYPE_CHECKING:
    from tests.zoo_runner.history.conftest import Toy

FLOW = Path(__file__).with_name("toy.yaml").read_text()
COMMENTED = """\
# Made by hand
name: toy
plugin: {name: toy}
dataset: {name: points, samples: 10}
inputs:
  - {name: x, shape: [batch, 3]}
outputs:
  - {name: y, shape: [batch, 2]}
benchmark: {batch: [1, 8]}
expected:  # what we promise
  accuracy:
    metric: accuracy
    protocol: top1

    # from the paper
    value: 80.0  # table 3
    direction: at_least
  chips:
    310P3:
      throughput:
        1: 100.0
        8: 200.0  # the one that matters
      tolerance:
        rel: 0.05
"""


def test_equal_values_get_half_of_the_last_printed_digit_and_it_says_so(toy: Toy, loaded: LoadedManifest) -> None:
    proposal = propose(toy.repeats(loaded, [80.123456] * 3), loaded, 3)
    (figure,) = proposal.figures
    assert (figure.value, figure.tolerance, figure.spread) == (80.12346, 0.005, 0.0)
    assert (
        "# accuracy/top1: mean 80.1235 percent in each of 3 runs, so the tolerance is half of the last printed digit "
        "(nothing here varies)\n"
    ) in patch(proposal, Path())


def test_the_patch_is_a_manifest_that_replaces_figures_only(toy: Toy, loaded: LoadedManifest) -> None:
    runs = [
        toy.entry(loaded, toy.accuracy(value), toy.rate(1, one), toy.rate(8, eight))
        for value, one, eight in ((79.9, 101.0, 205.0), (80.0, 102.0, 204.0), (80.1, 103.0, 206.0), (50.0, 0.1, 0.1))
    ]
    child = toy.saved(propose(runs, loaded, 3))
    expected = child.manifest.expected
    assert isinstance(expected.accuracy, AccuracyExpectation)
    assert (expected.accuracy.value, expected.accuracy.tolerance.abs, expected.accuracy.tolerance.rel) == (80.0, 1.2, 0)
    chip = expected.chips["310P3"]
    assert (dict(chip.throughput), chip.tolerance.abs) == ({1: 102.0, 8: 205.0}, 0.0)
    half = 9.9248 * math.sqrt(1 + 1 / 3)  # of both rates, of which the lower one decides
    assert chip.tolerance.rel == pytest.approx(half / 102, rel=0.1)
    assert chip.tolerance.rel >= half / 102
    assert dict(chip.accuracy) == {8: 79.0}  # nothing was held against it
    same = {"expected": loaded.manifest.expected}
    assert child.manifest.model_copy(update=same) == loaded.manifest
    assert [path.name for path in child.sources] == ["gated.yaml", "toy.yaml"]
    written = yaml.safe_load(Path("gated.yaml").read_text())
    assert (set(written), set(written["expected"])) == ({"extends", "expected"}, {"accuracy", "chips"})
    assert written["extends"] == "manifests/toy.yaml"


def test_the_patch_follows_the_json_schema(toy: Toy, loaded: LoadedManifest) -> None:
    runs = [toy.entry(loaded, toy.accuracy(80.0), toy.rate(8, 205.0))] * 3
    written = yaml.safe_load(patch(propose(runs, loaded, 3), Path()))
    written["expected"]["chips"]["310P3"]["throughput"] = {"8": 205.0}  # JSON's keys are text
    assert list(Draft202012Validator(json_schema()).iter_errors(written)) == []


def test_it_says_where_its_figures_come_from(toy: Toy, loaded: LoadedManifest) -> None:
    text = patch(propose(toy.repeats(loaded, [79.9, 80.0, 80.1]), loaded, 3), Path())
    assert text.splitlines()[:4] == [
        "# From the last 3 runs of toy, ascend on 310P3: the mean, and half of the",
        "# 99% prediction interval for one more run.",
        "# accuracy/top1: mean 80.0000 percent, standard deviation 0.1000, 3 runs, until now 80",
        f"# Save this in {Path.cwd()}, which extends is relative to.",
    ]


def test_a_manifest_elsewhere_is_extended_by_its_whole_path(toy: Toy, loaded: LoadedManifest, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    proposal = propose(toy.repeats(loaded, [79.9, 80.0, 80.1]), loaded, 3)
    assert "Save this" not in patch(proposal, folder)
    assert toy.saved(proposal, folder).sources[1] == tmp_path / "manifests" / "toy.yaml"


@pytest.mark.parametrize("tool", ["git apply", "patch -p1"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FLOW, id="flow"),
        pytest.param(COMMENTED, id="comments"),
        pytest.param(COMMENTED.replace("      tolerance:\n        rel: 0.05\n", ""), id="nothing tolerated"),
        pytest.param(COMMENTED.replace("\n", "\r\n"), id="Windows"),
        pytest.param(COMMENTED.rstrip("\n"), id="no last newline"),
    ],
)
def test_a_diff_changes_the_manifest_as_the_patch_would(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, tool: str
) -> None:
    command = tool.split()
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    monkeypatch.chdir(tmp_path)
    path = Path("manifests") / "my toy.yaml"
    path.parent.mkdir()
    path.write_bytes(text.encode())
    loaded = load(path)
    runs = [
        toy.entry(loaded, toy.accuracy(each), toy.rate(1, 99 + each), toy.rate(8, 205.0)) for each in (79.9, 80.0, 80.2)
    ]
    proposal = propose(runs, loaded, 3)
    wanted = toy.saved(proposal).manifest.expected
    subprocess.run(command, input=diff(proposal, Path.cwd()).encode(), check=True, capture_output=True)
    after = path.read_bytes().decode()
    assert load(path).manifest.expected == wanted
    assert [
        line for line in text.splitlines() if "#" in line and not any(each in line for each in ("80.0", "200.0"))
    ] == [line for line in after.splitlines() if "#" in line and not any(each in line for each in ("80.0", "205.0"))]
    assert "\r" in after or "\r" not in text
    assert ("# table 3" in after, "# the one that matters" in after) == ("# table 3" in text,) * 2


def test_a_diff_of_a_manifest_elsewhere_says_where_it_belongs(toy: Toy, loaded: LoadedManifest, tmp_path: Path) -> None:
    text = diff(propose(toy.repeats(loaded, [79.9, 80.0, 80.1]), loaded, 3), tmp_path / "other")
    assert f"# Apply this in {tmp_path / 'manifests'}.\n--- a/toy.yaml\n+++ b/toy.yaml\n" in text


def test_a_diff_goes_to_the_manifest_that_was_asked_about_not_to_its_base(toy: Toy, loaded: LoadedManifest) -> None:
    base = loaded.path.read_text()
    child = loaded.path.with_name("child.yaml")
    child.write_text("extends: toy.yaml\nname: child\nexpected:\n  chips: null")
    heir = load(child)
    runs = [replace(each, digest=heir.digest) for each in toy.repeats(heir, [79.9, 80.0, 80.1])]
    text = diff(propose(runs, heir, 3), Path.cwd())
    assert text.partition("--- ")[2] == (
        "a/manifests/child.yaml\n+++ b/manifests/child.yaml\n@@ -1,4 +1,5 @@\n extends: toy.yaml\n name: child\n"
        " expected:\n-  chips: null\n\\ No newline at end of file\n+  chips: null\n"
        "+  accuracy: {tolerance: {abs: 1.2, rel: 0.0}}\n\\ No newline at end of file\n"
    )
    assert loaded.path.read_text() == base
