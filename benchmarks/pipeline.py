"""Measures the whole host side around a stand-in for the device: ``python benchmarks/pipeline.py``.

The stand-in sleeps as long as the published device computes and returns recorded outputs, so that it costs no
processor time. Everything else is what a run does: store, decoding, batches, postprocessing, metric.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import measure
import numpy as np
import workload

from refinedet_plugin.config import VOC_CLASSES, RefineDetConfig
from refinedet_plugin.metric import VocMetric
from refinedet_plugin.plugin import RefineDetNetwork
from refinedet_plugin.postprocess import RefineDetPostprocess
from refinedet_plugin.preprocess import RefineDetPreprocess
from zoo_runner.artifacts import Store
from zoo_runner.stages import inference, stream
from zoo_runner.stages.predictions import write_predictions

if TYPE_CHECKING:
    from zoo_runner.interfaces import Arrays, Sample, Timings

RATE: Final = 445.783
"""Images a second of the device, at batch 16."""
BATCH: Final = 16
CORES: Final = 2
IMAGES: Final = 2496
MANY: Final = 4992
"""Images for the peak of memory: as many as VOC2007 test, in whole batches."""
FEW: Final = 480
TURNS: Final = 3
DISTINCT: Final = 256
"""Different files; the others are links to them."""
MB: Final = 1e6


class Device:
    """A session that computes nothing: it waits, and returns the recorded outputs of one batch."""

    def __init__(self, rate: float) -> None:
        self._seconds = BATCH / rate if rate else 0.0
        recorded = [workload.outputs(seed) for seed in range(BATCH)]
        self._outputs = {name: np.stack([each[name] for each in recorded]) for name in recorded[0]}

    def infer(self, _inputs: Arrays) -> Arrays:
        """Take the device's time for one batch."""
        if self._seconds:
            time.sleep(self._seconds)
        return self._outputs

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Be no use for timing."""
        raise NotImplementedError

    def close(self) -> None:
        """Have nothing to release."""


class Silent:
    """A progress that nobody sees."""

    @contextmanager
    def track(self, _label: str, _total: int | None, _unit: str) -> Iterator[Callable[[int], None]]:
        """Open no bar."""
        yield lambda _amount: None

    def note(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one run took.

    Attributes:
        images: How many.
        seconds: From the first file to the metric.
        metric_s: Of those, the metric.
        cpu_s: Processor seconds of all threads.
        busy_s: By stage, summed over its threads.
        peak_mb: Most resident memory of the process.
        written: Bytes the process wrote.
        kept: Bytes of those that are predictions, with their stamps.
    """

    images: int
    seconds: float
    metric_s: float
    cpu_s: float
    busy_s: dict[str, float]
    peak_mb: float
    written: int
    kept: int


def run_once(images: int, rate: float, folder: Path) -> Figures:
    """Run the pipeline once in this process."""
    config = RefineDetConfig()
    samples = linked(folder, images)
    network = RefineDetNetwork(config)
    clocks = stream.Clocks()
    device = Device(rate)
    source = inference.ModelOutputs(
        preprocess=RefineDetPreprocess(config),
        inputs=network.inputs,
        session=lambda: device,
        batch=BATCH,
        key="recorded",
        workers=stream.workers(),
        clocks=clocks,
    )
    postprocess = RefineDetPostprocess(config)
    before = bytes_written()
    start, cpu = time.perf_counter(), time.process_time()
    predictions, _ = stream.predict(
        samples,
        source,
        postprocess,
        chunk=stream.chunk_size(BATCH),
        store=Store(folder / "store"),
        progress=Silent(),
        clocks=clocks,
    )
    write_predictions(folder / "detections.npz", predictions)
    predicted = time.perf_counter()
    VocMetric(VOC_CLASSES).evaluate(samples, predictions)
    end = time.perf_counter()
    kept = [folder / "detections.npz", *(path for path in (folder / "store").rglob("*") if path.is_file())]
    return Figures(
        images=images,
        seconds=end - start,
        metric_s=end - predicted,
        cpu_s=time.process_time() - cpu,
        busy_s=dict(Counter(clocks.seconds)),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB,
        written=bytes_written() - before,
        kept=sum(path.stat().st_size for path in kept),
    )


def linked(folder: Path, images: int) -> list[Sample]:
    """Make samples of hard links to the images made before, with objects for the metric."""
    files = sorted((folder.parent / "images").glob("*.jpg"))
    (folder / "data").mkdir(parents=True)
    samples: list[Sample] = []
    annotated, _ = workload.scored_set(images)
    for position, sample in enumerate(annotated):
        path = folder / "data" / f"{sample.id}.jpg"
        os.link(files[position % len(files)], path)
        samples.append(replace(sample, path=path))
    return samples


def bytes_written() -> int:
    """Bytes that this process has handed to ``write`` so far."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="utf-8").splitlines())
    return int(fields["wchar"])


def loaded(folder: Path) -> None:
    """Run the pipeline until what it loads or compiles in the background is there."""
    run_once(FEW, 0, folder)
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join()


def apart(folder: Path, name: str, images: int, rate: float) -> Figures:
    """Run the pipeline in a process of its own, on two cores; as a second one there if the name says steady."""
    stream.one_thread_a_call()  # here, since the making of images has loaded OpenCV before a run would
    command = [sys.executable, __file__, "--child", str(folder / name), str(images), str(rate)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this very file
    return Figures(**json.loads(done.stdout))


def best(folder: Path, name: str, images: int, rate: float) -> Figures:
    """Run it a few times; the fastest had the least of other work on the machine beside it."""
    runs = [apart(folder, f"{name}{turn}", images, rate) for turn in range(TURNS)]
    return min(runs, key=lambda run: run.seconds)


def pipeline(images: int = IMAGES, many: int = MANY) -> list[measure.Line]:
    """Rows 5 to 8."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        workload.write_images(folder / "images", DISTINCT)
        apart(folder, "warm", FEW, 0)
        host = best(folder, "host", images, 0)
        whole = best(folder, "whole", images, RATE)
        steady = best(folder, "steady", images, RATE)
        few, most = apart(folder, "few", FEW, RATE), apart(folder, "most", many, RATE)
    device = images / RATE  # the slowest stage; the others' times, summed over threads, depend on who else is at work
    grown = (most.peak_mb - few.peak_mb) / (many - FEW) * 1e3
    return [
        measure.Line(
            what=f"whole host side, {images} images, device that takes no time",
            target=446,
            bound=measure.AT_LEAST,
            measured=images / host.seconds,
            unit="images/s",
        ),
        measure.Line(
            what="its processor time, all threads", target=None, measured=host.cpu_s / images * 1e3, unit="ms/image"
        ),
        measure.Line(
            what="pipeline / time of the device, the slowest stage",
            target=1.05,
            measured=whole.seconds / device,
            unit="times",
        ),
        measure.Line(
            what="the same without the metric",
            target=None,
            measured=(whole.seconds - whole.metric_s) / device,
            unit="times",
        ),
        measure.Line(
            what="the same without metric and loading of kernels",
            target=None,
            measured=(steady.seconds - steady.metric_s) / device,
            unit="times",
        ),
        measure.Line(
            what="intermediate bytes written", target=0, measured=round((whole.written - whole.kept) / MB), unit="MB"
        ),
        measure.Line(
            what="predictions kept: chunks and detections.npz", target=None, measured=whole.kept / MB, unit="MB"
        ),
        measure.Line(what=f"peak memory, {many} images", target=700, measured=most.peak_mb, unit="MB"),
        measure.Line(what="its growth", target=None, measured=grown, unit="kB/image"),
    ]


def main() -> None:
    """Run all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    parser.add_argument("--child", nargs=3, metavar=("FOLDER", "IMAGES", "RATE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
        folder, images, rate = chosen.child
        if "steady" in Path(folder).name:
            loaded(Path(folder).with_name(f"before-{Path(folder).name}"))
        print(json.dumps(asdict(run_once(int(images), float(rate), Path(folder)))))
        return
    measure.report(pipeline(chosen.images), chosen.json)


if __name__ == "__main__":
    main()
