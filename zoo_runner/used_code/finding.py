"""Finds the files of modules without importing them, and names files in a way that is the same in every clone."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path


@dataclass
class Finder:
    """Finds modules as an import would. It looks for each name once."""

    _specs: dict[str, ModuleSpec | None] = field(default_factory=dict, repr=False)

    def module(self, name: str) -> Path | None:
        """Return the file of a module; ``None`` if there is no such module, or it is in no file."""
        spec = self.spec(name)
        return Path(spec.origin) if spec is not None and spec.origin and spec.has_location else None

    def spec(self, name: str) -> ModuleSpec | None:
        """Return the specification of a module, or ``None`` if there is no such module; nothing is imported."""
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
        """Return the folders with a package's modules; an empty tuple if it is not a package."""
        spec = self.spec(name)
        return tuple(map(Path, (spec.submodule_search_locations if spec else None) or ()))

    def portable_name(self, path: Path, tops: tuple[str, ...]) -> str:
        """Name a file by a top-level package or module that it is in or beside; otherwise by its whole path.

        Args:
            path: The file.
            tops: Names of top-level packages and modules; the first one that fits is taken.

        Returns:
            ``NAME:PATH``, with the path relative to the folder that ``NAME`` is in; or the whole path.
        """
        for top in tops:
            for base in self._bases(top):
                if path.is_relative_to(base):
                    return f"{top}:{path.relative_to(base).as_posix()}"
        return str(path)

    def file_named(self, name: str) -> Path | None:
        """Return the file for a name from :meth:`portable_name`; ``None`` if it is not there."""
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
    """Return the specification of a top-level module, from the finders: ``sys.modules`` may have an outdated one."""
    for finder in sys.meta_path:
        if find_spec := getattr(finder, "find_spec", None):
            spec: ModuleSpec | None = find_spec(name, None)
            if spec is not None:
                return spec
    return None
