from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from coco_sets import CocoSet, prediction, pycocotools_of, random_set, sample
from zoo_detection.coco import average_precision, matching
from zoo_detection.coco.metric import CocoMetric
from zoo_detection.coco.values import ABSENT, averages_of
from zoo_detection.samples import DetectionSample
from zoo_runner.errors import PluginError, ResultError
from zoo_runner.plugin.evidence import CanaryMetric, CurveScore, DiagnosedScore, ResampledMetric, ScaledMetric
from zoo_runner.plugin.scoring import score

if TYPE_CHECKING:
    from zoo_detection.coco.scoring import CocoScore

CLASSES = ("cat", "dog")
BOX = (10.0, 20.0, 50.0, 40.0)
CORNERS = (10.0, 20.0, 60.0, 60.0)


def scored(made: CocoSet) -> CocoScore:
    scoring = CocoMetric(made.classes).scoring()
    scoring.update(made.samples, made.predictions)
    return scoring.compute()


def one_set(*pairs: tuple[Any, Any]) -> CocoSet:
    return CocoSet(samples=[each for each, _ in pairs], predictions=[each for _, each in pairs], classes=CLASSES)


SETS = {
    "no images": CocoSet(samples=(), predictions=(), classes=CLASSES),
    "an empty image": one_set((sample(0), prediction())),
    "objects and nothing found": one_set((sample(0, [BOX], [1]), prediction())),
    "found and no objects": one_set((sample(0), prediction([CORNERS], [0.5], [1]))),
    "a crowd alone": one_set(
        (sample(0, [BOX], [0], crowd=[True]), prediction([CORNERS] * 3, [0.5, 0.4, 0.4], [0] * 3))
    ),
    "a box without area": one_set((sample(0, [(5, 5, 0, 0)], [0]), prediction([(5, 5, 5, 5)], [0.5], [0]))),
    "a box turned around": one_set((sample(0, [BOX], [0]), prediction([(60, 60, 10, 20)], [0.5], [0]))),
    "twice the same object": one_set((sample(0, [BOX, BOX], [0, 0]), prediction([CORNERS] * 3, [0.5] * 3, [0] * 3))),
    "equal overlaps, one a crowd": one_set(
        (sample(0, [BOX, BOX], [0, 0], crowd=[True, False]), prediction([CORNERS] * 3, [0.5] * 3, [0] * 3))
    ),
    "areas at the ends": one_set(
        (sample(0, [BOX] * 4, [0, 1, 0, 1], areas=[0, 1024, 9216, 1e10]), prediction([CORNERS] * 2, [0.5] * 2, [0, 1]))
    ),
    "ties across images": one_set(
        *((sample(index, [BOX], [0]), prediction([CORNERS, BOX], [0.5, 0.5], [0, 0])) for index in range(5))
    ),
    "more than 100 of one class": one_set(
        (
            sample(0, [BOX], [0]),
            prediction([(200, 200, 250, 250)] * 120 + [CORNERS], [0.5] * 100 + [0.4] * 20 + [0.45], [0] * 121),
        )
    ),
    **{f"random {seed}": random_set(seed, classes=1 + seed % 5, most=(20, 5, 300)[seed % 3]) for seed in range(24)},
    "random without ties": random_set(100, images=30, ties=False),
}


@pytest.mark.parametrize("name", SETS)
def test_values_are_those_of_pycocotools(name: str) -> None:
    made = SETS[name]
    ours = scored(made)
    expected = pycocotools_of(made)

    np.testing.assert_allclose([each.value for each in ours.values], expected.values, rtol=0, atol=1e-11)  # percent
    averages = np.nan_to_num(averages_of(ours.ranked), nan=-1.0)
    np.testing.assert_allclose(averages, expected.averages, rtol=0, atol=1e-12)
    present = expected.averages[0].mean(axis=0)
    for label, value in zip(made.classes, present, strict=True):
        assert ours.values[0].per_class.get(label, -100.0) == pytest.approx(100 * value, abs=1e-11)


def test_without_objects_a_value_is_what_pycocotools_says() -> None:
    assert [each.value for each in scored(SETS["found and no objects"]).values] == [ABSENT] * 6


@pytest.mark.parametrize("sizes", [(12,), (1, 11), (4, 0, 8), (1,) * 12])
def test_chunks_change_nothing(sizes: tuple[int, ...]) -> None:
    made = random_set(7)
    scoring = CocoMetric(made.classes).scoring()
    ends = np.cumsum(sizes)
    for start, end in zip(ends - sizes, ends, strict=True):
        scoring.update(made.samples[start:end], made.predictions[start:end])
    found, whole = scoring.compute(), scored(made)

    assert found.values == whole.values
    assert found.diagnose() == whole.diagnose()
    weights = np.random.default_rng(0).integers(0, 3, (4, 12))
    for one, other in zip(found.resample(weights), whole.resample(weights), strict=True):
        np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize("seed", range(4))
def test_resamples_are_what_the_chosen_images_score(seed: int) -> None:
    made = random_set(seed, ties=False)
    rng = np.random.default_rng(seed)
    weights = np.concatenate((np.ones((1, 12), np.int64), rng.integers(0, 2, (3, 12)), np.zeros((1, 12), np.int64)))
    records = scored(made).resample(weights)
    for place, row in enumerate(weights):
        chosen = np.flatnonzero(row).tolist()
        part = scored(
            CocoSet(
                samples=[made.samples[each] for each in chosen],
                predictions=[made.predictions[each] for each in chosen],
                classes=made.classes,
            )
        )
        for record, value in zip(records, part.values, strict=True):
            assert (record.name, record.protocol) == (value.name, value.protocol)
            assert record.values[place] == pytest.approx(value.value, abs=1e-10)
            for label, values in record.per_class.items():
                expected = value.per_class.get(label, np.nan)
                assert values[place] == pytest.approx(expected, abs=1e-10, nan_ok=True)


def test_an_image_drawn_twice_is_two_images() -> None:
    made = random_set(3, ties=False)
    doubled = CocoSet(
        samples=[each for one in made.samples for each in (one, one)],
        predictions=[each for one in made.predictions for each in (one, one)],
        classes=made.classes,
    )
    twice = scored(made).resample(np.full((1, 12), 2))
    for record, value in zip(twice, scored(doubled).values, strict=True):
        assert record.values[0] == pytest.approx(value.value, abs=1e-10)


@pytest.mark.parametrize("weights", [np.ones((1, 3), int), np.ones((1, 12)), -np.ones((1, 12), int)])
def test_other_weights_are_refused(weights: Any) -> None:
    with pytest.raises(ValueError, match=r"expected non-negative integers\[R, 12\]"):
        scored(random_set(0)).resample(weights)


def test_curves_average_to_the_headline() -> None:
    ours = scored(random_set(5))
    curves = ours.curves()
    assert [each.label for each in curves] == list(ours.values[0].per_class)
    for each in curves:
        assert 100 * np.mean(each.level_precision) == pytest.approx(each.average, abs=1e-9)
        assert each.average == ours.values[0].per_class[each.label]
        assert each.recall == each.levels


def test_diagnosis_scores_each_image_alone() -> None:
    made = random_set(9, ties=False)
    found = scored(made).diagnose()
    for place, each in enumerate(found):
        alone = CocoSet(samples=[made.samples[place]], predictions=[made.predictions[place]], classes=made.classes)
        value = scored(alone).values[0].value
        assert each.score is None if value == ABSENT else each.score == pytest.approx(value, abs=1e-10)
    assert {kind for each in found for kind in each.errors} >= {"missed", "background"}


def test_voc_objects_become_what_a_converter_makes_of_them() -> None:
    """The last pixel is inside; a difficult object counts neither way, but is no crowd: found twice, it is wrong."""
    voc = DetectionSample(
        index=1,
        id="a",
        path=Path("a.jpg"),
        width=100,
        height=100,
        boxes=np.array([(11, 21, 60, 60), (1, 1, 40, 40)], np.float32),
        labels=np.array([0, 0]),
        difficult=np.array([False, True]),
    )
    found = prediction([(0, 0, 40, 40), (0, 0, 40, 40), CORNERS], [0.9, 0.8, 0.7], [0, 0, 0])
    values = score(CocoMetric(CLASSES), [voc], [found]).values
    assert values[0].value == pytest.approx(50.0)
    assert values[0].support == {"cat": 1, "dog": 0}


def test_what_cannot_be_scored_is_refused() -> None:
    metric = CocoMetric(CLASSES)
    with pytest.raises(ResultError, match="expected labels from 0 to 1, found 2 to 2"):
        score(metric, [sample(0)], [prediction([CORNERS], [0.5], [2])])
    with pytest.raises(ResultError, match="expected finite scores"):
        score(metric, [sample(0)], [prediction([CORNERS], [np.nan], [0])])
    with pytest.raises(PluginError, match="expected samples of"):
        score(metric, [sample(0, [BOX], [2])], [prediction()])


def test_it_has_all_that_a_metric_can_have() -> None:
    metric = CocoMetric(CLASSES)
    assert isinstance(metric, CanaryMetric)
    assert isinstance(metric, ResampledMetric)
    assert isinstance(metric, ScaledMetric)
    assert isinstance(scored(SETS["an empty image"]), CurveScore)
    assert isinstance(scored(SETS["an empty image"]), DiagnosedScore)
    assert metric.measures[0] == ("coco_map", "coco")
    assert {(each.unit, each.worst, each.best) for each in metric.scales} == {("percent", 0.0, 100.0)}


def noticed(classes: int) -> list[str]:
    """The rules whose canaries differ."""
    metric = CocoMetric([f"class {n}" for n in range(classes)])
    rules = []
    for canary in metric.canaries():
        values = {each.name: each for each in score(metric, canary.samples, canary.predictions).values}
        for each in canary.expected:
            whole = values[each.name]
            found = whole.value if each.label is None else whole.per_class.get(each.label)
            if found is None or abs(found - each.value) > 1e-9:
                rules.append(each.rule)
    return rules


@pytest.mark.parametrize("classes", [1, 2, 20])
def test_canaries_hold(classes: int) -> None:
    assert noticed(classes) == []


MUTATIONS: dict[str, tuple[Any, str, Any, str]] = {
    "another first overlap": (matching, "IOUS", np.linspace(0.55, 0.95, 10), "exactly one half"),
    "fewer detections": (matching, "MOST", 1, "second detection"),
    "more detections": (matching, "MOST", 1000, "at most 100"),
    "eleven recalls": (average_precision, "RECALLS", np.linspace(0, 1, 11), "101 recalls"),
    "areas without their ends": (
        matching,
        "AREAS",
        tuple((name, low + 1e-6, high - 1e-6) for name, low, high in matching.AREAS),
        "both ends",
    ),
    "precision as it is": (average_precision, "best_beyond", lambda precision, _: precision, "or beyond"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_rule_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, value, rule = MUTATIONS[name]
    monkeypatch.setattr(module, attribute, value)
    assert any(rule in each for each in noticed(20))


def test_crowds_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = matching.annotated
    monkeypatch.setattr(
        "zoo_detection.coco.scoring.annotated",
        lambda *args: replace(original(*args), crowd=np.zeros_like(original(*args).crowd)),
    )
    assert noticed(20) == ["a crowd can be found many times, and counts neither way"]
