"""ais_bench as a command, ``python -m ais_bench``: one call runs a folder of files, or times the model without any.

Written against the sources of ais_bench 0.0.2 of both generations. Results are
``<output>/<dirname>/<stem>_<i>.<format>``, with ``<output>/<dirname>_summary.json`` beside the folder. With several
devices each gets an equal part of the files, since 2024 only if it is asked to, and has
``<output>/<dirname>/device<id>/`` and ``<output>/<dirname>/device<id>_summary.json``; since 2024 ``device<id>_<rank>``.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from zoo_runner.backends.ascend.ais_bench_errors import diagnose, error_lines
from zoo_runner.backends.ascend.ais_bench_safety import check_safety
from zoo_runner.backends.ascend.generation import Generation
from zoo_runner.errors import InferenceError
from zoo_runner.process import printed, run_logged

OutputFormat: TypeAlias = Literal["BIN", "NPY", "TXT"]

SILENCE_S: Final = 300.0
"""The command prints or writes a file with every batch; loading the model, before the first, takes longest."""
_KEYS: Final = ("NPU_compute_time", "throughput", "npu_compute_time_list", "filesinfo")


@dataclass(frozen=True, kw_only=True)
class AisBenchCall:
    """One run of the command.

    Attributes:
        model: The .om.
        batch: Samples per inference.
        devices: Device numbers.
        output: Folder below which results go.
        dirname: Name of the results' folder.
        inputs: A folder of files for each model input, in the model's order; none for pure inference on zeros.
        outfmt: Format of the results.
        loop: How often each batch is run.
        warmup: Untimed runs before; ``None`` leaves the number to ais_bench (1).
        shape: The flags that say the sizes of open axes, by name without dashes.
        generation: That of the installed ais_bench.
    """

    model: Path
    batch: int
    devices: tuple[int, ...]
    output: Path
    dirname: str
    inputs: tuple[Path, ...] = ()
    outfmt: OutputFormat = "BIN"
    loop: int = 1
    warmup: int | None = None
    shape: Mapping[str, str] = field(default_factory=dict)
    generation: Generation = Generation.FIRST

    @property
    def folder(self) -> Path:
        """Where the results appear."""
        return self.output / self.dirname

    @property
    def summaries(self) -> tuple[Path, ...]:
        """Where a summary appears for each device."""
        if len(self.devices) == 1:
            return (self.output / f"{self.dirname}_summary.json",)
        return tuple(self.folder / f"{name}_summary.json" for name in self.device_names)

    @property
    def device_names(self) -> tuple[str, ...]:
        """What the folder of each of several devices is called."""
        if self.generation is Generation.FIRST:
            return tuple(f"device{device}" for device in self.devices)
        return tuple(f"device{device}_{rank}" for rank, device in enumerate(self.devices))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The argument list, ready for ``subprocess`` without a shell."""
        given = {
            "model": str(self.model),
            "batchsize": str(self.batch),
            "input": ",".join(str(folder) for folder in self.inputs) or None,
            "output": str(self.output),
            "output_dirname": self.dirname,
            "outfmt": self.outfmt,
            "device": ",".join(map(str, self.devices)),
            "loop": str(self.loop) if self.loop > 1 else None,
            "warmup_count": None if self.warmup is None else str(self.warmup),
            "divide_input": "1" if self._must_ask_for_parts else None,
            **self.shape,
        }
        flags = [text for flag, value in given.items() if value is not None for text in (f"--{flag}", value)]
        return (sys.executable, "-m", "ais_bench", *flags)

    @property
    def _must_ask_for_parts(self) -> bool:
        """Whether each of several devices would else run all files."""
        return self.generation is not Generation.FIRST and len(self.devices) > 1 and bool(self.inputs)

    def anywhere(self) -> AisBenchCall:
        """Return the same call with paths that hold in every working folder, and go through no soft links."""
        inputs = tuple(folder.resolve() for folder in self.inputs)
        return replace(self, model=self.model.resolve(), inputs=inputs, output=self.output.resolve())


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What one device's summary says.

    Attributes:
        times: Compute time of each inference, ms.
        throughput: Samples per second of compute time.
        files: Names of the result files of each sample.
        h2d_ms: Mean time of copying inputs to the device; empty when the release does not tell.
        d2h_ms: Mean time of copying outputs back; likewise.
    """

    times: tuple[float, ...]
    throughput: float
    files: tuple[tuple[str, ...], ...]
    h2d_ms: tuple[float, ...] = ()
    d2h_ms: tuple[float, ...] = ()


def run_ais_bench(
    call: AisBenchCall, *, log: Path, silence_s: float = SILENCE_S, again: bool = False
) -> tuple[Summary, ...]:
    """Run the command and return the summary of each device.

    Args:
        call: What to run.
        log: Where the command and what it prints are kept, also when it fails.
        silence_s: Longest time in which it neither prints nor writes a result.
        again: Add to the log of an earlier call, instead of replacing it.

    Raises:
        InferenceError: Paths that the command cannot take, input names that collide; or it failed, hung, logged an
            error, or left a summary that is missing or lacks something. With its message, what that means, what to
            try and where the log is.
    """
    call = call.anywhere()
    _check_paths(call)
    if call.generation is not Generation.FIRST:
        check_safety(call.model, call.output)
    watched = (call.output, call.folder, *(call.folder / name for name in call.device_names))
    with tempfile.TemporaryDirectory(prefix="zoo-ais-bench-") as work:  # CANN leaves files where it runs
        try:
            code = run_logged(
                call.arguments, cwd=Path(work), log=log, silence_s=silence_s, watched=watched, again=again
            )
        except subprocess.TimeoutExpired as error:
            raise InferenceError(
                f"ais_bench gave no sign of life for {silence_s:g} s and was stopped; its results were not used.\n"
                f"  it said last: {_last_line(printed(log))}\n"
                "  meaning: a device does not answer, or with several devices the process of one was killed, which "
                "ais_bench waits for for ever\n"
                "  try: `npu-smi info`; ZOO_RUNNER_DEVICE_TIMEOUT=SECONDS allows more time\n"
                f"  log: {log}"
            ) from error
    text = printed(log)
    if code != 0 or error_lines(text):
        failure = diagnose(text, code)
        raise InferenceError(
            f"ais_bench failed on device {', '.join(map(str, call.devices))} (exit code {code}); its results were not "
            f"used.\n  it said: {failure.message}\n  meaning: {failure.advice.meaning}\n"
            f"  try: {failure.advice.remedy}\n  log: {log}"
        )
    return tuple(_read_summary(path, log) for path in call.summaries)


def check_names(files: Iterable[Path]) -> None:
    """Check that no two input files have results of the same name.

    Args:
        files: The files of one input; ais_bench names results after them, up to the first dot of the name.

    Raises:
        InferenceError: Some would; they are named.
    """
    by_stem: dict[str, list[str]] = {}
    for path in files:
        by_stem.setdefault(path.name.partition(".")[0], []).append(path.name)
    if clashes := [sorted(names) for names in by_stem.values() if len(names) > 1]:
        shown = "; ".join(" and ".join(names) for names in sorted(clashes)[:5])
        raise InferenceError(
            f"expected input files that differ before their first dot, found {len(clashes)} clashes: {shown}. "
            "ais_bench names results after that part, and they would overwrite each other; rename the files"
        )


def busy_devices(files: int, devices: Sequence[int]) -> tuple[int, ...]:
    """Return those devices that get a file: parts are equal, rounded up, and ais_bench fails on an empty one."""
    unique = tuple(dict.fromkeys(devices))
    part = math.ceil(files / len(unique))
    return unique[: math.ceil(files / part)] if part else unique[:1]


def inferences(files: int, call: AisBenchCall) -> tuple[int, ...]:
    """Return how many batches each device runs for ``files`` samples."""
    part = math.ceil(files / len(call.devices))
    shares = [min(part, max(0, files - i * part)) for i in range(len(call.devices))]
    return tuple(math.ceil(share / call.batch) for share in shares)


def check_summaries(summaries: Sequence[Summary], call: AisBenchCall, *, files: int, outputs: int) -> None:
    """Hold the summaries against what was asked for.

    Raises:
        InferenceError: A device ran another number of batches, or not every sample has all its result files.
    """
    listed = [names for summary in summaries for names in summary.files]
    if len(listed) != files or any(len(names) != outputs for names in listed):
        raise InferenceError(
            f"ais_bench's summary: filesinfo: expected {files} samples with {outputs} results each, found "
            f"{len(listed)} samples with {sum(map(len, listed))} results; its results were not used"
        )
    ran = tuple(len(summary.times) for summary in summaries)
    wanted = tuple(count * call.loop for count in inferences(files, call))
    if ran != wanted:
        raise InferenceError(
            f"ais_bench's summary: npu_compute_time_list: expected {_listed(wanted)} inferences, found {_listed(ran)}; "
            "its results were not used"
        )


def _check_paths(call: AisBenchCall) -> None:
    for folder in call.inputs:
        if "," in str(folder):
            raise InferenceError(
                f"expected a path without a comma, found {folder}: ais_bench cuts --input at commas; "
                "choose another --output"
            )
        check_names(path for path in folder.iterdir() if path.suffix.lower() in {".bin", ".npy"})


def _read_summary(path: Path, log: Path) -> Summary:
    where = f"ais_bench's summary {path.name}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InferenceError(f"{where}: expected one, found none; its results were not used. Log: {log}") from error
    except (OSError, ValueError) as error:
        raise InferenceError(f"{where}: not readable ({error}); its results were not used. Log: {log}") from error
    found = content if isinstance(content, dict) else {}
    if missing := [key for key in _KEYS if key not in found]:
        raise InferenceError(
            f"{where}: expected the keys {', '.join(_KEYS)}, missing {', '.join(missing)}; its results were not used. "
            f"The run was cut short, or this is another release of ais_bench. Log: {log}"
        )
    try:
        return _summary(found)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InferenceError(f"{where}: {error}; its results were not used. Log: {log}") from error


def _summary(content: Mapping[str, Any]) -> Summary:
    times = tuple(float(each) for each in content["npu_compute_time_list"])
    if not times or not all(math.isfinite(each) and each > 0 for each in times):
        span = f"{min(times)} to {max(times)} ms" if times else "none"
        raise ValueError(f"npu_compute_time_list: expected positive compute times, found {span}")
    files = tuple(tuple(Path(name).name for name in entry["outfiles"]) for entry in content["filesinfo"].values())
    h2d_ms, d2h_ms = (
        (float(content[key]["mean"]),) if content.get(key, {}).get("count") else ()
        for key in ("H2D_latency", "D2H_latency")
    )
    return Summary(times=times, throughput=float(content["throughput"]), files=files, h2d_ms=h2d_ms, d2h_ms=d2h_ms)


def _last_line(text: str) -> str:
    """Return the last line of the tool's own log: what follows may come from being stopped."""
    return next((line for line in reversed(text.splitlines()) if line.startswith("[")), "(nothing)")


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))
