"""Measures start-up, and ONNX Runtime against PyTorch: ``python benchmarks/runtime.py``."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import measure
import numpy as np

from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.plugin import RefineDetNetwork
from zoo_runner.backends.onnxruntime import OnnxRuntimeBackend
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.manifest.schema import OnnxOptions
from zoo_runner.plugin.interfaces import SessionRequest
from zoo_runner.stages.export.checkpoint import load_checkpoint
from zoo_runner.stages.export.exporters import convert

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

ROOT: Final = Path(__file__).parent.parent
MANIFEST: Final = ROOT / "manifests" / "refinedet320-sample.yaml"
WEIGHTS: Final = ROOT / "refinedet_plugin" / "sample" / "weights.pth"
ZOO_RUN: Final = Path(sys.executable).parent / "zoo-run"
ROUNDS: Final = 10


def starting(rounds: int = ROUNDS) -> list[measure.Line]:
    """Row 9: processes that are started and do next to nothing."""
    rows = [("zoo-run --help", ["--help"], 0.3), ("zoo-run validate", ["validate", str(MANIFEST)], 0.5)]
    lines = []
    for what, arguments, target in rows:
        (seconds,) = fastest([lambda given=arguments: command(*given)], rounds)  # type: ignore[misc] # mypy cannot infer it
        lines.append(measure.Line(what=what, target=target, measured=seconds, unit="s"))
    return lines


def inferring(rounds: int = ROUNDS) -> list[measure.Line]:
    """The sample's network with its weights, as a run exports it."""
    loaded = load(MANIFEST)
    with tempfile.TemporaryDirectory() as folder:
        recipe = resolve(loaded, RunOptions(output=Path(folder)))
        manifest = recipe.manifest
        command(str(MANIFEST), "--until", "export", "--output", f"{folder}/out", cache=f"{folder}/store")
        report = json.loads((Path(folder) / "out" / "report.json").read_text(encoding="utf-8"))
        (model,) = [each["path"] for each in report["artifacts"] if each["name"] == "onnx"]
        request = SessionRequest(
            model=Path(model), inputs=manifest.input_specs, outputs=manifest.output_specs, batch=manifest.infer.batch
        )
        network = recipe.parts.network.build()
        load_checkpoint(network, WEIGHTS)
        return [compared("sample", network, request, rounds)]


def inferring_whole(rounds: int = 3) -> list[measure.Line]:
    """The published network, with random weights."""
    import onnx  # noqa: PLC0415 - the children of the other rows need not wait for it

    parts = RefineDetNetwork(RefineDetConfig())
    network = parts.build()
    exported = convert(network, [spec.empty(1) for spec in parts.inputs], parts, OnnxOptions())
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "whole.onnx"
        onnx.save(exported, model)
        request = SessionRequest(model=model, inputs=parts.inputs, outputs=parts.outputs, batch=4)
        return [compared("RefineDet320", network, request, rounds)]


def compared(what: str, network: torch.nn.Module, request: SessionRequest, rounds: int) -> measure.Line:
    """A network in ONNX Runtime, opened as the backend does, and in PyTorch, each with its default threads."""
    import torch  # noqa: PLC0415 - the children of the other rows need not wait for it

    (spec,) = request.inputs
    images = np.random.default_rng(0).normal(0, 50, spec.sized(request.batch)).astype(np.float32)
    batch = torch.from_numpy(images)

    def plain() -> None:
        with torch.inference_mode():
            network(batch)

    session = OnnxRuntimeBackend().open(request)
    ours, torchs = fastest([lambda: session.infer({spec.name: images}), plain], rounds)
    each = 1e3 / request.batch
    return measure.Line(
        what=f"ONNX Runtime, {what}, batch {request.batch}, against PyTorch",
        target=torchs * each,
        measured=ours * each,
        unit="ms/image",
        plain=torchs * each,
    )


def fastest(calls: list[Callable[[], object]], rounds: int) -> list[float]:
    """Least seconds by the clock on the wall of each call, taking turns."""
    seconds = [float("inf")] * len(calls)
    for _ in range(rounds):
        for place, call in enumerate(calls):
            start = time.perf_counter()
            call()
            seconds[place] = min(seconds[place], time.perf_counter() - start)
    return seconds


def command(*arguments: str, cache: str | None = None) -> None:
    """Run the installed command, perhaps with a store of its own."""
    environment = os.environ if cache is None else {**os.environ, "ZOO_RUNNER_CACHE": cache}
    subprocess.run([ZOO_RUN, *arguments], check=True, capture_output=True, env=environment)  # noqa: S603 - our own


def main() -> None:
    """Run all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    measure.report([*starting(), *inferring(), *inferring_whole()], parser.parse_args().json)


if __name__ == "__main__":
    main()
