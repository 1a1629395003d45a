"""From a manifest to a bundle on disk: the run, the recording, and the lines that name it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import StageError, UsageError, ZooError
from zoo_runner.files.named_errors import naming
from zoo_runner.files.new_file import new_file
from zoo_runner.golden.file import read_bundle, write_bundle
from zoo_runner.golden.recording import record, require_supported
from zoo_runner.job.journal import Journal
from zoo_runner.job.recipe import resolve
from zoo_runner.output.names import PREDICTIONS
from zoo_runner.report.model import Verdict
from zoo_runner.report.predictions import read_predictions
from zoo_runner.runner import open_job, prepare, run
from zoo_runner.store.durable import sync
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from zoo_runner.golden.bundle import GoldenBundle
    from zoo_runner.job.options import RunOptions
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.report.model import Report
    from zoo_runner.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What was written: how many samples, how many bytes, and the lines of a manifest that name it."""

    samples: int
    size: int
    lines: str


def recorded(
    loaded: LoadedManifest, options: RunOptions, target: Path, *, untrusted: bool, store: Store, progress: Progress
) -> Recorded:
    """Run a manifest, and write a bundle of it.

    Args:
        loaded: The manifest.
        options: Of the run; it infers on ONNX Runtime.
        target: The bundle's file. An older bundle there is replaced, and nothing else.
        untrusted: Take also a run that did not pass.
        store: Keeps what was made, for the next run.
        progress: Is told what happens.

    Raises:
        UsageError: Something else is at ``target``, or the run did not pass, or bundles cannot be of the manifest.
        ZooError: As the run itself would be refused, or could not finish.
    """
    _check_target(target)
    # An older bundle has no say in what replaces it, and may be gone or replaced already.
    recipe = resolve(replace(loaded, manifest=loaded.manifest.model_copy(update={"golden": None})), options)
    require_supported(recipe)
    report, why = trusted(recipe, options, untrusted=untrusted, store=store, progress=progress)
    job = open_job(recipe, options, store, Journal(loaded=recipe.loaded, progress=progress))
    job, samples, engine = prepare(job)
    if engine is None:
        raise UsageError("golden bundles are recorded from a model, found none")
    scored = job.scored(samples)
    bundle = record(job, engine, scored, read_predictions(options.output / PREDICTIONS), report, untrusted=why)
    size = written(target, bundle)
    return Recorded(samples=len(bundle.samples), size=size, lines=lines_of(loaded, target))


def trusted(
    recipe: Recipe, options: RunOptions, *, untrusted: bool, store: Store, progress: Progress
) -> tuple[Report, str]:
    """Run a manifest that is to be trusted; return the report, and why it is not, where ``untrusted`` takes it.

    Raises:
        UsageError: The run did not pass.
        StageError: It could not finish.
    """
    report = run(recipe, options, store=store, progress=progress)
    why = "" if report.verdict is Verdict.PASS else f"its verdict is {report.verdict.value}"
    if report.verdict is Verdict.ERROR:
        raise StageError("; ".join(report.why))
    if why and not untrusted:
        reasons = "; ".join(report.why)
        raise UsageError(
            f"expected a run that passes, as others are held against it: {why} ({reasons}); see --untrusted"
        )
    return report, why


def written(target: Path, bundle: GoldenBundle) -> int:
    """Write a bundle in the place of an older one, and return its bytes."""
    with new_file(target) as temporary, naming(target):
        write_bundle(temporary, bundle)
        sync(temporary)
        read_bundle(temporary)
        temporary.replace(target)
    return target.stat().st_size


def lines_of(loaded: LoadedManifest, target: Path) -> str:
    """Return the lines of a manifest that name a bundle."""
    address = target.name if target.parent.resolve() == loaded.path.parent.resolve() else str(target.resolve())
    return f"golden:\n  url: {address}\n  sha256: {file_digest(target)}\n  size: {target.stat().st_size}"


def _check_target(target: Path) -> None:
    """Refuse to write over what is no bundle, before the long work."""
    if not target.parent.is_dir():
        raise UsageError(f"-o {target}: expected a folder {target.parent}, found none; make it, or name another one")
    if not os.path.lexists(target):
        return
    try:
        read_bundle(target)
    except (ZooError, OSError):
        raise UsageError(f"-o {target}: expected no file, or an older bundle, found something else") from None
