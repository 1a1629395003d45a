"""The canaries of the mAP: their values are those of a plain loop, and every broken rule is noticed and named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from voc_loop import looped
from zoo_detection.mean_ap import average_precision, matches, matching, tie_spread
from zoo_detection.mean_ap import metric as metric_module
from zoo_detection.mean_ap import scoring as scoring_module
from zoo_detection.mean_ap import values as values_module
from zoo_detection.mean_ap.average_precision import Curve, curve_of
from zoo_detection.mean_ap.canaries import SHIFTS, Scene
from zoo_detection.mean_ap.canary_scenes import SCENES
from zoo_detection.mean_ap.matching import Outcomes, Pairs
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE, EvaluationProtocol
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.errors import PluginError
from zoo_runner.plugin.evidence import CanaryMetric
from zoo_runner.stages.evaluate.canaries import check_canaries

Break = Callable[[pytest.MonkeyPatch], None]
scoring: Any = scoring_module  # also of what it imports, which is patched there
values: Any = values_module


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.protocol}: {scene.rule}")
def test_values_are_those_of_the_plain_loop(scene: Scene) -> None:
    back, up = SHIFTS[scene.protocol]
    expected = looped(
        [(image, score, (a + back, b + back, c + back, d + back)) for image, score, (a, b, c, d) in scene.found],
        [(image, (a + up, b + up, c + up, d + up), difficult) for image, (a, b, c, d), difficult in scene.objects],
        scene.protocol,
    )
    assert (scene.eleven, scene.area) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("classes", [VOC_CLASSES, ("one",), ("one", "two", "three")], ids=["20", "1", "3"])
def test_the_metric_gives_them_with_any_class_list(classes: tuple[str, ...]) -> None:
    made = VocMetric(classes)
    assert isinstance(made, CanaryMetric)
    check_canaries(made, "refinedet")
    named = {each.rule for canary in made.canaries() for each in canary.expected}
    assert named == {scene.rule for scene in SCENES} | {"the value is the mean over all classes"}


# --- broken rules ----------------------------------------------------------------------------------------------


def rules(protocol: str, **changes: Any) -> Break:
    """Change one of the rules of a protocol."""

    def apply(patch: pytest.MonkeyPatch) -> None:
        old: EvaluationProtocol = {"reference": REFERENCE, "devkit": DEVKIT}[protocol]
        new = replace(old, **changes)
        swap(patch, [(name, new if each is old else each, how) for name, each, how in values.MEASURES])

    return apply


def swap(patch: pytest.MonkeyPatch, measures: Sequence[tuple[str, EvaluationProtocol, Any]]) -> None:
    for module in (metric_module, scoring, values):
        patch.setattr(module, "MEASURES", tuple(measures))
        patch.setattr(module, "PROTOCOLS", (measures[0][1], measures[1][1]))


def averaged(old: str, new: str) -> Break:
    """Take one kind of average for the other."""
    return lambda patch: swap(patch, [(name, each, new if how == old else how) for name, each, how in values.MEASURES])


def ranked(order_of: Callable[[Any], Any]) -> Break:
    """Order rounded scores another way."""

    def ordered(self: EvaluationProtocol, written: Any) -> Any:
        return order_of(written) if self.name == "reference" else np.argsort(-written, kind="stable")

    return lambda patch: patch.setattr(EvaluationProtocol, "ordered", ordered)


def devkits_ties_reversed(patch: pytest.MonkeyPatch) -> None:
    old = EvaluationProtocol.ordered

    def ordered(self: EvaluationProtocol, written: Any) -> Any:
        return len(written) - 1 - np.argsort(-written[::-1], kind="stable") if self.stable else old(self, written)

    patch.setattr(EvaluationProtocol, "ordered", ordered)


def judging(change: Callable[[Outcomes, Any, Pairs, Any], Outcomes]) -> Break:
    """Change what becomes of the detections."""

    def apply(patch: pytest.MonkeyPatch) -> None:
        judged = matching.judged
        patch.setattr(matches, "judged", lambda order, hits, hard: change(judged(order, hits, hard), order, hits, hard))

    return apply


def duplicates_right(judged: Outcomes, order: Any, hits: Pairs, difficult: Any) -> Outcomes:
    right = np.isin(order, hits.detections[~difficult[hits.objects]])
    return replace(judged, true=np.flatnonzero(right))


def duplicates_ignored(judged: Outcomes, order: Any, hits: Pairs, _: object) -> Outcomes:
    again = np.setdiff1d(np.flatnonzero(np.isin(order, hits.detections)), judged.true)
    return replace(judged, ignored=np.union1d(judged.ignored, again).astype(np.intp))


def difficult_right(_: Outcomes, order: Any, hits: Pairs, difficult: Any) -> Outcomes:
    return matching.judged(order, hits, np.zeros_like(difficult))


def difficult_wrong(judged: Outcomes, *_: object) -> Outcomes:
    return replace(judged, ignored=judged.ignored[:0])


def difficult_expected(judged: Outcomes, _: object, __: object, difficult: Any) -> Outcomes:
    return replace(judged, positives=len(difficult))


def least_overlapping(patch: pytest.MonkeyPatch) -> None:
    best_of = matching.best_of
    patch.setattr(matching, "best_of", lambda pairs, overlaps: best_of(pairs, 1.0 - overlaps))


def last_of_equals(patch: pytest.MonkeyPatch) -> None:
    best_of = matching.best_of
    patch.setattr(
        matching, "best_of", lambda pairs, overlaps: best_of(pairs, overlaps + 1e-9 * np.arange(len(overlaps)))
    )


def one_image(patch: pytest.MonkeyPatch) -> None:
    for name in ("detections_of", "ground_truth_of"):
        made = getattr(scoring, name)
        patch.setattr(scoring, name, lambda *given, made=made: replace(made(*given), images=0 * made(*given).images))


def detections(change: Callable[[Any], Any]) -> Break:
    """Change the detections before they are scored."""

    def apply(patch: pytest.MonkeyPatch) -> None:
        made = scoring.detections_of
        patch.setattr(scoring, "detections_of", lambda *given: change(made(*given)))

    return apply


def clipped(found: Any) -> Any:
    return replace(found, boxes=np.clip(found.boxes, 0, 499))


def without_low_scores(found: Any) -> Any:
    kept = found.scores > 0.01
    return replace(
        found,
        images=found.images[kept],
        scores=found.scores[kept],
        boxes=found.boxes[kept],
        labels=found.labels[kept],
    )


def without_objects_undetected(patch: pytest.MonkeyPatch) -> None:
    none = np.zeros(0)
    empty = Curve(recall=none, precision=none, undetected=-1)
    patch.setattr(tie_spread, "curve_of", lambda judged, *by: curve_of(judged, *by) if judged.positives else empty)


def mean_of_detected(patch: pytest.MonkeyPatch) -> None:
    old = values.mean_percent
    patch.setattr(values, "mean_percent", lambda each: old(each[:, each[0] > 0]))


def threshold(value: float) -> Break:
    return lambda patch: patch.setattr(matching, "MIN_OVERLAP", value)


HALF = "an IoU of exactly one half does not match"
TIES = "equal scores come in the order that numpy gave them before 1.25"
SHIFTED = "detections are shifted by +1 pixel and objects by -1"
SHIFTED_DEVKIT = "detections are shifted by +1 pixel and objects are not"
AVERAGE = "voc07_map averages the precision at eleven recalls, voc10_map takes the area under the envelope"
DIFFICULT = "a detection of a difficult object counts neither way, and the object is not counted"
DUPLICATE = "a second detection of an object is wrong"
OWN_IMAGE = "a detection finds objects of its own image only, and counts whatever its score"

FAULTS: dict[str, tuple[Break, str]] = {
    "border + 1": (
        rules("reference", border=1.0),
        "widths and heights are the differences of the corners, without + 1",
    ),
    "no border, devkit": (rules("devkit", border=0.0), "widths and heights are the differences of the corners + 1"),
    "detections unshifted": (rules("reference", detection_offset=0.0), SHIFTED),
    "detections shifted twice": (rules("reference", detection_offset=2.0), SHIFTED),
    "objects unshifted": (rules("reference", ground_truth_offset=0.0), SHIFTED),
    "neither shifted": (rules("reference", detection_offset=0.0, ground_truth_offset=0.0), SHIFTED),
    "detections unshifted, devkit": (rules("devkit", detection_offset=0.0), SHIFTED_DEVKIT),
    "objects shifted, devkit": (rules("devkit", ground_truth_offset=-1.0), SHIFTED_DEVKIT),
    ">= instead of >": (threshold(float(np.nextafter(0.5, 0))), HALF),
    "IoU above 0.51": (threshold(0.51), "an IoU just above one half matches"),
    "scores unrounded": (rules("reference", score_decimals=None), "scores are rounded to three decimals"),
    "scores rounded to two": (rules("reference", score_decimals=2), "scores are rounded to three decimals"),
    "scores rounded, devkit": (rules("devkit", score_decimals=3), "scores are not rounded"),
    "boxes unrounded": (rules("reference", box_decimals=None), "coordinates are rounded to one decimal"),
    "boxes rounded, devkit": (rules("devkit", box_decimals=1), "coordinates are not rounded"),
    "a stable sort": (rules("reference", stable=True), TIES),
    "the ties of today's numpy": (ranked(lambda scores: np.argsort(-scores)), TIES),
    "ties reversed": (ranked(lambda scores: np.argsort(scores, kind="stable")[::-1]), TIES),
    "ties reversed, devkit": (devkits_ties_reversed, "equal scores stay in the detector's order"),
    "undetected counts 0": (rules("reference", undetected=0.0), "a class of which nothing was detected counts -100"),
    "undetected counts -100, devkit": (
        rules("devkit", undetected=-1.0),
        "a class of which nothing was detected counts 0",
    ),
    "area for eleven points": (averaged("eleven points", "area"), AVERAGE),
    "eleven points for area": (averaged("area", "eleven points"), AVERAGE),
    "no envelope": (
        lambda patch: patch.setattr(Curve, "envelope", lambda self: self.precision),
        "the precision at a recall is the best at that recall or beyond",
    ),
    "recalls of whole tenths": (
        lambda patch: patch.setattr(average_precision, "RECALLS", np.arange(11) / 10),
        "the eleven recalls are multiples of 0.1 in floating-point numbers, of which the fourth is above 0.3",
    ),
    "duplicates right": (judging(duplicates_right), DUPLICATE),
    "duplicates ignored": (judging(duplicates_ignored), DUPLICATE),
    "difficult right": (judging(difficult_right), DIFFICULT),
    "difficult wrong": (judging(difficult_wrong), DIFFICULT),
    "difficult expected": (judging(difficult_expected), DIFFICULT),
    "another object": (least_overlapping, "a detection is given the object that it overlaps most, found before or not"),
    "last of equals": (last_of_equals, "of equal overlaps the first object counts"),
    "images mixed": (one_image, OWN_IMAGE),
    "low scores left out": (detections(without_low_scores), OWN_IMAGE),
    "boxes clipped": (detections(clipped), "boxes are not clipped to the image"),
    "class without objects": (without_objects_undetected, "a class without objects counts 0"),
    "mean of detected classes": (mean_of_detected, "the value is the mean over all classes"),
}


@pytest.mark.parametrize("classes", [VOC_CLASSES, ("one",)], ids=["20", "1"])
@pytest.mark.parametrize(("fault", "rule"), FAULTS.values(), ids=FAULTS)
def test_a_broken_rule_is_named(
    fault: Break, rule: str, classes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault is mean_of_detected and len(classes) == 1:
        pytest.skip("of one class there is nothing to average")
    fault(monkeypatch)
    with pytest.raises(PluginError) as caught:
        check_canaries(VocMetric(classes), "refinedet")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("plugin 'refinedet': the metric breaks a rule")
    assert lines[1].startswith(f"  {rule}")
