"""What types cannot say of single values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from zoo_runner.errors import did_you_mean, shortened
from zoo_runner.manifest import atc_flags
from zoo_runner.manifest.bands import whole
from zoo_runner.manifest.section import DAY, NAME
from zoo_runner.manifest.tree import KeyPath, dotted
from zoo_runner.manifest.wheel_address import FORM, SCHEME, wheel_address
from zoo_runner.manifest.wording import found
from zoo_runner.plugin.interfaces import BATCH

Problem: TypeAlias = tuple[KeyPath, str]
"""Where, relative to the checked section, and what."""

PROBLEMS: Final = "problems"
"""Error type, and key in the error's context, under which problems travel through pydantic."""

_Value = TypeVar("_Value")
_FLAG_NAME: Final = "[a-z][a-z0-9_]*"
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_SCHEMES: Final = ("http", "https", "file", "package", SCHEME)
LEAST_RESAMPLES: Final = 100
"""Fewer leave one or two values beyond the ends of a 95 % interval, which then jump with the seed."""
LONGEST_WAIVER: Final = 180
"""Days."""
LEAST_GEARS: Final = 2
MOST_GEARS: Final = 100
"""Limits of ATC's documentation of ``--dynamic_batch_size``, ``--dynamic_image_size`` and ``--dynamic_dims``."""


def refuse(problems: Iterable[Problem]) -> None:
    """Raise what pydantic collects, if there is any problem."""
    listed = list(problems)
    if listed:
        text = "; ".join(f"{dotted(path)}: {problem}" if path else problem for path, problem in listed)
        raise PydanticCustomError(PROBLEMS, "{text}", {"text": text, PROBLEMS: listed})


def url(value: str) -> str:
    """Check where a file is to come from."""
    problem = ""
    try:
        parts = urlsplit(value)
    except ValueError as error:
        return _accept(value, f"expected a URL: {error}")
    if not value:
        problem = "expected a URL or path"
    elif parts.scheme and parts.scheme not in _SCHEMES:
        problem = "expected http(s):, file:, package:, pypi: or a path relative to the manifest"
    elif parts.scheme.startswith("http") and not parts.hostname:
        problem = f"expected a host after {parts.scheme}://"
    elif parts.scheme == "package" and not _in_a_package(value.partition(":")[2]):
        problem = "expected package:<package>/<path inside it>, without '..'"
    elif parts.scheme == SCHEME and wheel_address(value) is None:
        problem = f"expected {FORM}"
    return _accept(value, problem)


def _in_a_package(rest: str) -> bool:
    package, _, inner = rest.partition("/")
    parts = PurePosixPath(inner).parts
    return package.isidentifier() and bool(parts) and ".." not in parts and not inner.startswith("/")


def link(value: str) -> str:
    """Check for a link that a browser opens."""
    try:
        parts = urlsplit(value)
    except ValueError as error:
        return _accept(value, f"expected an http(s) link: {error}")
    good = parts.scheme in {"http", "https"} and parts.hostname
    return _accept(value, "" if good else "expected an http(s) link")


def subdir(value: str) -> str:
    """Check that a folder stays inside its archive."""
    path = PurePosixPath(value)
    escapes = path.is_absolute() or ".." in path.parts
    return _accept(value, "expected a folder inside the archive" if escapes else "")


def member(value: str) -> str:
    """Check that a name is that of a file inside an archive, written in one way only."""
    plain = value and not value.startswith("/") and ".." not in value.split("/") and str(PurePosixPath(value)) == value
    return _accept(value, "" if plain and value != "." else "expected a file inside the archive, as folder/file.pth")


def soc_version(value: str) -> str:
    """Check for the prefix that npu-smi leaves out and ATC wants."""
    return _accept(value, f"expected 'Ascend{value}', as ATC names chips" if value[:1].isdigit() else "")


def batch_first(shape: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Check that the batch axis, if there is one, is the first, and the only one."""
    if BATCH in shape[1:]:
        refuse([((), f"expected {BATCH!r} first and nowhere else, found {list(shape)}")])
    return shape


def unique(values: tuple[_Value, ...]) -> tuple[_Value, ...]:
    """Check that nothing is listed twice."""
    refuse(repeated(values))
    return values


def gears(values: tuple[_Value, ...]) -> tuple[_Value, ...]:
    """Check how many gears there are, and that none is listed twice; by default there are none at all."""
    if values and not LEAST_GEARS <= len(values) <= MOST_GEARS:
        refuse([((), f"expected {LEAST_GEARS} to {MOST_GEARS} gears, which is what ATC takes, found {len(values)}")])
    refuse(
        ((place,), f"expected each gear once, found {_gear(value)} again")
        for place, value in enumerate(values)
        if value in values[:place]
    )
    return values


def _gear(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{axis} {size}" for axis, size in value.items())
    return shortened(" x ".join(map(str, value)) if isinstance(value, tuple) else str(value))


def input_shape(value: str) -> str:
    """Check the placeholders of ATC's input shape."""
    refuse(((), problem) for problem in _placeholders(value, ("batch",)))
    return value


def side_file(value: str) -> str:
    """Check the placeholders of a file's path."""
    refuse(((), problem) for problem in _placeholders(value, ("batch", "soc")))
    return value


def script(value: str) -> str:
    """Check the path of a script."""
    good = value.endswith(".py") and "://" not in value
    return _accept(value, "" if good else "expected the path of a Python script (.py)")


def patch(value: str) -> str:
    """Check the path of a patch."""
    good = value.endswith((".patch", ".diff")) and "://" not in value
    return _accept(value, "" if good else "expected the path of a unified diff (.patch or .diff)")


def out_nodes(nodes: tuple[str, ...]) -> tuple[str, ...]:
    """Check that output nodes have one of ATC's two forms."""
    indexed = [node for node in nodes if node.rpartition(":")[0] and node.rpartition(":")[2].isdecimal()]
    named = [node for node in nodes if node and ":" not in node]
    if nodes not in {tuple(indexed), tuple(named)}:
        text = f"expected node:index throughout, or output names throughout, found {list(nodes)}"
        refuse([((), text)])
    refuse(repeated(nodes))
    return nodes


def flags(values: Mapping[str, str | int]) -> Mapping[str, str | int]:
    """Check flags against those that ATC knows."""
    refuse(((name,), problem) for name, value in values.items() for problem in _flag(name, value))
    return values


def unchecked_flags(values: Mapping[str, str | int]) -> Mapping[str, str | int]:
    """Check of flags that may be unknown what can be checked: their form, and that they are not the manifest's own."""
    refuse(((name,), problem) for name, value in values.items() for problem in _unchecked_flag(name, value))
    return values


def day(value: object) -> object:
    """Read a day; only one form of it, so that nobody takes the month for the day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) and re.fullmatch(DAY, value) else "")
    except ValueError:
        refuse([((), f"expected a day of the calendar as YYYY-MM-DD, found {found(value)}")])
        raise


def soon(until: date) -> date:
    """Check that a waiver ends: what nobody looks at for longer is no waiver, but another expectation."""
    last = datetime.now(tz=timezone.utc).date() + timedelta(days=LONGEST_WAIVER)
    text = f"expected a day within {LONGEST_WAIVER} days from today (UTC), {last} at the latest, found {until}"
    refuse([((), f"{text}; renew it when it ends, if it has to be")] if until > last else [])
    return until


def enough(resamples: int) -> int:
    """Check that an interval has enough resamples to rest on."""
    few = 0 < resamples < LEAST_RESAMPLES
    refuse([((), f"expected 0 or at least {LEAST_RESAMPLES}, found {found(resamples)}")] if few else [])
    return resamples


def names(values: Mapping[str, _Value]) -> Mapping[str, _Value]:
    """Check names that are written on the command line and in ids."""
    form = "expected lower-case letters, digits, '.', '_' and '-' as name"
    refuse(((name,), f"{form}, found {found(name)}") for name in values if not re.fullmatch(NAME, name))
    return values


def possible(path: KeyPath, value: float, unit: str) -> Iterator[Problem]:
    """Check that a figure is one that its unit has."""
    highest = whole(unit)
    if highest is not None and not 0 <= value <= highest:
        yield path, f"expected 0 to {highest:g}, as the unit is {unit}, found {found(value)}"


def _flag(name: str, value: str | int) -> Iterator[str]:
    if name in atc_flags.KNOWN:
        yield from _flag_of_any_list(name, value)
        return
    meant = did_you_mean(name, atc_flags.KNOWN)
    yield (
        f"ATC is not known to have this flag{f'{meant}' if meant else ';'} if `atc --help` of your CANN has it, "
        "write it below atc.unchecked_flags"
    )


def _unchecked_flag(name: str, value: str | int) -> Iterator[str]:
    if re.fullmatch(_FLAG_NAME, name):
        yield from _flag_of_any_list(name, value)
    else:
        yield f"expected a flag's name without --, of small letters, digits and _, found {shortened(name)!r}"


def _flag_of_any_list(name: str, value: str | int) -> Iterator[str]:
    if name in atc_flags.TYPED:
        yield f"has its own key; write atc.{name}{atc_flags.typed_line(name, value)}"
    elif name in atc_flags.MANAGED:
        yield "is set by the run itself; remove it"
    elif isinstance(value, str):
        yield from _placeholders(value, ("batch", "soc"))


def _placeholders(text: str, allowed: Collection[str]) -> Iterator[str]:
    known = " and ".join(f"{{{name}}}" for name in allowed)
    unknown = [name for name in dict.fromkeys(_PLACEHOLDER.findall(text)) if name not in allowed]
    for name in unknown:
        shown = shortened(name)
        yield f"expected no other placeholder than {known}, found {{{shown}}}{did_you_mean(name, allowed)}"
    if not unknown and re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        yield f"expected braces only around {known}, found {shortened(text)!r}"


def _accept(value: str, problem: str) -> str:
    refuse([((), f"{problem}, found {found(value)}")] if problem else [])
    return value


def repeated(values: Sequence[object]) -> Iterator[Problem]:
    """Name values that are listed a second time."""
    seen: set[object] = set()
    for position, value in enumerate(values):
        if value in seen:
            yield (position,), f"expected each value once, found {shortened(str(value))} again"
        seen.add(value)
