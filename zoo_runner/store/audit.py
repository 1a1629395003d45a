"""Doubt about the store: a part of what a run would reuse is made again, and compared byte by byte.

Hashes say that an entry is what it was when it was made. Whether it was right then, only making it again can say.
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
"""One of so many entries is made again."""
SEEDS: Final = 2**31
_NAMED: Final = 3


@dataclass
class Audit:
    """What is made again in one run, and what came of it.

    Attributes:
        seed: Of the draw: the same seed draws the same of the same entries.
        reused: Entries that a run would reuse, by kind.
        compared: Entries that were made again and had the same bytes, by kind.
        left: Why entries of a kind were not made again.
    """

    seed: int
    reused: dict[str, int] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def again(self) -> str:
        """How to draw the same entries again."""
        return f"--seed {self.seed} repeats it"

    def draw(self, kind: str, keys: Sequence[str]) -> frozenset[str]:
        """Return a tenth of the keys, and at least one if there is any."""
        count = -(-len(keys) // SHARE)
        return frozenset(random.Random(f"{self.seed}:{kind}").sample(sorted(keys), count))  # noqa: S311 - no secret

    def lines(self) -> Iterator[str]:
        """Say what was compared."""
        if not self.reused:
            yield "nothing of this is in the store: there is nothing to compare"
        for kind, count in sorted(self.reused.items()):
            why = f"; {self.left[kind]}" if kind in self.left else ""
            yield f"{kind}: {self.compared.get(kind, 0)} of {count} made again, with the same bytes{why}"


def new_audit(seed: int | None) -> Audit:
    """Return an audit with this seed, or with one that is drawn."""
    return Audit(seed=random.SystemRandom().randrange(SEEDS) if seed is None else seed)


class AuditedStore(Store):
    """A store in which some of what is found is made again.

    Args:
        store: The store.
        audit: Draws, and keeps count.
    """

    def __init__(self, store: Store, audit: Audit) -> None:
        super().__init__(store.root)
        self.audit = audit
        self._drawn: dict[str, frozenset[str]] = {}

    def announce(self, kind: str, keys: Sequence[str], why_not: str = "") -> Collection[str]:
        """Draw from those of the keys that have an entry; a drawn one is not found until it was made again."""
        if kind not in self._drawn:
            held = [key for key in keys if super(AuditedStore, self).lookup(kind, key) is not None]
            here = [key for key in held if Stamp.read(self._entry(kind, key) / STAMP).made_on in {None, processor()}]
            if held:
                self.audit.reused[kind] = len(held)
            if held and why_not:
                self.audit.left[kind] = why_not
            elif len(here) < len(held):
                self.audit.left[kind] = _elsewhere(len(held) - len(here))
            self._drawn[kind] = frozenset() if why_not else self.audit.draw(kind, here)
        return self._drawn[kind]

    def lookup(self, kind: str, key: str, terms: Terms = HASHED) -> Path | None:
        """Return an entry as :meth:`Store.lookup` does, unless it is to be made again."""
        return None if key in self._drawn.get(kind, ()) else super().lookup(kind, key, terms)

    def _confirm(self, entry: Path, make: Callable[[Path], None], terms: Terms) -> None:
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
        remove(folder)  # of a process that was killed: the entry's lock says that no other one is in it
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
            f"{entry}: the store has something else here than its inputs give\n{listed}{more}\n"
            f"  results that were made of it cannot be trusted; run with --no-cache, which makes everything again "
            f"(seed of this draw: {self.audit.seed})"
        )


def _elsewhere(count: int) -> str:
    return f"{count} left out that another type of processor made"


def _differences(kept: Stamp, made: Stamp, terms: Terms) -> Iterator[str]:
    before, now = ({file.path: file for file in stamp.files} for stamp in (kept, made))
    for name in sorted({*before, *now} - {*terms.varies}):
        was, new = before.get(name), now.get(name)
        if was is None or new is None or (was.sha256, was.size) != (new.sha256, new.size):
            yield f"{name}: in the store {_phrase(was)}, made again {_phrase(new)}"


def _phrase(file: StampedFile | None) -> str:
    return "nothing" if file is None else f"{file.size} bytes with sha256 {file.sha256}"
