"""Where in a checkpoint the tensors stand and how they are named there, as ``weights.key`` and ``.strip`` say it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import commonprefix
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ExportError, did_you_mean, shortened
from zoo_runner.stages.export.state_dicts import Candidate, candidate_of, fitted, is_counter, kinds, listed, names_for

if TYPE_CHECKING:
    import torch

    from zoo_runner.manifest.load import LoadedManifest

POINT: Final = "."


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a manifest says of a checkpoint; nothing is searched then.

    Attributes:
        key: Names with points between, or a list of whole names; ``()`` is the top of the file.
        strip: What all names of tensors begin with, and those of the network do not.
        key_at: What errors call the key.
        strip_at: What errors call the prefix.
    """

    key: str | tuple[str, ...] = ()
    strip: str = ""
    key_at: str = "weights.key"
    strip_at: str = "weights.strip"


@dataclass(frozen=True)
class _Reached:
    """A part of a checkpoint, the names that led there, and how much of a key with points they are."""

    content: object
    names: tuple[str, ...]
    rest: tuple[str, ...]


def place_of(loaded: LoadedManifest) -> Place | None:
    """Return what the manifest says of its checkpoint; ``None`` where that is searched."""
    weights = loaded.manifest.weights
    if weights.key is None and weights.strip is None:
        return None
    return Place(
        key=() if weights.key is None else weights.key,
        strip=weights.strip or "",
        key_at=f"{loaded.locate(('weights', 'key'))}: {loaded.shown(('weights', 'key'))}",
        strip_at=f"{loaded.locate(('weights', 'strip'))}: {loaded.shown(('weights', 'strip'))}",
    )


def placed(content: object, place: Place, path: Path) -> Candidate:
    """Return the set of tensors that is meant.

    Raises:
        ExportError: There is none at that place, several ways lead to different ones, or not all names have the prefix.
    """
    found = _found(content, place, path)
    if not isinstance(found.content, Mapping):
        msg = f"{_at(place, found, path)}, found {_held(found.content)}"
        raise ExportError(msg)
    candidate = candidate_of(found.content, found.names, place.strip)
    if not candidate.tensors:
        msg = f"{_at(place, found, path)}, found none: it holds {listed(kinds(found.content)) or 'nothing'}"
        raise ExportError(msg)
    _check_strip(candidate, place, path)
    return candidate


def missing_strip(candidate: Candidate, module: torch.nn.Module) -> str:
    """Say which prefix has to be left out, where the tensors fit without it; nothing otherwise."""
    searched = replace(candidate, strip=None)
    if fitted(searched, module) is None:
        return ""
    prefix = names_for(searched, module.state_dict())[1]
    return f" They fit as weights.strip: {json.dumps(prefix)}." if prefix else " They fit without weights.strip."


def written(names: Sequence[str]) -> str:
    """Return the key that leads somewhere, as a manifest has it: with points where that is clear."""
    plain = names and all(name and POINT not in name for name in names)
    return json.dumps(POINT.join(names) if plain else list(names))


def _found(content: object, place: Place, path: Path) -> _Reached:
    """Follow the key. Names may have points in them, so that several ways can lead to several places."""
    start = _Reached(content, (), tuple(place.key.split(POINT)) if isinstance(place.key, str) else place.key)
    dotted = isinstance(place.key, str)
    ahead, ends, farthest, seen = [start], [], start, set()
    while ahead:
        each = ahead.pop()
        if (id(each.content), len(each.rest)) in seen:
            continue
        seen.add((id(each.content), len(each.rest)))
        if not each.rest:
            ends.append(each)
        farthest = min(farthest, each, key=lambda one: len(one.rest))
        ahead.extend(_steps(each, dotted=dotted))
    if not ends:
        name = POINT.join(farthest.rest) if dotted else farthest.rest[0]
        above = POINT.join(farthest.names)
        msg = (
            f"{place.key_at}: expected {name!r}{f' under {above!r}' if farthest.names else ''} in checkpoint {path}, "
            f"found {_held(farthest.content)}{did_you_mean(name, map(str, _entries(farthest.content)))}"
        )
        raise ExportError(msg)
    if len(ends) > 1:
        ways = " and ".join(json.dumps(list(end.names)) for end in ends)
        msg = (
            f"{place.key_at}: expected one place in checkpoint {path}, found several, as names have points in them: "
            f"{ways}; write the list that is meant, as in weights: {{key: {json.dumps(list(ends[0].names))}}}"
        )
        raise ExportError(msg)
    return ends[0]


def _steps(each: _Reached, *, dotted: bool) -> Iterator[_Reached]:
    """Yield what is one name further; of a key with points, a name may be several parts of it."""
    entries = _entries(each.content)
    for count in range(1, len(each.rest) + 1 if dotted else min(2, len(each.rest) + 1)):
        name = POINT.join(each.rest[:count])
        if name in entries:
            yield _Reached(entries[name], (*each.names, name), each.rest[count:])


def _entries(content: object) -> Mapping[str, Any]:
    """Return what is in a container by name; in a list, and under numbers, by number."""
    if isinstance(content, (list, tuple)):
        return {str(number): value for number, value in enumerate(content)}
    if not isinstance(content, Mapping):
        return {}
    numbered = {str(key): value for key, value in content.items() if type(key) is int}
    return {**numbered, **{key: value for key, value in content.items() if isinstance(key, str)}}


def _held(content: object) -> str:
    """Say what is at a place, and what is in it."""
    inside = listed(kinds(_entries(content)))
    return f"a {type(content).__name__}" + (f" with {inside}" if inside else "")


def _at(place: Place, found: _Reached, path: Path) -> str:
    names = POINT.join(found.names)
    below = f"under {names!r}" if found.names else "at the top"
    return f"{place.key_at}: expected names and tensors {below} of checkpoint {path}"


def _check_strip(candidate: Candidate, place: Place, path: Path) -> None:
    """Refuse a prefix that not all names have; counters, which wrappers put beside the network's own, need not."""
    names = [name for name, tensor in candidate.tensors.items() if not is_counter(name, tensor)]
    without = [name for name in names if not name.startswith(place.strip)]
    stripped = {name.removeprefix(place.strip) for name in candidate.tensors}
    if not place.strip or (not without and names and len(stripped) == len(candidate.tensors)):
        return
    common = commonprefix(names).rpartition(POINT)  # noqa: RUF071 - they are no paths
    hint = f"; all of them begin with {common[0] + POINT!r}" if common[1] else ""
    text = listed([shortened(name) for name in without]) or "names that are the same without it"
    msg = (
        f"{place.strip_at}: expected all {len(names)} names of tensors in checkpoint {path} to begin with "
        f"{place.strip!r}, found {len(without)} that do not: {text}{hint}"
    )
    raise ExportError(msg)
