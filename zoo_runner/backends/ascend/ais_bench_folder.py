"""The Ascend backend's way through files: a folder of inputs, or a timing, by the command ``python -m ais_bench``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.backends.ascend.ais_bench_command import (
    SILENCE_S,
    AisBenchCall,
    busy_devices,
    check_summaries,
    run_ais_bench,
)
from zoo_runner.backends.ascend.ais_bench_parts import gather
from zoo_runner.backends.ascend.ais_bench_shapes import flags_of_files, flags_of_sizes
from zoo_runner.backends.ascend.devices import check_devices, device_timeout
from zoo_runner.backends.ascend.generation import Generation, installed
from zoo_runner.errors import InferenceError
from zoo_runner.plugin.folders import sizes_folder
from zoo_runner.plugin.interfaces import Timings
from zoo_runner.plugin.tensors import sizes_of

if TYPE_CHECKING:
    from zoo_runner.plugin.folders import FolderRequest
    from zoo_runner.plugin.interfaces import Arrays, SessionRequest

_SLOWER: Final = 10
"""A timed loop may be this much slower than the one before it."""


class AisBenchFolder:
    """Runs folders of files by ais_bench."""

    tool = "ais_bench"

    def folder_command(self, request: FolderRequest) -> Sequence[str]:
        """Return the command."""
        return _call(request).arguments

    def run_folder(self, request: FolderRequest, log: Path, note: Callable[[str], None]) -> Path:
        """Run the command, once for each gear; its summaries are in the folder of results too.

        Raises:
            InferenceError: It failed, or its summaries do not say that all was inferred.
            PrerequisiteError: A device is not there.
        """
        check_devices(request.devices)
        parts = request.each()
        _check_parts(request, parts)
        calls = [_call_of_part(part) for part in parts]
        devices = sorted({device for call in calls for device in call.devices})
        times = f", once for each of {len(calls)} gears" if len(calls) > 1 else ""
        note(f"python -m ais_bench on device {', '.join(map(str, devices))}{times}")
        for place, (part, call) in enumerate(zip(parts, calls, strict=True)):
            summaries = run_ais_bench(call, log=log, silence_s=device_timeout() or SILENCE_S, again=place > 0)
            check_summaries(summaries, call, files=part.samples, outputs=request.outputs)
        return gather(calls, request.output / request.dirname)

    def timer(self, request: SessionRequest, log: Path) -> AisBenchTimer:
        """Return what times the model by the command's pure inference, on the first device."""
        return AisBenchTimer(request=request, log=log)


def _check_parts(request: FolderRequest, parts: Sequence[FolderRequest]) -> None:
    """Check that each sample is in one part; their summaries are checked part by part.

    Raises:
        InferenceError: There are more or fewer.
    """
    if (found := sum(part.samples for part in parts)) != request.samples:
        raise InferenceError(f"inputs by gear: expected {request.samples} samples, found {found}; report this")


def _call_of_part(part: FolderRequest) -> AisBenchCall:
    """Return the call for one of several parts, with a folder of its own; for all samples, in the folder asked for."""
    apart = f"_{sizes_folder(part.sizes)}" if part.sizes else ""
    return replace(_call(part), dirname=f"{part.dirname}{apart}")


def _call(request: FolderRequest) -> AisBenchCall:
    return AisBenchCall(
        model=request.model,
        batch=request.batch,
        devices=busy_devices(request.samples, request.devices),
        inputs=request.inputs,
        output=request.output,
        dirname=request.dirname,
        outfmt=request.format,
        shape=flags_of_files(request),
        generation=_generation(),
    )


def _generation() -> Generation:
    return installed().ais_bench or Generation.FIRST


@dataclass
class AisBenchTimer:
    """Times a model by the command's pure inference, on the first device.

    Attributes:
        request: The model.
        log: Where what the command prints is kept.
    """

    request: SessionRequest
    log: Path
    _slowest_s: float | None = field(default=None, init=False)

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch of zeros ``warmup + loop`` times; return the NPU times of the last ``loop``.

        Args:
            inputs: Must be zeros: without input files the command makes its own. Their sizes are timed.
            warmup: Untimed runs.
            loop: Timed runs.

        Raises:
            InferenceError: The inputs are others; or as the command.
        """
        if any(array.any() for array in inputs.values()):
            raise InferenceError("expected inputs of zeros, found others: ais_bench's pure inference runs on zeros")
        device = self.request.devices[:1]
        check_devices(device)
        with tempfile.TemporaryDirectory(prefix="zoo-ais-bench-") as folder:
            call = AisBenchCall(
                model=self.request.model,
                batch=self.request.batch,
                devices=device,
                output=Path(folder),
                dirname="pure",
                loop=loop,
                warmup=warmup,
                shape=flags_of_sizes(self.request, sizes_of(self.request.inputs, inputs)),
                generation=_generation(),
            )
            summaries = run_ais_bench(call, log=self.log, silence_s=self._silence_s(warmup + loop))
        check_summaries(summaries, call, files=1, outputs=len(self.request.outputs))
        (summary,) = summaries
        self._slowest_s = max(summary.times) / 1000
        return Timings(compute_ms=summary.times, to_device_ms=summary.h2d_ms, from_device_ms=summary.d2h_ms)

    def close(self) -> None:
        """Do nothing: the command has released the device."""

    def _silence_s(self, runs: int) -> float:
        """A loop may print nothing: allow for it by what a run took before, or else for three slow runs."""
        limit = device_timeout() or SILENCE_S
        each = limit if self._slowest_s is None else min(limit, _SLOWER * self._slowest_s)
        return limit + each * runs
