"""Foreign code on the import path, for as long as a network is made with it."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import ExportError
from zoo_runner.plugin.foreign import serving
from zoo_runner.used_code.static import closure, imported

if TYPE_CHECKING:
    from zoo_runner.job.foreign_code import Script
    from zoo_runner.used_code.record import Disk


@contextmanager
def importable(tree: Path | None) -> Iterator[None]:
    """Let a tree of code be imported inside the block, before everything else, and by nobody afterwards.

    A copy of it is imported, which is gone afterwards: the tree is known by its hash, and no file of it counts as code
    of the plugin.

    Args:
        tree: The folder; ``None`` where there is none.

    Raises:
        ExportError: Modules of the same names are loaded already, from elsewhere.
    """
    if tree is None:
        yield
        return
    tops = _tops(tree)
    if taken := sorted(tops & {name.partition(".")[0] for name in sys.modules}):
        raise ExportError(
            f"expected to import {', '.join(taken)} of the manifest's code, found modules of these names loaded "
            "already, which would be taken instead; have the plugin import them in build() only, or rename them by a "
            "patch"
        )
    with tempfile.TemporaryDirectory(prefix="zoo-runner-code-") as name:
        copy = Path(name) / "code"
        shutil.copytree(tree, copy, symlinks=True)
        sys.path.insert(0, str(copy))
        importlib.invalidate_caches()
        try:
            with serving(copy):
                yield
        finally:
            sys.path.remove(str(copy))
            for module in [each for each in sys.modules if each.partition(".")[0] in tops]:
                del sys.modules[module]
            importlib.invalidate_caches()


def distributions_of(tree: Path, disk: Disk) -> dict[str, str]:
    """Return the versions of the installed distributions that code can import, by what its text says.

    Args:
        tree: The folder.
        disk: What is installed.
    """
    own, names = _tops(tree), set[str]()
    for path in sorted(tree.rglob("*.py")):
        inside = path.relative_to(tree).with_suffix("").as_posix().replace("/", ".")
        names |= {name.partition(".")[0] for name in imported(path.read_bytes(), inside)}
    found: dict[str, str] = {}
    for name in sorted(names - own - {""}):
        place = disk.finder.module(name)
        owner = None if place is None else disk.installations.owner(place)
        if owner is not None:
            found[owner.name] = owner.version
    return found


def imports_of(scripts: Sequence[Script], disk: Disk) -> dict[str, str]:
    """Return what scripts can import: versions of distributions, and hashes of modules that belong to none.

    Args:
        scripts: By their text alone; they are not run.
        disk: What is installed.
    """
    found: dict[str, str] = {}

    def find(name: str) -> Path | None:
        path = disk.finder.module(name) if name.partition(".")[0] not in sys.stdlib_module_names else None
        owner = None if path is None else disk.installations.owner(path)
        if owner is not None:
            found[owner.name] = owner.version
            return None
        return path

    names = {name for script in scripts for name in imported(script.content, "script")}
    modules = closure(sorted(names), find)
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in modules.items()}
    return {**found, **hashes}


def _tops(tree: Path) -> set[str]:
    """Return the names that code adds to what can be imported."""
    return {
        path.stem
        for path in tree.iterdir()
        if (path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))) and path.stem.isidentifier()
    }
