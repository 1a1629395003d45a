"""Rules of a manifest that only some metrics can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import ManifestError
from zoo_runner.manifest.gated import expected_lines
from zoo_runner.manifest.scales import can_be_resampled
from zoo_runner.manifest.tree import dotted
from zoo_runner.plugin.near_misses import near_misses
from zoo_runner.plugin.scoring import Metric

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest


def check_rules(loaded: LoadedManifest, metric: Metric) -> None:
    """Check that the metric can be resampled, where a rule needs that.

    Raises:
        ManifestError: It does not say so. What it nearly says is named.
    """
    if can_be_resampled(metric):
        return
    nearly = "".join(f". It {text}" for text in near_misses(metric, Metric))
    rules = {(*line.path, "rule"): line.rule for line in expected_lines(loaded.manifest).values()}
    problems = [
        f"{loaded.locate(path)}: {dotted(path)}: {rule} needs a metric that can be resampled, and that of plugin "
        f"{loaded.manifest.plugin.name!r} does not say that it can (see ResampledMetric in "
        f"zoo_runner.plugin.evidence); use point{nearly}"
        for path, rule in rules.items()
        if rule != "point"
    ]
    if problems:
        raise ManifestError("\n".join(problems))
