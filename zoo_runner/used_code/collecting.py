"""Makes the record of a step's code from what this process has loaded, run and opened, and from what that imports."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from zoo_runner.errors import PluginError
from zoo_runner.used_code import executed, machine_code, opened
from zoo_runner.used_code.record import WHOLE, Disk, DistributionFact, FileFact, Record, file_of
from zoo_runner.used_code.static import closure, imported

RUNNER: Final = "zoo_runner"
NOT_CODE: Final = {"__main__", "__mp_main__"}
"""Names of the script that was started. It does not count: every environment has another one."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step whose results are kept, and the code that it can use.

    Attributes:
        name: Name of the step; its records are kept under it.
        entries: Modules of the runner that carry the step out. They count with all that they import.
        files: Modules of the runner that count without what they import.
        loaded: Whether code of plugin or backend takes part; then all loaded code counts.
        packages: Top-level packages of plugin and backend. What they import counts, also if they are installed.
        declared: Packages of which all files count, loaded or not.
    """

    name: str
    entries: tuple[str, ...]
    files: tuple[str, ...] = ()
    loaded: bool = True
    packages: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()


@dataclass
class Loaded:
    """The modules that this process has loaded, without those of Python and of the runner.

    Attributes:
        own: Files of modules that belong to no installed distribution, such as a plugin's, by dotted name.
        by_distribution: Files of modules of installed distributions: by the distribution's name, and then by their
            path below the folder in which it is installed.
    """

    own: dict[str, Path] = field(default_factory=dict)
    by_distribution: dict[str, dict[str, Path]] = field(default_factory=dict)

    @classmethod
    def now(cls, disk: Disk) -> Loaded:
        """Return the modules that are loaded now."""
        found = cls()
        for name, module in list(sys.modules.items()):
            origin = file_of(module)
            if not origin or name in NOT_CODE or _top(name) == RUNNER or executed.is_standard(origin):
                continue
            path = _file(Path(origin))
            if disk.installations.is_reference(path):
                continue
            owner = disk.installations.owner(path)
            if owner is None:
                found.own[name] = path
            else:
                found.by_distribution.setdefault(owner.name, {})[path.relative_to(owner.base).as_posix()] = path
        return found


def collect(step: Step, disk: Disk) -> Record:
    """Return the record of the code that a step has used; it must have run in this process just before.

    Raises:
        OSError: A file is not there any more.
        PluginError: A package that the plugin declares cannot be found.
    """
    runner = closure(step.entries, partial(_of_runner, disk))
    runner |= {name: path for name in step.files if (path := disk.finder.module(name))}
    modules = {name: disk.fact(path) for name, path in runner.items()}
    if not step.loaded:
        return Record(modules=modules)
    loaded = Loaded.now(disk)
    tops = tuple(dict.fromkeys(_top(name) for name in loaded.own))
    modules |= {name: _fact(name, path, tops, disk) for name, path in loaded.own.items()}
    names = _imported_names(loaded, step, disk)
    return Record(
        modules=modules,
        files={
            disk.finder.portable_name(path, tops): disk.fact(path) for path in _others(loaded, frozenset(runner), disk)
        },
        trees=trees_of(step, disk, loaded),
        distributions=dict(_distributions(_direct(names, disk, step), loaded, disk)),
        absent=tuple(sorted(top for top in {_top(name) for name in names} if disk.finder.spec(top) is None)),
    )


def alterations(
    record: Record, disk: Disk, before: Mapping[str, Mapping[str, FileFact]] = MappingProxyType({})
) -> Iterator[str]:
    """Yield one text for each file that changed while the step ran: the process may have used its earlier content.

    Args:
        record: The record that was made just before.
        disk: The files as they are now.
        before: What :func:`trees_of` returned when the step began.

    Raises:
        OSError: A file cannot be read.
    """
    yield from others_loaded(record, disk)
    yield from (f"{path} is older than what it was compiled of; delete it" for path in machine_code.outdated())
    for package, tree in before.items():
        now = record.trees.get(package, {})
        changed = [inside for inside in tree.keys() | now.keys() if _hash(tree, inside) != _hash(now, inside)]
        yield from (f"{package}: {inside} was changed during the run" for inside in sorted(changed))
    for name, fact in {**record.modules, **record.files}.items():
        path = disk.finder.file_named(fact.at or name) if fact.at or name in record.files else disk.finder.module(name)
        if path is None:
            yield f"{name} is not there any more"
            continue
        content = path.read_bytes()
        if why := executed.alteration(str(path), content, name):
            yield why
        elif hashlib.sha256(content).hexdigest() != fact.sha256:
            yield f"{path} changed while it was being recorded"


def trees_of(step: Step, disk: Disk, loaded: Loaded | None = None) -> dict[str, Mapping[str, FileFact]]:
    """Return the files of packages that count without being loaded: data files, and all files of declared packages.

    Args:
        step: The step, with the packages of plugin and backend.
        disk: The files as they are now.
        loaded: The loaded modules; their packages count, too.

    Returns:
        By the package's name (with :data:`WHOLE` after it if all its files count), and then by relative path.

    Raises:
        OSError: A file cannot be read.
        PluginError: A declared package cannot be found.
    """
    if not step.loaded:
        return {}
    loaded = loaded or Loaded()
    return {
        **{package: _data(package, disk) for package in _packages(loaded, step, disk)},
        **{f"{name}{WHOLE}": _whole(name, disk) for name in step.declared},
    }


def others_loaded(record: Record, disk: Disk) -> Iterator[str]:
    """Yield one text for each file of the record that had another content when this process loaded or read it."""
    run = executed.executed()
    for name, fact in {**record.modules, **record.files}.items():
        path = disk.finder.file_named(fact.at or name) if fact.at or name in record.files else disk.finder.module(name)
        seen = run.get(str(path))
        if seen is not None and seen.sha256 not in {None, fact.sha256}:
            yield f"{path} was changed after it was loaded"
        elif name in record.files and opened.altered(str(path)):
            yield f"{path} was changed after it was read"


def _hash(tree: Mapping[str, FileFact], inside: str) -> str:
    return tree[inside].sha256 if inside in tree else ""


def _top(name: str) -> str:
    return name.partition(".")[0]


def _of_runner(disk: Disk, name: str) -> Path | None:
    return disk.finder.module(name) if _top(name) == RUNNER else None


def _others(loaded: Loaded, callers: frozenset[str], disk: Disk) -> Iterator[Path]:
    """Yield the files that were run or read, and are not modules. Temporary files, now gone, do not count."""
    modules, runner = {*loaded.own.values()}, disk.finder.folders(RUNNER)
    for path in map(Path, {**executed.executed(), **opened.opened(callers)}):
        if path not in modules and path.is_file() and not any(path.is_relative_to(folder) for folder in runner):
            yield path


def _file(path: Path) -> Path:
    """Return the file that a module is in: ``path`` itself, or the archive above it."""
    return next((each for each in (path, *path.parents) if each.is_file()), path)


def _fact(name: str, path: Path, tops: tuple[str, ...], disk: Disk) -> FileFact:
    """Describe the file of a loaded module; if an import would not find it there, the fact says where it is."""
    return disk.fact(path, "" if disk.finder.module(name) == path else disk.finder.portable_name(path, tops))


def _packages(loaded: Loaded, step: Step, disk: Disk) -> set[str]:
    """Return the packages that the loaded modules are in; folders without an ``__init__`` do not count."""
    names = {*loaded.own, *(name for name in list(sys.modules) if _top(name) in step.packages)}
    found = {name.rpartition(".")[0] for name in names} | names
    return {name for name in found if (path := disk.finder.module(name)) and path.stem == "__init__"}


def _data(package: str, disk: Disk) -> dict[str, FileFact]:
    """Describe the files beside a package's modules that are not modules."""
    return {inside: disk.fact(path) for inside, path in disk.tree(package, whole=False).items()}


def _whole(name: str, disk: Disk) -> dict[str, FileFact]:
    """Describe all files of a package, or the one file of a module."""
    files = disk.tree(name, whole=True)
    if not files:
        raise PluginError(f"zoo_packages() names {name!r}, and there is no such package; is it installed?")
    return {inside: disk.fact(each) for inside, each in files.items()}


def _imported_names(loaded: Loaded, step: Step, disk: Disk) -> set[str]:
    """Return the dotted names that the modules import, without names of Python's library and of the runner."""
    own = dict(loaded.own)
    own |= {
        name: path for name in list(sys.modules) if _top(name) in step.packages and (path := disk.finder.module(name))
    }
    names: set[str] = set()
    for name, path in own.items():
        if path.suffix == ".py":
            names |= imported(path.read_bytes(), name, is_package=path.stem == "__init__")
    return {name for name in names if _top(name) not in {*sys.stdlib_module_names, RUNNER, ""}}


def _direct(names: Iterable[str], disk: Disk, step: Step) -> set[str]:
    """Return the names of the distributions to which the imported names, and the step's packages, belong."""
    found: set[str] = set()
    for name in {*names, *step.packages, *step.declared}:
        path = disk.finder.module(name)
        if path is not None and (owner := disk.installations.owner(path)):
            found.add(owner.name)
    return found


def _distributions(names: Iterable[str], loaded: Loaded, disk: Disk) -> Iterator[tuple[str, DistributionFact]]:
    """Describe these distributions, and those of their requirements that are loaded, and so on."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        found = disk.installations.find(name) if name not in seen else None
        seen.add(name)
        if found is None:
            continue
        files = loaded.by_distribution.get(name, {})
        facts = {inside: disk.fact(path) for inside, path in files.items()}
        yield name, DistributionFact(version=found.version, rows=found.rows, stamp=found.stamp, files=facts)
        waiting += disk.installations.requirements(name) & loaded.by_distribution.keys()


def loaded_state() -> tuple[object, ...]:
    """Return a value that changes when one more module is loaded, or one more file is run or opened."""
    return (*sys.modules, len(executed.executed()), opened.count())
