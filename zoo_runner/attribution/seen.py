"""What a search for the stage at fault is given of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.report.model import Report
    from zoo_runner.stages.convert.engine import Engine


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What is left of a run when its verdict is there.

    Attributes:
        report: Its report.
        dataset: All samples of the data set.
        samples: Those that were scored.
        predictions: One for each of them.
        engine: The model; ``None`` where results came from files.
    """

    report: Report
    dataset: Sequence[Sample]
    samples: Sequence[Sample]
    predictions: Sequence[Arrays]
    engine: Engine | None
