"""A guard against accidental slow-downs that reads no clock.

Counted are the lines of Python that a hot function runs and the most memory it holds beyond its result: the first
grows when a loop leaves numpy, the second when arrays become larger or more of them live at once. Both depend on
the input alone. The bounds are about a quarter above what is counted today.
"""

from __future__ import annotations

import gc
import importlib.util
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import numpy as np
import pytest

from chosen_kernels import Decided
from places import ROOT
from refinedet_plugin import candidates, preprocess
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.postprocess import RefineDetPostprocess
from zoo_detection import nms, nms_compiled
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.mean_ap.protocols import DEVKIT, REFERENCE
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_detection.voc.dataset import VocDataset
from zoo_runner.statistics.bootstrap import draw

POSTPROCESS_LINES = 5000
"""Nearly all of them in ``nms._settle``, one or two for each pair of boxes that overlap too much."""
POSTPROCESS_BYTES = 1_100_000
METRIC_LINES = 17_000
METRIC_BYTES_EACH = 85
"""For each detection."""
ACCUMULATED_LINES = 22_000
ACCUMULATED_BYTES_EACH = 62
RESAMPLES = 100
RESAMPLED_LINES = 9_800
RESAMPLED_BYTES_EACH = 23
DIAGNOSIS_LINES = 23_500
"""The values included."""
DIAGNOSIS_BYTES_EACH = 135
LINES_A_FILE = 180


def load_workload() -> Any:
    spec = importlib.util.spec_from_file_location("workload", ROOT / "benchmarks" / "workload.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


workload = load_workload()
PACKAGES = tuple(str(ROOT / name) for name in ("refinedet_plugin", "zoo_detection", "zoo_images"))


@pytest.fixture(autouse=True)
def _numpy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether numba is installed, and has compiled yet, must not matter."""
    for module, name in ((candidates, "LARGEST"), (candidates, "PICK"), (nms_compiled, "SCAN"), (preprocess, "SHIFT")):
        monkeypatch.setattr(module, name, Decided())


def lines_of(call: Callable[[], object]) -> int:
    """Lines of this project that a call runs."""
    count = 0

    def local(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return local

    def outer(frame: FrameType, _event: str, _argument: object) -> Any:
        return local if frame.f_code.co_filename.startswith(PACKAGES) else None

    before = sys.gettrace()
    sys.settrace(outer)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def bytes_of(call: Callable[[], object]) -> int:
    """The most memory that a call holds at once."""
    call()  # what is kept for later calls is not counted
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def image_call() -> Callable[[], object]:
    call = RefineDetPostprocess(RefineDetConfig())
    outputs = workload.outputs(0)
    sample = workload.sample(1, np.zeros((0, 4), np.float32), np.zeros(0, np.intp))
    return lambda: call(outputs, sample)


def metric_call(images: int) -> Callable[[], object]:
    samples, predictions = workload.scored_set(images)
    metric = VocMetric(VOC_CLASSES)
    return lambda: workload.scored(metric, samples, predictions).values


def accumulated_call(images: int, part: int = 40) -> Callable[[], object]:
    samples, predictions = workload.scored_set(images)
    metric, parts = VocMetric(VOC_CLASSES), [slice(start, start + part) for start in range(0, images, part)]

    def call() -> object:
        scoring = metric.scoring()
        for each in parts:
            scoring.update(samples[each], predictions[each])
        return scoring.compute()

    return call


def resampled_call(images: int, resamples: int = RESAMPLES) -> Callable[[], object]:
    samples, predictions = workload.scored_set(images)
    scored, weights = workload.scored(VocMetric(VOC_CLASSES), samples, predictions), draw(images, resamples, seed=0)
    return lambda: scored.resample(weights)


def diagnosis_call(images: int) -> Callable[[], object]:
    samples, predictions = workload.scored_set(images)
    metric = VocMetric(VOC_CLASSES)
    return lambda: workload.scored(metric, samples, predictions).diagnose()


def parse_call(folder: Path, images: int) -> Callable[[], object]:
    samples, _ = workload.scored_set(images)
    root = workload.write_annotations(folder, samples, VOC_CLASSES)
    return lambda: VocDataset(VOC_CLASSES).samples(root)


def test_the_workload_is_the_one_of_the_targets() -> None:
    call = RefineDetPostprocess(RefineDetConfig())
    sample = workload.sample(1, np.zeros((0, 4), np.float32), np.zeros(0, np.intp))
    images = [workload.outputs(seed) for seed in range(8)]
    found = [
        candidates.candidates_of(one["odm_conf"], one["arm_conf"], confidence=np.float32(0.01), least=np.float32(0.01))
        for one in images
    ]
    assert 650 < np.mean([len(each.scores) for each in found]) < 750
    assert 270 < np.mean([len(call(one, sample)["scores"]) for one in images]) < 340


def test_postprocess() -> None:
    assert lines_of(image_call()) < POSTPROCESS_LINES
    assert bytes_of(image_call()) < POSTPROCESS_BYTES


def test_compiled_suppression_looks_at_few_pairs() -> None:
    """The loop stops at the first box that removes another, which is why it is fast."""
    boxes = np.tile(np.array([(0, 0, 1, 1)], np.float32), (300, 1))
    labels = np.zeros(300, np.int16)
    lines = lines_of(lambda: nms_compiled.run(nms_compiled.scan, boxes, labels, iou_threshold=0.45))
    assert lines < 300 * 18, "identical boxes are compared with the one that is kept"
    assert nms.suppress(boxes, labels, iou_threshold=0.45).tolist() == [0]


def test_normalisation_runs_no_loop_over_pixels() -> None:
    pixels = np.asarray(cv2.resize(np.zeros((375, 500, 3), np.uint8), (320, 320)), np.uint8)
    mean = (np.float32(104), np.float32(117), np.float32(123))
    assert lines_of(lambda: preprocess.normalise(pixels, mean)) < 25
    assert bytes_of(lambda: preprocess.normalise(pixels, mean)) < 320 * 320 * 3 * 5 * 1.25


@pytest.mark.parametrize(
    ("call_for", "lines", "bytes_each"),
    [
        pytest.param(metric_call, METRIC_LINES, METRIC_BYTES_EACH, id="the values"),
        pytest.param(accumulated_call, ACCUMULATED_LINES, ACCUMULATED_BYTES_EACH, id="the values, in chunks"),
        pytest.param(resampled_call, RESAMPLED_LINES, RESAMPLED_BYTES_EACH, id="resamples"),
        pytest.param(diagnosis_call, DIAGNOSIS_LINES, DIAGNOSIS_BYTES_EACH, id="diagnosis"),
    ],
)
def test_metric(call_for: Callable[[int], Callable[[], object]], lines: int, bytes_each: int) -> None:
    call = call_for(200)
    assert lines_of(call) < lines
    assert bytes_of(call) < 200 * workload.DETECTIONS * bytes_each


@pytest.mark.parametrize("call_for", [metric_call, accumulated_call, resampled_call, diagnosis_call])
@pytest.mark.long_rows("metric_call", "diagnosis_call", "accumulated_call")
def test_ten_times_the_images_cost_ten_times_as_much(call_for: Callable[[int], Callable[[], object]]) -> None:
    small, large = (call_for(images) for images in (40, 400))
    assert lines_of(large) < 10 * lines_of(small)
    assert bytes_of(large) < 11 * bytes_of(small)


def test_resamples_are_not_computed_one_by_one() -> None:
    few, many = (resampled_call(40, resamples) for resamples in (100, 400))
    assert lines_of(many) < 1.1 * lines_of(few)


def test_annotations(tmp_path: Path) -> None:
    small, large = (parse_call(tmp_path / str(images), images) for images in (40, 400))
    assert lines_of(large) < 400 * LINES_A_FILE
    assert lines_of(large) < 11 * lines_of(small)


@pytest.mark.parametrize("protocol", [REFERENCE, DEVKIT], ids=lambda protocol: protocol.name)
def test_ranking_runs_no_loop_over_detections(protocol: Any) -> None:
    scores = np.random.default_rng(0).uniform(0.01, 1, 10_000).astype(np.float32)
    assert lines_of(lambda: protocol.ranking(scores)) < 40
