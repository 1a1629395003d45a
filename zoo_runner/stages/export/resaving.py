"""How a file is saved again that would run code when it is loaded: the very lines, made for what is in it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import PROTO
from typing import Final

from zoo_runner.stages.export.pickled import Pickled, Thing, inspect, things

DEEPEST: Final = 3
"""Keys above a state_dict that are looked through, as in ``{"ema": {"module": …}}``."""
NO_WEIGHTS: Final = re.compile(r"^optim$|optimi[sz]er|grad_?scaler|exp_avg|momentum_buffer", re.IGNORECASE)
"""Keys of an optimiser's state, some of which has the weights' names and shapes."""
RESAVE: Final = "save it again as torch.save(model.state_dict(), path) with the code that made it"
MOST: Final = 3
"""Ways to save a file again that are shown."""
_TENSORS_AND_CONTAINERS: Final = re.compile(
    r"collections\.(OrderedDict|Counter)|_codecs\.encode|(builtins|__builtin__)\.(set|bytearray|complex)"
    r"|torch\.(_utils|storage|_tensor)\.\w+|torch\.nn\.parameter\.(Parameter|Buffer)"
    r"|torch\.(\w+Storage|Size|device|dtype|bool|(b?float|q?u?int|complex)\w*)"
)
"""What a checkpoint may refer to: torch loads these without running code of the file."""
_REBUILT: Final = "torch._utils._rebuild_"
_ARRAY: Final = "multiarray._reconstruct"
_LONGEST: Final = 80
"""Characters of a key that stands in a line."""
_LEGACY: Final = 4
"""Pickles in a file of torch before 1.6, of which the last is the content."""


@dataclass(frozen=True, kw_only=True)
class Resaving:
    """What a file refers to, and what to do.

    Attributes:
        code: Dotted names of the code, other than that of tensors and plain containers.
        lines: What to do, with the lines of Python where they are known.
    """

    code: tuple[str, ...]
    lines: str


def resaving(data: bytes, path: Path) -> Resaving:
    """Look into a checkpoint's pickle without running any of it, and say how to save it again.

    Args:
        data: The file's content.
        path: The file.
    """
    found, plain = _pickled(data)
    code = tuple(name for name in found.names if not _TENSORS_AND_CONTAINERS.fullmatch(name))
    load = f"torch.load({str(path)!r}, map_location='cpu', weights_only=False)"
    if plain:
        load = f"pickle.loads(pathlib.Path({str(path)!r}).read_bytes())"
    return Resaving(code=code, lines=_lines(list(_ways(found.content)), load, path))


def resaving_script(path: Path) -> str:
    """Say how to save the tensors of a TorchScript archive."""
    return _lines([((), ".state_dict()")], f"torch.jit.load({str(path)!r}, map_location='cpu')", path)


def _pickled(data: bytes) -> tuple[Pickled, bool]:
    """Return what the content's pickle would make, and whether the file is that pickle and nothing else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            name = next((each for each in archive.namelist() if each.endswith("data.pkl")), None)
            if name is not None:
                with archive.open(name) as stream:
                    return inspect(stream), False
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        pass
    stream = io.BytesIO(data)
    found = [inspect(stream)]
    while found[-1].whole and len(found) < _LEGACY:
        found.append(inspect(stream))
    if not found[0].whole and not data.startswith(PROTO):
        return Pickled(), True  # text that begins like a pickle
    return (found[-1], False) if len(found) == _LEGACY else (found[0], True)


def _ways(content: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the keys that lead to weights, and what makes a state_dict of what is there; ``{}`` stands for that."""
    for names, thing in things(content, DEEPEST):
        if any(NO_WEIGHTS.search(name) or len(name) > _LONGEST for name in names):
            continue
        inside = [each.name if isinstance(each, Thing) else "" for each in thing.items.values()]
        if {"_parameters", "_modules"} <= thing.state.keys():
            yield names, ".state_dict()"
        elif inside and all(name.startswith(_REBUILT) for name in inside):
            yield names, ""
        elif any(name.startswith(_REBUILT) for name in inside):
            yield names, "{name: value for name, value in {}.items() if isinstance(value, torch.Tensor)}"
        elif any(name.endswith(_ARRAY) for name in inside):
            yield names, "{name: torch.as_tensor(value) for name, value in {}.items() if hasattr(value, 'dtype')}"


def _lines(ways: list[tuple[tuple[str, ...], str]], load: str, path: Path) -> str:
    """Return the lines of Python; where no weights were found, how to do it in general."""
    if not ways:
        return RESAVE
    saves = []
    for names, made in ways[:MOST]:
        content = "content" + "".join(f"[{name!r}]" for name in names)
        value = made.replace("{}", content) if "{}" in made else content + made
        part = ".".join(re.sub(r"\W", "_", name) for name in names) if len(ways) > 1 and names else "state"
        saves.append(f"torch.save({value}, {f'{path.stem}.{part}.pth'!r})")
    imports = "import pathlib, pickle, torch" if load.startswith("pickle") else "import torch"
    which = ", with the last line for the weights that are meant" if len(saves) > 1 else ""
    lines = "\n  ".join([imports, f"content = {load}", *saves])
    return (
        "if you trust the file, save its tensors alone where the code that made it is installed (this runs that "
        f"code){which}:\n  {lines}\nand give the new file as the weights"
    )
