"""A proposal as text: a manifest that extends the one it is about, or a diff of that."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from zoo_runner.history.proposal import CONFIDENCE
from zoo_runner.history.trends import decimals
from zoo_runner.manifest.edit import difference

if TYPE_CHECKING:
    from zoo_runner.history.proposal import Figure, Proposal
    from zoo_runner.manifest.tree import KeyPath


def patch(proposal: Proposal, folder: Path) -> str:
    """Write a proposal as a manifest that extends the one it is about.

    Args:
        proposal: What to write.
        folder: Where the text is to be saved; the base is named relative to it if it lies below.
    """
    base = proposal.loaded.path.absolute()
    below = base.is_relative_to(folder.absolute())
    remarks = [
        *_remarks(proposal),
        *([f"Save this in {folder.absolute()}, which extends is relative to."] if below else []),
    ]
    content = {"extends": os.path.relpath(base, folder) if below else str(base), "expected": proposal.expected}
    return f"{_commented(remarks)}{yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)}"


def diff(proposal: Proposal, folder: Path) -> str:
    """Write a proposal as a unified diff of the manifest it is about, with remarks that ``patch`` and ``git`` skip.

    Args:
        proposal: What to write.
        folder: Where the diff is to be applied; a manifest that does not lie below is named relative to its own.

    Raises:
        ManifestError: The manifest is written in a way that cannot be edited.
    """
    path = proposal.loaded.path.absolute()
    below = path.is_relative_to(folder.absolute())
    name = path.relative_to(folder.absolute()).as_posix() if below else path.name
    now = proposal.loaded.manifest.expected.model_dump()
    values = {
        ("expected", *place): value for place, value in _leaves(proposal.expected) if _valued(now, place) != value
    }
    remarks = [*_remarks(proposal), *([] if below else [f"Apply this in {path.parent}."])]
    return _commented(remarks) + difference(path, values, name)


def _leaves(section: Mapping[Any, Any]) -> Iterator[tuple[KeyPath, float | str]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from (((key, *place), leaf) for place, leaf in _leaves(value))
        else:
            yield (key,), value


def _valued(section: Any, place: KeyPath) -> object:
    """Return what a manifest says now; ``None`` for a key that it lacks."""
    for key in place:
        section = section.get(key) if isinstance(section, Mapping) else None
    return section


def _remarks(proposal: Proposal) -> list[str]:
    newest, name = proposal.runs[0], proposal.loaded.manifest.name
    place = newest.backend if newest.chip in {newest.backend, ""} else f"{newest.backend} on {newest.chip}"
    return [
        f"From the last {len(proposal.runs)} runs of {name}, {place}: the mean, and half of the",
        f"{CONFIDENCE:.0%} prediction interval for one more run.",
        *(_summary(figure) for figure in proposal.figures),
        *(f"left out: {text}" for text in proposal.left_out),
    ]


def _summary(figure: Figure) -> str:
    digits = decimals(figure.unit) + 2
    text = f"{figure.line}: mean {figure.mean:.{digits}f} {figure.unit}"
    if figure.spread == 0:
        return (
            f"{text} in each of {figure.runs} runs, so the tolerance is half of the last printed digit "
            "(nothing here varies)"
        )
    return f"{text}, standard deviation {figure.spread:.{digits}f}, {figure.runs} runs, until now {figure.expected:g}"


def _commented(remarks: Sequence[str]) -> str:
    return "".join(f"# {' '.join(remark.splitlines())}\n" for remark in remarks)
