"""Runs without a fault that begin with golden samples, under what must not matter: none may have a finding.

    python tools/golden/clean_runs.py              # 100 runs
    python tools/golden/clean_runs.py --runs 5

The model is the smallest one of the tests (``tests/trial_plugin``), run in this process, on ONNX Runtime and on a
made-up accelerator of up to three devices. Between runs batch size, threads, limit, subset, devices and the machine's
load change. Prints how many runs had a finding; the exit code is 1 if one had.
"""

from __future__ import annotations

import argparse
import importlib
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoo_runner.report.model import Report

TRIAL: Final = Path(__file__).resolve().parents[2] / "tests" / "trial_plugin"
CLASSES: Final = ("ant", "bee", "cat", "dog")
SAMPLES: Final = 150
SEED: Final = "golden"
CLEAN, ALARM = 0, 1
SUBSET: Final = "\nsubsets: {third: {every: 3, expected: {value: 100.0, tolerance: {abs: 0.5}}}}\n"
BACKEND: Final = '''\
"""A made-up accelerator: ONNX Runtime in a process of its own for each device."""

from zoo_runner.backends.devices.pool import DevicePool
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.plugin.hookspecs import hookimpl


def opened(request):
    return OnnxRuntimeBackend().open(request)


class PooledBackend(OnnxRuntimeBackend):
    name = "pooled"

    def chip(self):
        return "X1"

    def version(self):
        return "pooled 1"

    def open(self, request):
        return DevicePool(opened, request)


@hookimpl
def zoo_backend():
    return PooledBackend()
'''
BUSY: Final = "while True: pass"


@dataclass(frozen=True, kw_only=True)
class Variation:
    """What changes between two runs; no devices stand for the processor."""

    batch: int
    threads: int | None
    limit: int | None
    subset: str | None
    devices: tuple[int, ...]
    loaded: bool


class Quiet:
    """A progress that shows nothing."""

    @contextmanager
    def track(self, _label: str, _total: int | None, _unit: str) -> Iterator[Callable[[int], None]]:
        """Count nothing."""
        yield lambda _amount: None

    def note(self, _text: str) -> None:
        """Say nothing."""

    def warn(self, _text: str) -> None:
        """Say nothing: it is in the report."""


def variations(seed: str) -> Iterator[Variation]:
    """Draw variations without end, always the same ones for a seed."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    while True:
        limit = draw.choice((None, None, 7, 40, 110))
        yield Variation(
            batch=draw.choice((1, 3, 5, 8, 16, 64)),
            threads=draw.choice((None, 1, 2)),
            limit=limit,
            subset=draw.choice((None, None, "third")),
            devices=draw.choice(((), (), (0,), (0, 1), (0, 1, 2))),
            loaded=draw.random() < 0.25,  # noqa: PLR2004 - a quarter of the runs
        )


def laid_out(folder: Path) -> Path:
    """Lay out the trial's plugin, the made-up accelerator, manifest, weights and data; return the manifest."""
    import torch  # noqa: PLC0415 - --help needs none

    site = folder / "site"
    site.mkdir()
    shutil.copy(TRIAL / "trial_plugin.py", site)
    (site / "pooled_backend.py").write_text(BACKEND, encoding="utf-8")
    info = site / "trial-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial\nVersion: 1.0\n", encoding="utf-8")
    points = "[zoo_runner]\ntrial = trial_plugin\npooled = pooled_backend\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    count = len(CLASSES)
    torch.save({"weight": torch.eye(count), "bias": torch.zeros(count)}, folder / "weights.pth")
    (folder / "data").mkdir()
    for index in range(SAMPLES):
        numbers = [index / SAMPLES] * count
        numbers[index % count] = 2.0
        text = " ".join(map(str, numbers))
        (folder / "data" / f"{CLASSES[index % count]}_{index:03d}.txt").write_text(text, encoding="utf-8")
    manifest = folder / "trial.yaml"
    manifest.write_text((TRIAL / "trial.yaml").read_text(encoding="utf-8") + SUBSET, encoding="utf-8")
    return manifest


def record(manifest: Path) -> None:
    """Record the bundle, and name it in the manifest."""
    from zoo_runner.commands.golden_bundle import recorded  # noqa: PLC0415 - loads numpy
    from zoo_runner.job.options import RunOptions  # noqa: PLC0415 - likewise
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - likewise
    from zoo_runner.store.store import Store  # noqa: PLC0415 - likewise

    folder = manifest.parent
    options = RunOptions(output=folder / "recorded", backend="onnxruntime")
    target, store = folder / "trial.golden.npz", Store(folder / "store")
    made = recorded(load(manifest), options, target, untrusted=False, store=store, progress=Quiet())
    manifest.write_text(f"{manifest.read_text(encoding='utf-8')}\n{made.lines}\n", encoding="utf-8")


@contextmanager
def load_on_the_machine() -> Iterator[None]:
    """Keep two processors busy."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]  # noqa: S603 - our own command
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def clean_run(manifest: Path, variation: Variation) -> Report:
    """Run once; nothing is inferred yet in the store."""
    from zoo_runner.job.options import RunOptions, Stage  # noqa: PLC0415 - --help needs none
    from zoo_runner.job.recipe import resolve  # noqa: PLC0415 - likewise
    from zoo_runner.manifest.load import load  # noqa: PLC0415 - likewise
    from zoo_runner.runner import run  # noqa: PLC0415 - likewise
    from zoo_runner.store.store import Store  # noqa: PLC0415 - likewise

    folder = manifest.parent
    shutil.rmtree(folder / "store" / "predictions", ignore_errors=True)
    overrides = [f"infer.batch={variation.batch}"]
    overrides += [f"infer.threads={variation.threads}"] if variation.threads else []
    options = RunOptions(
        output=folder / "out",
        backend="pooled" if variation.devices else "onnxruntime",
        devices=variation.devices or (0,),
        limit=variation.limit,
        subset=variation.subset,
        last=Stage.EVALUATE,
    )
    loaded = load(manifest, tuple(overrides))
    with load_on_the_machine() if variation.loaded else nullcontext():
        return run(resolve(loaded, options), options, store=Store(folder / "store"), progress=Quiet())


def alarms(report: Report) -> list[str]:
    """Return what a run found with golden samples, where nothing is to be found; or why it looked at none."""
    golden = report.golden
    if golden is None:
        return [f"the run looked at no golden samples: {'; '.join(report.why)}"]
    found = [f"{each.stage}: {each.text}" for each in golden.findings]
    return found or ([] if golden.state in {"equal", "nothing in common"} else [f"{golden.state}: {golden.note}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and say how many runs had a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100, help="how many (default: %(default)s)")
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="zoo-golden-") as name:
        manifest = laid_out(Path(name).resolve())
        try:
            record(manifest)
            for number, variation in zip(range(options.runs), variations(SEED), strict=False):
                report = clean_run(manifest, variation)
                golden, found = report.golden, alarms(report)
                counts["alarms"] += bool(found)
                counts["runs"] += 1
                counts["inferred"] += bool(golden and golden.inferred)
                counts["on devices"] += bool(variation.devices)
                counts["repeated"] += sum(golden.repeats.values()) if golden else 0
                for text in found:
                    print(f"ALARM in run {number}, {variation}: {text}", flush=True)
        finally:
            sys.path.remove(str(manifest.parent / "site"))
    print(
        f"{counts['runs']} clean runs, {counts['on devices']} of them on devices: {counts['alarms']} alarms; golden "
        f"samples were inferred in {counts['inferred']}, and {counts['repeated']} golden batches repeated"
    )
    return ALARM if counts["alarms"] else CLEAN


if __name__ == "__main__":
    sys.exit(main())
