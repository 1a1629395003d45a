"""The classes that values of a replay file may be made of: nothing is imported because a file names it."""

from __future__ import annotations

import sys
from dataclasses import is_dataclass
from enum import Enum
from typing import TYPE_CHECKING

from zoo_runner.errors import shortened
from zoo_runner.plugin.interfaces import Finding, Sample
from zoo_runner.replay.values import class_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from zoo_runner.job.recipe import Recipe

_RUNNER = __name__.partition(".")[0]


def sample_class(name: str) -> type[Sample]:
    """Return a class of samples that the plugin has loaded.

    Raises:
        ValueError: It has loaded none of that name.
    """
    kinds: list[type[Sample]] = [Sample]
    kinds += _below(Sample)
    known = {class_name(kind): kind for kind in kinds}
    if name not in known:
        raise ValueError(f"the plugin has no class of samples {shortened(name)!r} here; install the plugin's release")
    return known[name]


def _below(kind: type[Sample]) -> Iterator[type[Sample]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def packages_of(recipe: Recipe, kind: type) -> frozenset[str]:
    """Return the packages whose records may be in a sample: the plugin's, and those that its samples' class is made of.

    Args:
        recipe: Names the plugin's packages.
        kind: The class of the samples.
    """
    bases = {base.__module__.partition(".")[0] for base in kind.__mro__}
    return frozenset({recipe.package, *recipe.declared, *bases} - {_RUNNER, "builtins"})


def record_class(name: str, packages: Collection[str]) -> type:
    """Return the class of a value within a sample: a record, an enumeration or a named tuple of the plugin's.

    Raises:
        ValueError: There is no such class, or it may not be made.
    """
    if name == class_name(Finding):
        return Finding
    module, _, path = name.partition(":")
    found: object = sys.modules.get(module) if module.partition(".")[0] in packages else None
    for step in path.split("."):
        found = vars(found).get(step) if found is not None and hasattr(found, "__dict__") else None
    plain = isinstance(found, type) and (
        is_dataclass(found) or issubclass(found, Enum) or (issubclass(found, tuple) and hasattr(found, "_fields"))
    )
    if isinstance(found, type) and plain and class_name(found) == name:
        return found
    raise ValueError(f"{shortened(name)!r} is no record of the plugin that is loaded here")
