"""The last runs of a manifest: how its figures move, for people and for programs."""

from __future__ import annotations

from zoo_runner.history.tables import show
from zoo_runner.history.trends import as_json, decimals

__all__ = ["as_json", "decimals", "show"]
