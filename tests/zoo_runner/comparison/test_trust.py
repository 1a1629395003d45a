"""When the difference from a baseline says something of the model, and when nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from zoo_runner.causes import Cause
from zoo_runner.comparison.metrics import metric_changes
from zoo_runner.comparison.pairs import pair, score_pairs
from zoo_runner.comparison.trust import Question, distrust
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.manifest.lines import metric_line
from zoo_runner.plugin.scoring import score
from zoo_runner.report.ground_truth import UNKNOWN, sample_digest
from zoo_runner.report.model import MetricRecord

if TYPE_CHECKING:
    from tests.zoo_runner.comparison.conftest import World
    from zoo_runner.comparison.baseline import Baseline

TRUTHS = "abba" * 10
MET = {"expected": 95.0, "tolerance": 2.0}
QUICK = Uncertainty(resamples=100)


def baseline(
    world: World, guesses: str = TRUTHS, *, digests: bool = True, subset: bool = False, **line: Any
) -> Baseline:
    """A run over all samples that got them right, and was expected to; or one of each second sample only."""
    step = 2 if subset else 1
    names = [each.id for each in world.samples(TRUTHS)[::step]]
    made = world.baseline(TRUTHS[::step], guesses[::step], ids=names, subset="pr" if subset else None)
    metrics = tuple(each.model_copy(update={"id": "", **MET, **line}) for each in made.report.metrics)
    known = {each.id: sample_digest(each) for each in world.samples(TRUTHS)[::step]} if digests else {}
    return replace(made, report=made.report.model_copy(update={"metrics": metrics}), digests=known)


def asked(world: World, earlier: Baseline, today: str = TRUTHS, *, step: int = 1, tolerance: float = 0.5) -> Question:
    """A run over each ``step``-th sample of today's annotations, with the right guess for each of then."""
    dataset, metric = world.samples(today), world.metric
    scored, guesses = dataset[::step], world.predictions(TRUTHS[: len(today)][::step])
    found = score(metric, scored, guesses)
    values, pairs = found.values, score_pairs(metric, pair(earlier, scored, guesses), found)
    change = metric_changes(earlier, metric, values, pairs, QUICK)[0]
    name = metric_line("right", "own", "pr" if step > 1 else None)
    record = MetricRecord(
        id=name, name="right", protocol="own", value=values[0].value, unit="percent",
        samples=len(scored), dataset_samples=len(scored),
    )  # fmt: skip # one row for what it is, one for how many
    return Question(
        baseline=earlier,
        metric=metric,
        record=record,
        dataset=dataset,
        scored=scored,
        change=change,
        tolerance=tolerance,
    )


SWAPPED = "".join({"a": "b", "b": "a"}[each] if place % 2 == 0 else each for place, each in enumerate(TRUTHS))
"""Each second sample, the first one among them, is annotated as the other class."""
ONE = f"{TRUTHS[0]}{'a' if TRUTHS[1] == 'b' else 'b'}{TRUTHS[2:]}"
"""One sample, which each second one from the first on is not, is annotated otherwise."""


@pytest.mark.parametrize("digests", [True, False], ids=["digests", "a report of before"])
@pytest.mark.parametrize(
    ("step", "subset"), [(1, False), (2, False), (2, True)], ids=["whole", "part of a whole", "part and part"]
)
def test_what_is_as_it_was_is_trusted(world: World, step: int, subset: bool, digests: bool) -> None:
    assert distrust(asked(world, baseline(world, digests=digests, subset=subset), step=step)) is None


@pytest.mark.parametrize("tolerance", [0.5, 100.0])
@pytest.mark.parametrize(("step", "subset"), [(1, False), (2, False), (2, True)])
def test_swapped_classes_are_seen_on_the_scored_samples(
    world: World, step: int, subset: bool, tolerance: float
) -> None:
    found = distrust(asked(world, baseline(world, subset=subset), SWAPPED, step=step, tolerance=tolerance))
    assert found is not None
    assert found.cause is Cause.BASELINE_CHANGED
    assert found.text == (
        f"the annotations of 20 of the {40 // step} samples are not those that the baseline was scored with, such as "
        "s1: run the baseline again"
    )


@pytest.mark.parametrize(
    ("tolerance", "text"),
    [
        (0.5, "the baseline's predictions scored 100.0000 then and 50.0000 now: data or metric changed"),
        (100.0, "the baseline does not say with which annotations its samples were scored"),
    ],
)
def test_a_subset_against_a_whole_set_of_before_needs_proof(world: World, tolerance: float, text: str) -> None:
    found = distrust(asked(world, baseline(world, digests=False), SWAPPED, step=2, tolerance=tolerance))
    assert found is not None
    assert found.cause is Cause.BASELINE_CHANGED
    assert found.text.startswith(text)
    assert found.text.endswith("run the baseline again")


@pytest.mark.parametrize(("tolerance", "trusted"), [(3.0, True), (2.0, False)])
def test_annotations_of_other_samples_count_by_what_they_do_to_the_whole(
    world: World, tolerance: float, trusted: bool
) -> None:
    found = distrust(asked(world, baseline(world), ONE, step=2, tolerance=tolerance))  # 2.5 points of the whole
    assert (found is None) is trusted


def test_a_data_set_that_lost_samples_cannot_tell(world: World) -> None:
    found = distrust(asked(world, baseline(world), TRUTHS[:-4], step=2))
    assert found is not None
    assert "the baseline scored 40 samples, of which the data set has 36 today" in found.text


def test_a_digest_that_is_not_known_is_no_other_digest(world: World) -> None:
    unknown = replace(baseline(world), digests=dict.fromkeys([each.id for each in world.samples(TRUTHS)], UNKNOWN))
    assert distrust(asked(world, unknown, step=2)) is None


LOST = f"{'b' * 4}{TRUTHS[4:]}"
"""Two of forty wrong: 95 percent."""


@pytest.mark.parametrize(
    ("guesses", "line", "text"),
    [
        pytest.param(TRUTHS, {}, "", id="met"),
        pytest.param(LOST, {}, "", id="met as it is"),
        pytest.param(LOST, {"expected": 97.0}, "", id="met at the bound"),
        pytest.param(
            LOST, {"expected": 98.0},
            "right/own was 95.0000 there, expected 98 with a tolerance of 2", id="missed",
        ),
        pytest.param(
            LOST, {"expected": 97.0, "rule": "paired", "absolute": 1.0},
            "right/own was 95.0000 there, expected 97 with a tolerance of 1", id="missed, by another rule",
        ),
        pytest.param(LOST, {"expected": 94.0, "direction": "at_most"}, "", id="met, at most"),
        pytest.param(TRUTHS, {"expected": None}, "nothing was expected of right/own there", id="no figure"),
        pytest.param(TRUTHS, {"dataset_samples": 80}, "only 40 of 80 samples were scored there", id="a part"),
    ],
)  # fmt: skip # a case in two rows
def test_the_baseline_must_have_met_its_own_figure(world: World, guesses: str, line: dict[str, Any], text: str) -> None:
    found = distrust(asked(world, baseline(world, guesses, **line)))
    assert (found is None) is (text == "")
    if found is not None:
        assert found.cause is Cause.BASELINE_MISSED
        assert found.text == f"the baseline did not meet its own figure: {text}; give a run that met it"


def test_a_baseline_of_another_subset_has_no_line(world: World) -> None:
    earlier = baseline(world)
    other = replace(earlier, report=earlier.report.model_copy(update={"subset": "night"}))
    found = distrust(asked(world, other, step=2))
    assert found is not None
    assert found.text == "the baseline has no line right/own@pr, nor one of the whole data set; run it again"
