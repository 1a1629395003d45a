"""Scripts that change an exported or given graph: each in a process of its own, and checked after each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ExportError, PrerequisiteError, installing, shortened
from zoo_runner.files.named_errors import naming
from zoo_runner.process import printed, run_logged, seconds_from
from zoo_runner.stages.export.compared_sizes import calls, compared_sizes
from zoo_runner.stages.export.differences import UNCOMPARED, refuse_differences, relative_difference
from zoo_runner.stages.export.metadata import model_metadata
from zoo_runner.stages.export.random_inputs import random_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from zoo_runner.job.foreign_code import Script
    from zoo_runner.job.recipe import Recipe

FROM_BEFORE: Final = "it differs from the graph before"
LIMIT: Final = "ZOO_RUNNER_SCRIPT_SECONDS"
SECONDS: Final = 600.0
"""How long one script may take, unless the environment variable says otherwise."""
_KEPT: Final = frozenset(
    {
        *("PATH", "HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "TMPDIR", "TMP", "TEMP", "VIRTUAL_ENV", "SYSTEMROOT"),
        *("PYTHONPATH", "PYTHONHOME", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONNOUSERSITE", "PYTHONUSERBASE"),
    }
)
"""Environment variables that a script gets, beside those of the locale: no tokens of a CI job are among them."""
_RUN: Final = """\
import runpy, sys
sys.path.pop(0)
script, before, after = sys.argv[1:]
import onnx
found = runpy.run_path(script).get("transform")
if not callable(found):
    sys.exit("expected a function transform(model) in the script, found none")
made = found(onnx.load(before))
if not isinstance(made, onnx.ModelProto):
    sys.exit(f"expected transform(model) to return an onnx.ModelProto, found {type(made).__name__}")
onnx.save(made, after)
"""
_AFTER: Final = "after.onnx"
_SHOWN: Final = 600
"""Characters of what a script printed last."""


def transformed(recipe: Recipe, model: Path) -> tuple[str, ...]:
    """Apply the manifest's transforms to a graph, in order, in its place.

    After each, ONNX's checker must accept the graph, and outputs that it has in common with the graph before must be
    the same in ONNX Runtime: on the random inputs, batch sizes, sizes and limit of an export.

    Args:
        recipe: The run's recipe.
        model: The graph; it is replaced.

    Returns:
        What was done, and what could not be compared, for people.

    Raises:
        PrerequisiteError: onnx is not installed.
        ExportError: A script failed, took too long, or made something else of the graph.
    """
    return tuple(_apply(recipe, script, model) for script in recipe.transforms)


def _apply(recipe: Recipe, script: Script, model: Path) -> str:
    with naming(model), tempfile.TemporaryDirectory(dir=model.parent, prefix=".transform-") as name:
        folder = Path(name)
        after = _run(script, model, folder)
        _keep_metadata(script, model, after)
        said = _compared(recipe, script, model, after)
        after.replace(model)
    return f"{script.path.name} was applied ({said})"


def _run(script: Script, before: Path, folder: Path) -> Path:
    """Run a script in a process of its own, and return the graph that it wrote."""
    copy, start, after, log = (folder / name for name in ("script.py", "start.py", _AFTER, "log.txt"))
    copy.write_bytes(script.content)
    start.write_text(_RUN, encoding="utf-8")
    command = [sys.executable, "-B", str(start), str(copy), str(before), str(after)]
    limit = seconds_from(LIMIT) or SECONDS
    try:
        code = run_logged(command, cwd=folder, log=log, timeout_s=limit, environment=dict(_environment()))
    except subprocess.TimeoutExpired as error:
        raise ExportError(
            f"{_named(script)} took longer than {limit:g} s and was stopped; set {LIMIT} to give it more"
        ) from error
    if code != 0 or not after.is_file():
        last = shortened(printed(log).strip()[-_SHOWN:].replace(str(copy), str(script.path)), _SHOWN)
        raise ExportError(f"{_named(script)} failed with exit code {code}:\n{last or 'it printed nothing'}")
    return after


def _environment() -> Iterator[tuple[str, str]]:
    yield from ((name, value) for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_"))


def _keep_metadata(script: Script, before: Path, after: Path) -> None:
    """Check what a script made, and have it say of its origin what the graph before said."""
    try:
        import onnx  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise PrerequisiteError(f"onnx.transforms needs onnx: {installing('export')}") from error
    try:
        model = onnx.load(after)
        onnx.checker.check_model(model)
    except Exception as error:  # whatever onnx makes of it
        raise ExportError(f"{_named(script)} made a graph that is not valid ONNX: {shortened(str(error))}") from error
    own = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**own, **model_metadata(before)})
    after.write_bytes(model.SerializeToString(deterministic=True))


def _compared(recipe: Recipe, script: Script, before: Path, after: Path) -> str:
    """Compare the outputs that two graphs have in common; say of which this was not possible."""
    manifest = recipe.manifest
    batches = (1, 3) if manifest.onnx.dynamic_batch else (manifest.infer.batch,)
    differences: dict[str, float] = {}
    left: set[str] = set()
    for batch, sizes in calls(batches, compared_sizes(recipe.shapes)):
        inputs = random_inputs(manifest.input_specs, batch, sizes)
        expected, found = _outputs(before, inputs), _outputs(after, inputs)
        if isinstance(found, str):
            if manifest.onnx.check == "ort":
                hint = "where only the target knows its operators, set onnx.check: none"
                raise ExportError(f"{_named(script)} made a graph that does not run in ONNX Runtime: {found}; {hint}")
            return f"{UNCOMPARED}: the new one does not run in ONNX Runtime: {found}"
        if isinstance(expected, str):
            return f"{UNCOMPARED}, which does not run in ONNX Runtime: {expected}"
        for name in expected.keys() & found.keys():
            differences[name] = max(_distance(expected[name], found[name]), differences.get(name, 0.0))
        left |= found.keys() - expected.keys()
    changes = f"{_named(script)} changes what the graph computes"
    what = f"{changes}; {FROM_BEFORE}"
    refuse_differences(differences, what, "correct the script, or give an output that is meant to change another name")
    if left or not differences:
        return f"{UNCOMPARED}: {', '.join(sorted(left)) or 'outputs without numbers'}"
    return f"outputs differ by at most {max(differences.values()):.1e} (relative) from those before"


def _distance(expected: NDArray[Any], found: NDArray[Any]) -> float:
    same = expected.shape == found.shape and expected.dtype == found.dtype
    return relative_difference(expected, found) if same else float("inf")


def _outputs(model: Path, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]] | str:
    """Return a graph's outputs in ONNX Runtime that are arrays of numbers, or why it does not run there."""
    import numpy as np  # noqa: PLC0415 - loaded where it is needed
    import onnxruntime  # noqa: PLC0415 - likewise

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its errors are told by us
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_outputs()]
        made = dict(zip(names, session.run(names, dict(inputs)), strict=True))
    except Exception as error:  # noqa: BLE001 - whatever ONNX Runtime makes of it
        return shortened(str(error))
    return {name: array for name, array in made.items() if isinstance(array, np.ndarray) and array.dtype.kind in "biuf"}


def _named(script: Script) -> str:
    return f"{script.where}: {script.key}: {script.path}"
