"""How a figure moved over the last runs."""

from __future__ import annotations

from zoo_runner.report.changes import Record


class TrendRecord(Record):
    """One line of the expectations table over the last runs on this machine, the oldest first and this run the last.

    The runs are of the same manifest on the same backend and chip, with settings that make the figures comparable, as
    ``zoo-run history NAME`` does; those without the figure are left out. ``line`` is what waivers call the line,
    ``started`` when each run began, in UTC, and ``values`` what it measured, in the line's unit. It gates nothing.
    """

    line: str
    started: tuple[str, ...]
    values: tuple[float, ...]
