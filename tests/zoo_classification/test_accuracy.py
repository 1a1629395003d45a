"""Top-k by hand and by another way, its intervals, and which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_classification.accuracy import Accuracy, AccuracyOptions, AccuracyScore
from zoo_classification.samples import LabelledSample
from zoo_runner.errors import ManifestError, ResultError
from zoo_runner.plugin.evidence import CanaryMetric, Confusions, DiagnosedScore, ResampledScore, ScaledMetric, Span
from zoo_runner.plugin.interfaces import Sample

NAMES = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu")
METRIC = Accuracy(AccuracyOptions(), 5, len(NAMES))


def sample(label: int, index: int = 1, path: Path = Path("a")) -> LabelledSample:
    return LabelledSample(index=index, id=f"s{index}", path=path, label=label, name=NAMES[label])


def prediction(*labels: int) -> dict[str, Any]:
    return {"labels": np.array(labels, np.int32), "scores": np.linspace(1, 0, len(labels), dtype=np.float32)}


def scored(pairs: Sequence[tuple[int, tuple[int, ...]]], step: int = 0) -> AccuracyScore:
    samples = [sample(label, index) for index, (label, _) in enumerate(pairs, start=1)]
    predictions = [prediction(*labels) for _, labels in pairs]
    scoring = METRIC.scoring()
    for start in range(0, len(pairs), step or max(1, len(pairs))):
        part = slice(start, start + (step or len(pairs)))
        scoring.update(samples[part], predictions[part])
    return scoring.compute()


PAIRS = [(0, (0, 1, 2, 3, 4)), (1, (0, 1, 2, 3, 4)), (1, (1, 0, 2, 3, 4)), (5, (0, 1, 2, 3, 4))]


def test_by_hand() -> None:
    top1, top5 = scored(PAIRS).values
    assert (top1.name, top1.protocol, top1.value, top1.unit) == ("accuracy", "top1", 50.0, "percent")
    assert (top5.protocol, top5.value) == ("top5", 75.0)
    assert top1.per_class == {"ant": 100.0, "bee": 50.0, "fox": 0.0}
    assert top1.support == {"ant": 1, "bee": 2, "fox": 1}


def test_it_offers_what_reports_show() -> None:
    score = scored(PAIRS)
    for thing, protocol in ((METRIC, ScaledMetric), (METRIC, CanaryMetric)):
        assert isinstance(thing, protocol)
    assert isinstance(score, ResampledScore)
    assert isinstance(score, DiagnosedScore)
    assert [each.values.tolist() for each in score.resample(np.ones((1, 4), int))] == [[50.0], [75.0]]


def test_of_nothing_there_is_no_number() -> None:
    values = METRIC.scoring().compute().values
    assert np.isnan([value.value for value in values]).all()
    assert METRIC.scoring().compute().error_kinds == ()


@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.permutations(range(7))), min_size=1, max_size=30),
    step=st.integers(1, 9),
)
def test_by_another_way(rows: list[tuple[int, list[int]]], step: int) -> None:
    found = scored([(label, tuple(order[:5])) for label, order in rows], step).values
    ranks = np.array([order.index(label) for label, order in rows])
    assert [value.value for value in found] == pytest.approx([100 * (ranks < 1).mean(), 100 * (ranks < 5).mean()])


def test_canaries_notice_a_k_that_is_off_by_one() -> None:
    (canary,) = METRIC.canaries()

    def values(metric: Accuracy) -> list[float]:
        scoring = metric.scoring()
        scoring.update(canary.samples, canary.predictions)
        return [value.value for value in scoring.compute().values]

    expected = [each.value for each in canary.expected]
    assert values(METRIC) == pytest.approx(expected, abs=1e-12)
    other = values(Accuracy(AccuracyOptions(k=(2, 4)), 5, len(NAMES)))
    assert all(abs(found - value) > 1 for found, value in zip(other, expected, strict=True))


def test_confusions_are_counted_the_most_frequent_first() -> None:
    score = scored([(2, (3, 2)), (0, (1, 0)), (2, (3, 1)), (4, (4, 0)), (1, (6, 1))])
    assert score.error_kinds == ("cat taken for 3", "ant taken for bee", "bee taken for 6")
    assert [dict(each.errors) for each in score.diagnose()] == [
        {"cat taken for 3": 1},
        {"ant taken for bee": 1},
        {"cat taken for 3": 1},
        {},
        {"bee taken for 6": 1},
    ]


def test_classes_without_images_have_names_where_the_manifest_has_them() -> None:
    scoring = Accuracy(AccuracyOptions(), 5, len(NAMES), NAMES).scoring()
    scoring.update([sample(0)], [prediction(6)])
    assert scoring.compute().error_kinds == ("ant taken for gnu",)


def test_rare_confusions_are_counted_together() -> None:
    score = scored([(label, ((label + shift) % 7, label)) for shift in (1, 2) for label in range(7)])
    assert len(score.error_kinds) == 9
    assert score.error_kinds[-1] == "other confusions"
    assert sum(each.errors.get("other confusions", 0) for each in score.diagnose()) == 6


def test_a_picture_has_the_class_and_what_it_was_taken_for(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((600, 900, 3), np.uint8))[1].tobytes())
    scoring = METRIC.scoring()
    scoring.update([sample(0, 1, path), sample(1, 2, path)], [prediction(0, 1), prediction(0, 1)])
    right, wrong = (scoring.compute().illustrate(place) for place in (0, 1))
    assert (right.width, right.height) == (360, 240)
    assert right.marks == wrong.marks == ()
    said = [[(each.kind, each.label, each.spans) for each in drawn.statements] for drawn in (right, wrong)]
    assert said[0] == [("truth", "ant", (Span(text="ant"),)), ("hit", "ant", (Span(text="ant"),))]
    assert said[1] == [
        ("truth", "bee", (Span(text="bee"),)),
        ("bee taken for ant", "ant", (Span(text="ant", differs=True),)),
    ]


def test_every_image_is_counted_by_its_class_and_what_it_was_taken_for() -> None:
    score = scored([(2, (3, 2)), (0, (1, 0)), (2, (3, 1)), (4, (4, 0)), (1, (6, 1))])
    assert score.confusions() == Confusions(
        noun="classes",
        counts={("cat", "3"): 2, ("ant", "bee"): 1, (NAMES[4], NAMES[4]): 1, ("bee", "6"): 1},
    )
    assert METRIC.scoring().compute().confusions().counts == {}


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        ({"scores": [0.75, 0.25]}, 0.5),
        ({"scores": [9.0, 1.0], "labels": [1, 2]}, 8.0),  # its class was not kept: as far as the last one that was
        ({"scores": [np.inf, 0.0]}, 0.0),
        ({"scores": [np.nan, 0.0]}, 0.0),
        ({"scores": [1.0]}, 0.0),
        ({}, 0.0),
    ],
    ids=["own class", "not kept", "infinite", "no number", "other length", "none"],
)
def test_a_mistake_is_the_graver_the_surer_it_was(found: dict[str, Any], severity: float) -> None:
    scoring = METRIC.scoring()
    labels = np.array(found.get("labels", [1, 0]), np.int32)
    scores = {"scores": np.array(found["scores"], np.float32)} if "scores" in found else {}
    scoring.update([sample(0)], [{"labels": labels, **scores}])
    assert scoring.compute().diagnose()[0].severity == severity


@pytest.mark.parametrize(
    ("k", "kept", "number", "text"),
    [
        (
            (1, 5),
            3,
            9,
            "expected different numbers up to 3, as plugin.config.postprocess keeps 3 of 9 classes, found",
        ),
        ((1, 1), 5, 9, "found 1, 1"),
        ((5,), 5, 5, "expected different numbers up to 4"),
        (None, 1, 1, "plugin.config.classes: expected at least two classes, as one is always right, found 1; correct"),
    ],
)
def test_a_k_that_says_nothing_is_refused(k: tuple[int, ...] | None, kept: int, number: int, text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        Accuracy(AccuracyOptions(k=k), kept, number)
    assert text in str(caught.value)


@pytest.mark.parametrize(("number", "protocols"), [(2, ["top1"]), (5, ["top1"]), (6, ["top1", "top5"])])
def test_of_few_classes_only_the_best_is_looked_at(number: int, protocols: list[str]) -> None:
    assert [protocol for _, protocol in Accuracy(AccuracyOptions(), min(5, number), number).measures] == protocols


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ({}, "found none"),
        ({"labels": np.zeros(0, np.int32)}, "found labels int32[0]"),
        ({"labels": np.zeros(2, np.float32)}, "found labels float32[2]"),
        ({"labels": np.zeros((1, 2), np.int32)}, "found labels int32[1, 2]"),
    ],
)
def test_a_prediction_without_classes_is_named(found: dict[str, Any], text: str) -> None:
    with pytest.raises(ResultError, match=r"sample 's1': expected labels of its prediction") as caught:
        METRIC.scoring().update([sample(0)], [found])
    assert text in str(caught.value)


def test_a_sample_of_another_reader_is_named() -> None:
    with pytest.raises(ResultError, match="sample 'x': expected a labelled image, found Sample"):
        METRIC.scoring().update([Sample(index=1, id="x", path=Path("x"))], [prediction(0)])


@pytest.mark.parametrize(("names", "shown"), [(("1", "2"), "output 2"), (("0", "1"), "2"), (("ant", "bee"), "2")])
def test_a_class_that_no_image_has_is_not_called_as_another(names: tuple[str, str], shown: str) -> None:
    scoring = METRIC.scoring()
    for label, name in enumerate(names):
        one = LabelledSample(index=label + 1, id=name, path=Path("a"), label=label, name=name)
        scoring.update([one], [prediction(2, label)])
    assert scoring.compute().error_kinds == tuple(f"{name} taken for {shown}" for name in names)
