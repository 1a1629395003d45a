"""The limits of devices in a bundle that is there: of a run on one, or of an emulation of its precision."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zoo_runner.commands.golden_bundle import Recorded, lines_of, trusted, written
from zoo_runner.errors import UsageError
from zoo_runner.golden.bundle import EMULATION, DeviceLimits
from zoo_runner.golden.device_limits import measured, with_limits
from zoo_runner.golden.file import read_bundle
from zoo_runner.golden.limits import LEAST, ROOM, apart, conversion_identity, with_room
from zoo_runner.golden.recording import require_supported
from zoo_runner.golden.staleness import staleness
from zoo_runner.job.journal import Journal
from zoo_runner.job.recipe import resolve
from zoo_runner.runner import open_job, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zoo_runner.golden.bundle import GoldenBundle
    from zoo_runner.job.job import Job
    from zoo_runner.job.options import RunOptions
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Progress, Sample
    from zoo_runner.store.store import Store


def of_device(
    loaded: LoadedManifest, options: RunOptions, target: Path, *, untrusted: bool, store: Store, progress: Progress
) -> Recorded:
    """Run a manifest on a device, and add its limits to a bundle.

    Args:
        loaded: The manifest.
        options: Of the run on the device.
        target: The bundle's file, which has to be there.
        untrusted: Take also a run that did not pass.
        store: Keeps what was made, for the next run.
        progress: Is told what happens.

    Raises:
        UsageError: There is no bundle, it is of another model, the run did not pass, or the device is far off.
        ZooError: As the run itself would be refused, or could not finish.
    """
    bundle = _there(target)
    recipe = resolve(loaded, options)
    require_supported(recipe)
    _, why = trusted(recipe, options, untrusted=untrusted, store=store, progress=progress)
    job = open_job(recipe, options, store, Journal(loaded=recipe.loaded, progress=progress))
    job, samples, engine = prepare(job)
    if engine is None or not job.on_device:
        raise UsageError(f"--backend {options.backend}: expected a device, found {job.chip}; leave it out")
    _require_fresh(job, bundle, samples, target)
    found = measured(job, engine, job.scored(samples), bundle, why)
    size = written(target, with_limits(bundle, found))
    return Recorded(samples=len(bundle.samples), size=size, lines=lines_of(loaded, target))


def of_emulation(
    loaded: LoadedManifest, options: RunOptions, target: Path, *, store: Store, progress: Progress
) -> Recorded:
    """Emulate the manifest's precision mode on golden samples, and add the band of its outputs to a bundle.

    Raises:
        UsageError: There is no bundle, it is of another model, or the mode cannot be emulated.
        ZooError: As a run would be refused.
    """
    from zoo_runner.precision.ascend import overflow_rules  # noqa: PLC0415 - loads onnx
    from zoo_runner.precision.dtypes import dtypes_of  # noqa: PLC0415 - likewise
    from zoo_runner.precision.inspection import prepared  # noqa: PLC0415 - likewise
    from zoo_runner.precision.modes import asked_mode, unemulated  # noqa: PLC0415 - likewise
    from zoo_runner.precision.rounding import Variant, rounded_graph  # noqa: PLC0415 - likewise
    from zoo_runner.precision.session import opened  # noqa: PLC0415 - likewise
    from zoo_runner.precision.side_files import read_wishes  # noqa: PLC0415 - likewise

    bundle = _there(target)
    job, samples, graph = prepared(loaded, options, store, progress)
    _require_fresh(job, bundle, samples, target)
    recipe, chip = job.recipe, options.soc or loaded.manifest.atc.soc_version or ""
    asked = asked_mode(recipe.loaded)
    if reason := unemulated(asked.mode, chip):
        raise UsageError(f"--emulate: {reason}")
    by_id = {sample.id: sample for sample in samples}
    pairs = [(each, by_id[each.id]) for each in bundle.samples if each.id in by_id]
    if not pairs:
        raise UsageError("expected golden samples in the data set, found none of the bundle's")
    dtypes = dtypes_of(graph, asked.mode, read_wishes(recipe.loaded, graph, chip, recipe.manifest.infer.batch), chip)
    band: dict[str, float] = {}
    for variant in (Variant(overflow=rule, joined=each) for rule in overflow_rules(chip) for each in (False, True)):
        with opened(recipe, rounded_graph(graph, dtypes, variant)) as source:
            outputs = source.outputs([sample for _, sample in pairs])
            for (golden, _), found in zip(pairs, outputs, strict=True):
                far = apart(found, golden.outputs)
                band |= {name: max(value, band.get(name, 0.0)) for name, value in far.items()}
    listed = ", ".join(f"{name} {value:.2g}" for name, value in band.items())
    limits = DeviceLimits(
        of=EMULATION,
        chip=chip,
        backend="",
        conversion=conversion_identity(recipe),
        outputs=with_room(band),
        basis=f"{ROOM:g} times the band of {asked.written}, at least {LEAST:g} of an output's size: {listed}"[:4000],
        recorded=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
    )
    size = written(target, with_limits(bundle, limits))
    return Recorded(samples=len(bundle.samples), size=size, lines=lines_of(loaded, target))


def device_options(options: RunOptions, backend: str, devices: tuple[int, ...]) -> RunOptions:
    """Return the options of a run on a device; how fast it is, is not the question."""
    return replace(options, backend=backend, devices=devices, accuracy_only=True, trust_unwatched=True)


def _there(target: Path) -> GoldenBundle:
    if not target.is_file():
        raise UsageError(
            f"{target}: expected the bundle that the limits are added to, found none; record it first, without "
            "--backend and --emulate, or name it with -o"
        )
    return read_bundle(target)


def _require_fresh(job: Job, bundle: GoldenBundle, samples: Sequence[Sample], target: Path) -> None:
    if stale := staleness(job, bundle, samples):
        raise UsageError(f"{target}: expected a bundle of this model and data set: {stale}; record it anew first")
