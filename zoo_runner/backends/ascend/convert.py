"""ONNX -> .om, by running ATC itself.

ATC's exit code alone is not believed: what counts is exit code 0 and an .om in a folder that was empty when
it started. Its log is kept; the .om appears under its name only when complete, and with its stamp.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

from zoo_runner.backends.ascend import cann
from zoo_runner.backends.ascend.atc_command import atc_command, side_files, unmarked_files
from zoo_runner.backends.ascend.atc_errors import diagnose
from zoo_runner.backends.ascend.atc_sizes import size_texts
from zoo_runner.backends.ascend.chips import exact_soc
from zoo_runner.backends.ascend.om_stamp import Stamp, check_stamp, read_stamp, stamp_path, write_stamp
from zoo_runner.errors import ManifestError, PrerequisiteError, StageError
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.onnx_graph import check_nodes, output_nodes
from zoo_runner.plugin.interfaces import STAND_IN, TensorSpec
from zoo_runner.plugin.shapes import Shapes
from zoo_runner.process import printed, run_logged
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.snapshots import require

__all__ = [
    "ConvertRequest",
    "Converted",
    "Stamp",
    "check_stamp",
    "convert",
    "expected_stamp",
    "read_stamp",
    "stamp_path",
]


@dataclass(frozen=True, kw_only=True)
class ConvertRequest:
    """What to convert, and for what.

    Attributes:
        options: The manifest's ``atc`` section.
        onnx: The exported graph.
        onnx_sha256: Its hash.
        inputs: What the network takes.
        outputs: What it returns, in the order the .om shall have.
        batch: Samples per call.
        chip: The chip as the backend names it; ``options.soc_version`` has precedence.
        base: The manifest's folder, where relative side files are looked up.
        stamped: An .om to be used instead; where the package onnx is missing, its stamp names the output nodes.
        shapes: The sizes that open axes take; ``None`` without open axes.
    """

    options: AtcOptions
    onnx: Path
    onnx_sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: int
    chip: str
    base: Path
    stamped: Path | None = None
    shapes: Shapes | None = None

    @property
    def soc_version(self) -> str:
        """ATC's name of the chip, such as ``Ascend310P3``.

        Raises:
            UsageError: The name that npu-smi gives the chip is that of several, and nobody said which it is.
        """
        return exact_soc(self.chip.removesuffix(STAND_IN), self.options.soc_version)


class _OfSideFiles(TypedDict):
    """What side files depend on, beside the options."""

    batch: int
    soc_version: str
    base: Path


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A finished conversion."""

    om: Path
    stamp: Stamp


def convert(request: ConvertRequest, destination: Path, *, log: Path, timeout_s: float | None = None) -> Converted:
    """Compile the graph.

    Args:
        request: What to compile.
        destination: The .om to write; an earlier file of that name is replaced on success only.
        log: Where ATC's output is kept, also when it fails.
        timeout_s: Longest time for ATC; ``None`` waits for ever.

    Raises:
        ExportError: Output nodes cannot be resolved, or explicit ones are not in the graph.
        ManifestError: The ATC options contradict each other, or a file they name does not exist.
        PrerequisiteError: There is no ATC.
        ChangedError: The graph or a file the options name changed while ATC was at work.
        StageError: ATC failed, hung, or reported success without an .om; with its code, what that means, what to
            try and where the log is.
    """
    expected = expected_stamp(request)
    toolkit = cann.detect()
    if toolkit.atc is None:
        raise PrerequisiteError(
            f"expected atc on PATH, found none: run `{cann.source_command()}` in this shell, or install the CANN "
            "toolkit (see the page 'On an Ascend host')"
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".convert-") as folder:
        # ATC also leaves files of its own in the folder it runs in; they go with the temporary one.
        work, target = Path(folder, "work"), Path(folder, "out", destination.name)
        work.mkdir()
        target.parent.mkdir()
        command = _command(request, expected.out_nodes, target)
        exit_code = _run((str(toolkit.atc), *command[1:]), cwd=work, log=log, timeout_s=timeout_s)
        made = _result(target, exit_code, request, log)
        _require_same(request, expected)
        stamp = replace(expected, om_sha256=file_digest(made))
        made.chmod(0o644)  # whatever the umask: ais_bench of 2024 refuses a model that a group may write to
        stamp_path(destination).unlink(missing_ok=True)  # never an old stamp beside a new .om
        made.replace(destination)
        write_stamp(destination, stamp)
    return Converted(om=destination, stamp=stamp)


def _require_same(request: ConvertRequest, stamp: Stamp) -> None:
    """Check that what ATC read is what the stamp says."""
    require(request.onnx, request.onnx_sha256)
    for flag, path in _side_files(request).items():
        require(Path(path), stamp.side_files[flag])


def _side_files(request: ConvertRequest) -> dict[str, str]:
    return side_files(request.options, **_of_side_files(request))


def _of_side_files(request: ConvertRequest) -> _OfSideFiles:
    return {"batch": request.batch, "soc_version": request.soc_version, "base": request.base}


def expected_stamp(request: ConvertRequest) -> Stamp:
    """Return the stamp that a conversion of this request gives, but for the .om's own hash.

    Raises:
        ExportError: Output nodes cannot be resolved, or explicit ones are not in the graph.
        ManifestError: The ATC options contradict each other, or a file they name does not exist.
    """
    nodes = _out_nodes(request)
    files = _side_files(request)
    for flag, text in unmarked_files(request.options, **_of_side_files(request)).items():
        raise ManifestError(
            f"atc.unchecked_flags.{flag}: there is a file {text} beside the manifest; if it is meant, write ./{text}, "
            "so that its content counts; else rename the file"
        )
    for flag, path in files.items():
        if not Path(path).is_file():
            raise ManifestError(
                f"atc.{flag}: expected a file, found none at {path}; paths are relative to the manifest"
            )
    output = Path("{output}")
    arguments = _command(request, nodes, output)
    named = {str(request.onnx.absolute()): "{model}", str(output.absolute()): "{output}"}
    named |= {path: f"{{base}}/{Path(path).name}" for path in files.values()}
    return Stamp(
        onnx_sha256=request.onnx_sha256,
        arguments=tuple(_normalised(argument, named) for argument in arguments),
        side_files={flag: file_digest(Path(path)) for flag, path in files.items()},
        chip=request.soc_version,
        cann=cann.detect().version,
        batch=request.batch,
        outputs=tuple(spec.name for spec in request.outputs),
        out_nodes=nodes,
        sizes=size_texts(request.shapes),
    )


def _out_nodes(request: ConvertRequest) -> tuple[str, ...]:
    explicit = request.options.out_nodes
    unread = request.stamped is not None and find_spec("onnx") is None
    if explicit is None and request.stamped is not None and unread:
        return _stamped_nodes(request.stamped, request.outputs)
    if explicit is None:
        return output_nodes(request.onnx, [spec.name for spec in request.outputs])
    if len(explicit) != len(request.outputs):
        names = ", ".join(spec.name for spec in request.outputs)
        raise ManifestError(
            f"atc.out_nodes: expected one node for each output ({names}), found {len(explicit)}: {', '.join(explicit)}"
        )
    if not unread:
        check_nodes(request.onnx, explicit)
    return explicit


def _stamped_nodes(om: Path, outputs: tuple[TensorSpec, ...]) -> tuple[str, ...]:
    """Return the nodes that a stamp names, if it names one for each output: ATC was asked for them in that order."""
    stamp = read_stamp(om)
    nodes = stamp.out_nodes if stamp else ()
    return nodes if len(nodes) == len(outputs) else tuple(f"<node of {spec.name}>" for spec in outputs)


def _command(request: ConvertRequest, nodes: tuple[str, ...], output: Path) -> tuple[str, ...]:
    return atc_command(
        request.options,
        model=request.onnx.absolute(),
        output=output.absolute(),
        inputs=request.inputs,
        out_nodes=nodes,
        soc_version=request.soc_version,
        batch=request.batch,
        base=request.base.absolute(),
        shapes=request.shapes,
    )


def _normalised(argument: str, named: dict[str, str]) -> str:
    flag, equals, value = argument.partition("=")
    return f"{flag}{equals}{named.get(value, value)}"


def _run(command: tuple[str, ...], *, cwd: Path, log: Path, timeout_s: float | None) -> int:
    try:
        return run_logged(command, cwd=cwd, log=log, timeout_s=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise StageError(
            f"ATC did not finish within {timeout_s:g} s and was stopped; nothing was written. Read its log up to "
            f"where it stands still, or allow more time with ZOO_RUNNER_ATC_TIMEOUT=SECONDS. Log: {log}"
        ) from error


def _result(target: Path, exit_code: int, request: ConvertRequest, log: Path) -> Path:
    """Return the .om that ATC wrote."""
    what = f"{request.onnx} for {request.soc_version} and batch {request.batch}"
    if exit_code != 0:
        failure = diagnose(printed(log), exit_code)
        raise StageError(f"ATC could not convert {what} (exit code {exit_code}).\n{failure}  log: {log}")
    # With host_env_os set, ATC appends the host's name to the file name.
    made = target if target.is_file() else next(iter(target.parent.glob("*.om")), None)
    if made is None or made.stat().st_size == 0:
        found = "an empty one" if made else "none"
        raise StageError(
            f"ATC reported success for {what} (exit code 0): expected an .om, found {found}.\n  try: check that the "
            f"disk is not full and that `atc` is CANN's own, not a wrapper that loses its exit code\n  log: {log}"
        )
    return made
