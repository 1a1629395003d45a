"""Objects that look like an optional protocol and are not one: some members are missing, or a name is nearly right.

Nobody asks such an object for what it was written for, without a word. So it is named, and used as it is.
"""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass
from functools import cache, partialmethod
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.plugin import (
    backend_facts,
    conversion,
    evidence,
    folders,
    interfaces,
    model_texts,
    parts,
    pixels,
    scoring,
    sized,
    speed,
    targets,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import ModuleType

MODULES: Final[tuple[ModuleType, ...]] = (
    interfaces,
    sized,
    parts,
    model_texts,
    pixels,
    evidence,
    targets,
    speed,
    conversion,
    folders,
    backend_facts,
)
"""Where the optional protocols are."""
PARTS: Final[tuple[type, ...]] = (
    interfaces.Network,
    interfaces.Dataset,
    interfaces.Preprocess,
    interfaces.Postprocess,
    scoring.Metric,
    scoring.Scored,
    interfaces.Session,
    interfaces.Backend,
)
"""What an optional protocol is of."""
BESIDE: Final[Mapping[type, tuple[type, ...]]] = {
    speed.Warmable: (interfaces.Preprocess, interfaces.Postprocess),
    conversion.StampingBackend: (interfaces.Backend,),
    conversion.SideFileBackend: (interfaces.Backend,),
}
"""What those are of whose bases do not say it."""
ALIKE: Final = 0.88
"""From which ratio on a name is taken for another one: ``resample`` and ``resampled`` have 0.94, ``warn`` and ``warm``
0.75."""
_ABSENT: Final = object()
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {"bool": (bool,), "str": (str,), "tuple": (tuple, list)}
"""What may stand for an attribute whose type a protocol writes so; others are not looked at."""
_METHODS: Final = (FunctionType, staticmethod, classmethod, partialmethod)


@dataclass(frozen=True, kw_only=True)
class Optional:
    """What one optional protocol asks for beyond the part that it is of.

    Attributes:
        protocol: The protocol.
        members: Its own, by name; ``True`` for methods, ``False`` for attributes and properties.
        returns: The types of attributes as the protocol writes them, by name.
    """

    protocol: type
    members: Mapping[str, bool]
    returns: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.protocol.__name__} ({self.protocol.__module__})"


def optional_protocols() -> tuple[type, ...]:
    """Return all optional protocols: those that an object is held against while a run works."""
    return tuple(
        each
        for module in MODULES
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__ and getattr(each, "_is_runtime_protocol", False)
    )


def parts_of(protocol: type) -> tuple[type, ...]:
    """Return what an optional protocol is of."""
    return BESIDE.get(protocol) or tuple(part for part in PARTS if part in protocol.__mro__)


def near_misses(made: object, part: type) -> tuple[str, ...]:
    """Say which optional protocols an object nearly has, a text each that begins with "has".

    Args:
        made: An object, or a class, of whose objects only what the class says is known.
        part: The protocol that it has.
    """
    optional = optional_of(part)
    known = {*_names(part), *(name for each in optional for name in each.members)}
    return tuple(text for each in optional for text in _faults(made, each, known))


def look(namespace: Mapping[str, object], package: str) -> tuple[str, ...]:
    """Say which classes nearly have an optional protocol, where no object can be made of them.

    Args:
        namespace: Of a plugin's module.
        package: The plugin's top-level package: classes of others are not its own.
    """
    classes = {
        each: None
        for each in namespace.values()
        if inspect.isclass(each) and each.__module__.partition(".")[0] == package
    }
    parts = [(each, part) for each in classes for part in PARTS if _is_like(each, part)]
    return tuple(f"class {each.__name__} {text}" for each, part in parts for text in near_misses(each, part))


def _is_like(made: type, part: type) -> bool:
    """Say whether the objects of a class seem to be of a part, by its methods."""
    call = inspect.getattr_static(part, "__call__", None) if "__call__" in vars(part) else None
    if call is None:
        methods = [name for name in _names(part) if not _is_property(_member(part, name))]
        return all(_has(made, name) for name in methods or _names(part))
    own = inspect.getattr_static(made, "__call__", None)
    return isinstance(own, FunctionType) and own.__code__.co_argcount == call.__code__.co_argcount


def _faults(made: object, optional: Optional, known: Collection[str]) -> Iterator[str]:
    has = [name for name in optional.members if _has(made, name)]
    meant = [name for name in has if _fits(_static(made, name), optional, name)]
    lacks = [name for name in optional.members if name not in has and not _may_have(made, name)]
    alike = {name: found for name in lacks if (found := _alike(made, name, optional, known))}
    if meant and lacks:
        renamed = "".join(f" (is {found} meant for {name}?)" for name, found in alike.items())
        yield (
            f"has {' and '.join(meant)}, and lacks {' and '.join(lacks)}{renamed}: nobody takes it for a {optional}; "
            "add what is missing, or rename the other"
        )
    elif len(alike) >= min(2, len(optional.members)):  # one common word alone is not meant for one of several
        pairs = " and ".join(f"{found}, which looks like {name}" for name, found in alike.items())
        yield f"has {pairs} of {optional}, and nobody asks for it; rename it"
    for name in has:
        if not optional.members[name] and isinstance(_static(made, name), _METHODS):
            yield f"has {name} as a method, expected an attribute or a property of {optional}; add @property"


def _alike(made: object, name: str, optional: Optional, known: Collection[str]) -> str:
    """Return a public name that is nearly ``name``, of the same kind; empty if there is none."""
    public = [each for each in _dir(made) if not each.startswith("_") and each not in known]
    near = difflib.get_close_matches(name, public, n=1, cutoff=ALIKE)
    return next((each for each in near if _fits(_static(made, each), optional, name)), "")


def _fits(value: object, optional: Optional, name: str) -> bool:
    """Say whether a value may be meant for a member: a number is not meant for a tuple, nor for a method."""
    method, wanted = optional.members[name], optional.returns.get(name, "")
    if isinstance(value, _METHODS) or callable(value):
        return method
    if value is _ABSENT or hasattr(type(value), "__get__"):  # a property, a slot: its value is not known
        return not method
    kinds = next((kinds for written, kinds in _KINDS.items() if wanted.startswith(written)), (object,))
    return not method and isinstance(value, kinds)


def _has(made: object, name: str) -> bool:
    if _static(made, name) is not _ABSENT:
        return True
    return not inspect.isclass(made) and hasattr(type(made), "__getattr__") and hasattr(made, name)


def _may_have(made: object, name: str) -> bool:
    """Say whether objects of a class may get a member when they are made."""
    if not inspect.isclass(made):
        return False
    code = getattr(inspect.getattr_static(made, "__init__", None), "__code__", None)
    return name in getattr(made, "__annotations__", {}) or (code is not None and name in code.co_names)


def _static(made: object, name: str) -> Any:
    """Return what stands under a name, without calling a property."""
    return inspect.getattr_static(made, name, _ABSENT)


def _dir(made: object) -> list[str]:
    own = vars(made) if hasattr(made, "__dict__") and not inspect.isclass(made) else {}
    return sorted({*own, *dir(made if inspect.isclass(made) else type(made))})


@cache
def optional_of(part: type) -> tuple[Optional, ...]:
    """Return the optional protocols of a part. Members of one that another one extends count for that one alone."""
    return tuple(_described(each, part) for each in optional_protocols() if part in parts_of(each))


def _described(protocol: type, part: type) -> Optional:
    bases = [base for base in protocol.__mro__[1:] if base in {part, *PARTS, *optional_protocols()}]
    inherited = {name for base in bases for name in _names(base)}
    own = {name: _member(protocol, name) for name in _names(protocol) if name not in inherited}
    returns = {name: str(value.fget.__annotations__["return"]) for name, value in own.items() if _is_property(value)}
    return Optional(
        protocol=protocol, members={name: not _is_property(value) for name, value in own.items()}, returns=returns
    )


def _is_property(value: object) -> bool:
    return isinstance(value, property)


def _member(protocol: type, name: str) -> Any:
    return inspect.getattr_static(protocol, name)


def _names(protocol: type) -> list[str]:
    """Return the public members of a protocol and its bases, in their order."""
    steps = [step for step in reversed(protocol.__mro__) if getattr(step, "_is_protocol", False)]
    return list(dict.fromkeys(name for step in steps for name in vars(step) if not name.startswith("_")))
