"""The figures that are proposed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo_runner.errors import ExitCode
from zoo_runner.history.proposal import ProposalError, propose, t_quantile
from zoo_runner.history.proposal_text import patch
from zoo_runner.manifest.figures import AccuracyExpectation
from zoo_runner.manifest.load import LoadedManifest, load
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from tests.zoo_runner.history.conftest import Toy

ACCURACY = "accuracy/top1"


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


def test_mean_and_prediction_interval_of_known_values(toy: Toy, loaded: LoadedManifest) -> None:
    (figure,) = propose(toy.repeats(loaded, [79.9, 80.0, 80.1, 80.0]), loaded, 4).figures
    spread = math.sqrt(0.02 / 3)
    half = 5.8409 * spread * math.sqrt(1 + 1 / 4)
    assert (figure.line, figure.unit, figure.expected, figure.runs) == (ACCURACY, "percent", 80.0, 4)
    assert figure.mean == pytest.approx(80.0)
    assert figure.spread == pytest.approx(spread)
    assert figure.value == 80.0
    assert half == pytest.approx(0.533, abs=0.001)
    assert figure.tolerance == 0.54


@settings(max_examples=40)
@given(
    centre=st.floats(1, 100),
    steps=st.lists(st.floats(-1, 1), min_size=3, max_size=30),
    scale=st.sampled_from([0.0, 1e-9, 1e-3, 0.1, 1.0]),
)
def test_what_was_measured_passes_and_the_tolerance_is_no_wider_than_needed(
    toy: Toy, tmp_path_factory: pytest.TempPathFactory, centre: float, steps: list[float], scale: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "steps.yaml"
    if not path.exists():
        path.write_text(toy.text.replace("top1,", "top1, unit: points,"))
    loaded = load(path)
    values = [centre + scale * step / 100 for step in steps]
    (figure,) = propose(toy.repeats(loaded, values), loaded, len(values)).figures
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


def test_a_figure_of_the_chips_own_is_the_one_replaced(toy: Toy, loaded: LoadedManifest) -> None:
    runs = [toy.entry(loaded, toy.accuracy(79.0, expected=79.0))] * 3
    expected = toy.saved(propose(runs, loaded, 3)).manifest.expected
    assert isinstance(expected.accuracy, AccuracyExpectation)
    assert (expected.accuracy.value, expected.accuracy.tolerance.abs) == (80.0, 0.005)
    assert dict(expected.chips["310P3"].accuracy) == {8: 79.0}
    runs = [toy.entry(loaded, toy.accuracy(78.4321, expected=79.0))] * 3
    assert dict(toy.saved(propose(runs, loaded, 3)).manifest.expected.chips["310P3"].accuracy) == {8: 78.4321}


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
def test_what_is_no_repeat_does_not_count(
    toy: Toy, loaded: LoadedManifest, change: dict[str, str], reason: str
) -> None:
    runs = toy.repeats(loaded, [80.0, 80.0, 80.0])
    runs[1] = replace(runs[1], **change)  # type: ignore[arg-type] # as each row says
    with pytest.raises(ProposalError) as caught:
        propose(runs, loaded, 3)
    assert caught.value.exit_code is ExitCode.INCONCLUSIVE
    assert str(caught.value) == (
        "manifests/toy.yaml: expected at least 3 runs that passed or failed on the whole data set, of this manifest as "
        f"it is now, on one backend and chip with the same weights; found 2 (left out: {reason}). "
        "Run `zoo-run manifests/toy.yaml` 1 more time, then ask again"
    )
    assert len(propose([*runs, *toy.repeats(loaded, [80.0])], loaded, 9).runs) == 3


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_runs(toy: Toy, loaded: LoadedManifest, count: int) -> None:
    with pytest.raises(ProposalError, match=f"found {count}. Run `zoo-run manifests/toy.yaml` {3 - count} more time"):
        propose(toy.repeats(loaded, [80.0] * count), loaded, 5)


def test_too_few_asked_for(toy: Toy, loaded: LoadedManifest) -> None:
    with pytest.raises(ProposalError, match="expected at least 3 runs to propose tolerances from, found --propose 2"):
        propose(toy.repeats(loaded, [80.0] * 5), loaded, 2)


def test_failed_and_waived_runs_are_repeats_too(toy: Toy, loaded: LoadedManifest) -> None:
    lines = [toy.accuracy(value, verdict=verdict) for value, verdict in ((1.0, Verdict.FAIL), (2.0, Verdict.WAIVED))]
    runs = [*(toy.entry(loaded, line) for line in lines), *toy.repeats(loaded, [3.0])]
    runs[0] = replace(runs[0], verdict=Verdict.FAIL)
    with pytest.raises(ProposalError, match=r"accuracy/top1: 2\.00 percent, give or take 12\.00, scatters too much"):
        propose(runs, loaded, 3)


def test_lines_that_cannot_be_trusted_are_left_out(toy: Toy, loaded: LoadedManifest) -> None:
    disturbed = toy.rate(1, 7.0, verdict=Verdict.INCONCLUSIVE)
    runs = [
        toy.entry(loaded, toy.accuracy(80.0), toy.rate(1, 101.0)),
        toy.entry(loaded, toy.accuracy(80.0), disturbed),
        toy.entry(loaded, toy.accuracy(80.0), toy.rate(1, 102.0)),
        toy.entry(loaded, toy.accuracy(80.0, expected=79.0), toy.rate(8, 200.0)),
        toy.entry(loaded, toy.accuracy(math.inf)),
        toy.entry(loaded, toy.accuracy(None)),
    ]
    proposal = propose(runs, loaded, 6)
    assert [(each.line, each.runs) for each in proposal.figures] == [(ACCURACY, 3)]
    assert proposal.left_out == ("throughput/310P3/1: measured and judged in 2 of 6 runs, too few",)
    assert f"# left out: {proposal.left_out[0]}\n" in patch(proposal, Path())
    assert "chips" not in proposal.expected


def test_figures_nothing_is_expected_of_stay_so(toy: Toy, loaded: LoadedManifest) -> None:
    with pytest.raises(ProposalError, match="give the manifest expectations, any figure at first, and run it 3 times"):
        propose([toy.entry(loaded, toy.accuracy(80.0, expected=None))] * 3, loaded, 3)


def test_a_tolerance_as_wide_as_the_figure_is_refused(toy: Toy, loaded: LoadedManifest) -> None:
    with pytest.raises(ProposalError) as caught:
        propose(toy.repeats(loaded, [10.0, 50.0, 90.0]), loaded, 3)
    assert str(caught.value) == (
        "manifests/toy.yaml: the last 3 runs allow no figure:\naccuracy/top1: 50.00 percent, give or take 460.00, "
        "scatters too much over 3 runs; run on a quieter machine, time longer (benchmark.loop), or repeat it more"
    )


def test_what_scatters_too_much_is_left_out(toy: Toy, loaded: LoadedManifest) -> None:
    runs = [
        toy.entry(loaded, toy.accuracy(80.0), toy.rate(1, value), toy.rate(8, 205.0)) for value in (40.0, 100.0, 160.0)
    ]
    proposal = propose(runs, loaded, 3)
    assert [each.line for each in proposal.figures] == [ACCURACY, "throughput/310P3/8"]
    (left_out,) = proposal.left_out
    assert left_out.startswith(
        "throughput/310P3/1: 100.00 images/s, give or take 690.00, scatters too much over 3 runs"
    )
    assert proposal.expected["chips"]["310P3"]["throughput"] == {8: 205.0}


def test_a_tolerance_as_wide_as_the_figure_is_fine_where_less_is_better(toy: Toy, tmp_path: Path) -> None:
    path = tmp_path / "errors.yaml"
    path.write_text(toy.text.replace("top1, value: 80.0, tolerance: {rel: 0.05}", "top1, value: 5, direction: at_most"))
    loaded = load(path)
    (figure,) = propose([toy.entry(loaded, toy.accuracy(each, expected=5)) for each in (1, 2, 3)], loaded, 3).figures
    assert (figure.value, figure.tolerance) == (2.0, 12.0)


def test_the_rest_of_the_manifest_may_forbid_a_figure(toy: Toy, loaded: LoadedManifest) -> None:
    text = toy.text.replace("tolerance: {rel: 0.05}", "tolerance: {rel: 0.01}, too_good: {abs: 2}")
    loaded.path.write_text(text)
    narrow = load(loaded.path)
    with pytest.raises(ProposalError) as caught:
        propose(toy.repeats(narrow, [79.0, 80.0, 81.0]), narrow, 3)
    assert "what the runs say does not fit the rest of the manifest; change that first:\n" in str(caught.value)
    assert "too_good: expected more than the tolerance (12), found 2" in str(caught.value)


@pytest.mark.parametrize(
    ("runs", "count"),
    [
        pytest.param([(80.0, True), (80.0, True), (80.0, True)], 3, id="measured anew each time"),
        pytest.param([(80.0, False), (80.0, False), (80.0, True)], 1, id="kept twice"),
        pytest.param([(80.1, False), (80.0, False), (79.9, False)], 1, id="kept, of runs that are not here"),
        pytest.param([(80.0, False), (80.1, True), (79.9, True), (80.0, True)], 3, id="once more than kept"),
        pytest.param([(80.0, None), (80.0, None), (80.0, None)], 1, id="equal, and not known"),
        pytest.param([(80.0, None), (80.1, None), (79.9, None)], 3, id="different, and not known"),
        pytest.param([(80.0, None), (80.0, True), (79.9, True)], 2, id="not known, and equal to what was measured"),
    ],
)
def test_what_was_kept_counts_once(
    toy: Toy, loaded: LoadedManifest, runs: list[tuple[float, bool | None]], count: int
) -> None:
    entries = [toy.entry(loaded, toy.accuracy(value, fresh=fresh)) for value, fresh in runs]
    if count < 3:
        text = (
            rf"measured and judged in {count} of {len(runs)} runs, too few; {len(runs) - count} more took .*--no-cache"
        )
        with pytest.raises(ProposalError, match=text):
            propose(entries, loaded, len(runs))
    else:
        (figure,) = propose(entries, loaded, len(runs)).figures
        assert figure.runs == count


def test_kept_figures_never_make_a_tolerance_narrower(toy: Toy, loaded: LoadedManifest) -> None:
    measured = toy.repeats(loaded, [79.8, 80.0, 80.2])
    (alone,) = propose(measured, loaded, 3).figures
    kept = [toy.entry(loaded, toy.accuracy(80.0, fresh=False))] * 20
    (more,) = propose([*kept, *measured], loaded, 23).figures
    assert more == alone


@pytest.mark.parametrize(
    ("change", "samples"),
    [({"settings": {"infer.batch": "8"}}, 10), ({"devices": "1"}, 10), ({}, 5)],
    ids=["settings", "device", "samples"],
)
def test_figures_under_other_conditions_do_not_count(
    toy: Toy, loaded: LoadedManifest, change: dict[str, object], samples: int
) -> None:
    runs = [
        replace(each, settings={"infer.batch": "1"}, devices="0") for each in toy.repeats(loaded, [80.0, 80.1, 80.2])
    ]
    other = replace(runs[2], lines=(toy.accuracy(80.2, samples=samples),), **change)  # type: ignore[arg-type] # as each row says
    with pytest.raises(ProposalError, match=r"accuracy/top1: measured and judged in 2 of 3 runs, too few$"):
        propose([*runs[:2], other], loaded, 3)
