"""The sets of tensors in a checkpoint, and which of them fit a network.

A checkpoint holds a state_dict, or holds one under a key beside other things (``{"model": …, "optimizer": …}``), or
several of them (``model`` and ``ema``), and training wrappers put prefixes before the names. A set fits when, without
the prefixes that all of its names carry, it has the network's names and shapes and no other tensor but counters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from zoo_runner.errors import ExportError, shortened
from zoo_runner.plugin.tensors import mismatch, tensor_text
from zoo_runner.stages.export.resaving import DEEPEST, NO_WEIGHTS, RESAVE

if TYPE_CHECKING:
    import torch

MOST: Final = 1000
"""Sets of tensors in one file. Some optimisers keep one for each layer, under keys that nobody knows."""
PREFIXES: Final = ("module.", "model.", "_orig_mod.", "net.", "network.")
"""What DataParallel, Lightning, torch.compile and training scripts put before every name, in any order."""
STEPS: Final = "num_batches_tracked"
"""Batches that a normalisation layer was trained on. Inference never reads it."""
COUNTERS: Final = (STEPS, "n_averaged", "total_ops", "total_params")
"""Numbers that no layer computes with: of torch's normalisation and weight averaging, and of the profiler thop."""
COUNTED_SINCE: Final = 2
"""Version of torch's normalisation layers that have :data:`STEPS`; the state_dict says it."""
Advise: TypeAlias = "Callable[[Mapping[str, tuple[int, ...]]], str]"
LISTED: Final = 10
"""How many tensors of each kind of difference are named."""
DIFFERENT: Final = 3
"""Of those with two shapes, which take a line each."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A state_dict in a file.

    Attributes:
        keys: The keys it stands under.
        tensors: By name, as the file has them.
        versions: What torch wrote of each module, by the module's name.
        others: What stands beside the tensors and is none.
        strip: What is left out of all names, where the manifest says how they are named; ``None`` where it is searched.
    """

    keys: tuple[str, ...]
    tensors: Mapping[str, torch.Tensor]
    versions: Mapping[str, Any] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    strip: str | None = None

    @property
    def lookup(self) -> str:
        """Python that leads to it."""
        return "".join(f"[{key!r}]" for key in self.keys)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A state_dict that fits.

    Attributes:
        keys: The keys it stands under.
        lookup: Python that leads to it.
        tensors: By the network's names.
        counters: Those of its names that inference never reads.
        notes: What of the file was taken, and what was left out.
    """

    keys: tuple[str, ...]
    lookup: str
    tensors: Mapping[str, torch.Tensor]
    counters: frozenset[str]
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """The keys, with points between."""
        return ".".join(self.keys)


def state_dicts(content: object, path: Path) -> tuple[Candidate, ...]:
    """List the sets of tensors in a checkpoint: what is at the top, then what is under keys.

    Raises:
        ExportError: There is none, or there are more than :data:`MOST`.
    """
    if not isinstance(content, Mapping):
        msg = f"checkpoint {path} holds a {type(content).__name__}, expected a state_dict; {RESAVE}"
        raise ExportError(msg)
    found = tuple(islice(_candidates(content), MOST + 1))
    if len(found) > MOST:
        msg = f"checkpoint {path} holds more than {MOST:,} sets of tensors, expected a state_dict; {RESAVE}"
        raise ExportError(msg)
    if found:
        return found
    strangers = kinds(content)
    msg = (
        f"checkpoint {path} is no state_dict (names and tensors only), and has none under a key such as 'state_dict': "
        f"it holds {listed(strangers)}; {RESAVE}"
    )
    raise ExportError(msg)


def all_shapes(candidates: Sequence[Candidate]) -> tuple[dict[str, tuple[int, ...]], ...]:
    """Return the shapes of each set of tensors, by name; of one whose names all carry prefixes, also without them."""
    return tuple(_shapes(tensors) for candidate in candidates for tensors, _ in _ways(candidate))


def unsearched(content: object) -> tuple[str, ...]:
    """Name the places in a checkpoint that hold named tensors and are not looked through.

    They stand deeper than :data:`DEEPEST`, in a list, or under a key that is no text. An optimiser's are not named.
    """
    searched = list(_searched(content, (), {})) if isinstance(content, Mapping) else []
    seen = {id(each) for each, _ in searched}
    return tuple(
        ".".join((*keys, shortened(str(key)) if isinstance(key, (str, int)) else type(key).__name__))
        for each, keys in searched
        for key, value in each.items()
        if not _of_optimiser(key) and _holds_set(value, seen)
    )


def fitted(candidate: Candidate, module: torch.nn.Module) -> Found | None:
    """Return a set of tensors by the network's names; ``None`` if it does not fit."""
    expected: Mapping[str, torch.Tensor] = module.state_dict()
    names, prefix = names_for(candidate, expected)
    spare = [name for name in names if name not in expected and is_counter(name, names[name])]
    tensors = {name: tensor for name, tensor in names.items() if name not in spare}
    if not _matches(tensors, expected):  # first, as it costs least and there may be many sets
        return None
    missing = {name for name in expected if name not in tensors}
    uncounted = {name for name in missing if _older(name, candidate, prefix, module)}
    if missing - uncounted:
        return None
    return Found(
        keys=candidate.keys,
        lookup=candidate.lookup,
        tensors=tensors,
        counters=frozenset(name for name in tensors if _counts(name, module)),
        notes=tuple(_notes(candidate, prefix, spare, uncounted)),
    )


def _silent(_shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ""


def differences(candidates: Sequence[Candidate], module: torch.nn.Module, path: Path, advise: Advise = _silent) -> str:
    """Say how the set of tensors that comes nearest to the network differs from it, and what to do.

    Args:
        candidates: The sets of tensors that the file holds.
        module: The network.
        path: The file.
        advise: Is given the shapes of the nearest set, and says what to configure.
    """
    expected: Mapping[str, torch.Tensor] = module.state_dict()
    nearest = max(candidates, key=lambda each: len(names_for(each, expected)[0].keys() & expected.keys()))
    names, prefix = names_for(nearest, expected)
    found = {name: tensor for name, tensor in names.items() if name in expected or not is_counter(name, tensor)}
    lists = {
        "missing": [
            f"{name} {_described(tensor)}"
            for name, tensor in expected.items()
            if name not in found and not _older(name, nearest, prefix, module)
        ],
        "unexpected": [f"{shortened(name)} {_described(found[name])}" for name in found if name not in expected],
        "different": [
            mismatch(name, [_described(tensor)], [_described(found[name])])
            for name, tensor in expected.items()
            if name in found and not _fits(tensor, found[name])
        ],
    }
    lines = [
        f"  {len(entries)} {kind}: {listed(entries, DIFFERENT if kind == 'different' else LISTED)}"
        for kind, entries in lists.items()
        if entries
    ]
    where = f" under {'.'.join(nearest.keys)!r}" if nearest.keys else ""
    others = [repr(".".join(each.keys)) for each in candidates if each is not nearest]
    return (
        f"checkpoint {path} does not match the network, which has {len(expected)} tensors; the file has "
        f"{len(nearest.tensors)}{where}:\n"
        + "\n".join(lines)
        + "\n"
        + (f"  what is under {listed(others)} does not match either\n" if others else "")
        + _prefixed(names, expected, prefix, nearest.keys if not others else None)
        + (advise(_shapes(found)) or "Use the checkpoint this network was trained to, or correct plugin.config.")
    )


def _prefixed(
    found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], known: str, keys: tuple[str, ...] | None
) -> str:
    """Say what the manifest lacks where all tensors are there, behind a prefix that is not known; else nothing."""
    first = next(iter(expected), "")
    for prefix in (name.removesuffix(first) for name in found if name.endswith(first)):
        if all(f"{prefix}{name}" in found and _fits(each, found[f"{prefix}{name}"]) for name, each in expected.items()):
            place = f"key: {json.dumps(keys)}, " if keys else ""
            which = "" if keys is not None else ", with the key of the set that is meant"
            strip = json.dumps(known + prefix)
            said = f"  All of them are there with a prefix: weights: {{{place}strip: {strip}}}{which}"
            return f"{said}\n"
    return ""


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def listed(entries: Sequence[str], most: int = LISTED) -> str:
    """Join the first entries, and count the rest."""
    rest = len(entries) - most
    return ", ".join(entries[:most]) + (f", and {rest} more" if rest > 0 else "")


def _candidates(content: Mapping[Any, Any]) -> Iterator[Candidate]:
    for found, keys in _searched(content, (), {}):
        candidate = candidate_of(found, keys)
        if candidate.tensors or not found:
            yield candidate


def candidate_of(found: Mapping[Any, Any], keys: tuple[str, ...], strip: str | None = None) -> Candidate:
    """Return the named tensors of one dictionary, and what stands beside them."""
    tensors = {key: value for key, value in found.items() if _tensor(key, value)}
    versions = getattr(found, "_metadata", None)
    return Candidate(
        keys=keys,
        tensors=tensors,
        versions=versions if isinstance(versions, Mapping) else {},
        others=tuple(kinds({key: value for key, value in found.items() if key not in tensors})),
        strip=strip,
    )


def kinds(content: Mapping[Any, Any]) -> list[str]:
    """Return the keys of a dictionary, each with the type of what is there."""
    return [f"{_key(key)} ({type(value).__name__})" for key, value in content.items()]


def _searched(
    content: Mapping[Any, Any], keys: tuple[str, ...], seen: dict[int, int]
) -> Iterator[tuple[Mapping[Any, Any], tuple[str, ...]]]:
    """Yield what is looked through and its keys: each object once, however many keys lead to it.

    Args:
        content: Where to begin.
        keys: The keys it stands under.
        seen: For each object, by its ``id``, the least number of keys that led to it.
    """
    if id(content) not in seen:
        yield content, keys
    seen[id(content)] = len(keys)
    for key, value in content.items():
        inside = isinstance(value, Mapping) and isinstance(key, str) and value and len(keys) < DEEPEST
        if inside and not _of_optimiser(key) and len(keys) + 1 < seen.get(id(value), DEEPEST + 1):
            yield from _searched(value, (*keys, key), seen)


def _holds_set(content: object, seen: set[int]) -> bool:
    """Say whether there are named tensors in something, at any depth; what was ``seen`` does not count."""
    ahead = [content]
    while ahead:
        each = ahead.pop()
        if not isinstance(each, (Mapping, list, tuple)) or id(each) in seen:
            continue
        seen.add(id(each))
        if not isinstance(each, Mapping):
            ahead.extend(each)
            continue
        inside = {key: value for key, value in each.items() if not _of_optimiser(key)}
        if any(_tensor(key, value) for key, value in inside.items()):
            return True
        ahead.extend(inside.values())
    return False


def _of_optimiser(key: object) -> bool:
    return isinstance(key, str) and NO_WEIGHTS.search(key) is not None


def _tensor(key: object, value: object) -> bool:
    import torch  # noqa: PLC0415 - torch is an optional extra

    return isinstance(key, str) and isinstance(value, torch.Tensor)


def names_for(candidate: Candidate, expected: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], str]:
    """Return the tensors without prefixes that all names carry but those of counters, and what was left out.

    Of several ways to do so, the one that gives the most names of the network counts; at most one can give them all.
    """
    return max(_ways(candidate), key=lambda way: len(way[0].keys() & expected.keys()))


def _ways(candidate: Candidate) -> Iterator[tuple[dict[str, torch.Tensor], str]]:
    """Yield the tensors as they are named, then without one prefix after the other, and what was left out.

    Where the manifest says how they are named, that is the only way.
    """
    if (strip := candidate.strip) is not None:
        yield {name.removeprefix(strip): tensor for name, tensor in candidate.tensors.items()}, strip
        return
    tensors, prefix = dict(candidate.tensors), ""
    yield tensors, prefix
    while common := _common(tensors):
        tensors, prefix = {name.removeprefix(common): tensor for name, tensor in tensors.items()}, prefix + common
        yield tensors, prefix


def _common(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the prefix that can be taken off all names, if there is one."""
    weights = [name for name, tensor in tensors.items() if not is_counter(name, tensor)]
    shared = (each for each in PREFIXES if weights and all(name.startswith(each) for name in weights))
    return next((each for each in shared if len({name.removeprefix(each) for name in tensors}) == len(tensors)), "")


def is_counter(name: str, tensor: torch.Tensor) -> bool:
    """Say whether a name and its tensor are one of :data:`COUNTERS`."""
    return name.rpartition(".")[2] in COUNTERS and tensor.numel() == 1


def _counts(name: str, module: torch.nn.Module) -> bool:
    """Say whether a name of the network is the counter of one of torch's normalisation layers."""
    from torch.nn.modules.batchnorm import _NormBase  # noqa: PLC0415 - torch is an optional extra; their one base

    owner, _, last = name.rpartition(".")
    layers: dict[str, torch.nn.Module] = dict(module.named_modules())
    return last == STEPS and isinstance(layers.get(owner), _NormBase)


def _older(name: str, candidate: Candidate, prefix: str, module: torch.nn.Module) -> bool:
    """Say whether a missing name is a counter that the release that wrote the file did not have, as torch decides."""
    owner = (prefix + name.rpartition(".")[0]).rstrip(".")
    noted = candidate.versions.get(owner)
    version = noted.get("version") if isinstance(noted, Mapping) else None
    return _counts(name, module) and (not isinstance(version, int) or version < COUNTED_SINCE)


def _matches(tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> bool:
    return all(name in expected and _fits(expected[name], tensor) for name, tensor in tensors.items())


def _notes(candidate: Candidate, prefix: str, spare: Sequence[str], uncounted: set[str]) -> Iterator[str]:
    if candidate.keys:
        yield f"the weights are those under {'.'.join(candidate.keys)!r} of the checkpoint"
    if candidate.others:
        yield f"what stands beside the weights in the checkpoint was left out: {listed(candidate.others)}"
    if prefix:
        yield f"the prefix {prefix!r} of all names of the checkpoint was left out"
    if spare:
        yield f"counters of training in the checkpoint, which the network does not have, were left out: {listed(spare)}"
    if uncounted:
        yield f"the checkpoint lacks {STEPS} for {len(uncounted)} layers, which inference does not use"


def _key(key: object) -> str:
    return shortened(repr(key)) if isinstance(key, (str, int)) else type(key).__name__


def _described(tensor: torch.Tensor) -> str:
    """Say ``float32[64, 3, 3, 3]``, and the layout or device where it is not the usual one."""
    import torch  # noqa: PLC0415 - torch is an optional extra

    layout = "" if tensor.layout == torch.strided else f" {tensor.layout}".replace("torch.", "")
    nowhere = " without values (meta)" if tensor.is_meta else ""
    return tensor_text("", str(tensor.dtype).removeprefix("torch."), tensor.shape) + layout + nowhere


def _fits(expected: torch.Tensor, found: torch.Tensor) -> bool:
    """Whether ``found`` can be copied without changing what it means."""
    same_kind = expected.dtype == found.dtype or (expected.is_floating_point() and found.is_floating_point())
    placed = expected.layout == found.layout and not found.is_meta and not found.is_quantized
    return expected.shape == found.shape and same_kind and placed
