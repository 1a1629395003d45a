"""Loading of a torch checkpoint into a network: strictly, and without running code from the file."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ExportError

if TYPE_CHECKING:
    import torch

WRAPPER: Final = "state_dict"
"""The key under which training scripts keep the state_dict beside other things."""
PREFIX: Final = "module."
"""What ``torch.nn.DataParallel`` puts before every key."""
LISTED: Final = 20
"""How many tensors of each kind of difference are named."""
ZIP_MAGIC: Final = b"PK\x03\x04"
RESAVE: Final = "save it again as torch.save(model.state_dict(), path) with the code that made it"
FETCH_AGAIN: Final = "fetch it again and compare its SHA-256 with the publisher's"


def load_checkpoint(module: torch.nn.Module, path: Path) -> None:
    """Copy a checkpoint's tensors into ``module``, key for key and shape for shape.

    The file may hold a state_dict or ``{"state_dict": …}``, and every key may carry the prefix ``module.``.
    Floating-point tensors of another precision (float16, float64) are converted to the network's own,
    which for float16 and bfloat16 loses nothing.

    Args:
        module: The network; its parameters and buffers are overwritten.
        path: The checkpoint, as ``torch.save`` writes it, in the current or the older format.

    Raises:
        ExportError: The file cannot be read, would run code on loading, is not a checkpoint, does not match
            the network (the differences are listed), or holds values that are not finite.
    """
    expected: Mapping[str, torch.Tensor] = module.state_dict()
    found = _unprefixed(_state_dict(_read(path), path), expected)
    _match(expected, found, path)
    _finite(expected, found, path)
    module.load_state_dict(dict(found), strict=True)


def _read(path: Path) -> object:
    """Unpickle the file, allowing tensors and plain containers only."""
    import torch  # noqa: PLC0415 - torch is an optional extra

    try:
        if _is_torchscript(path):  # which torch.load of some releases would run
            msg = f"checkpoint {path} is a TorchScript archive, expected a state_dict; {RESAVE}"
            raise ExportError(msg)
        with warnings.catch_warnings():
            # Goes before files that load well; where one does not, torch's error follows.
            warnings.filterwarnings("ignore", r"Detected pickle protocol \d+ in the checkpoint", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        msg = f"checkpoint {path} cannot be read: {error.strerror or error}"
        raise ExportError(msg) from error
    except (
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise ExportError(_unreadable(path, str(error))) from error


def _is_torchscript(path: Path) -> bool:
    """Whether the file is an archive of a compiled module: those have their constants beside the tensors."""
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            return False
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _unreadable(path: Path, reason: str) -> str:
    """Say why torch could not read the file, and what to do."""
    with path.open("rb") as file:
        head = file.read(24)
    if not head:
        return f"checkpoint {path} is empty; {FETCH_AGAIN}"
    if code := re.search(r"GLOBAL (\S+)", reason):
        return (
            f"checkpoint {path} refers to Python code ({code[1]}) that would run on loading, "
            f"expected tensors only; {RESAVE}"
        )
    if head.startswith(ZIP_MAGIC) and "Unsupported operand" in reason:
        return f"checkpoint {path} was pickled in a form that torch does not load safely; {RESAVE}"
    if head.startswith(ZIP_MAGIC):
        return f"checkpoint {path} is damaged or incomplete ({_first_line(reason)}); {FETCH_AGAIN}"
    return (
        f"{path} is not a torch checkpoint, or a damaged one ({_first_line(reason)}); "
        f"it begins with {head!r}; {FETCH_AGAIN}"
    )


def _first_line(text: str) -> str:
    return re.split(r"\n|(?<=\.)\s", text.strip(), maxsplit=1)[0][:200]


def _state_dict(content: object, path: Path) -> Mapping[str, torch.Tensor]:
    """Unwrap the file's content."""
    import torch  # noqa: PLC0415 - torch is an optional extra

    if isinstance(content, Mapping) and isinstance(content.get(WRAPPER), Mapping):
        content = content[WRAPPER]
    if not isinstance(content, Mapping):
        msg = f"checkpoint {path} holds a {type(content).__name__}, expected a state_dict; {RESAVE}"
        raise ExportError(msg)
    strangers = [
        f"{key!r} ({type(value).__name__})"
        for key, value in content.items()
        if not (isinstance(key, str) and isinstance(value, torch.Tensor))
    ]
    if strangers:
        msg = (
            f"checkpoint {path} is neither a state_dict (names and tensors only) nor {{{WRAPPER!r}: …}}: "
            f"it holds {_listed(strangers)}; {RESAVE}"
        )
        raise ExportError(msg)
    return content


def _unprefixed(found: Mapping[str, torch.Tensor], expected: Mapping[str, Any]) -> Mapping[str, torch.Tensor]:
    """Drop the prefix that all keys carry, unless the network's own keys carry it."""
    own = any(key.startswith(PREFIX) for key in expected)
    if own or not all(key.startswith(PREFIX) for key in found):
        return found
    return {key.removeprefix(PREFIX): tensor for key, tensor in found.items()}


def _match(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], path: Path) -> None:
    """Compare names, shapes and kinds of tensors."""
    differences = {
        "missing": [f"{key} {_described(expected[key])}" for key in expected if key not in found],
        "unexpected": [f"{key} {_described(found[key])}" for key in found if key not in expected],
        "different": [
            f"{key}: expected {_described(tensor)}, found {_described(found[key])}"
            for key, tensor in expected.items()
            if key in found and not _fits(tensor, found[key])
        ],
    }
    if any(differences.values()):
        lines = [f"  {len(entries)} {kind}: {_listed(entries)}" for kind, entries in differences.items() if entries]
        msg = (
            f"checkpoint {path} does not match the network, which has {len(expected)} tensors; the file has "
            f"{len(found)}:\n" + "\n".join(lines) + "\n"
            "Use the checkpoint this network was trained to, or correct plugin.config (classes, width)."
        )
        raise ExportError(msg)


def _listed(entries: Sequence[str]) -> str:
    rest = len(entries) - LISTED
    return ", ".join(entries[:LISTED]) + (f", and {rest} more" if rest > 0 else "")


def _described(tensor: torch.Tensor) -> str:
    """Say ``float32[64, 3, 3, 3]``, and the layout where it is not the usual one."""
    import torch  # noqa: PLC0415 - torch is an optional extra

    layout = "" if tensor.layout == torch.strided else f" {tensor.layout}".replace("torch.", "")
    return f"{tensor.dtype}{list(tensor.shape)}".removeprefix("torch.") + layout


def _fits(expected: torch.Tensor, found: torch.Tensor) -> bool:
    """Whether ``found`` can be copied without changing what it means."""
    same_kind = expected.dtype == found.dtype or (expected.is_floating_point() and found.is_floating_point())
    return expected.shape == found.shape and same_kind and expected.layout == found.layout


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
            f"{len(bad)} tensors: {_listed(bad)}; {FETCH_AGAIN}, or train again"
        )
        raise ExportError(msg)
