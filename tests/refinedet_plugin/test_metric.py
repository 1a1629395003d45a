"""The mAP end to end: against two independent evaluators on VOC2007 test, on small sets, and through result files."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refinedet_plugin.average_precision import DEVKIT, REFERENCE, Detections, precision_recall
from refinedet_plugin.config import VOC_CLASSES
from refinedet_plugin.metric import VocMetric, detections_by_class, read_results, truths_by_class, write_results
from refinedet_plugin.voc import VocDataset, VocSample
from zoo_runner.errors import PluginError, ResultError
from zoo_runner.interfaces import MetricValue, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Prediction = Mapping[str, NDArray[Any]]

SHARED = Path(__file__).parents[3] / "shared" / "data" / "voc2007-test"
CLASSES = ("cat", "dog", "owl")
METRIC = VocMetric(CLASSES)


def sample_of(index: int, objects: Sequence[tuple[int, Sequence[float], bool]]) -> VocSample:
    """An image with objects of (label, 1-based box, difficult)."""
    return VocSample(
        index=index,
        id=f"{index:06}",
        path=Path(f"{index:06}.jpg"),
        width=200,
        height=200,
        boxes=np.array([box for _, box, _ in objects], dtype=np.float32).reshape(-1, 4),
        labels=np.array([label for label, _, _ in objects], dtype=np.intp),
        difficult=np.array([difficult for _, _, difficult in objects], dtype=np.bool_),
    )


def prediction_of(*rows: tuple[int, float, Sequence[float]]) -> Prediction:
    """Detections of (label, score, 0-based box)."""
    return {
        "boxes": np.array([box for _, _, box in rows], dtype=np.float32).reshape(-1, 4),
        "scores": np.array([score for _, score, _ in rows], dtype=np.float32),
        "labels": np.array([label for label, _, _ in rows], dtype=np.int64),
    }


A, ON_A = (11, 11, 50, 50), (10, 10, 49, 49)
B, ON_B = (101, 101, 140, 140), (100, 100, 139, 139)
SAMPLES = (sample_of(1, [(0, A, False), (1, B, False)]), sample_of(2, []), sample_of(3, [(0, B, False)]))
PERFECT = (
    prediction_of((0, 0.9, ON_A), (1, 0.8, ON_B)),
    prediction_of(),
    prediction_of((0, 0.7, ON_B)),
)


def per_class(value: MetricValue) -> dict[str, float]:
    return {name: round(number, 9) for name, number in value.per_class.items()}


# --- values ----------------------------------------------------------------------------------------------------


def test_three_values_headline_first() -> None:
    values = METRIC.evaluate(SAMPLES, PERFECT)
    assert [(value.name, value.protocol, value.unit) for value in values] == [
        ("voc07_map", "reference", "percent"),
        ("voc07_map", "devkit", "percent"),
        ("voc10_map", "devkit", "percent"),
    ]
    assert all(value.higher_is_better for value in values)
    # No owl was ever detected: -1 by the reference, 0 by the devkit.
    assert per_class(values[0]) == {"cat": 100.0, "dog": 100.0, "owl": -100.0}
    assert per_class(values[1]) == per_class(values[2]) == {"cat": 100.0, "dog": 100.0, "owl": 0.0}
    assert [value.value for value in values] == pytest.approx([100 / 3, 200 / 3, 200 / 3])


@pytest.mark.parametrize(
    ("samples", "predictions", "cats"),
    [
        ((), (), (-100.0, 0.0, 0.0)),
        (SAMPLES, (prediction_of(),) * 3, (-100.0, 0.0, 0.0)),
        (SAMPLES[1:2], (prediction_of((0, 0.9, ON_A)),), (0.0, 0.0, 0.0)),
        (SAMPLES[:1], PERFECT[:1], (100.0, 100.0, 100.0)),
        (SAMPLES, (PERFECT[0], prediction_of(), prediction_of()), (600 / 11, 600 / 11, 50.0)),
        (SAMPLES, (PERFECT[0], prediction_of(), prediction_of((1, 0.7, ON_B))), (600 / 11, 600 / 11, 50.0)),
        (SAMPLES, (PERFECT[2], prediction_of(), PERFECT[0]), (0.0, 0.0, 0.0)),
    ],
    ids=["no samples", "no detections", "no objects", "some samples", "one of two", "wrong class", "wrong images"],
)
def test_cat(samples: Sequence[Sample], predictions: Sequence[Prediction], cats: tuple[float, float, float]) -> None:
    values = METRIC.evaluate(samples, predictions)
    assert [value.per_class["cat"] for value in values] == pytest.approx(cats)


def test_the_order_of_a_prediction_decides_between_equal_scores() -> None:
    true, false = (0, 0.5, ON_A), (0, 0.5, (150, 150, 190, 190))
    other = (1, 0.5, ON_B)  # detections of other classes in between change nothing
    for rows, expected in (((true, other, false), 100.0), ((false, other, true), 50.0)):
        values = METRIC.evaluate(SAMPLES[:1], [prediction_of(*rows)])
        assert values[1].per_class["cat"] == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_labels_of_any_integer_type(dtype: type[np.integer[Any]]) -> None:
    predictions = [{**prediction, "labels": prediction["labels"].astype(dtype)} for prediction in PERFECT]
    assert METRIC.evaluate(SAMPLES, predictions) == METRIC.evaluate(SAMPLES, PERFECT)


def test_predictions_are_left_alone() -> None:
    for prediction in PERFECT:
        for array in prediction.values():
            array.flags.writeable = False
    METRIC.evaluate(SAMPLES, PERFECT)


# --- what is refused -------------------------------------------------------------------------------------------


def changed(**arrays: object) -> Prediction:
    return {**PERFECT[0], **{name: np.asarray(array) for name, array in arrays.items()}}


@pytest.mark.parametrize(
    ("prediction", "found"),
    [
        ({}, "expected boxes, scores and labels, found no boxes and no scores and no labels"),
        ({"boxes": np.zeros((0, 4)), "scores": np.zeros(0)}, "found no labels"),
        (changed(scores=np.zeros(3)), "labels [K], found (2, 4), (3,) and (2,)"),
        (changed(boxes=np.zeros((4, 2))), "labels [K], found (4, 2), (2,) and (2,)"),
        (changed(labels=1), "labels [K], found (2, 4), (2,) and ()"),
        (changed(labels=[0.0, 1.0]), "integer labels, found float32, float32 and float64"),
        (changed(boxes=np.zeros((2, 4), dtype=np.int64)), "integer labels, found int64, float32 and int64"),
        (changed(scores=[True, False]), "integer labels, found float32, bool and int64"),
        (changed(scores=[np.nan, 0.5]), "expected finite scores, found 1 numbers of 2 that are not"),
        (changed(boxes=np.full((2, 4), -np.inf)), "expected finite boxes, found 8 numbers of 8 that are not"),
        (changed(labels=[0, 3]), "expected labels from 0 to 2, found 0 to 3"),
        (changed(labels=[-1, 0]), "expected labels from 0 to 2, found -1 to 0"),
    ],
    ids=[
        "nothing",
        "no labels",
        "scores too many",
        "boxes turned",
        "one label",
        "float labels",
        "integer boxes",
        "bool scores",
        "NaN score",
        "infinite boxes",
        "label too large",
        "label negative",
    ],
)
def test_prediction_refused(prediction: Prediction, found: str) -> None:
    with pytest.raises(ResultError) as caught:
        METRIC.evaluate(SAMPLES, [PERFECT[0], prediction, prediction_of()])
    text = str(caught.value)
    assert text.startswith("expected predictions that can be scored; found 1 of 3 that cannot:\n  000002: ")
    assert found in text
    assert "they are not scored" in text


def test_many_bad_predictions_are_counted() -> None:
    samples = [sample_of(index, []) for index in range(1, 14)]
    with pytest.raises(ResultError, match=r"found 13 of 13 that cannot:\n  000001: (.|\n)*000010: .*\n  and 3 more\n"):
        METRIC.evaluate(samples, [changed(scores=[np.inf, 0.5])] * 13)


def test_predictions_for_other_samples() -> None:
    with pytest.raises(ResultError, match="expected one prediction for each of 3 samples; found 1; run"):
        METRIC.evaluate(SAMPLES, PERFECT[:1])


@pytest.mark.parametrize(
    "sample",
    [Sample(index=1, id="a", path=Path("a")), sample_of(1, [(7, A, False)])],
    ids=["another plugin's sample", "a label too many"],
)
def test_samples_of_another_data_set(sample: Sample) -> None:
    with pytest.raises(PluginError, match="expected samples of a VOC data set with 3 classes; found others; give"):
        METRIC.evaluate([sample], [prediction_of()])


# --- result files ----------------------------------------------------------------------------------------------


def test_written_lines(tmp_path: Path) -> None:
    paths = write_results(tmp_path / "new" / "folder", SAMPLES, PERFECT, CLASSES)
    assert [path.name for path in paths] == [f"comp4_det_test_{name}.txt" for name in CLASSES]
    assert [path.read_text() for path in paths] == [
        "000001 0.900 11.0 11.0 50.0 50.0\n000003 0.700 101.0 101.0 140.0 140.0\n",
        "000001 0.800 101.0 101.0 140.0 140.0\n",
        "",
    ]


def test_written_with_another_prefix_and_more_decimals(tmp_path: Path) -> None:
    prediction = prediction_of((2, 0.123456, (0.0625, 1.5, 2.25, 3.0)))
    paths = write_results(tmp_path, SAMPLES[:1], [prediction], CLASSES, prefix="det_val_", decimals=(5, 3))
    assert paths[2] == tmp_path / "det_val_owl.txt"
    assert paths[2].read_text() == "000001 0.12346 1.062 2.500 3.250 4.000\n"


def test_class_that_cannot_name_a_file(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"expected class names that can name a file; found \['a/b'\]; rename"):
        write_results(tmp_path, SAMPLES, PERFECT, ("cat", "a/b", "owl"))
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])  # files are overwritten
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 2),
            st.floats(0.0078125, 1, width=32),
            st.tuples(*[st.floats(-50, 300, width=32)] * 4),
        ),
        max_size=30,
    )
)
def test_reference_rules_are_writing_and_reading_back(
    tmp_path: Path, rows: list[tuple[int, int, float, tuple[float, ...]]]
) -> None:
    predictions = [prediction_of(*[row[1:] for row in rows if row[0] == image]) for image in range(3)]
    read = [read_results(path, SAMPLES) for path in write_results(tmp_path, SAMPLES, predictions, CLASSES)]
    rules = REFERENCE.for_result_files()
    for found, direct in zip(read, detections_by_class(SAMPLES, predictions, CLASSES), strict=True):
        assert np.array_equal(found.images, direct.images)
        assert np.array_equal(rules.ranking(found.scores), REFERENCE.ranking(direct.scores))
        assert np.array_equal(rules.detection_boxes(found.boxes), REFERENCE.detection_boxes(direct.boxes))
    truths = truths_by_class(SAMPLES, CLASSES)
    scored = METRIC.score(read, truths, (rules, DEVKIT.for_result_files()))
    assert scored[0] == METRIC.evaluate(SAMPLES, predictions)[0]


@pytest.mark.parametrize(
    ("text", "images"),
    [("", []), ("\n\n", []), ("000003 .5 1 2 3 4\n\n000001  5e-1\t1 2 3 4\r\n", [2, 0])],
    ids=["empty", "blank", "any order and spacing"],
)
def test_read(tmp_path: Path, text: str, images: list[int]) -> None:
    path = tmp_path / "det.txt"
    path.write_bytes(text.encode())
    found = read_results(path, SAMPLES)
    assert found.images.tolist() == images
    assert found.scores.tolist() == [0.5] * len(images)
    assert found.boxes.tolist() == [[1, 2, 3, 4]] * len(images)


@pytest.mark.parametrize(
    "line",
    ["000009 0.5 1 2 3 4", "000001 0.5 1 2 3", "000001 0.5 1 2 3 4 5", "000001 high 1 2 3 4", "000001 nan 1 2 3 4"],
    ids=["unknown image", "short", "long", "not a number", "not finite"],
)
def test_bad_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "det.txt"
    path.write_text(f"000001 0.5 1 2 3 4\n{line}\n")
    with pytest.raises(ResultError) as caught:
        read_results(path, SAMPLES)
    assert str(caught.value) == (
        f"expected lines 'id score x1 y1 x2 y2' with the id of one of 3 images in {path}; found others, 1 in all:\n"
        f"  line 2: {line!r}\nwrite the file again, for this data set"
    )


def test_no_result_file(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"expected the VOC result file .*det\.txt; found: .*No such file.*; write"):
        read_results(tmp_path / "det.txt", SAMPLES)


# --- the real thing --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def voc2007(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sequence[VocSample], tuple[Detections, ...]]:
    """All of VOC2007 test and a real detector's result files for it."""
    if not SHARED.is_dir():
        pytest.skip("VOC2007 annotations and detections are not beside this checkout")
    folder = tmp_path_factory.mktemp("voc2007")
    for name in ("annotations", "detections"):
        with tarfile.open(SHARED / f"{name}.tar.xz") as archive:
            archive.extractall(folder, filter="data")
    samples = VocDataset(VOC_CLASSES).samples(folder / "VOCdevkit")
    files = [folder / "detections" / f"comp4_det_test_{name}.txt" for name in VOC_CLASSES]
    return samples, tuple(read_results(file, samples) for file in files)


def test_two_independent_evaluators_agree(
    voc2007: tuple[Sequence[VocSample], tuple[Detections, ...]],
) -> None:
    samples, detections = voc2007
    rules = (REFERENCE.for_result_files(), DEVKIT.for_result_files())
    values = VocMetric(VOC_CLASSES).score(detections, truths_by_class(samples, VOC_CLASSES), rules)
    expected = json.loads((SHARED / "expected_ap.json").read_text())
    for value, protocol in zip(values, ("reference_protocol", "devkit_protocol_11point"), strict=False):
        assert value.value / 100 == pytest.approx(expected[protocol]["map"], abs=1e-9)
        fractions = {name: number / 100 for name, number in value.per_class.items()}
        assert fractions == pytest.approx(expected[protocol]["ap"], abs=1e-9)


def test_real_detections_as_predictions(voc2007: tuple[Sequence[VocSample], tuple[Detections, ...]]) -> None:
    """In memory, 0-based and float32, the same detections give the same AP but for the rounding."""
    samples, detections = voc2007
    images = np.concatenate([found.images for found in detections])
    labels = np.repeat(np.arange(len(detections)), [len(found.images) for found in detections])
    boxes = np.concatenate([found.boxes for found in detections]) - 1
    scores = np.concatenate([found.scores for found in detections])
    order = np.argsort(images, kind="stable")
    bounds = np.searchsorted(images[order], np.arange(1, len(samples)))
    predictions: list[Prediction] = [
        {
            "boxes": boxes[members].astype(np.float32),
            "scores": scores[members].astype(np.float32),
            "labels": labels[members],
        }
        for members in np.split(order, bounds)
    ]
    values = VocMetric(VOC_CLASSES).evaluate(samples, predictions)
    expected = json.loads((SHARED / "expected_ap.json").read_text())
    assert values[1].value / 100 == pytest.approx(expected["devkit_protocol_11point"]["map"], abs=1e-5)
    assert values[0].value / 100 == pytest.approx(expected["reference_protocol"]["map"], abs=1e-3)
    assert values[2].value > values[1].value
    curve = precision_recall(detections[0], truths_by_class(samples, VOC_CLASSES)[0], DEVKIT.for_result_files())
    assert curve.area() * 100 == pytest.approx(values[2].per_class["aeroplane"], abs=1e-3)
