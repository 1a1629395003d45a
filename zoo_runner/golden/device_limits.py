"""What a device's outputs may differ by from the recorded ones: measured on it, in a run that is trusted."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import UsageError
from zoo_runner.golden.bundle import RUN, DeviceLimits
from zoo_runner.golden.limits import DEFAULT, LEAST, ROOM, Limits, conversion_identity, with_room
from zoo_runner.golden.repeats import Repeats
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.inference import ModelOutputs
from zoo_runner.stages.predict.pipeline import inputs_of
from zoo_runner.stages.predict.stage import source_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.golden.bundle import GoldenBundle
    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.stages.convert.engine import Engine

ROUNDS: Final = 8
"""Golden batches on each device: each sample in as many rows."""
BASIS: Final = f"{ROOM:g} times the spread that was seen, at least {LEAST:g} of an output's size"


def measured(job: Job, engine: Engine, samples: Sequence[Sample], bundle: GoldenBundle, untrusted: str) -> DeviceLimits:
    """Infer golden samples on every device, in several rows, and derive its limits.

    Args:
        job: A run on the device.
        engine: The model.
        samples: Those that the run scored.
        bundle: What was recorded.
        untrusted: Why the run is not a trusted one; empty where it is.

    Raises:
        UsageError: The run has no golden sample, or the device is so far off that this is no spread.
    """
    by_id = {sample.id: sample for sample in samples}
    pairs = [(each, by_id[each.id]) for each in bundle.samples if each.id in by_id]
    if not pairs:
        raise UsageError("expected golden samples in the data set, found none of the bundle's")
    with ExitStack() as cleanup:
        source = source_of(job, samples, [sample for _, sample in pairs], engine, Clocks(), cleanup)
        if not isinstance(source, ModelOutputs):
            raise UsageError("the limits of a device are measured in this process; leave out infer.tool")
        repeats = Repeats(
            devices=tuple(dict.fromkeys(job.options.devices)),
            batch=source.batch,
            limits=Limits(source=DEFAULT, device=True),
            inputs=source.inputs,
            whole=source.whole,
            budgeted=False,
        )
        rows = [inputs_of(source.preprocess, sample) for _, sample in pairs]
        repeats.begin(rows, [each.outputs for each, _ in pairs], 0.0)
        for _ in range(ROUNDS):
            for _nothing in replace(source, between=repeats).outputs(()):
                pass
    if found := repeats.findings():
        raise UsageError(f"expected outputs within {DEFAULT}, found more: {'; '.join(found)}")
    spread = ", ".join(f"{name} {value:.2g}" for name, value in repeats.spread.items())
    doubt = f"; {untrusted}" if untrusted else ""
    return DeviceLimits(
        of=RUN,
        chip=job.chip,
        backend=engine.backend.name,
        conversion=conversion_identity(job.recipe),
        outputs=with_room(repeats.spread),
        basis=f"{BASIS}: {spread}{doubt}"[:4000],
        recorded=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
    )


def with_limits(bundle: GoldenBundle, found: DeviceLimits) -> GoldenBundle:
    """Return the bundle with a device's limits, instead of those that it had of the same device."""
    of = (found.of, found.chip, found.backend)
    others = tuple(each for each in bundle.devices if (each.of, each.chip, each.backend) != of)
    return replace(bundle, devices=(*others, found))
