"""What a report says of the golden samples that a run was held against."""

from __future__ import annotations

from collections.abc import Mapping

from zoo_runner.report.changes import Record


class GoldenFinding(Record):
    """One stage that gave something else than recorded: ``data``, ``preprocess``, ``infer`` or ``postprocess``."""

    stage: str
    text: str


class GoldenRecord(Record):
    """What came of holding a run against a golden bundle.

    ``state`` is ``equal``, ``differs``, ``stale`` (the bundle is of another model or data set, ``note`` says in what),
    ``other libraries`` (what makes inputs has another version than it had, and rounds otherwise; inputs are not
    compared, and ``note`` names the versions) or ``nothing in common``; ``samples`` counts the golden samples that the
    run scores. ``inferred`` says whether the network was run on them: not where all predictions were kept by an earlier
    run. ``findings`` come in the order of the stages. ``limits`` says what the allowed differences of outputs were
    derived from. ``repeats`` counts the golden batches among those of the samples, by device; the name is empty where
    nobody says which device it was.
    """

    path: str
    samples: int
    state: str
    inferred: bool = False
    findings: tuple[GoldenFinding, ...] = ()
    note: str = ""
    limits: str = ""
    repeats: Mapping[str, int] = {}
