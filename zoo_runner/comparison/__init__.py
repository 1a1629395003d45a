"""A run against an earlier one: what changed in it, and what came of that."""

from __future__ import annotations

from zoo_runner.comparison.compare import compare
from zoo_runner.comparison.metrics import metric_changes
from zoo_runner.comparison.pairs import pair, score_pairs

__all__ = ["compare", "metric_changes", "pair", "score_pairs"]
