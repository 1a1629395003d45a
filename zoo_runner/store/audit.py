"""An audit of the store: some of the entries that a run would reuse are made again, and compared byte by byte.

A hash shows that an entry has not changed since it was made. It does not show that the entry was right then: only
making it again does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import CacheError
from zoo_runner.store.entries import STAMP, DamagedError, Stamp, check, make_stamp, processor, remove
from zoo_runner.store.store import CHECKED, HASHED, Store, Terms

if TYPE_CHECKING:
    from zoo_runner.store.entries import StampedFile

SHARE: Final = 10
"""One entry in ten is made again."""
SEEDS: Final = 2**31
"""Seeds are below this."""
_NAMED: Final = 3
"""How many differences an error lists."""


@dataclass
class Audit:
    """What one audit compared.

    Attributes:
        seed: Seed of the random choice: from the same entries, the same seed chooses the same ones.
        reused: Number of entries that a run would reuse, by kind.
        compared: Number of entries that were made again and had the same bytes, by kind.
        left: Why entries were not made again, by kind.
    """

    seed: int
    reused: dict[str, int] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def again(self) -> str:
        """How to choose the same entries again, for the user."""
        return f"--seed {self.seed} repeats it"

    def draw(self, kind: str, keys: Sequence[str]) -> frozenset[str]:
        """Choose a tenth of the keys at random, rounded up: at least one if there is any."""
        count = -(-len(keys) // SHARE)
        return frozenset(random.Random(f"{self.seed}:{kind}").sample(sorted(keys), count))  # noqa: S311 - no secret

    def lines(self) -> Iterator[str]:
        """Yield one line for each kind: how many entries there were, and how many were made again."""
        if not self.reused:
            yield "nothing of this is in the store: there is nothing to compare"
        for kind, count in sorted(self.reused.items()):
            why = f"; {self.left[kind]}" if kind in self.left else ""
            yield f"{kind}: {self.compared.get(kind, 0)} of {count} made again, with the same bytes{why}"


def new_audit(seed: int | None) -> Audit:
    """Return an audit with this seed; without one, with a random seed."""
    return Audit(seed=random.SystemRandom().randrange(SEEDS) if seed is None else seed)


class AuditedStore(Store):
    """A store that makes some of its entries again before it returns them.

    Args:
        store: The store.
        audit: Chooses the entries, and counts them.
    """

    def __init__(self, store: Store, audit: Audit) -> None:
        super().__init__(store.root)
        self.audit = audit
        self._drawn: dict[str, frozenset[str]] = {}

    def announce(self, kind: str, keys: Sequence[str], why_not: str = "") -> Collection[str]:
        """Choose from those keys that have an entry; :meth:`lookup` then does not find the chosen ones."""
        if kind not in self._drawn:
            kept = [key for key in keys if super(AuditedStore, self).lookup(kind, key) is not None]
            here = [key for key in kept if Stamp.read(self._entry(kind, key) / STAMP).made_on in {None, processor()}]
            if kept:
                self.audit.reused[kind] = len(kept)
            if kept and why_not:
                self.audit.left[kind] = why_not
            elif len(here) < len(kept):
                self.audit.left[kind] = _elsewhere(len(kept) - len(here))
            self._drawn[kind] = frozenset() if why_not else self.audit.draw(kind, here)
        return self._drawn[kind]

    def lookup(self, kind: str, key: str, terms: Terms = HASHED) -> Path | None:
        """Return an entry as :meth:`Store.lookup` does, or ``None`` if it is to be made again."""
        return None if key in self._drawn.get(kind, ()) else super().lookup(kind, key, terms)

    def _confirm(self, entry: Path, make: Callable[[Path], None], terms: Terms) -> None:
        """Make an entry again beside the kept one, unless it was not chosen, and compare them.

        Raises:
            CacheError: The bytes differ, or the kept entry is damaged.
        """
        kind, audit = entry.parent.name, self.audit
        if kind in self._drawn and entry.name not in self._drawn[kind]:
            return
        if kind not in self._drawn:
            audit.reused[kind] = audit.reused.get(kind, 0) + 1
        try:
            stamp, _ = check(entry, "hash")
        except DamagedError as why:
            raise self._refusal(entry, [str(why)]) from why
        if terms.repeats == "never":
            audit.left[kind] = "their content was hashed, but making them again need not give the same bytes"
            return
        if terms.repeats == "here" and stamp.made_on not in {None, processor()}:
            audit.left[kind] = _elsewhere(1)
            return
        folder = entry.with_name(f".{entry.name}{CHECKED}")
        remove(folder)  # a killed process may have left it; this process has the lock, so no other uses it
        folder.mkdir()
        try:
            make(folder)
            made = make_stamp(folder)
        finally:
            remove(folder)
        if differences := list(_differences(stamp, made, terms)):
            raise self._refusal(entry, differences)
        audit.compared[kind] = audit.compared.get(kind, 0) + 1

    def _refusal(self, entry: Path, differences: Sequence[str]) -> CacheError:
        more = f"\n  and {len(differences) - _NAMED} more" if len(differences) > _NAMED else ""
        listed = "\n".join(f"  {difference}" for difference in differences[:_NAMED])
        return CacheError(
            f"{entry}: this entry of the store differs from what its inputs give now\n{listed}{more}\n"
            f"  results that were made of it cannot be trusted; run with --no-cache, which makes everything again "
            f"(seed of this draw: {self.audit.seed})"
        )


def _elsewhere(count: int) -> str:
    return f"{count} left out that another type of processor made"


def _differences(kept: Stamp, made: Stamp, terms: Terms) -> Iterator[str]:
    """Yield one text for each file that differs; files that may vary are not compared."""
    before, now = ({file.path: file for file in stamp.files} for stamp in (kept, made))
    for name in sorted({*before, *now} - {*terms.varies}):
        was, new = before.get(name), now.get(name)
        if was is None or new is None or (was.sha256, was.size) != (new.sha256, new.size):
            yield f"{name}: in the store {_phrase(was)}, made again {_phrase(new)}"


def _phrase(file: StampedFile | None) -> str:
    return "nothing" if file is None else f"{file.size} bytes with sha256 {file.sha256}"
