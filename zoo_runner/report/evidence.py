"""What a report says of single predictions: curves, errors by kind, and what was taken for what."""

from __future__ import annotations

from collections.abc import Mapping

from zoo_runner.report.changes import DiagnosedSample, Record


class CurveRecord(Record):
    """Precision against recall for one class; ``levels`` are the recalls the average reads, if it reads any."""

    label: str
    average: float
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    levels: tuple[float, ...] = ()
    level_precision: tuple[float, ...] = ()


class DiagnosisRecord(Record):
    """What went wrong, by kind of error, and where most: the samples with the worst scores come first."""

    basis: str
    kinds: tuple[str, ...]
    totals: Mapping[str, int]
    worst: tuple[DiagnosedSample, ...] = ()


class ConfusionRecord(Record):
    """One thing that was taken for another, ``count`` times of the ``of`` times that it was there.

    ``truth`` is empty, and ``of`` is 0, where nothing was there; ``found`` where nothing was found.
    """

    truth: str
    found: str
    count: int
    of: int = 0


class ConfusionsRecord(Record):
    """What was taken for what. ``noun`` is what is told apart, in the plural, such as ``classes``.

    ``wrong`` of ``total`` were taken for something else, in ``pairs`` different ways; ``largest`` has the most frequent
    of these. Of few names all counts are there: a row of ``counts`` for each of ``labels``, and in it how often that
    was taken for each of them.
    """

    noun: str
    total: int
    wrong: int
    pairs: int
    largest: tuple[ConfusionRecord, ...] = ()
    labels: tuple[str, ...] = ()
    counts: tuple[tuple[int, ...], ...] = ()
