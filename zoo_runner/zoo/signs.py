"""By which keys a YAML file is known as a manifest, also where it cannot be read as one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from zoo_runner.files.regular import read_regular
from zoo_runner.manifest.source import EXTENDS, MAX_BYTES

SIGNS: Final = (
    *(EXTENDS, "plugin", "weights", "dataset", "onnx", "atc", "infer", "benchmark", "expected", "uncertainty"),
    *("subsets", "waivers", "models", "imported"),
)
"""Keys by which a YAML file is known as a manifest. Other keys, such as ``name``, stand in many other files as well."""
TENSORS: Final = ("inputs", "outputs")
"""Likewise, where they have lists: those of other files, such as actions, have mappings."""
OF_OTHERS: Final = frozenset({"plugins", "model"})
"""Keys of other files that look like a sign which is misspelt."""
ALIKE: Final = 0.75
"""How much of a key must be that of a sign for it to be a slip."""
_NOTHING: Final = re.compile(r"\s*(#|%|---\s*(#|$)|\.\.\.\s*$|$)")
"""A line without content: empty, a comment, a directive, or where a document begins or ends."""
_KEY: Final = r"""["']?([\w-]+)["']?[ \t]*:(?=\s|$)"""
_FLOW: Final = re.compile(r"[{,\s]" + _KEY)
_LIST: Final = re.compile(r"(\s*(#.*)?\n)*[ \t]*(\[|-\s)")


def has_sign(entries: Mapping[str | int, object]) -> bool:
    """Say whether the keys at the top of a file make it a manifest."""
    return any(_is_sign(key, value) for key, value in entries.items())


def may_have_sign(path: Path) -> bool:
    """Say whether a file that is no YAML of a manifest may be meant to be one, by what its lines at the top begin with.

    Where nobody can tell, because it has nothing in it or cannot be read, it may.
    """
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError:
        return True
    # Keys are ASCII: of a file in another encoding, such as UTF-16, they are what is left of it.
    text = content.decode("latin-1").replace("\0", "").removeprefix("\u00ef\u00bb\u00bf").lstrip("\u00fe\u00ff")
    lines = [line for line in text.splitlines() if not _NOTHING.match(line)]
    if not lines:
        return True
    first = lines[0].removeprefix("---").lstrip()
    if first.startswith("{"):  # its keys may stand anywhere
        return has_sign(dict.fromkeys(_FLOW.findall(text), ()))
    indent = re.match(r"[ \t]*", lines[0])
    top = re.compile(rf"^{indent[0] if indent else ''}(?:---[ \t]+)?{_KEY}", re.MULTILINE)
    found = ((each[1], () if _LIST.match(text, each.end()) else None) for each in top.finditer(text))
    return any(_is_sign(key, value) for key, value in found)


def _is_sign(key: str | int, value: object) -> bool:
    """Say whether a key makes a file a manifest: one of its keys, or one that is misspelt, which is then its error."""
    if key in SIGNS:
        return True
    known = (*SIGNS, *TENSORS) if isinstance(value, list | tuple) else SIGNS
    return str(key) not in OF_OTHERS and bool(get_close_matches(str(key).lower(), known, n=1, cutoff=ALIKE))
