"""Loading of a checkpoint into a network: strictly, and without running code from the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import ExportError
from zoo_runner.stages.export.checkpoint_file import FETCH_AGAIN, read_checkpoint
from zoo_runner.stages.export.place import Place, missing_strip, placed, written
from zoo_runner.stages.export.state_dicts import Advise, Found, differences, fitted, listed, state_dicts, unsearched

if TYPE_CHECKING:
    import torch


def load_checkpoint(
    module: torch.nn.Module,
    path: Path,
    sha256: str | None = None,
    advise: Advise | None = None,
    place: Place | None = None,
) -> tuple[str, ...]:
    """Copy a checkpoint's tensors into ``module``, name for name and shape for shape.

    The tensors may stand at the top of the file or under a key of it, such as ``{"model": …}``, and all names may
    carry prefixes that training puts before them. What is under several keys, fits under more than one and has
    different values there, is refused: nobody knows which is meant. With ``place`` nothing is searched.
    Floating-point tensors of another precision (float16, float64) are converted to the network's own,
    which for float16 and bfloat16 loses nothing.

    Args:
        module: The network; its parameters and buffers are overwritten.
        path: The checkpoint, as ``torch.save`` writes it, in the current or the older format, or safetensors. It is
            read once: what was hashed is what is loaded.
        sha256: What its content must be.
        advise: Says what to configure, given the shapes of tensors that do not fit.
        place: Where in the file the tensors stand, and how they are named there; ``None`` where that is searched.

    Returns:
        What was taken where the file left a choice, and what of it was left out; nothing for a plain state_dict.

    Raises:
        ChangedError: It is another one.
        PrerequisiteError: It is a safetensors file, and the package for those is not installed.
        ExportError: The file cannot be read, would run code on loading, is not a checkpoint, does not match
            the network (the differences are listed), or holds values that are not finite.
    """
    content = read_checkpoint(path, sha256)
    candidates = state_dicts(content, path) if place is None else (placed(content, place, path),)
    found = [each for candidate in candidates if (each := fitted(candidate, module)) is not None]
    if not found:
        hint = "" if place is None else missing_strip(candidates[0], module)
        raise ExportError(differences(candidates, module, path, *([advise] if advise else [])) + hint)
    expected: Mapping[str, torch.Tensor] = module.state_dict()
    _refuse_choice(found, expected, path)
    chosen = found[0]
    _finite(expected, chosen.tensors, path)
    module.load_state_dict({**expected, **chosen.tensors}, strict=True)
    same = [repr(each.key) for each in found[1:]]
    notes = [*chosen.notes, *([f"{', '.join(same)} of the checkpoint has the same values"] if same else [])]
    if place is None and (hidden := unsearched(content)):
        notes.append(f"what is under {listed(hidden)} of the checkpoint holds tensors and was not looked through")
    return tuple(notes)


def _refuse_choice(found: list[Found], expected: Mapping[str, torch.Tensor], path: Path) -> None:
    """Refuse a file in which several sets of tensors fit, and are not the same."""
    others = [each for each in found[1:] if not _equal(found[0], each, expected)]
    if others:
        keys = " and ".join(repr(each.key) if each.key else "the names at its top" for each in (found[0], *others))
        msg = (
            f"checkpoint {path} holds several sets of tensors that fit the network and differ in their values: {keys}; "
            f"name the one that is meant in the manifest, as in\n  weights: {{key: {written(others[0].keys)}}}\n"
            "or save it alone, as in\n  "
            f"torch.save(torch.load({path.name!r}, map_location='cpu'){others[0].lookup}, 'chosen.pth')"
        )
        raise ExportError(msg)


def _equal(one: Found, other: Found, expected: Mapping[str, torch.Tensor]) -> bool:
    """Say whether two sets of tensors make the same network; counters of training steps may differ."""
    return one.tensors.keys() == other.tensors.keys() and all(
        bool((tensor.to(expected[key].dtype) == other.tensors[key].to(expected[key].dtype)).all())
        for key, tensor in one.tensors.items()
        if key not in one.counters
    )


def _finite(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], path: Path) -> None:
    """Refuse values that are not finite in the network's own precision."""
    bad = []
    for key, tensor in found.items():
        count = int((~tensor.to(expected[key].dtype).isfinite()).sum())
        if count:
            bad.append(f"{key} ({count} of {tensor.numel()})")
    if bad:
        msg = (
            f"checkpoint {path} holds values that are not finite, or not in the network's precision, in "
            f"{len(bad)} tensors: {listed(bad)}; {FETCH_AGAIN}, or train again"
        )
        raise ExportError(msg)
