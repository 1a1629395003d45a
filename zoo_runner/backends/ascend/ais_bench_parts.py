"""Results of several calls of ais_bench, one for each gear, brought together as if one call had made them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import InferenceError

if TYPE_CHECKING:
    from zoo_runner.backends.ascend.ais_bench_command import AisBenchCall


def gather(calls: Sequence[AisBenchCall], folder: Path) -> Path:
    """Move the results and the summaries of calls that ended well into one folder.

    Results keep their names. Where any call had several devices, all are in folders of devices. A summary is named
    after its call, where there are several.

    Args:
        calls: Each with results in a folder of its own, on the same disk.
        folder: Where they go: one call's own folder, or one that is not there yet.

    Raises:
        InferenceError: Two calls have a result of the same name.
    """
    folder.mkdir(exist_ok=True)
    by_device = any(len(call.devices) > 1 for call in calls)
    for call in calls:
        for path, place in [*_results(call, by_device=by_device), *_summaries(call, several=len(calls) > 1)]:
            target = folder / place
            if target == path:
                continue
            if target.exists():
                raise InferenceError(
                    f"ais_bench's results: expected each sample in the inputs of one gear, found {place} twice; the "
                    "results were not used"
                )
            target.parent.mkdir(exist_ok=True)
            path.rename(target)
    return folder


def _results(call: AisBenchCall, *, by_device: bool) -> Iterator[tuple[Path, Path]]:
    """Yield the files of a call, each with its place in the folder of all."""
    alone = len(call.devices) == 1
    above = Path(call.device_names[0]) if by_device and alone else Path()
    for path in sorted(call.folder.glob("*" if alone else "*/*")):
        yield path, above / path.relative_to(call.folder)


def _summaries(call: AisBenchCall, *, several: bool) -> Iterator[tuple[Path, Path]]:
    for path in call.summaries:
        of_device = several and len(call.devices) > 1
        yield path, Path(f"{call.dirname}_{path.name}" if of_device else path.name)
