"""What the lines of a report are called."""

from __future__ import annotations

from typing import Final

_THROUGHPUT: Final = "throughput/"


def metric_line(name: str, protocol: str, subset: str | None = None) -> str:
    """Return the id of a metric's line, as in ``voc07_map/reference@pr``."""
    return f"{name}/{protocol}{f'@{subset}' if subset else ''}"


def throughput_line(chip: str, batch: int) -> str:
    """Return the id of a throughput's line, as in ``throughput/310P3/16``."""
    return f"{_THROUGHPUT}{chip}/{batch}"


def is_throughput(line: str) -> bool:
    """Say whether the id of a line is a throughput's."""
    return line.startswith(_THROUGHPUT)
