from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from zoo_runner.errors import ExitCode
from zoo_runner.ledger import Entry, EntryLine
from zoo_runner.manifest.json_schema import json_schema
from zoo_runner.manifest.load import LoadedManifest, load
from zoo_runner.proposal import Proposal, ProposalError, diff, patch, propose, t_quantile
from zoo_runner.report.model import Verdict

ACCURACY = "accuracy/top1"
MANIFEST = """\
name: toy
plugin: {name: toy}
dataset: {name: points, samples: 10}
inputs:
  - {name: x, shape: [batch, 3]}
outputs:
  - {name: y, shape: [batch, 2]}
benchmark: {batch: [1, 8]}
expected:
  accuracy: {metric: accuracy, protocol: top1, value: 80.0, tolerance: {rel: 0.1}}
  chips:
    310P3:
      accuracy: {8: 79.0}
      throughput: {1: 100.0, 8: 200.0}
      tolerance: {abs: 5.0}
"""


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedManifest:
    """A manifest in ``manifests`` below the current folder."""
    monkeypatch.chdir(tmp_path)
    path = Path("manifests/toy.yaml")
    path.parent.mkdir()
    path.write_text(MANIFEST)
    return load(path)


def accuracy(value: float | None, *, expected: float | None = 80.0, verdict: Verdict = Verdict.PASS) -> EntryLine:
    return EntryLine(id=ACCURACY, value=value, unit="percent", expected=expected, tolerance=8.0, verdict=verdict)


def rate(batch: int, value: float, verdict: Verdict = Verdict.PASS) -> EntryLine:
    expected = {1: 100.0, 8: 200.0}[batch]
    return EntryLine(
        id=f"throughput/310P3/{batch}",
        value=value,
        unit="images/s",
        expected=expected,
        tolerance=5.0,
        verdict=verdict,
    )


def make_entry(loaded: LoadedManifest, *lines: EntryLine) -> Entry:
    return Entry(
        started="",
        name="toy",
        digest=loaded.digest,
        verdict=Verdict.PASS,
        exit_code=0,
        backend="ascend",
        chip="310P3",
        subset=None,
        weights="w",
        seconds=1.0,
        manifest=loaded.path.absolute(),
        report=Path("/out/report.json"),
        lines=lines,
    )


def repeats(loaded: LoadedManifest, values: Sequence[float]) -> list[Entry]:
    return [make_entry(loaded, accuracy(value)) for value in values]


def saved(proposal: Proposal, folder: Path = Path()) -> LoadedManifest:
    """Save the patch and load it, as a user would."""
    path = folder / "gated.yaml"
    path.write_text(patch(proposal, folder))
    return load(path)


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [
        (1, 63.657),
        (2, 9.925),
        (3, 5.841),
        (4, 4.604),
        (5, 4.032),
        (9, 3.250),
        (10, 3.169),
        (29, 2.756),
        (30, 2.750),
        (60, 2.660),
        (120, 2.617),
        (999, 2.581),
    ],
)
def test_quantiles_are_those_of_printed_tables(freedom: int, expected: float) -> None:
    assert t_quantile(0.99, freedom) == pytest.approx(expected, abs=5.1e-4)


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 0.0), (0.5, 1.0), (0.95, 12.706), (0.999, 636.619)])
def test_quantiles_for_one_degree_of_freedom(probability: float, expected: float) -> None:
    assert t_quantile(probability, 1) == pytest.approx(expected, rel=1e-4)


def test_mean_and_prediction_interval_of_known_values(loaded: LoadedManifest) -> None:
    (figure,) = propose(repeats(loaded, [79.9, 80.0, 80.1, 80.0]), loaded, 4).figures
    spread = math.sqrt(0.02 / 3)
    half = 5.8409 * spread * math.sqrt(1 + 1 / 4)
    assert (figure.line, figure.unit, figure.expected, figure.runs) == (ACCURACY, "percent", 80.0, 4)
    assert figure.mean == pytest.approx(80.0)
    assert figure.spread == pytest.approx(spread)
    assert figure.value == 80.0
    assert half == pytest.approx(0.533, abs=0.001)
    assert figure.tolerance == 0.54


@settings(max_examples=40, deadline=None)
@given(
    centre=st.floats(1, 100),
    steps=st.lists(st.floats(-1, 1), min_size=3, max_size=30),
    scale=st.sampled_from([0.0, 1e-9, 1e-3, 0.1, 1.0]),
)
def test_what_was_measured_passes_and_the_tolerance_is_no_wider_than_needed(
    tmp_path_factory: pytest.TempPathFactory, centre: float, steps: list[float], scale: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "steps.yaml"
    if not path.exists():
        path.write_text(MANIFEST.replace("top1,", "top1, unit: points,"))
    loaded = load(path)
    values = [centre + scale * step / 100 for step in steps]
    (figure,) = propose(repeats(loaded, values), loaded, len(values)).figures
    assert abs(figure.value - figure.mean) <= 0.01 * figure.tolerance
    assert figure.tolerance >= 0.005
    worst = max(abs(value - figure.mean) for value in values)
    assert worst <= figure.tolerance * (1 + 1e-9)
    factor = t_quantile(0.99, len(values) - 1) * math.sqrt(1 + 1 / len(values))
    assert figure.tolerance <= max(1.1 * factor * figure.spread, 0.005) * (1 + 1e-9)


def test_it_holds_as_often_as_it_says() -> None:
    """The next of normal values is within 99 of 100 intervals: by simulation, in the units of the spread."""
    import numpy as np  # noqa: PLC0415 - for this test only

    draws = np.random.default_rng(5).standard_normal((40_000, 6))
    sample, following = draws[:, :5], draws[:, 5]
    half = t_quantile(0.99, 4) * sample.std(axis=1, ddof=1) * math.sqrt(1 + 1 / 5)
    inside = float((abs(following - sample.mean(axis=1)) <= half).mean())
    assert inside == pytest.approx(0.99, abs=0.002)


def test_equal_values_get_half_of_the_last_printed_digit_and_it_says_so(loaded: LoadedManifest) -> None:
    proposal = propose(repeats(loaded, [80.123456] * 3), loaded, 3)
    (figure,) = proposal.figures
    assert (figure.value, figure.tolerance, figure.spread) == (80.12346, 0.005, 0.0)
    assert (
        "# accuracy/top1: mean 80.1235 percent in each of 3 runs, so the tolerance is half of the last printed digit "
        "(nothing here varies, or the runs took what an earlier one had inferred)\n"
    ) in patch(proposal, Path())


def test_the_patch_is_a_manifest_that_replaces_figures_only(loaded: LoadedManifest) -> None:
    runs = [
        make_entry(loaded, accuracy(value), rate(1, one), rate(8, eight))
        for value, one, eight in ((79.9, 101.0, 205.0), (80.0, 102.0, 204.0), (80.1, 103.0, 206.0), (50.0, 0.1, 0.1))
    ]
    child = saved(propose(runs, loaded, 3))
    expected = child.manifest.expected
    assert expected.accuracy is not None
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


def test_the_patch_follows_the_json_schema(loaded: LoadedManifest) -> None:
    runs = [make_entry(loaded, accuracy(80.0), rate(8, 205.0))] * 3
    written = yaml.safe_load(patch(propose(runs, loaded, 3), Path()))
    written["expected"]["chips"]["310P3"]["throughput"] = {"8": 205.0}  # JSON's keys are text
    assert list(Draft202012Validator(json_schema()).iter_errors(written)) == []


def test_it_says_where_its_figures_come_from(loaded: LoadedManifest) -> None:
    text = patch(propose(repeats(loaded, [79.9, 80.0, 80.1]), loaded, 3), Path())
    assert text.splitlines()[:4] == [
        "# From the last 3 runs of toy, ascend on 310P3: the mean, and half of the",
        "# 99% prediction interval for one more run.",
        "# accuracy/top1: mean 80.0000 percent, standard deviation 0.1000, 3 runs, until now 80",
        f"# Save this in {Path.cwd()}, which extends is relative to.",
    ]


def test_a_manifest_elsewhere_is_extended_by_its_whole_path(loaded: LoadedManifest, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    proposal = propose(repeats(loaded, [79.9, 80.0, 80.1]), loaded, 3)
    assert "Save this" not in patch(proposal, folder)
    assert saved(proposal, folder).sources[1] == tmp_path / "manifests" / "toy.yaml"


def test_a_figure_of_the_chips_own_is_the_one_replaced(loaded: LoadedManifest) -> None:
    runs = [make_entry(loaded, accuracy(79.0, expected=79.0))] * 3
    expected = saved(propose(runs, loaded, 3)).manifest.expected
    assert expected.accuracy is not None
    assert (expected.accuracy.value, expected.accuracy.tolerance.abs) == (80.0, 0.005)
    assert dict(expected.chips["310P3"].accuracy) == {8: 79.0}
    runs = [make_entry(loaded, accuracy(78.4321, expected=79.0))] * 3
    assert dict(saved(propose(runs, loaded, 3)).manifest.expected.chips["310P3"].accuracy) == {8: 78.4321}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"verdict": Verdict.ERROR}, "1 error", id="error"),
        pytest.param({"verdict": Verdict.STOPPED}, "1 stopped", id="stopped"),
        pytest.param({"verdict": Verdict.INCONCLUSIVE}, "1 inconclusive", id="inconclusive"),
        pytest.param({"subset": "pr"}, "1 of the subset pr", id="subset"),
        pytest.param({"digest": "x"}, "1 of the manifest as it was before, or with --set", id="another manifest"),
        pytest.param({"chip": "310P1"}, "1 with another backend, chip or checkpoint", id="chip"),
        pytest.param({"backend": "cpu"}, "1 with another backend, chip or checkpoint", id="backend"),
        pytest.param({"weights": "x"}, "1 with another backend, chip or checkpoint", id="weights"),
    ],
)
def test_what_is_no_repeat_does_not_count(loaded: LoadedManifest, change: dict[str, str], reason: str) -> None:
    runs = repeats(loaded, [80.0, 80.0, 80.0])
    runs[1] = replace(runs[1], **change)  # type: ignore[arg-type] # as each row says
    with pytest.raises(ProposalError) as caught:
        propose(runs, loaded, 3)
    assert caught.value.exit_code is ExitCode.INCONCLUSIVE
    assert str(caught.value) == (
        "manifests/toy.yaml: expected at least 3 runs that passed or failed on the whole data set, of this manifest as "
        f"it is now, on one backend and chip with the same weights; found 2 (left out: {reason}). "
        "Run `zoo-run manifests/toy.yaml` 1 more time, then ask again"
    )
    assert len(propose([*runs, *repeats(loaded, [80.0])], loaded, 9).runs) == 3


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_runs(loaded: LoadedManifest, count: int) -> None:
    with pytest.raises(ProposalError, match=f"found {count}. Run `zoo-run manifests/toy.yaml` {3 - count} more time"):
        propose(repeats(loaded, [80.0] * count), loaded, 5)


def test_too_few_asked_for(loaded: LoadedManifest) -> None:
    with pytest.raises(ProposalError, match="expected at least 3 runs to propose tolerances from, found --propose 2"):
        propose(repeats(loaded, [80.0] * 5), loaded, 2)


def test_failed_and_waived_runs_are_repeats_too(loaded: LoadedManifest) -> None:
    lines = [accuracy(value, verdict=verdict) for value, verdict in ((1.0, Verdict.FAIL), (2.0, Verdict.WAIVED))]
    runs = [*(make_entry(loaded, line) for line in lines), *repeats(loaded, [3.0])]
    runs[0] = replace(runs[0], verdict=Verdict.FAIL)
    with pytest.raises(ProposalError, match=r"accuracy/top1: 2\.00 percent, give or take 12\.00, scatters too much"):
        propose(runs, loaded, 3)


def test_lines_that_cannot_be_trusted_are_left_out(loaded: LoadedManifest) -> None:
    disturbed = rate(1, 7.0, verdict=Verdict.INCONCLUSIVE)
    runs = [
        make_entry(loaded, accuracy(80.0), rate(1, 101.0)),
        make_entry(loaded, accuracy(80.0), disturbed),
        make_entry(loaded, accuracy(80.0), rate(1, 102.0)),
        make_entry(loaded, accuracy(80.0, expected=79.0), rate(8, 200.0)),
        make_entry(loaded, accuracy(math.inf)),
        make_entry(loaded, accuracy(None)),
    ]
    proposal = propose(runs, loaded, 6)
    assert [(each.line, each.runs) for each in proposal.figures] == [(ACCURACY, 3)]
    assert proposal.left_out == ("throughput/310P3/1: measured and judged in 2 of 6 runs, too few",)
    assert f"# left out: {proposal.left_out[0]}\n" in patch(proposal, Path())
    assert "chips" not in proposal.expected


def test_figures_nothing_is_expected_of_stay_so(loaded: LoadedManifest) -> None:
    with pytest.raises(ProposalError, match="give the manifest expectations, any figure at first, and run it 3 times"):
        propose([make_entry(loaded, accuracy(80.0, expected=None))] * 3, loaded, 3)


def test_a_tolerance_as_wide_as_the_figure_is_refused(loaded: LoadedManifest) -> None:
    with pytest.raises(ProposalError) as caught:
        propose(repeats(loaded, [10.0, 50.0, 90.0]), loaded, 3)
    assert str(caught.value) == (
        "manifests/toy.yaml: the last 3 runs allow no figure:\naccuracy/top1: 50.00 percent, give or take 460.00, "
        "scatters too much over 3 runs; run on a quieter machine, time longer (benchmark.loop), or repeat it more"
    )


def test_what_scatters_too_much_is_left_out(loaded: LoadedManifest) -> None:
    runs = [make_entry(loaded, accuracy(80.0), rate(1, value), rate(8, 205.0)) for value in (40.0, 100.0, 160.0)]
    proposal = propose(runs, loaded, 3)
    assert [each.line for each in proposal.figures] == [ACCURACY, "throughput/310P3/8"]
    (left_out,) = proposal.left_out
    assert left_out.startswith(
        "throughput/310P3/1: 100.00 images/s, give or take 690.00, scatters too much over 3 runs"
    )
    assert proposal.expected["chips"]["310P3"]["throughput"] == {8: 205.0}


def test_a_tolerance_as_wide_as_the_figure_is_fine_where_less_is_better(tmp_path: Path) -> None:
    path = tmp_path / "errors.yaml"
    path.write_text(MANIFEST.replace("top1, value: 80.0, tolerance: {rel: 0.1}", "top1, value: 5, direction: at_most"))
    loaded = load(path)
    (figure,) = propose([make_entry(loaded, accuracy(each, expected=5)) for each in (1, 2, 3)], loaded, 3).figures
    assert (figure.value, figure.tolerance) == (2.0, 12.0)


def test_the_rest_of_the_manifest_may_forbid_a_figure(loaded: LoadedManifest) -> None:
    text = MANIFEST.replace("tolerance: {rel: 0.1}", "tolerance: {rel: 0.01}, too_good: {abs: 2}")
    loaded.path.write_text(text)
    narrow = load(loaded.path)
    with pytest.raises(ProposalError) as caught:
        propose(repeats(narrow, [79.0, 80.0, 81.0]), narrow, 3)
    assert "what the runs say does not fit the rest of the manifest; change that first:\n" in str(caught.value)
    assert "too_good: expected more than the tolerance (12), found 2" in str(caught.value)


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
        rel: 0.1
"""


@pytest.mark.parametrize("tool", ["git apply", "patch -p1"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(MANIFEST, id="flow"),
        pytest.param(COMMENTED, id="comments"),
        pytest.param(COMMENTED.replace("      tolerance:\n        rel: 0.1\n", ""), id="nothing tolerated"),
        pytest.param(COMMENTED.replace("\n", "\r\n"), id="Windows"),
        pytest.param(COMMENTED.rstrip("\n"), id="no last newline"),
    ],
)
def test_a_diff_changes_the_manifest_as_the_patch_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, tool: str
) -> None:
    command = tool.split()
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    monkeypatch.chdir(tmp_path)
    path = Path("manifests") / "my toy.yaml"
    path.parent.mkdir()
    path.write_bytes(text.encode())
    loaded = load(path)
    runs = [make_entry(loaded, accuracy(each), rate(1, 99 + each), rate(8, 205.0)) for each in (79.9, 80.0, 80.2)]
    proposal = propose(runs, loaded, 3)
    wanted = saved(proposal).manifest.expected
    subprocess.run(command, input=diff(proposal, Path.cwd()).encode(), check=True, capture_output=True)
    after = path.read_bytes().decode()
    assert load(path).manifest.expected == wanted
    assert [
        line for line in text.splitlines() if "#" in line and not any(each in line for each in ("80.0", "200.0"))
    ] == [line for line in after.splitlines() if "#" in line and not any(each in line for each in ("80.0", "205.0"))]
    assert "\r" in after or "\r" not in text
    assert ("# table 3" in after, "# the one that matters" in after) == ("# table 3" in text,) * 2


def test_a_diff_of_a_manifest_elsewhere_says_where_it_belongs(loaded: LoadedManifest, tmp_path: Path) -> None:
    text = diff(propose(repeats(loaded, [79.9, 80.0, 80.1]), loaded, 3), tmp_path / "other")
    assert f"# Apply this in {tmp_path / 'manifests'}.\n--- a/toy.yaml\n+++ b/toy.yaml\n" in text


def test_a_diff_goes_to_the_manifest_that_was_asked_about_not_to_its_base(loaded: LoadedManifest) -> None:
    base = loaded.path.read_text()
    child = loaded.path.with_name("child.yaml")
    child.write_text("extends: toy.yaml\nname: child\nexpected:\n  chips: null")
    heir = load(child)
    runs = [replace(each, digest=heir.digest) for each in repeats(heir, [79.9, 80.0, 80.1])]
    text = diff(propose(runs, heir, 3), Path.cwd())
    assert text.partition("--- ")[2] == (
        "a/manifests/child.yaml\n+++ b/manifests/child.yaml\n@@ -1,4 +1,5 @@\n extends: toy.yaml\n name: child\n"
        " expected:\n-  chips: null\n\\ No newline at end of file\n+  chips: null\n"
        "+  accuracy: {tolerance: {abs: 1.2, rel: 0.0}}\n\\ No newline at end of file\n"
    )
    assert loaded.path.read_text() == base
