"""Errors and scores of single images: hand-worked cases, a plain loop, and the data set's own metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voc_scenes import Detection, Object, Prediction, prediction_of, sample_of, scored
from zoo_detection.mean_ap.by_class import detections_of, ground_truth_of
from zoo_detection.mean_ap.evidence.diagnosis import ERRORS, KINDS, judge
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.samples import DetectionSample
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.errors import PluginError, ResultError
from zoo_runner.plugin.evidence import DiagnosedScore
from zoo_runner.plugin.interfaces import Sample

if TYPE_CHECKING:
    Voc2007 = Any  # of conftest.py, which tests cannot import

CLASSES = ("cat", "dog")
METRIC = VocMetric(CLASSES)
CAT, DOG = range(len(CLASSES))


def judged(detections: Sequence[Detection], objects: Sequence[Object]) -> tuple[list[str], list[str]]:
    """What detections and objects are called."""
    sample = sample_of(objects)
    judgement = judge(detections_of([sample], [prediction_of(detections)], CLASSES), ground_truth_of([sample], CLASSES))
    return [KINDS[kind] for kind in judgement.kinds], [KINDS[kind] for kind in judgement.objects]


# --- hand-worked -----------------------------------------------------------------------------------------------

A: Sequence[float] = (101, 101, 200, 200)
ON_A: Sequence[float] = (99, 99, 198, 198)
"""In the reference's frame both lie at 100..199."""
ASIDE: Sequence[float] = (99, 99, 198, 135)
"""Covers a third of A."""
SLIGHTLY: Sequence[float] = (99, 99, 198, 107)
"""Covers a twelfth of A."""
NOWHERE: Sequence[float] = (300, 300, 360, 360)


@pytest.mark.parametrize(
    ("detections", "objects", "expected"),
    [
        ([], [], ([], [])),
        ([], [(CAT, A, False)], ([], ["missed"])),
        ([], [(CAT, A, True)], ([], ["ignored"])),
        ([(CAT, 0.9, ON_A)], [(CAT, A, False)], (["hit"], ["truth"])),
        ([(CAT, 0.3, ON_A)], [(CAT, A, False)], (["hit"], ["truth"])),
        ([(CAT, 0.29, ON_A)], [(CAT, A, False)], ([], ["missed"])),
        ([(CAT, 0.9, ON_A)], [(CAT, A, True)], (["ignored"], ["ignored"])),
        ([(CAT, 0.5, ON_A), (CAT, 0.9, ON_A)], [(CAT, A, False)], (["duplicate", "hit"], ["truth"])),
        ([(CAT, 0.9, ON_A), (CAT, 0.9, ON_A)], [(CAT, A, False)], (["hit", "duplicate"], ["truth"])),
        ([(CAT, 0.9, ON_A), (CAT, 0.8, ON_A)], [(CAT, A, True)], (["ignored", "ignored"], ["ignored"])),
        ([(CAT, 0.9, ASIDE)], [(CAT, A, False)], (["localisation"], ["truth"])),
        ([(CAT, 0.9, ASIDE), (CAT, 0.8, ON_A)], [(CAT, A, False)], (["localisation", "hit"], ["truth"])),
        ([(CAT, 0.9, ASIDE)], [(CAT, A, True)], (["localisation"], ["ignored"])),
        ([(CAT, 0.9, SLIGHTLY)], [(CAT, A, False)], (["background"], ["missed"])),
        ([(DOG, 0.9, ON_A)], [(CAT, A, False)], (["confusion"], ["truth"])),
        ([(DOG, 0.9, ON_A)], [(CAT, A, True)], (["confusion"], ["ignored"])),
        ([(DOG, 0.9, ASIDE)], [(CAT, A, False)], (["background"], ["missed"])),
        ([(CAT, 0.9, NOWHERE)], [(CAT, A, False)], (["background"], ["missed"])),
        ([(CAT, 0.9, ON_A)], [(DOG, A, False), (CAT, A, False)], (["hit"], ["missed", "truth"])),
        ([(CAT, 0.9, ASIDE)], [(DOG, ASIDE, False), (CAT, A, False)], (["localisation"], ["missed", "truth"])),
        ([(CAT, 0.9, ON_A)], [(CAT, A, True), (CAT, A, False)], (["ignored"], ["ignored", "missed"])),
        ([(CAT, 0.9, (-3e38, -3e38, 3e38, 3e38))], [(CAT, A, False)], (["background"], ["missed"])),
    ],
    ids=[
        "nothing",
        "missed",
        "difficult and not found",
        "hit",
        "a score that just counts",
        "a score that does not count",
        "difficult and found",
        "the better score is the hit",
        "of equal scores the first is the hit",
        "difficult ones have no duplicates",
        "too far off",
        "too far off, and another is right",
        "too far off a difficult one",
        "hardly touching",
        "another class",
        "another class, difficult",
        "too far off, another class",
        "nothing there",
        "a right one does not explain another class's object",
        "localisation before confusion",
        "best overlap is difficult",
        "largest box",
    ],
)
def test_kinds(
    detections: Sequence[Detection], objects: Sequence[Object], expected: tuple[list[str], list[str]]
) -> None:
    assert judged(detections, objects) == expected


def test_kinds_are_counted_by_image() -> None:
    samples = [sample_of([(CAT, A, False)], 1), sample_of([], 2), sample_of([(DOG, A, False), (CAT, A, True)], 3)]
    predictions = [
        prediction_of([(CAT, 0.9, ON_A), (CAT, 0.8, ON_A), (CAT, 0.7, NOWHERE), (DOG, 0.6, NOWHERE)]),
        prediction_of([(DOG, 0.9, ON_A), (DOG, 0.1, ON_A)]),
        prediction_of([]),
    ]
    diagnoses = scored(METRIC, samples, predictions).diagnose()
    assert [each.errors for each in diagnoses] == [
        {"duplicate": 1, "background": 2},
        {"background": 1},
        {"missed": 1},
    ]
    assert [each.score for each in diagnoses] == [pytest.approx(100.0), None, 0.0]


def test_nothing_to_diagnose() -> None:
    assert scored(METRIC, [], []).diagnose() == ()


def test_what_it_says_about_itself() -> None:
    score = scored(METRIC, [], [])
    assert isinstance(score, DiagnosedScore)
    assert score.error_kinds == ("missed", "confusion", "localisation", "duplicate", "background") == ERRORS
    assert score.diagnosis_basis == (
        "detections with a score of at least 0.3; IoU above 0.5 finds an object, above 0.1 is a localisation error"
    )


def test_what_is_refused() -> None:
    with pytest.raises(ResultError, match="expected one prediction for each of 1 samples; found 0"):
        scored(METRIC, [sample_of([])], []).diagnose()
    with pytest.raises(PluginError, match="expected samples of a VOC data set with 2 classes"):
        scored(METRIC, [Sample(index=1, id="a", path=Path("a"))], [prediction_of([])]).diagnose()


# --- a plain loop ----------------------------------------------------------------------------------------------

CORNER = st.integers(0, 8).map(lambda step: 5 + step * 4)
SIDE = st.integers(0, 10).map(lambda step: step * 4)


@st.composite
def objects(draw: st.DrawFn) -> Object:
    x, y = draw(CORNER), draw(CORNER)
    return draw(st.integers(0, 1)), (x, y, x + draw(SIDE), y + draw(SIDE)), draw(st.booleans())


@st.composite
def detections(draw: st.DrawFn) -> Detection:
    x, y = draw(CORNER), draw(CORNER)
    score = draw(st.sampled_from([0.25, 0.3, 0.5, 0.75]))
    return draw(st.integers(0, 1)), score, (x, y, x + draw(SIDE), y + draw(SIDE))


def looped(found: Sequence[Detection], true: Sequence[Object]) -> tuple[list[str], list[str]]:
    """One detection at a time, from the best score down."""
    names = ["ignored" if difficult else "missed" for _, _, difficult in true]
    looked = [place for place, (_, score, _) in enumerate(found) if np.float32(score) >= np.float32(0.3)]
    kinds: dict[int, str] = {}
    hit: set[int] = set()
    about: set[int] = set()
    for place in sorted(looked, key=lambda place: -found[place][1]):
        label, _, box = found[place]
        overlaps = [iou([side + 1 for side in box], [side - 1 for side in other]) for _, other, _ in true]
        own = [value if true[number][0] == label else 0.0 for number, value in enumerate(overlaps)]
        other = [value if true[number][0] != label else 0.0 for number, value in enumerate(overlaps)]
        best, wrong = (values.index(max(values)) if values else -1 for values in (own, other))
        if true and own[best] > 0.5 and true[best][2]:
            kinds[place] = "ignored"
        elif true and own[best] > 0.5:
            kinds[place] = "duplicate" if best in hit else "hit"
            hit.add(best)
        elif true and own[best] > 0.1:
            kinds[place] = "localisation"
            about.add(best)
        elif true and other[wrong] > 0.5:
            kinds[place] = "confusion"
            about.add(wrong)
        else:
            kinds[place] = "background"
    names = ["truth" if name == "missed" and number in hit | about else name for number, name in enumerate(names)]
    return [kinds[place] for place in looked], names


def iou(one: Sequence[float], other: Sequence[float]) -> float:
    width, height = (min(one[end], other[end]) - max(one[end - 2], other[end - 2]) for end in (2, 3))
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


@given(st.lists(detections(), max_size=12), st.lists(objects(), max_size=6))
def test_vectorised_is_the_plain_loop(found: list[Detection], true: list[Object]) -> None:
    assert judged(found, true) == looped(found, true)


@given(st.lists(st.tuples(st.lists(detections(), max_size=8), st.lists(objects(), max_size=4)), max_size=4))
def test_many_images_are_each_on_their_own(scenes: list[tuple[list[Detection], list[Object]]]) -> None:
    samples = [sample_of(true, index) for index, (_, true) in enumerate(scenes, start=1)]
    diagnoses = scored(METRIC, samples, [prediction_of(found) for found, _ in scenes]).diagnose()
    for diagnosis, (found, true) in zip(diagnoses, scenes, strict=True):
        kinds, names = looped(found, true)
        expected = Counter(kinds + names)
        assert diagnosis.errors == {kind: expected[kind] for kind in ERRORS if expected[kind]}


# --- scores of single images -----------------------------------------------------------------------------------


def alone(metric: VocMetric, sample: DetectionSample, prediction: Prediction) -> float | None:
    """The headline's value of one image, over the classes that it has counted objects of."""
    shown = {metric.classes[label] for label in sample.labels[~sample.difficult]}
    per_class = scored(metric, [sample], [prediction]).values[0].per_class
    return float(np.mean([max(per_class[name], 0.0) for name in sorted(shown)])) if shown else None


@given(st.lists(st.tuples(st.lists(detections(), max_size=12), st.lists(objects(), max_size=5)), max_size=4))
def test_a_score_is_the_metric_on_one_image(scenes: list[tuple[list[Detection], list[Object]]]) -> None:
    """Up to 16 numbers numpy's default sort is stable, and so equal scores have the same order."""
    samples = [sample_of(true, index) for index, (_, true) in enumerate(scenes, start=1)]
    # Scores that only one image has: a sort of all images' detections keeps their order.
    rows = [
        [(label, score + image / 64 + place / 1024, box) for place, (label, score, box) in enumerate(found)]
        for image, (found, _) in enumerate(scenes)
    ]
    predictions = [prediction_of(each) for each in rows]
    found = [each.score for each in scored(METRIC, samples, predictions).diagnose()]
    assert found == [pytest.approx(alone(METRIC, *pair), abs=1e-9) for pair in zip(samples, predictions, strict=True)]


def test_scores_and_errors_of_voc2007(voc2007: Voc2007) -> None:
    metric = VocMetric(VOC_CLASSES)
    diagnoses = scored(metric, voc2007.samples, voc2007.predictions).diagnose()
    assert len(diagnoses) == len(voc2007.samples)
    weights = np.eye(len(diagnoses), dtype=np.uint8)[::100]
    resamples = scored(metric, voc2007.samples, voc2007.predictions).resample(weights)[0]
    for row, image in enumerate(range(0, len(diagnoses), 100)):
        sample = voc2007.samples[image]
        shown = sorted({VOC_CLASSES[label] for label in sample.labels[~sample.difficult]})
        expected = [max(float(resamples.per_class[name][row]), 0.0) for name in shown]
        assert diagnoses[image].score == (pytest.approx(np.mean(expected), abs=1e-9) if shown else None)
    total = sum((Counter(each.errors) for each in diagnoses), Counter())
    missed = total["missed"]
    assert set(total) == set(ERRORS)
    assert 0 < missed < 12032
