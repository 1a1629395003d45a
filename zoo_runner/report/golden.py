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

    ``state`` is one of five. ``equal``: nothing differs. ``differs``: there are ``findings``, in the order of the
    stages. ``stale``: the bundle is of another model or data set; ``note`` says which. ``other libraries``: other
    versions of the libraries made the inputs, which are rounded otherwise and not compared; ``note`` names the
    versions. ``nothing in common``: the run scores none of the golden samples. ``samples`` counts those that it scores.
    ``inferred`` says whether the network was run on them; it was not if all predictions are of an earlier run.
    ``limits`` says where the allowed differences of outputs come from. ``repeats`` counts, by device, the golden
    batches among those of the samples; the name is empty where the device is unknown.
    """

    path: str
    samples: int
    state: str
    inferred: bool = False
    findings: tuple[GoldenFinding, ...] = ()
    note: str = ""
    limits: str = ""
    repeats: Mapping[str, int] = {}
