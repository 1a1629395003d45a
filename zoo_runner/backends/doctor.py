"""What this machine has, and what each backend still needs. Nothing is installed or changed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from zoo_runner.errors import installing
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.interfaces import WAYS, Prerequisite, Way

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPORT = ("torch", "onnx", "onnxsim", "onnxscript", "safetensors", "packaging", "unidiff")
"""What the export stage imports; safetensors only for checkpoints of that form, the last two only for foreign code."""


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """The findings on one backend or stage."""

    title: str
    needs: tuple[Prerequisite, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.lacking(WAYS)

    @property
    def ways(self) -> dict[Way, tuple[str, ...]]:
        """What is missing by what it is needed for, where that differs; nothing where all is needed for all."""
        if all(need.ways == WAYS for need in self.needs):
            return {}
        return {way: self.lacking((way,)) for way in WAYS}

    def lacking(self, ways: Sequence[Way]) -> tuple[str, ...]:
        """Name what is missing for these uses."""
        return tuple(need.name for need in self.needs if not need.ok and {*need.ways} & {*ways})


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All findings; ``usable`` when a backend (the one asked for, or any) lacks nothing."""

    sections: tuple[Checklist, ...]
    usable: bool


def examine(backend: str | None = None, way: Way | None = None) -> Findings:
    """Look at the export stage and at one backend or all of them.

    Args:
        backend: Its name; ``None`` for all.
        way: The only use that counts for ``usable``; ``None`` for all uses.

    Raises:
        PluginError: ``backend`` is unknown.
    """
    known = [entry.name for entry in plugins.listing() if entry.kind == "backend"]
    wanted = known if backend is None else [backend]
    sections = [
        Checklist(title=f"backend {name}", needs=plugins.load(name, kind="backend").backend().prerequisites())
        for name in wanted
    ]
    export = Checklist(title="stage export", needs=tuple(_package(name) for name in EXPORT))
    return Findings(
        sections=(export, *sections), usable=any(not section.lacking((way,) if way else WAYS) for section in sections)
    )


def _package(name: str) -> Prerequisite:
    try:
        return Prerequisite(name=name, ok=True, found=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Prerequisite(name=name, ok=False, found="not installed", remedy=installing("export"))
