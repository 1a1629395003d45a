"""What a figure was measured under: two figures whose conditions differ say nothing of each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import shortened
from zoo_runner.manifest.lines import is_throughput
from zoo_runner.manifest.settings import JUDGING

if TYPE_CHECKING:
    from zoo_runner.history.ledger import Entry, EntryLine

PLACES: Final = frozenset({"dataset.url", "dataset.root_env", "dataset.size", "dataset.subdir"})
"""Settings that say where data lie, and not what they are."""
MODELS: Final = ("weights", "onnx.url", "onnx.sha256", "onnx.size")
"""Settings of the model's files: what another checkpoint changes is what a history is there to show."""
NOT_OF_TIMING: Final = frozenset({"infer.batch", "benchmark.batch"})
"""Settings that say which batch sizes there are figures for, and change none of them."""
_IS_RATE: Final = re.compile(r"expected\.chips\..+\.unit\.(name|per_sample)")
"""What the figures of a chip count per second, where that is not samples."""
SHOWN: Final = 8
"""Settings that are named for a label; of more the number is given."""
_VALUE: Final = 60
_UNKNOWN: Final = "?"
_ABSENT: Final = "null"
"""A setting that a release before did not have is one that is not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What one figure was measured under.

    Attributes:
        backend: What ran the model.
        chip: Where it ran.
        unit: Of the figure.
        devices: Numbers of the devices; ``None`` where the ledger does not say, like the rest below.
        samples: How many samples were scored; of timings ``None``, too.
        settings: Those that can change the figure, by their dotted keys.
    """

    backend: str
    chip: str
    unit: str = ""
    devices: str | None = None
    samples: int | None = None
    settings: tuple[tuple[str, str], ...] | None = None

    def allow(self, other: Conditions) -> bool:
        """Say whether nothing that is known of both differs."""
        pairs = ((self.devices, other.devices), (self.samples, other.samples), (self.settings, other.settings))
        same = (self.backend, self.chip, self.unit) == (other.backend, other.chip, other.unit)
        return same and all(None in pair or pair[0] == pair[1] for pair in pairs)


def conditions(entry: Entry, line: EntryLine) -> Conditions:
    """Return what a line of a run was measured under."""
    return Conditions(
        backend=entry.backend,
        chip=entry.chip,
        unit=line.unit,
        devices=entry.devices,
        samples=line.samples,
        settings=None if entry.settings is None else _telling(entry.settings, timing=is_throughput(line.id)),
    )


def labels(entries: Sequence[Entry]) -> tuple[list[str], list[str]]:
    """Tell runs apart by their settings.

    Args:
        entries: The runs.

    Returns:
        A label for each run, as in ``#1``, equal for equal settings; and a text for each label that says what is
        special about it. All labels are ``-``, and there is no text, where nothing differs.
    """
    found = [None if each.settings is None else _telling_any(each.settings) for each in entries]
    kinds = list(dict.fromkeys(found))
    if len(kinds) <= 1:
        return ["-"] * len(found), []
    known = [each for each in kinds if each is not None]
    names = {each: f"#{number}" for number, each in enumerate(known, start=1)}
    values = [dict(each) for each in known]
    keys = sorted({key for each in values for key in each if len({other.get(key, _ABSENT) for other in values}) > 1})
    texts = [f"{name} {_text(dict(each), keys)}" for each, name in names.items() if keys]
    texts += [f"{_UNKNOWN} not known: an earlier release did not keep them"] if None in kinds else []
    return [_UNKNOWN if each is None else names[each] for each in found], texts


def _telling_any(settings: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the settings that can change any figure."""
    return tuple(sorted({*_telling(settings, timing=False), *_telling(settings, timing=True)}))


def _telling(settings: Mapping[str, str], *, timing: bool) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, value) for key, value in settings.items() if value != _ABSENT and _tells(key, timing)))


def _tells(key: str, timing: bool) -> bool:
    """Say whether a setting can change a figure, apart from the model that it is of."""
    first = key.partition(".")[0]
    if key in PLACES or _is_below(key, MODELS):
        return False
    if timing and _IS_RATE.fullmatch(key):
        return True
    if timing:
        return key not in NOT_OF_TIMING and (first == "benchmark" or first not in JUDGING)
    return first not in JUDGING


def _is_below(key: str, sections: Iterable[str]) -> bool:
    return any(key == each or key.startswith(f"{each}.") for each in sections)


def _text(settings: Mapping[str, str], keys: Sequence[str]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(f"{key}: {shortened(settings.get(key, _ABSENT), _VALUE)}" for key in keys[:SHOWN]) + more
