"""How far outputs may be from the recorded ones, and what that was derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from zoo_runner.golden.bundle import EMULATION, RUN
from zoo_runner.golden.comparing import by_name
from zoo_runner.stages.predict.reference_outputs import LARGE, distance
from zoo_runner.stages.predict.result_origin import conversions_of
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from zoo_runner.golden.bundle import DeviceLimits, GoldenBundle
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays

DEFAULT: Final = f"{LARGE:g} of an output's size, which rounding to fp16 does not explain"
ROOM: Final = 2.0
"""How many times the spread that was seen on a device, or in an emulation, its limit is."""
LEAST: Final = 1e-3
"""The least limit of a device, as a part of an output's size: float16, in which outputs are kept, rounds that much."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one run.

    Attributes:
        source: What they were derived from, in words.
        device: Whether values are parts of an output's size, as of devices; else they are in the output's own unit.
        values: By output; of a device, an output without one has :data:`LARGE`.
    """

    source: str
    device: bool = False
    values: Mapping[str, float] = field(default_factory=dict)

    def beyond(self, outputs: Arrays, recorded: Arrays) -> dict[str, float]:
        """Return the outputs that are too far from the recorded ones, each with how far."""
        if not self.device:
            return by_name(outputs, self.values, recorded)
        return self.too_far(apart(outputs, recorded))

    def too_far(self, far: Mapping[str, float]) -> dict[str, float]:
        """Return those of a device's distances that are beyond their limits."""
        return {name: value for name, value in far.items() if not value <= self.values.get(name, LARGE)}


def apart(outputs: Arrays, recorded: Arrays) -> dict[str, float]:
    """Return each output's distance from the recorded one, as a part of its size; infinite for another shape."""
    return {
        name: distance(outputs[name], array) if outputs[name].shape == array.shape else float("inf")
        for name, array in recorded.items()
    }


def limits_of(bundle: GoldenBundle, recipe: Recipe, chip: str, backend: str, *, device: bool) -> Limits:
    """Return the limits of a run: of its device's first trusted run, else of the emulation, else the widest.

    Args:
        bundle: Has those of ONNX Runtime, and what was recorded of devices.
        recipe: Of the run.
        chip: What it runs on.
        backend: What runs it.
        device: Whether that is something else than the host's processor.
    """
    if not device:
        return Limits(source=bundle.basis or "the bundle", values=bundle.limits)
    for each in bundle.devices:
        if each.of == RUN and (each.chip, each.backend) == (chip, backend):
            return _device(each, f"the run on {chip} of {each.recorded[:10]}: {each.basis}")
    conversion = conversion_identity(recipe)
    for each in bundle.devices:
        if each.of == EMULATION and each.conversion == conversion:
            return _device(each, f"an emulation: {each.basis}")
    return Limits(source=DEFAULT, device=True)


def conversion_identity(recipe: Recipe) -> str:
    """Name the settings that shape a converted model."""
    return fingerprint(conversions_of(recipe))


def with_room(spread: Mapping[str, float]) -> dict[str, float]:
    """Return the limits of a device whose outputs were so far from the recorded ones."""
    return {name: min(LARGE, max(LEAST, ROOM * value)) for name, value in spread.items()}


def _device(found: DeviceLimits, source: str) -> Limits:
    return Limits(source=source, device=True, values=found.outputs)
