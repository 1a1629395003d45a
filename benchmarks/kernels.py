"""Measures postprocessing, metric, annotations and preprocessing on one core: ``python benchmarks/kernels.py``."""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import measure
import numpy as np
import plain
import workload

from refinedet_plugin import candidates, preprocess
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.postprocess import RefineDetPostprocess
from refinedet_plugin.preprocess import RefineDetPreprocess
from zoo_detection import nms_compiled
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.mean_ap.protocols import REFERENCE
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_detection.voc.dataset import VocDataset
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.stages.predict.output_checks import fault
from zoo_runner.stages.predict.output_rules import Kind, OutputRule
from zoo_runner.stages.predict.repetitions import Repetitions
from zoo_runner.statistics.bootstrap import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from measure import Line
    from numpy.typing import NDArray

    from zoo_detection.samples import DetectionSample

BATCH: Final = 16
"""Different images, as many as a device hands over at a time at the published batch size."""
ROUNDS: Final = 30
PLAIN_IMAGES: Final = 250
"""Images that the plain metric scores; its time for all of them is taken in proportion."""
RESAMPLES: Final = 2000
MS: Final = 1e3


def main() -> None:
    """Run all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=workload.IMAGES, help="of metric and annotations")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of everything that is measured image by image")
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    chosen = parser.parse_args()
    lines = [
        *postprocessing(chosen.rounds),
        *checking(chosen.rounds),
        *scoring(chosen.images),
        *explaining(chosen.images),
        *parsing(chosen.images),
        *preprocessing(chosen.rounds),
    ]
    measure.report(lines, chosen.json)


def postprocessing(rounds: int) -> list[Line]:
    """Row 1."""
    config = RefineDetConfig()
    ours = RefineDetPostprocess(config)
    sample = workload.sample(1, np.zeros((0, 4), np.float32), np.zeros(0, np.intp))
    images = [workload.outputs(seed) for seed in range(BATCH)]
    compiled = None not in [each.wait() for each in (nms_compiled.SCAN, candidates.LARGEST, candidates.PICK)]
    expected = [plain.postprocess(outputs, sample, config) for outputs in images]
    found = [ours(outputs, sample) for outputs in images]
    (fast,) = measure.cpu_seconds([lambda outputs: ours(outputs, sample)], images, rounds)
    (slow,) = measure.cpu_seconds([lambda outputs: plain.postprocess(outputs, sample, config)], images, 5)
    kept = sum(len(each["scores"]) for each in expected) / len(expected)
    same = all(
        one[name].tobytes() == other[name].tobytes()
        for one, other in zip(found, expected, strict=True)
        for name in other
    )
    return [
        measure.Line(
            what=f"postprocess, {kept:.0f} boxes kept, {'with' if compiled else 'without'} numba",
            target=0.25,
            measured=fast * MS,
            unit="ms/image",
            plain=slow * MS,
            same=same,
        )
    ]


def checking(rounds: int) -> list[Line]:
    """What every output is held against, by kind and against the outputs of all samples before."""
    config = RefineDetConfig()
    kinds: tuple[tuple[str, int, Kind], ...] = (
        ("odm_loc", 4, "offsets"),
        ("odm_conf", config.num_classes, "probabilities"),
        ("arm_loc", 4, "offsets"),
        ("arm_conf", 2, "probabilities"),
    )
    rules = tuple(
        OutputRule(spec=TensorSpec(name, "float32", ("batch", config.num_priors, size)), kind=kind)
        for name, size, kind in kinds
    )
    images = [workload.outputs(seed) for seed in range(BATCH)]
    for outputs in images:
        outputs["odm_conf"] /= outputs["odm_conf"].sum(axis=1, keepdims=True)
    samples = [workload.sample(index, np.zeros((0, 4), np.float32), np.zeros(0, np.intp)) for index in range(BATCH)]
    seen = Repetitions(rules=rules, preprocess=RefineDetPreprocess(config), doubt=list[str]().append)

    def check(index: int) -> None:
        if text := fault(rules, images[index], index):
            raise AssertionError(text)
        seen(samples[index], images[index])

    (seconds,) = measure.cpu_seconds([check], list(range(BATCH)), rounds)
    return [measure.Line(what="outputs held against their kinds", target=0.1, measured=seconds * MS, unit="ms/image")]


def scoring(images: int) -> list[Line]:
    """Row 2: the three values of a run's evaluation, from predictions in memory."""
    samples, predictions = workload.scored_set(images)
    metric = VocMetric(VOC_CLASSES)
    seconds = _best(lambda: workload.scored(metric, samples, predictions).values, 5)
    part = slice(0, min(images, PLAIN_IMAGES))
    start = time.process_time()
    expected = [plain.average_precision(samples[part], predictions[part], label) for label in range(len(VOC_CLASSES))]
    slow = (time.process_time() - start) * images / len(samples[part])
    found = workload.scored(metric, samples[part], predictions[part]).values[0].per_class
    detections = sum(len(prediction["scores"]) for prediction in predictions)
    return [
        measure.Line(
            what=f"mAP by three definitions, {detections} detections in {images} images",
            target=0.5,
            measured=seconds,
            unit="s",
            plain=slow,
            same=[100 * value for value in expected] == list(found.values()),
        )
    ]


def explaining(images: int) -> list[Line]:
    """What a report says beyond the values: how sure they are, and what went wrong where.

    A plain bootstrap scores every resample as a data set of its own; it does so once here, and its time for all of
    them is taken in proportion.
    """
    samples, predictions = workload.scored_set(images)
    metric = VocMetric(VOC_CLASSES)
    weights = draw(images, RESAMPLES, seed=0)
    drawn = np.repeat(np.arange(images), weights[0])
    again = [replace(samples[place], index=index) for index, place in enumerate(drawn, start=1)]
    theirs = [predictions[place] for place in drawn]
    start = time.process_time()
    expected = workload.scored(metric, again, theirs).values
    slow = (time.process_time() - start) * RESAMPLES
    score, *fresh = [workload.scored(metric, samples, predictions) for _ in range(3)]
    found = score.resample(weights[:1])
    same = all(
        math.isclose(one.value, two.values[0], rel_tol=1e-12)
        for one, two in zip(expected, found, strict=True)
        if one.protocol != REFERENCE.name  # whose equal scores change places when images repeat
    )
    seconds = _best(lambda: score.resample(weights), 2)
    diagnosis = _best(lambda: fresh.pop().diagnose(), len(fresh))  # a score diagnoses once
    return [
        measure.Line(
            what=f"mAP of {RESAMPLES} resamples of {images} images",
            target=None,
            measured=seconds,
            unit="s",
            plain=slow,
            same=same,
        ),
        measure.Line(what=f"errors by kind, {images} images", target=None, measured=diagnosis, unit="s"),
    ]


def parsing(images: int) -> list[Line]:
    """Row 3: the files are in the page cache, as they are after unpacking."""
    samples, _ = workload.scored_set(images)
    with tempfile.TemporaryDirectory() as folder:
        root = workload.write_annotations(Path(folder), samples, VOC_CLASSES)
        paths = [root / "Annotations" / f"{sample.id}.xml" for sample in samples]
        data = VocDataset(VOC_CLASSES)
        seconds = _best(lambda: data.samples(root), 5)
        slow = _best(lambda: [plain.annotation(path) for path in paths], 3)
        expected = [plain.annotation(path) for path in paths]
        same = expected == [
            [
                (VOC_CLASSES[label], hard, box)
                for label, hard, box in zip(one.labels, one.difficult.tolist(), one.boxes.tolist(), strict=True)
            ]
            for one in data.samples(root)
        ]
    return [
        measure.Line(
            what=f"VOC annotations, {images} files", target=0.4, measured=seconds, unit="s", plain=slow, same=same
        )
    ]


def preprocessing(rounds: int) -> list[Line]:
    """Row 4, with JPEG files of 65 kB and 500 x 375 pixels."""
    config = RefineDetConfig()
    ours = RefineDetPreprocess(config)
    preprocess.SHIFT.wait()
    cv2.setNumThreads(1)  # as a run has it: there is a caller on every processor
    with tempfile.TemporaryDirectory() as folder:
        samples = workload.write_images(Path(folder), BATCH)

        def slowly(sample: DetectionSample) -> NDArray[np.float32]:
            return plain.preprocess(sample.path, config.input_size, config.mean)

        same = all(ours(sample)["image"].tobytes() == slowly(sample).tobytes() for sample in samples)
        calls: list[Callable[[DetectionSample], object]] = [ours, ours.pixels, lambda one: cv2.imread(str(one.path))]
        whole, pixels, read = measure.cpu_seconds(calls, samples, 3 * rounds)  # their ratio needs them exactly
        (slow,) = measure.cpu_seconds([slowly], samples, 5)
        gain = _gain(ours, samples * 2, 2 * rounds)
    return [
        measure.Line(what="imread alone", target=None, measured=read * MS, unit="ms/image"),
        measure.Line(what="preprocess", target=None, measured=whole * MS, unit="ms/image", plain=slow * MS, same=same),
        measure.Line(what="preprocess / imread", target=1.25, measured=whole / read, unit="times"),
        measure.Line(what="preprocess to pixels / imread", target=1.25, measured=pixels / read, unit="times"),
        measure.Line(
            what="preprocess on two threads / on one", target=1.7, bound=measure.AT_LEAST, measured=gain, unit="times"
        ),
    ]


def _gain(call: Callable[[DetectionSample], object], samples: Sequence[DetectionSample], rounds: int) -> float:
    """How many times as fast two threads are as one, by the clock on the wall.

    The best round of each counts, on its own: the best of the ratios would reward a disturbed single thread. Both
    cores have to be free for this, which the load in the first line tells.
    """
    best = {1: float("inf"), 2: float("inf")}
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        for _ in range(rounds):
            for threads, pool in ((1, one), (2, two)):
                start = time.perf_counter()
                list(pool.map(call, samples))
                best[threads] = min(best[threads], time.perf_counter() - start)
    return best[1] / best[2]


def _best(call: Callable[[], object], rounds: int) -> float:
    """Least seconds of processor time."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
