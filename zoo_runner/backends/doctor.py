"""What this machine has, and what each backend still needs. Nothing is installed or changed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from zoo_runner.errors import installing
from zoo_runner.plugin import loading as plugins
from zoo_runner.plugin.interfaces import Prerequisite

EXPORT = ("torch", "onnx", "onnxsim", "onnxscript", "safetensors")
"""What the export stage imports; the last one only for checkpoints of that form."""


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """The findings on one backend or stage."""

    title: str
    needs: tuple[Prerequisite, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return all(need.ok for need in self.needs)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All findings; ``usable`` when a backend (the one asked for, or any) lacks nothing."""

    sections: tuple[Checklist, ...]
    usable: bool


def examine(backend: str | None = None) -> Findings:
    """Look at the export stage and at one backend or all of them.

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
    return Findings(sections=(export, *sections), usable=any(section.complete for section in sections))


def _package(name: str) -> Prerequisite:
    try:
        return Prerequisite(name=name, ok=True, found=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Prerequisite(name=name, ok=False, found="not installed", remedy=installing("export"))
