"""Which side of a figure passes, and which way is better: the one place that says what a direction means."""

from __future__ import annotations

from enum import Enum


class Direction(str, Enum):
    """Which values meet an expectation: those not below it, those not above it, or those near it on both sides."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    WITHIN = "within"

    def __str__(self) -> str:
        """Return the word that manifests and reports have for it."""
        return self.value

    @classmethod
    def of(cls, *, higher_is_better: bool) -> Direction:
        """Return the direction of a metric, of which higher or lower values are better."""
        return cls.AT_LEAST if higher_is_better else cls.AT_MOST

    @property
    def better(self) -> str:
        """What values are the better ones: ``higher``, ``lower`` or, where both sides are wrong ones, ``nearer``."""
        return {Direction.AT_LEAST: "higher", Direction.AT_MOST: "lower"}.get(self, "nearer")

    @property
    def symbol(self) -> str:
        """What stands before a figure in a table: ``≥``, ``≤`` or nothing."""
        return {Direction.AT_LEAST: "≥", Direction.AT_MOST: "≤"}.get(self, "")

    def phrase(self, value: float, margin: float) -> str:
        """Say which values pass: ``at least 80 - 0.5``, ``at most 5 + 0.5`` or ``80 ± 0.5``.

        Args:
            value: The figure.
            margin: How far on its wrong side a value still passes, in the unit of the figure.
        """
        if self is Direction.WITHIN:
            return f"{value:g} ± {margin:g}"
        return f"at least {value:g} - {margin:g}" if self is Direction.AT_LEAST else f"at most {value:g} + {margin:g}"

    def gain(self, before: float, after: float) -> float:
        """Return by how much ``after`` is better than ``before``; negative where it is worse.

        Raises:
            ValueError: Both sides are wrong ones, so that neither way is better.
        """
        if self is Direction.WITHIN:
            raise ValueError(f"of {self} neither more nor less is better")
        return after - before if self is Direction.AT_LEAST else before - after
