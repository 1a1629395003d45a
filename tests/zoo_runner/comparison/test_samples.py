from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zoo_runner.comparison.pairs import pair, score_pairs
from zoo_runner.comparison.samples import SHOWN, SampleChanges, sample_changes
from zoo_runner.manifest.direction import Direction

if TYPE_CHECKING:
    from tests.zoo_runner.comparison.conftest import World
    from zoo_runner.comparison.pairs import ScoredPairs
    from zoo_runner.plugin.scoring import Metric


def scored(world: World, truths: str, before: str, after: str, metric: Metric | None = None) -> ScoredPairs:
    pairs = pair(world.baseline(truths, before), world.samples(truths), world.predictions(after))
    return score_pairs(metric or world.metric, pairs)


def judged(world: World, truths: str, before: str, after: str, *, better: bool = True) -> SampleChanges:
    found = sample_changes(scored(world, truths, before, after), Direction.of(higher_is_better=better))
    assert found is not None
    return found


def test_what_did_not_change_is_left_out(world: World) -> None:
    assert [each.id for each in judged(world, "abab.", "abb..", "bbb..").worst] == ["s1"]


@pytest.mark.parametrize(
    ("truth", "before", "after", "lost", "errors"),
    [
        pytest.param("a", "a", ".", 100.0, {"missed": 1}, id="missed"),
        pytest.param("a", ".", "b", 0.0, {"confusion": 1, "missed": -1}, id="another error"),
        pytest.param("a", ".", "a", -100.0, {"missed": -1}, id="better"),
        pytest.param(".", ".", "b", 0.0, {"confusion": 1}, id="nothing to find"),
    ],
)
def test_a_sample_that_changed(
    world: World, truth: str, before: str, after: str, lost: float, errors: dict[str, int]
) -> None:
    (change,) = judged(world, truth, before, after).worst
    assert (change.id, change.index, change.lost, change.errors) == ("s1", 1, lost, errors)
    assert (change.before is None) is (truth == ".")


def test_losses_are_ranked_by_score_then_errors_then_place(world: World) -> None:
    found = judged(world, "aaa..ab", "a.a.a.b", ".aab.bb")
    assert [each.id for each in found.worst] == ["s1", "s4", "s6", "s5", "s2"]
    assert found.lower == 1


def test_totals_have_every_kind(world: World) -> None:
    found = judged(world, "aab", "a.b", "bab")
    assert (found.before, found.after) == ({"missed": 1, "confusion": 0}, {"missed": 0, "confusion": 1})
    assert list(found.after) == ["missed", "confusion"]


def test_only_the_worst_are_kept(world: World) -> None:
    found = judged(world, "a" * 70, "a" * 70, "a" + "b" * 69)
    assert [each.index for each in found.worst] == list(range(2, SHOWN + 2))
    assert found.lower == 69


def test_where_less_is_better_a_rise_is_a_loss(world: World) -> None:
    assert [each.lost for each in judged(world, "a", "a", "b", better=False).worst] == [-100.0]


def test_some_metrics_and_some_baselines_cannot_be_judged(world: World) -> None:
    assert sample_changes(scored(world, "a", "a", "b", world.plain), Direction.AT_LEAST) is None
    assert sample_changes(scored(world, "a", "x", "b"), Direction.AT_LEAST) is None
    none = score_pairs(world.metric, pair(world.baseline("a", "a"), (), ()))
    assert sample_changes(none, Direction.AT_LEAST) is None
