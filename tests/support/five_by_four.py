"""Samples without files, and rules for outputs of five rows and four columns."""

from __future__ import annotations

from pathlib import Path

from zoo_runner.plugin.interfaces import Sample, TensorSpec
from zoo_runner.stages.predict.output_rules import Kind, OutputRule

SAMPLES = [Sample(index=index, id=f"img{index}", path=Path()) for index in range(1, 21)]


def rules(*kinds: Kind | None) -> tuple[OutputRule, ...]:
    """Return a rule for each output, ``out0`` and so on."""
    return tuple(
        OutputRule(spec=TensorSpec(f"out{place}", "float32", ("batch", 5, 4)), kind=kind)
        for place, kind in enumerate(kinds)
    )
