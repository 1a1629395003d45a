"""What a report says of the stage that lost accuracy. It never has a part in the verdict."""

from __future__ import annotations

from zoo_runner.report.changes import Interval, Record


class StageCost(Record):
    """One stage held against its reference, on some samples.

    ``differs`` counts those of the ``samples`` whose result is beyond the limit. ``points`` is how much the headline,
    on these samples, gains when the reference takes the stage's place; absent where it cannot be computed.
    ``mistake`` is the usual mistake that explains the difference, ``where`` says on which devices, or rows of a batch,
    the difference is, where it is not everywhere. A data set is one thing: ``differs`` is 0 or 1 of 1, and ``mistake``
    says what changed.
    """

    stage: str
    against: str
    differs: int
    samples: int
    points: float | None = None
    interval: Interval | None = None
    mistake: str = ""
    where: str = ""


class AttributionRecord(Record):
    """Which stage lost accuracy, as far as there is a reference for it.

    ``stage_named`` is empty where no stage differs from its reference, or none has one. ``findings`` are for the first
    screen. ``samples`` are the worst ones and a random part of the others, drawn with ``seed``.
    """

    stage_named: str = ""
    findings: tuple[str, ...] = ()
    stages: tuple[StageCost, ...] = ()
    samples: int = 0
    seed: int = 0
    seconds: float = 0.0
