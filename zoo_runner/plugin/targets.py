"""What a metric can tell of the single annotated things: which were found, and what each is like.

All of it is optional, as in :mod:`zoo_runner.plugin.evidence`. A comparison of two runs says from it what the things
that were lost have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from zoo_runner.plugin.scoring import Scored

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Trait:
    """One way in which annotated things differ.

    Attributes:
        name: Such as ``class`` or ``size``.
        values: What there is of it, such as ``small`` and ``large``.
        codes: Integer [G], which of ``values`` each thing has.
    """

    name: str
    values: tuple[str, ...]
    codes: NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """The annotated things that count, in an order that hangs on the annotations alone.

    Attributes:
        noun: What they are called, in the plural, such as ``objects``.
        samples: Integer [G], the place of each one's sample among those that were scored, from 0.
        found: Bool [G], whether the predictions have it.
        traits: What each is like.
    """

    noun: str
    samples: NDArray[Any]
    found: NDArray[Any]
    traits: tuple[Trait, ...]


@runtime_checkable
class TargetScore(Scored, Protocol):
    """A score that can say what became of each annotated thing."""

    def targets(self) -> Targets:
        """Return those that count. May be called again."""
