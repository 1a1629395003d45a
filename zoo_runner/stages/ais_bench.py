"""``infer.tool: ais_bench-cli``: the data set, and the timing, by the command ``python -m ais_bench``.

The same steps as the in-process backend takes, through files that can be looked at: ``<output>/inputs``,
``<output>/results`` with ais_bench's summaries in it, ``<output>/logs``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.backends.ais_bench_command import (
    SILENCE_S,
    AisBenchCall,
    busy_devices,
    check_summaries,
    run_ais_bench,
)
from zoo_runner.backends.ascend import AscendBackend, check_devices, device_timeout
from zoo_runner.errors import InferenceError, ResultError, UsageError
from zoo_runner.fingerprints import file_digest, fingerprint
from zoo_runner.interfaces import Timings
from zoo_runner.stages import results, stream
from zoo_runner.stages.clocks import Clocks
from zoo_runner.stages.pixels import host_inputs, host_preprocess

if TYPE_CHECKING:
    from zoo_runner.interfaces import Arrays, Backend, Preprocess, Progress, Sample
    from zoo_runner.recipe import Recipe
    from zoo_runner.stages.engine import Engine

TOOL: Final = "ais_bench-cli"
"""What ``infer.tool`` calls it."""
RESULTS: Final = "results"

_SLOWER: Final = 10
"""A timed loop may be this much slower than the one before it."""


def check_tool(recipe: Recipe, backend: Backend | None) -> None:
    """Check that the backend is the one whose models the command runs.

    Raises:
        UsageError: It is another one.
    """
    if recipe.manifest.infer.tool == TOOL and backend is not None and backend.name != AscendBackend.name:
        raise UsageError(
            f"{recipe.loaded.locate(('infer', 'tool'))}: infer.tool: {TOOL} runs .om files on the backend "
            f"{AscendBackend.name}, found {backend.name}; give --backend {AscendBackend.name}, or --set "
            "infer.tool=in-process"
        )


def dataset_call(
    recipe: Recipe, *, model: Path, devices: Sequence[int], samples: int, inputs: Path, output: Path
) -> AisBenchCall:
    """Return the command that runs the model over the input files of a data set."""
    names = [spec.name for spec in recipe.parts.network.inputs]  # the graph's order, and so the .om's
    folders = [inputs] if len(names) == 1 else [inputs / results.input_folder(name) for name in names]
    return AisBenchCall(
        model=model,
        batch=recipe.manifest.infer.batch,
        devices=busy_devices(samples, devices),
        inputs=tuple(folders),
        output=output,
        dirname=RESULTS,
        outfmt=recipe.manifest.infer.outfmt,
    )


@dataclass(kw_only=True)
class CommandOutputs:
    """Outputs inferred by one run of the command over all samples, when the first of them is asked for.

    Attributes:
        engine: The model; its backend is the Ascend one.
        samples: All samples of the run: predictions are kept in chunks, but the command is run once, for all.
        output: The run's output folder.
        progress: Told what runs.
        clocks: Told how long ``preprocess`` and ``infer`` were busy, with writing and checking the files.
    """

    engine: Engine
    samples: Sequence[Sample]
    output: Path
    progress: Progress
    clocks: Clocks
    _results: results.ResultFolder | None = field(default=None, init=False)

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the key of tool, model, preprocessing and the content of the samples' files."""
        options = self.engine.recipe.manifest.infer
        files = [(sample.index, sample.id, file_digest(sample.path)) for sample in samples]
        key = self.engine.key(options.batch)
        return fingerprint(TOOL, options.outfmt, key, self._preprocess.identity, options.batch, files)

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield the outputs sample by sample."""
        yield from (self._results or self.run()).outputs(samples)

    @property
    def kept(self) -> Mapping[str, Path]:
        """What a run left behind, by name; nothing when the command did not run."""
        if self._results is None:
            return {}
        return {"inputs": self.output / "inputs", "results": self._folder, "ais_bench log": self._log}

    def run(self) -> results.ResultFolder:
        """Write the inputs, run the command, and put its results in place when they are complete.

        Raises:
            InferenceError: The command failed, or its results are not what the model returns; an earlier
                ``results`` folder stays as it was.
        """
        inputs = self.output / "inputs"
        with self.clocks.measure("preprocess"):
            prepared = stream.prepared(self.samples, self._preprocess, self.progress)
            results.write_inputs(inputs, self.samples, map(self._checked, prepared))
        with self.clocks.measure("infer"):
            with tempfile.TemporaryDirectory(dir=self.output, prefix=".ais_bench-") as temporary:
                call = dataset_call(
                    self.engine.recipe,
                    model=self.engine.loadable(self.engine.recipe.manifest.infer.batch).path,
                    devices=self.engine.devices,
                    samples=len(self.samples),
                    inputs=inputs,
                    output=Path(temporary),
                )
                self._run(call)
                self._keep(call)
            self._results = self._open(self._folder)
        return self._results

    def _run(self, call: AisBenchCall) -> None:
        check_devices(self.engine.devices)
        devices = ", ".join(map(str, call.devices))
        self.progress.note(f"infer: python -m ais_bench on device {devices}; log: {self._log}")
        summaries = run_ais_bench(call, log=self._log, silence_s=device_timeout() or SILENCE_S)
        specs = self.engine.recipe.manifest.output_specs
        check_summaries(summaries, call, files=len(self.samples), outputs=len(specs))
        try:
            # All of it is read, so that a results folder that stands can be scored.
            for _ in self._open(call.folder).outputs(self.samples):
                pass
        except ResultError as error:
            text = str(error).replace(f" {call.folder}:", ":").replace(f"{call.folder}/", "")  # which is gone then
            raise InferenceError(f"{text}\n  log: {self._log}") from error

    def _keep(self, call: AisBenchCall) -> None:
        if len(call.devices) == 1:  # of several devices the summaries are in the folder
            (summary,) = call.summaries
            summary.rename(call.folder / summary.name)
        shutil.rmtree(self._folder, ignore_errors=True)
        call.folder.rename(self._folder)

    def _open(self, folder: Path) -> results.ResultFolder:
        specs = self.engine.recipe.manifest.output_specs
        return results.open_results(folder, self.samples, self.samples, specs, title="ais_bench's results")

    def _checked(self, arrays: Arrays) -> Arrays:
        """Refuse inputs that would have the right number of bytes by chance only."""
        specs = host_inputs(self.engine.recipe.manifest)
        expected = {spec.name: f"{spec.dtype}{list(spec.sample_shape())}" for spec in specs}
        found = {name: f"{array.dtype}{list(array.shape)}" for name, array in arrays.items()}
        if found != expected:
            raise InferenceError(f"expected inputs {_phrase(expected)}, found {_phrase(found)}")
        return arrays

    @property
    def _preprocess(self) -> Preprocess:
        return host_preprocess(self.engine.recipe)

    @property
    def _folder(self) -> Path:
        return self.output / RESULTS

    @property
    def _log(self) -> Path:
        return self.engine.logs / "ais_bench.log"


@dataclass
class CommandTimer:
    """Times a model by the command's pure inference, on the first device.

    Attributes:
        engine: The model.
        batch: Samples per inference.
    """

    engine: Engine
    batch: int
    _slowest_s: float | None = field(default=None, init=False)

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch of zeros ``warmup + loop`` times; return the NPU times of the last ``loop``.

        Args:
            inputs: Must be zeros: without input files the command makes its own.
            warmup: Untimed runs.
            loop: Timed runs.

        Raises:
            InferenceError: The inputs are others; or as the command.
        """
        if any(array.any() for array in inputs.values()):
            raise InferenceError("expected inputs of zeros, found others: ais_bench's pure inference runs on zeros")
        check_devices(self.engine.devices[:1])
        with tempfile.TemporaryDirectory(prefix="zoo-ais-bench-") as folder:
            call = AisBenchCall(
                model=self.engine.loadable(self.batch).path,
                batch=self.batch,
                devices=self.engine.devices[:1],
                output=Path(folder),
                dirname="pure",
                loop=loop,
                warmup=warmup,
            )
            log = self.engine.logs / f"ais_bench_bs{self.batch}.log"
            summaries = run_ais_bench(call, log=log, silence_s=self._silence_s(warmup + loop))
        outputs = len(self.engine.recipe.manifest.outputs)
        check_summaries(summaries, call, files=1, outputs=outputs)
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


def _phrase(arrays: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {array}" for name, array in arrays.items()) or "none"
