"""Where code is, by names that mean the same in every clone and environment; nothing is imported to find out."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path


@dataclass
class Finder:
    """Finds modules as an import would; asks once for each."""

    _specs: dict[str, ModuleSpec | None] = field(default_factory=dict, repr=False)

    def module(self, name: str) -> Path | None:
        """Return the file of a module, or ``None`` if there is none, or if it is not a file."""
        spec = self.spec(name)
        return Path(spec.origin) if spec is not None and spec.origin and spec.has_location else None

    def spec(self, name: str) -> ModuleSpec | None:
        """Return the specification of a module; its parents are found, not imported."""
        if name not in self._specs:
            self._specs[name] = self._spec(name)
        return self._specs[name]

    def _spec(self, name: str) -> ModuleSpec | None:
        parent, _, last = name.rpartition(".")
        if not last:
            return None
        if not parent:
            return _top(name)
        folders = self.folders(parent)
        return PathFinder.find_spec(name, [str(folder) for folder in folders]) if folders else None

    def folders(self, name: str) -> tuple[Path, ...]:
        """Return the folders that a package's modules are in; none if it is no package."""
        spec = self.spec(name)
        return tuple(map(Path, (spec.submodule_search_locations if spec else None) or ()))

    def portable_name(self, path: Path, tops: tuple[str, ...]) -> str:
        """Name a file relative to a top-level package or module that it lies in or beside; else by its whole path."""
        for top in tops:
            for base in self._bases(top):
                if path.is_relative_to(base):
                    return f"{top}:{path.relative_to(base).as_posix()}"
        return str(path)

    def file_named(self, name: str) -> Path | None:
        """Return the file that :meth:`portable_name` named so, if it is there."""
        top, colon, inside = name.partition(":")
        if not colon or top.startswith("/"):
            path = Path(name)
            return path if path.is_file() else None
        return next((base / inside for base in self._bases(top) if (base / inside).is_file()), None)

    def _bases(self, top: str) -> tuple[Path, ...]:
        path = self.module(top)
        inside = self.folders(top)
        if inside:
            return tuple(folder.parent for folder in inside)
        return () if path is None else (path.parent,)


def _top(name: str) -> ModuleSpec | None:
    """Ask the finders themselves: a module that is loaded may be one that no import would find again."""
    for finder in sys.meta_path:
        if find_spec := getattr(finder, "find_spec", None):
            spec: ModuleSpec | None = find_spec(name, None)
            if spec is not None:
                return spec
    return None
