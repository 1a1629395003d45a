"""VOC result files: what is written, what is read back, and that scoring them is the reference's way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voc_scenes import PERFECT, SAMPLES, prediction_of, scored
from zoo_detection.mean_ap.by_class import detections_by_class, ground_truth_by_class
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE
from zoo_detection.voc.result_files import read_results, write_results
from zoo_runner.errors import ResultError

CLASSES = ("cat", "dog", "owl")


def test_written_lines(tmp_path: Path) -> None:
    paths = write_results(tmp_path / "new" / "folder", SAMPLES, PERFECT, CLASSES)
    assert [path.name for path in paths] == [f"comp4_det_test_{name}.txt" for name in CLASSES]
    assert [path.read_text() for path in paths] == [
        "000001 0.900 11.0 11.0 50.0 50.0\n000003 0.700 101.0 101.0 140.0 140.0\n",
        "000001 0.800 101.0 101.0 140.0 140.0\n",
        "",
    ]


def test_written_with_another_prefix_and_more_decimals(tmp_path: Path) -> None:
    prediction = prediction_of([(2, 0.123456, (0.0625, 1.5, 2.25, 3.0))])
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
    predictions = [prediction_of([row[1:] for row in rows if row[0] == image]) for image in range(3)]
    read = [read_results(path, SAMPLES) for path in write_results(tmp_path, SAMPLES, predictions, CLASSES)]
    protocol = REFERENCE.for_result_files()
    for found, direct in zip(read, detections_by_class(SAMPLES, predictions, CLASSES), strict=True):
        assert np.array_equal(found.images, direct.images)
        assert np.array_equal(protocol.ranking(found.scores), REFERENCE.ranking(direct.scores))
        assert np.array_equal(protocol.detection_boxes(found.boxes), REFERENCE.detection_boxes(direct.boxes))
    ground_truth = ground_truth_by_class(SAMPLES, CLASSES)
    metric = VocMetric(CLASSES)
    values = metric.score(read, ground_truth, (protocol, DEVKIT.for_result_files()))
    assert values[0] == scored(metric, SAMPLES, predictions).values[0]


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
