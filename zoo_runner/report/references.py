"""What a report says of figures that are shown and not gated."""

from __future__ import annotations

from zoo_runner.report.changes import Record


class ReferenceRecord(Record):
    """A figure of other hardware or another framework, beside the line that it is like; nothing is judged by it.

    ``of`` says whose figure it is, such as ``T4``; ``line`` has the id of this run's line. ``measured`` is what this
    run measured, in ``unit``, and ``ratio`` that divided by ``value``; both are absent where the two cannot be
    compared, and ``why`` says so.
    """

    of: str
    line: str
    value: float
    unit: str
    measured: float | None = None
    ratio: float | None = None
    why: str = ""
    where: str = ""
    published: str | None = None
