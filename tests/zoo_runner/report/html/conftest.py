"""Reports as runs leave them, from the emptiest to the fullest, and pictures to go with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from zoo_runner.plugin.evidence import Illustration, Mark
from zoo_runner.report.changes import (
    Change,
    ClassChange,
    Cluster,
    Comparison,
    DiagnosedSample,
    Interval,
    MetricChange,
    PerformanceChange,
    SampleChange,
)
from zoo_runner.report.evidence import CurveRecord, DiagnosisRecord
from zoo_runner.report.html import render
from zoo_runner.report.model import (
    ArtifactRecord,
    Environment,
    ManifestRecord,
    MetricRecord,
    PerformanceRecord,
    Report,
    StageRecord,
    Verdict,
    WaiverRecord,
    WaiverState,
)
from zoo_runner.report.picture import Picture

if TYPE_CHECKING:
    from tests.zoo_runner.report.conftest import Parsed

KINDS = ("missed", "confusion", "localisation", "duplicate", "background")
CLASSES = ("red_disc", "blue_disc", "red_box", "blue_box", "red_triangle", "blue_triangle")
LEVELS = tuple(level / 10 for level in range(11))
SHA = "3c440944829144f56f8b348a90bc9ca7416c89a4b16e84d1aa4d4587251d7f26"
TABLE = "https://gitcode.com/Ascend/ModelZoo-PyTorch/tree/master/ACL_PyTorch/contrib/cv/detection/RefineDet"
EXPECTED = {1: 379.450, 4: 427.239, 8: 434.099, 16: 445.783, 32: 440.789, 64: 370.347}


class Reports:
    """Makes reports and pictures; nothing in them is random between two calls."""

    def least(self, **given: Any) -> Report:
        """A run that came to nothing."""
        manifest = ManifestRecord(name="trial", path="m.yaml", files=("m.yaml",), digest="0" * 64)
        return Report(**{"verdict": Verdict.ERROR, "exit_code": 3, "manifest": manifest, **given})

    def full(self, *, classes: Sequence[str] = CLASSES, shift: float = 0.0, **given: Any) -> Report:
        """A run with everything in it but a baseline; ``shift`` is added to its accuracy."""
        metrics = (
            self.metric("voc07_map", "reference", classes, shift=shift, gated=True),
            self.metric("voc07_map", "devkit", classes, shift=shift + 0.06),
            self.metric("voc10_ap", "devkit", classes, shift=shift + 1.1),
        )
        usual: dict[str, Any] = {
            "verdict": Verdict.PASS,
            "exit_code": 0,
            "why": (
                f"voc07_map (reference): {metrics[0].value:.2f}, expected at least 92.6 - 0.3",
                "throughput on 310P3, batch 16: 452.40, expected at least 445.783 - 22.2892",
            ),
            "started": "2026-11-23T09:06:09+00:00",
            "seconds": 201.4,
            "manifest": self.manifest(),
            "environment": self.environment(),
            "stages": self.stages(),
            "metrics": metrics,
            "performance": tuple(self.timing(batch) for batch in EXPECTED),
            "curves": tuple(self.curve(label, value) for label, value in metrics[0].per_class.items()),
            "diagnosis": self.diagnosis(),
            "artifacts": self.artifacts(),
        }
        return Report(**{**usual, **given})

    def compared(self, **given: Any) -> Report:
        """A failed run next to the one before, with every part that a report can have."""
        report = self.full(shift=-3.2)
        first = report.metrics[0].model_copy(
            update={
                "verdict": Verdict.FAIL,
                "why": f"{report.metrics[0].value:.2f}, expected at least 92.6 - 0.3",
                "rule": "paired",
            }
        )
        slow = report.performance[3].model_copy(update={"verdict": Verdict.WAIVED, "throughput": 402.5})
        return report.model_copy(
            update={
                "notice": "made with stand-ins: no figure here is an NPU's",
                "verdict": Verdict.FAIL,
                "exit_code": 1,
                "why": (f"voc07_map (reference): {first.why}",),
                "metrics": (first, *report.metrics[1:]),
                "performance": (*report.performance[:3], slow, *report.performance[4:]),
                "comparison": self.comparison(report),
                "waivers": self.waivers(),
                "warnings": (
                    "weights: the manifest has no sha256; trusted on first use",
                    "throughput on 310P3, batch 1: 401.2 is more than 5 % beyond what was expected",
                ),
                **given,
            }
        )

    def metric(
        self, name: str, protocol: str, classes: Sequence[str], *, shift: float, gated: bool = False
    ) -> MetricRecord:
        values = {label: 92.7 + shift + 5.5 * math.sin(2.1 * place) for place, label in enumerate(classes)}
        mean = sum(values.values()) / max(len(values), 1)
        interval = Interval(low=mean - 1.13, high=mean + 1.08, level=0.95, method="bootstrap", resamples=1000, seed=0)
        expectation: dict[str, Any] = {
            "expected": 92.6,
            "tolerance": 0.3,
            "verdict": Verdict.PASS,
            "why": f"{mean:.2f}, expected at least 92.6 - 0.3",
            "where": "manifests/refinedet320-sample.yaml:46",
            "smallest_drop": 1.41,
        }
        return MetricRecord(
            id=f"{name}/{protocol}",
            name=name,
            protocol=protocol,
            value=mean,
            unit="percent",
            interval=interval,
            samples=240,
            dataset_samples=240,
            per_class=values,
            per_class_interval={label: (value - 2.7, value + 2.3) for label, value in values.items()},
            support={label: 180 + 7 * place for place, label in enumerate(classes)},
            **(expectation if gated else {}),
        )

    def timing(self, batch: int, **given: Any) -> PerformanceRecord:
        expected = EXPECTED[batch]
        rate = expected * (1.015 + 0.01 * math.cos(batch))
        usual: dict[str, Any] = {
            "id": f"throughput/310P3/{batch}",
            "backend": "ascend",
            "chip": "310P3",
            "batch": batch,
            "loops": 1000,
            "min_ms": 970 * batch / rate,
            "mean_ms": 1000 * batch / rate,
            "median_ms": 999 * batch / rate,
            "p99_ms": 1050 * batch / rate,
            "to_device_ms": 0.21 * batch,
            "from_device_ms": 0.34 * batch,
            "throughput": rate,
            "end_to_end": 288.25 if batch == 16 else None,
            "expected": expected,
            "tolerance": 0.05 * expected,
            "verdict": Verdict.PASS,
            "why": f"{rate:.2f}, expected at least {expected:g} - {0.05 * expected:g}",
            "where": "manifests/refinedet320.yaml:55",
            "published": TABLE,
        }
        return PerformanceRecord(**{**usual, **given})

    def curve(self, label: str, average: float, points: int = 200) -> CurveRecord:
        recall = np.linspace(0, min(0.99, average / 95), points)
        precision = 1 - (1.35 - average / 100) * recall**6 - 0.004 * np.abs(np.sin(40 * recall))
        read = [float(precision[recall >= level].max()) if (recall >= level).any() else 0.0 for level in LEVELS]
        return CurveRecord(
            label=label,
            average=average,
            recall=tuple(recall.tolist()),
            precision=tuple(precision.tolist()),
            levels=LEVELS,
            level_precision=tuple(read),
        )

    def diagnosis(self, count: int = 30) -> DiagnosisRecord:
        return DiagnosisRecord(
            basis="detections with a score of at least 0.5; a box is right from an overlap of 0.5",
            kinds=KINDS,
            totals={"missed": 84, "confusion": 12, "localisation": 31, "background": 47},
            worst=tuple(self.diagnosed(place) for place in range(count)),
        )

    def diagnosed(self, place: int) -> DiagnosedSample:
        errors = {kind: (place + number) % 4 for number, kind in enumerate(KINDS) if (place + number) % 4}
        score = None if place == 7 else 30.0 + 61 * place / 30  # one has no objects
        return DiagnosedSample(id=f"{place * 7 + 3:06d}", index=place * 7 + 3, score=score, errors=errors)

    def manifest(self) -> ManifestRecord:
        settings = {"plugin.config.input_size": "320", "infer.batch": "8", "plugin.config.nms.threshold": "0.45"}
        return ManifestRecord(
            name="refinedet320-sample",
            path="manifests/refinedet320-sample.yaml",
            files=("manifests/refinedet320-sample.yaml", "manifests/refinedet320.yaml"),
            digest="9f2c" * 16,
            overrides=("benchmark.loop=1000",),
            source="https://github.com/luuuyi/RefineDet.PyTorch",
            settings={**settings, **{f"atc.flags.flag_{number}": str(number) for number in range(12)}},
        )

    def environment(self) -> Environment:
        return Environment(
            backend="ascend",
            backend_version="CANN 6.0.RC1, ais_bench 0.0.2",
            chip="310P3",
            devices=(0, 1),
            host="Linux-5.10.0-aarch64-with-glibc2.31",
            python="3.10.12",
            packages={"zoo-runner": "0.1.0", "numpy": "2.4.6", "onnx": "1.19.1", "torch": "2.13.0"},
        )

    def stages(self) -> tuple[StageRecord, ...]:
        overlap = "busy seconds; 240 of 240 samples, stages overlap"
        return (
            StageRecord(name="fetch", seconds=0.013),
            StageRecord(name="export", seconds=0.0, skipped=True, why="unchanged"),
            StageRecord(name="convert", seconds=78.2),
            StageRecord(name="preprocess", seconds=22.4, why=overlap),
            StageRecord(name="infer", seconds=41.9, why=overlap),
            StageRecord(name="postprocess", seconds=12.75, why=overlap),
            StageRecord(name="evaluate", seconds=3.2),
            StageRecord(name="benchmark", seconds=61.05),
            StageRecord(name="gate", seconds=0.001),
        )

    def artifacts(self) -> tuple[ArtifactRecord, ...]:
        return (
            ArtifactRecord(name="weights", path="/cache/weights/refinedet320.pth", sha256=SHA, origin=f"{TABLE}/w.pth"),
            ArtifactRecord(name="onnx", path="/cache/onnx/refinedet320.onnx", sha256=SHA[::-1]),
            ArtifactRecord(name="results", path="out/results"),
        )

    def waivers(self) -> tuple[WaiverRecord, ...]:
        return (
            WaiverRecord(
                line="throughput/310P3/16",
                owner="Li Wei",
                issue="https://example.org/issues/17",
                until="2026-12-31",
                floor=400.0,
                state=WaiverState.USED,
                why="402.5 is below 423.494 and not below the floor",
                where="manifests/refinedet320.yaml:61",
            ),
            WaiverRecord(
                line="throughput/310P3/64",
                owner="Li Wei",
                issue="https://example.org/issues/9",
                until="2026-10-01",
                floor=300.0,
                state=WaiverState.NOT_NEEDED,
                why="the line passes without it; remove it",
            ),
        )

    def comparison(self, report: Report) -> Comparison:
        head = report.metrics[0]
        interval = Interval(low=-4.31, high=-2.26, level=0.95, method="paired bootstrap", resamples=1000, seed=0)
        classes = [
            ClassChange(
                label=label,
                before=value - change,
                after=value,
                difference=change,
                low=change - 1.2,
                high=change + 1.1,
            )
            for change, (label, value) in zip((-11.3, -6.2, -2.1, -0.4, 0.2, 0.9), head.per_class.items(), strict=False)
        ]
        metric = MetricChange(
            name=head.name,
            protocol=head.protocol,
            unit=head.unit,
            before=head.value + 3.24,
            rescored=head.value + 3.24,
            after=head.value,
            difference=-3.24,
            interval=interval,
            per_class=tuple(classes),
        )
        return Comparison(
            path="runs/2026-11-20/report.json",
            started="2026-11-20T17:40:01+00:00",
            verdict="pass",
            same_samples=240,
            notes=("the baseline was made by another release of the program: 0.0.9",),
            changes=(
                Change(kind="setting", name="plugin.config.nms.threshold", before="0.45", after="0.9"),
                Change(kind="package", name="numpy", before="2.3.1", after="2.4.6"),
                Change(kind="artifact", name="onnx", before=SHA, after=SHA[::-1]),
            ),
            metrics=(metric, metric.model_copy(update={"protocol": "devkit", "interval": None, "per_class": ()})),
            performance=(
                PerformanceChange(
                    backend="ascend",
                    chip="310P3",
                    batch=16,
                    unit="images/s",
                    before=448.2,
                    after=402.5,
                    ratio=402.5 / 448.2,
                ),
            ),
            clusters=(
                Cluster(of="objects", trait="class", value="red_disc", lost=22, all_lost=23, here=61, all_here=310),
                Cluster(of="samples", trait="file type", value=".png", lost=9, all_lost=9, here=1, all_here=240),
            ),
            errors_before={"missed": 61, "confusion": 14, "localisation": 30, "background": 25},
            errors_after={"missed": 84, "confusion": 12, "localisation": 31, "background": 47},
            samples=tuple(
                SampleChange(
                    id=f"{place * 7 + 3:06d}",
                    index=place * 7 + 3,
                    before=88.0,
                    after=30.0 + 61 * place / 30,
                    lost=58.0 - 61 * place / 30,
                    errors={"missed": 2, "duplicate": 1 + place, "confusion": -1},
                )
                for place in range(6)
            ),
        )

    def picture(self, place: int, *, size: tuple[int, int] = (320, 240), noise: float = 6.0) -> Picture:
        """A scene with one mark of each kind, and the errors of the sample at that place of the diagnosis."""
        width, height = size
        generator = np.random.default_rng(place)
        image = np.full((height, width, 3), 120 + 9 * (place % 8), dtype=np.float64)
        image += generator.normal(0, noise, image.shape)
        sample = self.diagnosed(place)
        kinds = ["truth", "hit", *sample.errors, "ignored"]
        marks = []
        for number, kind in enumerate(kinds):
            left, top = (number % 4) * width / 4 + 6, (number // 4) * height / 2 + 22
            box = (left, top, left + width / 5, top + height / 3)
            colour = tuple(int(value) for value in generator.integers(30, 220, 3))
            cv2.rectangle(image, (int(left), int(top)), (int(box[2]), int(box[3])), colour, -1)
            label = CLASSES[(place + number) % len(CLASSES)]
            marks.append(Mark(kind=kind, label=label, box=box, score=None if kind in {"truth", "missed"} else 0.87))
        _, data = cv2.imencode(".jpg", image.clip(0, 255).astype(np.uint8))
        shown = tuple(marks)
        here = Illustration(width=width, height=height, image=data.tobytes(), media_type="image/jpeg", marks=shown)
        return Picture(id=sample.id, index=sample.index, score=sample.score, errors=sample.errors, illustration=here)

    def pictures(self, count: int = 12, **given: Any) -> tuple[Picture, ...]:
        return tuple(self.picture(place, **given) for place in range(count))


@pytest.fixture(scope="session")
def reports() -> Reports:
    return Reports()


CASES: dict[str, Callable[[Reports], Report]] = {
    "least": Reports.least,
    "full": Reports.full,
    "compared": Reports.compared,
    "one_class": lambda make: make.full(classes=("ant",)),
    "many_pictures": Reports.full,
    "many_classes": lambda make: make.full(classes=tuple(f"class {number}" for number in range(45))),
    "no_timings": lambda make: make.full(performance=(), stages=(), artifacts=(), environment=None),
    "no_evidence": lambda make: make.full(curves=(), diagnosis=None),
    "not_a_number": lambda make: make.full(
        metrics=(make.metric("map", "reference", CLASSES, shift=math.nan), make.full().metrics[1]),
        performance=(make.timing(16, throughput=None, mean_ms=None), make.timing(1, throughput=math.inf)),
    ),
}
"""Shapes of report that a page is made of."""


class Pages:
    """Reports of each shape and the pages made of them, each made once."""

    def __init__(self, reports: Reports, parsed: Parsed) -> None:
        self._reports = reports
        self._made: dict[tuple[str, str], str] = {}
        self.tree = cache(lambda case, language="en": parsed(self.html(case, language)))

    def report(self, case: str) -> Report:
        return CASES[case](self._reports)

    def html(self, case: str, language: str = "en") -> str:
        if (case, language) not in self._made:
            report = self.report(case)
            pictures = self._reports.pictures(12 if case == "many_pictures" else 6) if report.diagnosis else ()
            self._made[case, language] = render(report, pictures, language)
        return self._made[case, language]


@pytest.fixture(scope="session")
def pages(reports: Reports, parsed: Parsed) -> Pages:
    return Pages(reports, parsed)
