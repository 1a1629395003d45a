"""Measures the whole host side around a stand-in for the device: ``python benchmarks/pipeline.py``.

The stand-in sleeps as long as the published device computes and returns recorded outputs, so that it costs no
processor time. Everything else is what a run does: store, decoding, batches, postprocessing, metric. While a device
is being opened the plugin loads its compiled loops, and the first batches are made; how long that takes is not the
pipeline's doing, so time counts from there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import measure
import numpy as np
import workload

from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.plugin import RefineDetNetwork
from refinedet_plugin.postprocess import RefineDetPostprocess
from refinedet_plugin.preprocess import RefineDetPreprocess
from zoo_detection import compiled
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.backends.devices.pool import DevicePool
from zoo_runner.plugin.interfaces import SessionRequest
from zoo_runner.report.predictions import write_predictions
from zoo_runner.stages.evaluate.accumulation import Accumulation
from zoo_runner.stages.predict import inference
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.threads import one_thread_a_call, workers
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample, Session, Timings
    from zoo_runner.plugin.scoring import Scored

RATE: Final = 445.783
"""Images a second of the device, at batch 16."""
BATCH: Final = 16
CORES: Final = 2
IMAGES: Final = 2496
MANY: Final = 4992
"""Images for the peak of memory: as many as VOC2007 test, in whole batches."""
FEW: Final = 480
TURNS: Final = 3
OPENING: Final = 1.0
"""Seconds that opening the stand-in takes: less than it takes a device. The device's process alone, without CANN and
a model to load, needs half of it."""
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


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is run.

    Attributes:
        images: How many.
        rate: Images a second of the device; 0 if it takes no time.
        opening: Seconds that it takes to open the device.
        apart: Whether the device has a process of its own, as the backend for Ascend gives it.
        explained: Whether the report is made as well, with intervals, curves, diagnosis and its page.
    """

    images: int
    rate: float = RATE
    opening: float = OPENING
    apart: bool = False
    explained: bool = False

    def __call__(self, _request: SessionRequest) -> Device:
        """Make the device, in its own process."""
        return Device(self.rate)

    def opener(self, network: RefineDetNetwork) -> Callable[[], Session]:
        """Return what opens the device."""
        if self.apart:
            request = SessionRequest(
                model=Path("recorded"), inputs=network.inputs, outputs=network.outputs, batch=BATCH
            )
            return lambda: DevicePool(self, request)
        device = Device(self.rate)

        def opened() -> Session:
            time.sleep(self.opening)
            return device

        return opened


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
        opening_s: From the first file to the device being open.
        seconds: From there to the metric.
        metric_s: Of those, what the metric still takes when all else is done.
        explain_s: What came after that, if the report was made as well.
        cpu_s: Processor seconds of all threads, up to the metric.
        busy_s: By stage, summed over its threads.
        peak_mb: Most resident memory of the process.
        written: Bytes the process wrote.
        kept: Bytes of those that are predictions, with their stamps.
    """

    opening_s: float
    seconds: float
    metric_s: float
    explain_s: float
    cpu_s: float
    busy_s: dict[str, float]
    peak_mb: float
    written: int
    kept: int


def run_once(case: Case, folder: Path) -> Figures:
    """Run the pipeline once in this process."""
    config = RefineDetConfig()
    samples = linked(folder, case.images)
    network = RefineDetNetwork(config)
    clocks = Clocks()
    opened: list[tuple[float, Session]] = []
    opener = case.opener(network)

    def session() -> Session:
        device = opener()
        opened.append((time.perf_counter(), device))
        return device

    source = inference.ModelOutputs(
        preprocess=RefineDetPreprocess(config),
        inputs=network.inputs,
        session=session,
        batch=BATCH,
        key="recorded",
        workers=workers(),
        clocks=clocks,
    )
    postprocess = RefineDetPostprocess(config)
    metric = VocMetric(VOC_CLASSES)
    before = bytes_written()
    start, cpu = time.perf_counter(), time.process_time()
    with closing(Accumulation(metric, samples)) as accumulation:
        predictions, _ = stream.predict(
            samples,
            source,
            postprocess,
            chunk=stream.chunk_size(BATCH),
            store=Store(folder / "store"),
            listeners=stream.Listeners(progress=Silent(), clocks=clocks, finished=accumulation.add),
        )
        write_predictions(folder / "predictions.npz", predictions)
        predicted = time.perf_counter()
        scored = accumulation.score(predictions)
    end, used = time.perf_counter(), time.process_time() - cpu
    if case.explained:
        explain(metric, samples, scored)
    explained = time.perf_counter()
    ((open_since, device),) = opened
    with closing(device):
        kept = [folder / "predictions.npz", *(path for path in (folder / "store").rglob("*") if path.is_file())]
        return Figures(
            opening_s=open_since - start,
            seconds=end - open_since,
            metric_s=end - predicted,
            explain_s=explained - end,
            cpu_s=used,
            busy_s=dict(Counter(clocks.seconds)),
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB,
            written=bytes_written() - before,
            kept=sum(path.stat().st_size for path in kept),
        )


def explain(metric: VocMetric, samples: Sequence[Sample], scored: Scored) -> None:
    """Make everything that a report has beyond the values."""
    import report  # noqa: PLC0415 - loads what draws the page, which must not count where it is not made

    from zoo_runner.report.gallery import pictures  # noqa: PLC0415 - likewise
    from zoo_runner.report.html import render  # noqa: PLC0415 - likewise

    found = report.evaluated(metric, samples, scored)
    render(found, pictures(found, samples, scored))


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


def alone(folder: Path, name: str, case: Case, kernels: Path | None = None) -> Figures:
    """Run the pipeline in a process of its own, on two cores; ``kernels`` is where compiled code is, if elsewhere."""
    one_thread_a_call()  # here, since the making of images has loaded OpenCV before a run would
    command = [sys.executable, __file__, "--child", str(folder / name), json.dumps(asdict(case))]
    env = {**os.environ, **({"NUMBA_CACHE_DIR": str(kernels)} if kernels else {})}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env)  # noqa: S603 - this very file
    return Figures(**json.loads(done.stdout))


def best(folder: Path, name: str, case: Case, turns: int) -> Figures:
    """Run it a few times; the fastest had the least of other work on the machine beside it."""
    runs = [alone(folder, f"{name}{turn}", case) for turn in range(turns)]
    return min(runs, key=lambda run: run.seconds)


def pipeline(images: int = IMAGES, many: int = MANY, turns: int = TURNS) -> list[measure.Line]:
    """Rows 5 to 8."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        workload.write_images(folder / "images", DISTINCT)
        alone(folder, "warm", Case(images=compiled.WORTHWHILE, rate=0, opening=0))  # compiles, on a new machine
        host = best(folder, "host", Case(images=images, rate=0, opening=0), turns)
        whole = best(folder, "whole", Case(images=images), turns)
        new = min(
            (alone(folder, f"new{turn}", Case(images=images), folder / f"kernels{turn}") for turn in range(turns)),
            key=lambda run: run.seconds,
        )
        sudden = best(folder, "sudden", Case(images=images, opening=0), turns)
        apart = best(folder, "apart", Case(images=images, apart=True), turns)
        few, most = (
            alone(folder, "few", Case(images=FEW, explained=True)),
            alone(folder, "most", Case(images=many, explained=True)),
        )
    device = images / RATE  # the slowest stage; the others' times, summed over threads, depend on who else is at work
    grown = (most.peak_mb - few.peak_mb) / (many - FEW) * 1e3
    return [
        measure.Line(
            what=f"whole host side, {images} images, device that takes no time",
            target=446,
            bound=measure.AT_LEAST,
            measured=images / (host.opening_s + host.seconds),
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
            what=f"the same, {many} images, once",
            target=None,
            measured=most.seconds / (many / RATE),
            unit="times",
        ),
        measure.Line(
            what="of that, the metric, when all else is done",
            target=None,
            measured=whole.metric_s,
            unit="s",
        ),
        measure.Line(
            what="the first run on a machine, which compiles, takes longer by",
            target=1.0,
            measured=new.opening_s + new.seconds - whole.opening_s - whole.seconds,
            unit="s",
        ),
        measure.Line(
            what="pipeline / time of a device that is open at once",
            target=None,
            measured=sudden.seconds / device,
            unit="times",
        ),
        measure.Line(
            what="pipeline / time of a device in a process of its own",
            target=None,
            measured=apart.seconds / device,
            unit="times",
        ),
        measure.Line(
            what="intermediate bytes written", target=0, measured=round((whole.written - whole.kept) / MB), unit="MB"
        ),
        measure.Line(
            what="predictions kept: chunks and predictions.npz", target=None, measured=whole.kept / MB, unit="MB"
        ),
        measure.Line(
            what=f"after the metric: intervals, diagnosis and page, {many} images",
            target=None,
            measured=most.explain_s,
            unit="s",
        ),
        measure.Line(what=f"peak memory, {many} images, page included", target=700, measured=most.peak_mb, unit="MB"),
        measure.Line(what="its growth", target=None, measured=grown, unit="kB/image"),
    ]


def main() -> None:
    """Run all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "CASE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
        folder, case = chosen.child
        print(json.dumps(asdict(run_once(Case(**json.loads(case)), Path(folder)))))
        return
    measure.report(pipeline(chosen.images), chosen.json)


if __name__ == "__main__":
    main()
